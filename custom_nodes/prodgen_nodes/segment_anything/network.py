"""MobileSAM: Zhang et al., "Faster Segment Anything: towards lightweight SAM for mobile applications", 2023.

TinyViT (Wu et al., ECCV 2022) from timm sees the photo; the prompt encoder and mask decoder of Segment Anything
(Kirillov et al., ICCV 2023) from transformers answer. Both get the authors' published weights, `mobile_sam.pt`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..imaging.segmentation.pyramid import averaged, encoded
from ..weights_file import FileNetwork, published_weights
from .weights import renamed

_SIDE, _GRID = 1024, 256
"""Pixels of the square that the network reads, and of the one that it answers with."""
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of RGB in 0..255, as Segment Anything's authors give them."""


class Seen:
    """A photo that the network has seen, and its mirror image, to be asked for objects: the mean of both answers is the
    same for a mirrored photo."""

    def __init__(self, parts: Parts, embedding: Tensor, size: tuple[int, int], device: torch.device) -> None:
        self._parts, self._embedding, self._size, self._device = parts, embedding, size, device

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of its answers: the photo's shape, 256 the longer side."""
        rows, columns = (side * _GRID // _SIDE for side in self._size)
        return rows, columns

    def objects(self, points: Tensor, box: tuple[float, float, float, float] | None = None) -> tuple[Tensor, Tensor]:
        """What is at the `points` `[k,2]` (column and row of the grid) and in the `box` (left, top, right, bottom, in
        the same): three answers, from a part of an object to a whole, `[3,rows,columns]` (above 0: object), and how
        good the network takes each of them to be, `[3]` (about 0 to 1); on the photo's device."""
        scale, width = _SIDE / _GRID, self._size[1]
        asked: dict[str, Any] = {}
        if len(points):
            there = ((points + 0.5) * scale).to(self._embedding)
            mirrored = torch.stack((width - there[:, 0], there[:, 1]), dim=1)
            asked["input_points"] = torch.stack((there, mirrored))[:, None]
            asked["input_labels"] = torch.ones((2, 1, len(points)), dtype=torch.int64, device=self._embedding.device)
        if box is not None:
            left, top, right, bottom = (side * scale for side in box)
            boxes = [[[left, top, right, bottom]], [[width - right, top, width - left, bottom]]]
            asked["input_boxes"] = self._embedding.new_tensor(boxes)
        with torch.inference_mode():
            answer = self._parts.decoder(image_embeddings=self._embedding, multimask_output=True, **asked)
        rows, columns = self.grid
        masks, good = answer.pred_masks[:, 0, :, :rows, :columns], answer.iou_scores[:, 0]
        both = (masks[0] + masks[1].flip(-1)) / 2
        return both.float().to(self._device), good.mean(dim=0).float().to(self._device)


class MobileSam(FileNetwork["Parts"]):
    """The network in its authors' file, to be shown photos."""

    TITLE, FILE, PACKAGES = "MobileSAM", "mobile_sam.pt", ("timm", "transformers")

    def see(self, picture: Tensor) -> Seen:
        """A picture `[1,H,W,3]`, sRGB 0..1, ready to be asked about."""
        parts = self.open()
        height, width = picture.shape[1:3]
        scale = _SIDE / max(height, width)
        cell = _SIDE // _GRID
        size = max(1, round(height * scale / cell)) * cell, max(1, round(width * scale / cell)) * cell
        with torch.inference_mode():
            embedding = torch.cat(
                [parts.embedding(_prepared(one, size).to(self._device)) for one in (picture, picture.flip(2))]
            )
        return Seen(parts, embedding, size, picture.device)

    def _read(self) -> Parts:
        parts = Parts()
        unused = [name for name in parts.state_dict() if name.startswith("decoder.vision_encoder.")]
        return self._filled(parts, renamed(published_weights(self.path)), unused)


class Parts(nn.Module):
    """The network's three parts."""

    def __init__(self) -> None:
        super().__init__()
        from timm.models.tiny_vit import TinyVit
        from transformers import SamConfig, SamModel, SamVisionConfig

        self.backbone = TinyVit(
            num_classes=0,
            embed_dims=(64, 128, 160, 320),
            depths=(2, 2, 6, 2),
            num_heads=(2, 4, 5, 10),
            window_sizes=(7, 7, 14, 7),
            drop_path_rate=0.0,
        )
        self.backbone.head = nn.Identity()
        self.backbone.stages[3].downsample.conv2.conv.stride = (1, 1)  # the last stage keeps its 64 x 64 places
        self.neck = nn.Sequential(
            nn.Conv2d(320, 256, 1, bias=False), _Norm(256), nn.Conv2d(256, 256, 3, padding=1, bias=False), _Norm(256)
        )
        nothing = SamVisionConfig(hidden_size=8, num_hidden_layers=0, num_attention_heads=1, mlp_dim=8)
        self.decoder = SamModel(SamConfig(vision_config=nothing.to_dict()))

    def embedding(self, picture: Tensor) -> Tensor:
        """What the network sees in a prepared picture `[1,3,1024,1024]`, `[1,256,64,64]`."""
        seen: Tensor = self.neck(self.backbone.forward_features(picture))
        return seen


class _Norm(nn.Module):
    """A layer norm over channels `[B,C,h,w]`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, 1e-6).movedim(-1, 1)


def _prepared(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """The picture `[1,H,W,3]` at `size`, normalised, in the corner of the network's square `[1,3,1024,1024]`."""
    height, width = picture.shape[1:3]
    if max(height, width) > _SIDE:
        small = encoded(averaged(picture[0], size)).movedim(-1, 0).unsqueeze(0)
    else:
        small = F.interpolate(picture.movedim(-1, 1), size=size, mode="bilinear", align_corners=False)
    mean, std = (small.new_tensor(value).reshape(1, 3, 1, 1) for value in (_MEAN, _STD))
    return F.pad((small * 255 - mean) / std, (0, _SIDE - size[1], 0, _SIDE - size[0]))
