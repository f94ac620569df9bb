"""Masks as COCO's tools write them: run lengths down the columns, in a string of printable letters.

Own lines and not pycocotools, which is a compiled package with no wheel for some Pythons, for what is a page of
arithmetic; tests hold them against strings that pycocotools 2.0.11 made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """How many pixels of a boolean `[H,W]` are 0, then 1, then 0, …, counted down the columns; the first may be 0."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate(([0], changes, [flat.size]))).tolist()
    return [0, *counts] if flat.size and flat[0] else counts


def letters(counts: list[int]) -> str:
    """COCO's compressed string: each run (from the third on, its difference to the one before the last) in groups of
    five bits, the lowest first, the sixth bit saying that more follow, and 48 added."""
    text = bytearray()
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text.append(bits + (0x20 if more else 0) + 48)
    return text.decode("ascii")


def encoded(mask: NDArray[np.bool_]) -> dict[str, object]:
    """A boolean `[H,W]` as an annotation's `segmentation`: `size` (height, width) and `counts`."""
    return {"size": [int(mask.shape[0]), int(mask.shape[1])], "counts": letters(run_lengths(mask))}
