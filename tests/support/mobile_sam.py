"""A network of MobileSAM's shapes, its weights by chance, in a file as its authors publish it."""

from __future__ import annotations

import torch
from prodgen_nodes.segment_anything import network
from prodgen_nodes.segment_anything.weights import renamed
from torch import Tensor


def published() -> dict[str, Tensor]:
    """Weights of the right shapes, by chance, under their authors' names."""
    torch.manual_seed(7)
    wanted = network.Parts().state_dict()
    ours = {name: next(iter(renamed({name: torch.zeros(1)})), None) for name in authors_names()}
    return {name: torch.zeros(1) if own is None else wanted[own] for name, own in ours.items()}


def authors_names() -> list[str]:
    """The names in the published file, as its authors' modules make them."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    convolution = lambda name: [f"{name}.c.weight", *(f"{name}.bn.{part}" for part in norm)]  # noqa: E731
    both = lambda *names: [f"{name}.{part}" for name in names for part in ("weight", "bias")]  # noqa: E731
    names = [*convolution("patch_embed.seq.0"), *convolution("patch_embed.seq.2")]
    for stage, depth in enumerate((2, 2, 6, 2)):
        for block in (f"layers.{stage}.blocks.{number}" for number in range(depth)):
            if stage == 0:
                names += [name for part in (1, 2, 3) for name in convolution(f"{block}.conv{part}")]
            else:
                names += [f"{block}.attn.attention_biases", *convolution(f"{block}.local_conv")]
                names += both(*(f"{block}.attn.{part}" for part in ("norm", "qkv", "proj")))
                names += both(*(f"{block}.mlp.{part}" for part in ("norm", "fc1", "fc2")))
        if stage < 3:
            names += [name for part in (1, 2, 3) for name in convolution(f"layers.{stage}.downsample.conv{part}")]
    names += [*both("norm_head", "head", "neck.1", "neck.3"), "neck.0.weight", "neck.2.weight"]
    names = [f"image_encoder.{name}" for name in names]
    prompt = "prompt_encoder"
    names += [f"{prompt}.pe_layer.positional_encoding_gaussian_matrix", f"{prompt}.not_a_point_embed.weight"]
    names += [f"{prompt}.no_mask_embed.weight", *(f"{prompt}.point_embeddings.{number}.weight" for number in range(4))]
    names += both(*(f"{prompt}.mask_downscaling.{number}" for number in (0, 1, 3, 4, 6)))
    decoder, layers = "mask_decoder", "mask_decoder.transformer.layers"
    names += [f"{decoder}.iou_token.weight", f"{decoder}.mask_tokens.weight"]
    attentions = [f"{decoder}.transformer.final_attn_token_to_image"]
    for layer in range(2):
        attentions += [f"{layers}.{layer}.{kind}" for kind in ("self_attn", "cross_attn_token_to_image")]
        attentions += [f"{layers}.{layer}.cross_attn_image_to_token"]
        names += both(*(f"{layers}.{layer}.norm{number}" for number in range(1, 5)))
        names += both(*(f"{layers}.{layer}.mlp.lin{number}" for number in (1, 2)))
    names += both(*(f"{one}.{part}_proj" for one in attentions for part in "qkv"))
    names += both(*(f"{one}.out_proj" for one in attentions), f"{decoder}.transformer.norm_final_attn")
    names += both(*(f"{decoder}.output_upscaling.{number}" for number in (0, 1, 3)))
    names += both(*(f"{decoder}.output_hypernetworks_mlps.{a}.layers.{b}" for a in range(4) for b in range(3)))
    return names + both(*(f"{decoder}.iou_prediction_head.layers.{number}" for number in range(3)))
