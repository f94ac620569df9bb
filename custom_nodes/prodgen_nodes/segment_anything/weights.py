"""MobileSAM's published weights under the names that timm's and transformers' modules have for the same parts."""

from __future__ import annotations

import re

from torch import Tensor

_ENCODER = "image_encoder."
_UNUSED = ("norm_head", "head")
"""ImageNet's classes, which the encoder was first taught."""
_IN_ENCODER = (
    (re.compile(r"\.c\."), ".conv."),
    (re.compile(r"^patch_embed\.seq\.0"), "patch_embed.conv1"),
    (re.compile(r"^patch_embed\.seq\.2"), "patch_embed.conv2"),
)
_DOWNSAMPLE = re.compile(r"^layers\.(\d+)\.downsample")
"""The authors reduce at a stage's end, timm at the next one's start."""
_IN_DECODER = (
    (re.compile(r"iou_prediction_head\.layers\.0"), "iou_prediction_head.proj_in"),
    (re.compile(r"iou_prediction_head\.layers\.1"), "iou_prediction_head.layers.0"),
    (re.compile(r"iou_prediction_head\.layers\.2"), "iou_prediction_head.proj_out"),
    (re.compile(r"(output_hypernetworks_mlps\.\d+)\.layers\.0"), r"\1.proj_in"),
    (re.compile(r"(output_hypernetworks_mlps\.\d+)\.layers\.1"), r"\1.layers.0"),
    (re.compile(r"(output_hypernetworks_mlps\.\d+)\.layers\.2"), r"\1.proj_out"),
    (re.compile(r"output_upscaling\.0"), "upscale_conv1"),
    (re.compile(r"output_upscaling\.1"), "upscale_layer_norm"),
    (re.compile(r"output_upscaling\.3"), "upscale_conv2"),
    (re.compile(r"mask_downscaling\.0"), "mask_embed.conv1"),
    (re.compile(r"mask_downscaling\.1"), "mask_embed.layer_norm1"),
    (re.compile(r"mask_downscaling\.3"), "mask_embed.conv2"),
    (re.compile(r"mask_downscaling\.4"), "mask_embed.layer_norm2"),
    (re.compile(r"mask_downscaling\.6"), "mask_embed.conv3"),
    (re.compile(r"point_embeddings"), "point_embed"),
    (re.compile(r"pe_layer\.positional_encoding_gaussian_matrix"), "shared_embedding.positional_embedding"),
    (re.compile(r"\.norm_final_attn"), ".layer_norm_final_attn"),
    (re.compile(r"(transformer\.layers\.\d+)\.norm"), r"\1.layer_norm"),
)
_POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"


def renamed(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights for `network.Parts`: `backbone.`, `neck.` and `decoder.`."""
    weights = {}
    for name, value in published.items():
        if not name.startswith(_ENCODER):
            weights[f"decoder.{_in_decoder(name)}"] = value
        elif (inner := name.removeprefix(_ENCODER)).startswith("neck."):
            weights[inner] = value
        elif not inner.startswith(_UNUSED):
            weights[f"backbone.{_in_encoder(inner)}"] = value
    positions = weights.get(f"decoder.{_POSITIONS}")
    if positions is not None:
        weights["decoder.shared_image_embedding.positional_embedding"] = positions
    return weights


def _in_encoder(name: str) -> str:
    for pattern, new in _IN_ENCODER:
        name = pattern.sub(new, name)
    reduced = _DOWNSAMPLE.match(name)
    if reduced:
        return f"stages.{int(reduced[1]) + 1}.downsample{name[reduced.end() :]}"
    return re.sub(r"^layers\.", "stages.", name)


def _in_decoder(name: str) -> str:
    for pattern, new in _IN_DECODER:
        name = pattern.sub(new, name)
    return name
