"""EfficientNet-Lite 2: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019.

The network from timm with its authors' weights as published for PyTorch; the same answers as that code's to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..imaging.tensors import bounding_box
from ..weights_file import FileNetwork, published_weights

_SIDE = 260
"""Pixels of the square that the network reads."""
_AROUND = 1.15
"""The square's side as multiples of the product's longer one."""
_STEM = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LATER = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
          "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
"""timm's names for the layers of the stem, of the first stage's blocks and of all others."""


class EfficientNetLite(FileNetwork[nn.Module]):
    """The network in its file, to be shown cut-outs."""

    TITLE, FILE, PACKAGES = "EfficientNet-Lite 2", "efficientnet-lite2-9656183e.pth", ("timm",)

    def kinds(self, picture: Tensor, mask: Tensor) -> Tensor:
        """The probabilities of ImageNet's classes `[1000]` for the product of a `picture` `[H,W,3]` and its `mask`
        `[H,W]`, the same for a mirrored picture, on the processor."""
        network = self.open()
        seen = (_square(picture, mask).to(self._device) * 255 - 127) / 128
        with torch.inference_mode():
            answers: Tensor = network(torch.cat((seen, seen.flip(-1))))
            return answers.float().softmax(dim=1).mean(dim=0).cpu()

    def _read(self) -> nn.Module:
        network = architecture()
        renamed = dict(_names(network))
        weights = {renamed.get(name, name): value for name, value in published_weights(self.path).items()}
        return self._filled(network, weights)


def architecture() -> nn.Module:
    """The network, untrained."""
    import timm

    network: nn.Module = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    return network


def _names(network: nn.Module) -> Iterator[tuple[str, str]]:
    """(published name, timm's name) of every weight; the published blocks are counted through all stages."""
    blocks = [f"blocks.{stage}.{block}" for stage, all_of in enumerate(network.blocks) for block in range(len(all_of))]  # type: ignore[arg-type]
    layers = dict(_STEM)
    for number, block in enumerate(blocks):
        names = _FIRST if block.startswith("blocks.0.") else _LATER
        layers |= {f"_blocks.{number}.{old}": f"{block}.{new}" for old, new in names.items()}
    ours = {new: old for old, new in layers.items()}
    for name in network.state_dict():
        layer, _, part = name.rpartition(".")
        yield f"{ours[layer]}.{part}", name


def _square(picture: Tensor, mask: Tensor) -> Tensor:
    """The product of `picture` `[H,W,3]` and `mask` `[H,W]` on white, in the middle of the network's square
    `[1,3,260,260]`."""
    box = bounding_box(mask, 0.5, "mask")
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    alpha = mask[rows, columns, None]
    product = (picture[rows, columns, :3] * alpha + 1 - alpha).movedim(-1, 0)[None]
    scale = _SIDE / (_AROUND * max(box.width, box.height))
    size = max(1, round(box.height * scale)), max(1, round(box.width * scale))
    small = F.interpolate(product, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
    top, left = (_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2
    return F.pad(small, (left, _SIDE - size[1] - left, top, _SIDE - size[0] - top), value=1.0)
