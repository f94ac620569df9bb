"""From two pictures and their weights to the map that gives one the colour statistics of the other."""

from __future__ import annotations

from torch import Tensor

from ..color_planes import lab_of_roots, picked, planes, roots_of_linear, sparse
from ..errors import EmptyMaskError
from ..tensors import Box, bounding_box, strips
from ..transfer import decode_
from .statistics import Statistics, measured, pooled

_SAMPLES = 131_072
"""Statistics of more pixels than this are taken from an even grid of about as many."""


def measure(
    srgb: Tensor, weights: Tensor, box: Box | None, with_histograms: bool, roots: dict[int, Tensor] | None = None
) -> Statistics:
    """Statistics of sRGB `[H,W,3]` under `weights` `[H,W]`, on an even grid where there are very many pixels.

    `box` is the bounding box of what weighs more than 0, where it is known. `roots`, if given, takes the roots `[3,n]`
    of the pixels that count, by the first row of their strip of the box, where all pixels were measured. Raises
    EmptyMaskError.
    """
    if box is None:
        try:
            box = bounding_box(weights, 0.0)
        except EmptyMaskError:
            raise EmptyMaskError(
                "there is nothing to measure: a mask (or alpha channel) is empty.",
                canvas="1 = product; LoadImage's own mask is inverted.",
            ) from None
    area = slice(box.top, box.bottom), slice(box.left, box.right)
    step = max(1, round((box.width * box.height / _SAMPLES) ** 0.5))
    srgb, weights = srgb[area][::step, ::step], weights[area][::step, ::step]
    parts = []
    height, width = weights.shape
    for rows in strips(height, width):
        weight = weights[rows].flatten()
        index = sparse(weight)
        if index is None or index.numel():
            strip = roots_of_linear(decode_(picked(planes(srgb[rows]), index)))
            parts.append(measured(lab_of_roots(strip), picked(weight, index), with_histograms))
            if roots is not None and step == 1:
                roots[rows.start] = strip
    if not parts:
        raise EmptyMaskError("the mask holds too few pixels to measure a colour.")
    return pooled(parts)
