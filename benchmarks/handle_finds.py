"""How often Erase Handle is right: python benchmarks/handle_finds.py [--products 200] [--json FILE].

Drawn products with and without a handle. One half is of the kinds and seeds the rules were tuned on, the other of
other seeds and mostly other kinds. Right is: a handle that is there is opened (at least 97 % of what goes is handle, a
share of 15 to 50 % at a gap of 0.3), none is found where there is none. IoU: of the handle and what goes at a gap of
0.98.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.handle import erase_handle  # noqa: E402 - the repository is not installed

from tests.imaging.handle_kinds import (  # noqa: E402
    HELD_OUT_WITH,
    HELD_OUT_WITHOUT,
    TUNED_WITH,
    TUNED_WITHOUT,
)
from tests.imaging.handle_products import Maker, score  # noqa: E402

SIDE = 320
HALVES = {
    "tuned on": (20_000, TUNED_WITH, TUNED_WITHOUT),
    "held out": (90_000, HELD_OUT_WITH, HELD_OUT_WITHOUT),
}


def judged(maker: Maker, seed: int, has_handle: bool) -> tuple[bool, float | None]:
    """Whether the answer is right, and the IoU of a handle that was found."""
    random = np.random.default_rng(seed)
    alpha, handle = maker(random).render(SIDE, random.uniform(-12, 12))
    picture, mask = torch.full((1, *alpha.shape, 3), 0.5), alpha[None]
    result = erase_handle(picture, mask)
    found = result.reports[0]["found"]
    if not (has_handle and found):
        return found == has_handle, None
    got = score(result.erased[0], handle)
    gone, truth = erase_handle(picture, mask, 0.98).erased[0] > 0.5, handle > 0.5
    overlap = float((gone & truth).sum() / (gone | truth).sum())
    return got.purity >= 0.97 and 0.15 <= got.share <= 0.5, overlap


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--products", type=int, default=200)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures = {}
    for name, (first, *kinds) in HALVES.items():
        wrong, overlaps, total = [], [], 0
        for makers, has_handle in zip(kinds, (True, False), strict=True):
            for index in range(options.products // 4):
                maker, seed = makers[index % len(makers)], first + index
                right, overlap = judged(maker, seed, has_handle)
                total += 1
                wrong += [] if right else [f"{maker.__name__} {seed}"]
                overlaps += [] if overlap is None else [overlap]
        figures[name] = {"right": total - len(wrong), "of": total, "iou": float(np.mean(overlaps)), "wrong": wrong}
        print(f"{name}: {total - len(wrong)} of {total} right, mean IoU {np.mean(overlaps):.3f}; wrong: {wrong}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
