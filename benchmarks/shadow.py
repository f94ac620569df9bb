"""The contact shadow against an OpenCV drop shadow: python benchmarks/shadow.py [--sizes 1024,2048,4096].

The peer squashes the mask onto the product's foot, blurs it twice (tight and wide, as designers stack them) and
multiplies it under the product: the same picture size, the same kind of result, without a contact line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_nodes"))

from prodgen_nodes.imaging.shadow import Light, ground_and_shadow

from benchmarks.harness import Row, arguments, compare, write


def box(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A teal box on white that fills 70 % of its picture."""
    mask = torch.zeros(1, side, side)
    mask[:, int(0.15 * side) : int(0.85 * side), int(0.2 * side) : int(0.8 * side)] = 1
    image = torch.ones(1, side, side, 3)
    return torch.where(mask[..., None] > 0, torch.tensor([0.1, 0.45, 0.5]), image), mask


def drop_shadow(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    side = mask.shape[0]
    squash = np.array([[1, 0, 0], [0, 0.08, 0.85 * side * 0.92]])
    foot = cv2.warpAffine(mask, squash, (side, side))
    shade = 0.4 * cv2.GaussianBlur(foot, (0, 0), 0.006 * side) + 0.3 * cv2.GaussianBlur(foot, (0, 0), 0.03 * side)
    return np.where(mask[..., None] > 0, image, image * (1 - shade[..., None]))


def main() -> None:
    options = arguments(__doc__ or "")
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        image, mask = box(side)
        here = image.to(options.device), mask.to(options.device)
        arrays = image[0].numpy(), mask[0].numpy()
        for work, light in (("contact shadow", Light()), ("contact and cast", Light(contact_only=False))):
            rows.append(
                compare(
                    work,
                    f"{side}²",
                    lambda light=light, here=here: ground_and_shadow(*here, light),
                    "OpenCV drop shadow",
                    lambda arrays=arrays: drop_shadow(*arrays),
                    runs=options.runs,
                )
            )
    write(rows, options.json)


if __name__ == "__main__":
    main()
