"""One style over a finished picture against the same operations in OpenCV: python benchmarks/style.py.

The peer does what an OpenCV user would write for "cinematic" in float32: glow of the highlights, warmer, S-curve and
split toning in CIELAB, vignette, blurred grain in L*, the product kept out by its mask. Same kind and number of passes,
without our caps, colour science in linear light and report.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_nodes"))

from prodgen_nodes.imaging.style.apply import StyleSettings, apply_style

from benchmarks.harness import Row, arguments, compare, write


def scene(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A colourful gradient with a bright window, and a disc for the product."""
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    image = torch.stack((0.2 + 0.6 * x, 0.3 + 0.4 * y, 0.7 - 0.5 * x * y), dim=-1)
    image[: side // 4, : side // 4] = 1.0
    mask = (((x - 0.5) ** 2 + (y - 0.55) ** 2) < 0.06).float()
    return image[None], mask[None]


def cinematic(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    side = image.shape[0]
    strong = image * np.clip((image.mean(axis=-1, keepdims=True) - 0.75) / 0.25, 0, 1)
    glow = cv2.GaussianBlur(strong, (0, 0), 0.008 * side).mean(axis=-1, keepdims=True)
    picture = np.clip(image + 0.2 * glow * np.float32([1.0, 0.38, 0.12]), 0, 1) * np.float32([1.03, 1.0, 0.95])
    lab = cv2.cvtColor(np.clip(picture, 0, 1), cv2.COLOR_RGB2LAB)
    tone = lab[..., 0] / 100
    warm = 5 * (2 * tone - 1) * (4 * tone * (1 - tone))
    lab[..., 0] = 100 * (tone + 0.16 * 4 * tone * (1 - tone) * (tone - 0.5) + 0.03 * (1 - tone) ** 3)
    lab[..., 1] = 0.94 * lab[..., 1] + 0.4 * warm
    lab[..., 2] = 0.94 * lab[..., 2] + warm
    noise = cv2.GaussianBlur(cv2.randn(np.empty(tone.shape, np.float32), 0, 1), (0, 0), 1.4 * side / 1024 / 2.355)
    lab[..., 0] += 1.2 * 4 * tone * (1 - tone) * noise / noise.std()
    picture = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    across = np.linspace(-1, 1, side, dtype=np.float32) ** 2
    picture *= (1 / (1 + 0.0946 * (across[:, None] + across[None, :])) ** 2)[..., None]
    return np.where(mask[..., None] >= 1, image, np.clip(picture, 0, 1))


def main() -> None:
    options = arguments(__doc__ or "")
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        image, mask = scene(side)
        here = image.to(options.device), mask.to(options.device)
        arrays = image[0].numpy(), mask[0].numpy()
        rows.append(
            compare(
                "style: cinematic",
                f"{side}²",
                lambda here=here: apply_style(*here, None, StyleSettings("cinematic")),
                "OpenCV, the same operations",
                lambda arrays=arrays: cinematic(*arrays),
                runs=options.runs,
            )
        )
    write(rows, options.json)


if __name__ == "__main__":
    main()
