"""A light map against a numpy gradient of the same shape: python benchmarks/light.py [--sizes 1024,2048,4096].

The peer is what people write for IC-Light's starting picture: a linear ramp and a Gaussian patch of light, in float32,
encoded as sRGB. Both make the same picture size.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_nodes"))

from prodgen_nodes.imaging.light import LightSource, light_map

from benchmarks.harness import Row, arguments, compare, write


def gradient(side: int) -> np.ndarray:
    x = np.linspace(-1, 1, side, dtype=np.float32)
    ramp = np.clip((x[None, :] * -0.6 + x[::-1, None] * 0.7) / 2.6 + 0.5, 0, 1) ** 1.1
    patch = np.exp(-((x[None, :] + 0.6) ** 2 + (x[::-1, None] - 0.7) ** 2) / 1.2)
    light = (0.05 + 0.85 * (0.4 * ramp + 0.6 * patch))[..., None] * np.float32([1.0, 0.98, 0.95])
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def main() -> None:
    options = arguments(__doc__ or "")
    device = torch.device(options.device)
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        rows.append(
            compare(
                "light map: softbox",
                f"{side}²",
                lambda side=side: light_map(LightSource(), side, side, device),
                "numpy gradient",
                lambda side=side: gradient(side),
                runs=options.runs,
            )
        )
    write(rows, options.json)


if __name__ == "__main__":
    main()
