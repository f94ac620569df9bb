"""The cut-out on CUDA beside the CPU, in one run: seconds, ratio, and by how much the pictures differ.

python benchmarks/cuda.py [--sizes 1024,2048,4096] [--runs 3]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.imaging.segmentation import Cutout, from_model, from_plain_backdrop  # noqa: E402

from tests.imaging.segmentation_products import scene  # noqa: E402 - the paths above come first


def timed(work: Callable[[], Cutout], runs: int) -> tuple[float, Cutout]:
    """The median seconds of `runs` runs after one that is not counted, and the result."""
    result, seconds = work(), []
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2], result


def main() -> None:
    """Print one line a size and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1024,2048,4096")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    device = torch.device(options.device)
    print(torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU against itself", torch.__version__)
    grow = torch.nn.functional.interpolate
    for side in (int(size) for size in options.sizes.split(",")):
        made = scene("twin", 1, size=1024)
        photo = grow(made.photo.permute(2, 0, 1)[None], size=(side, side), mode="bicubic")[0].permute(1, 2, 0)
        photo = photo.clamp(0, 1).contiguous()
        mask = grow(made.alpha[None, None], size=(1024, 1024), mode="area")[0, 0]

        def by_model(device: torch.device, photo: Tensor = photo, mask: Tensor = mask) -> Cutout:
            return from_model(photo.to(device), mask.to(device))

        def by_backdrop(device: torch.device, photo: Tensor = photo) -> Cutout:
            return from_plain_backdrop(photo.to(device))

        for name, cut in (("with a model's mask", by_model), ("plain backdrop", by_backdrop)):
            slow, here = timed(lambda cut=cut: cut(torch.device("cpu")), options.runs)  # type: ignore[misc]
            fast, there = timed(lambda cut=cut: cut(device), options.runs)  # type: ignore[misc]
            off = float((here.alpha - there.alpha.cpu()).abs().max())
            print(
                f"{name:20s} {side}x{side}  CPU {slow:6.2f} s  {device.type} {fast:6.2f} s  ratio {fast / slow:5.2f}  "
                f"alpha differs by {off:.4f} at most, "
                f"confidence {here.confidence:.3f} and {there.confidence:.3f}"
            )


if __name__ == "__main__":
    main()
