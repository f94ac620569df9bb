"""A product recoloured from one photo beside the same one rendered in that colour, and a plain a*b* shift beside it.

    python examples/render.py shoe --range FOLDER   (needs Blender as a module; handbag, shoe, jar or suitcase)
    python benchmarks/recolor.py FOLDER [--runs 5]

What has the range's colour in every photo is given the colour that it has in every other, told by what a swatch would
show of it: its median there. The figure is the mean ΔE00 to the rendered picture inside the exact part, with that part
given, and by colour cluster; the hue is that of the lightest fiftieth, where both pictures have one (C* > 8). The peer
moves L*, a* and b* by the difference of medians, as OpenCV users do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.imaging.colorspace import (  # noqa: E402 - the repository is not installed
    chroma,
    delta_e00,
    hue_difference,
    lab_to_linear,
    lab_to_srgb,
    srgb_to_lab,
)
from prodgen_nodes.imaging.recolor import recolor  # noqa: E402

from benchmarks.harness import compare  # noqa: E402


def opened(path: Path, mode: str) -> Tensor:
    return torch.from_numpy(np.asarray(Image.open(path).convert(mode)).astype(np.float32) / 255)


def shifted(photo: Tensor, part: Tensor, target: Tensor) -> Tensor:
    """The peer: CIELAB moved by a constant inside the part."""
    lab = srgb_to_lab(photo)
    moved = lab_to_srgb(lab + (target - lab[part > 0.98].median(dim=0).values)).clamp(0, 1)
    return torch.lerp(photo, moved, part[..., None])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path, help="what examples/render.py --range made")
    parser.add_argument("--runs", type=int, default=5, help="of the timing; 0: none")
    options = parser.parse_args()
    names = sorted(path.parent.name for path in options.folder.glob("*/facts.json"))
    photos = {name: opened(options.folder / name / "photo.png", "RGB") for name in names}
    alpha, part = (opened(options.folder / names[0] / f"{kind}.png", "L") for kind in ("alpha", "part"))
    inside = part > 0.98
    for source in names:
        for wanted in names:
            if wanted == source:
                continue
            truth = srgb_to_lab(photos[wanted][inside])
            median = truth.median(dim=0).values
            target = lab_to_linear(median[None])[0].clamp(0, 1)
            given = recolor(photos[source][None], alpha[None], target, part[None]).image[0]
            found = recolor(photos[source][None], alpha[None], target).image[0]
            peer = shifted(photos[source], part, median)
            ours, own, theirs = (
                float(delta_e00(srgb_to_lab(picture[inside]), truth).mean()) for picture in (given, found, peer)
            )
            lab = srgb_to_lab(given[inside])
            bright = truth[:, 0] >= torch.quantile(truth[:, 0], 0.98)
            both = bright & (chroma(lab) > 8) & (chroma(truth) > 8)
            hue = f"{float(hue_difference(lab[both], truth[both]).mean()):.1f}°" if bool(both.any()) else "-"
            print(f"{source:6} → {wanted:6} ΔE00 {ours:5.2f}  by cluster {own:5.2f}  shift {theirs:5.2f}  lights {hue}")
    if not options.runs:
        return
    first, second = photos[names[0]], srgb_to_lab(photos[names[1]][inside]).median(dim=0).values
    target = lab_to_linear(second[None])[0].clamp(0, 1)
    compare(
        "recolour a part",
        f"{first.shape[1]}x{first.shape[0]}",
        lambda: recolor(first[None], alpha[None], target, part[None]),
        "L*a*b* shift",
        lambda: shifted(first, part, second),
        runs=options.runs,
    )


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
