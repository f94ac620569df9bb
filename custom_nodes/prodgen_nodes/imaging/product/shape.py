"""The product's outline in figures: proportions of its body, its handle, how full and how symmetric it is.

Everything is measured on one reduced mask; figures are ratios, because a photo says nothing about centimetres.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from ..handle.find import Handle, find_handle
from ..handle.rules import RULES
from ..handle.topology import EIGHT, Bools
from ..tensors import bounding_box

_SIDE = 384
"""Longest side in pixels of the reduced mask; figures are ratios, and a strap of a hundredth of the side is still four
pixels."""
_MARGIN = 8
"""Pixels of background around it, marked where they lie beyond the picture."""
_CRUMB = 0.01  # of the largest part: less is a speck of the cut-out
_PART = 0.2  # of the largest part: more is a second product
_ROWS = 20
"""Bands of the body's profile, of which a fifth is four."""


@dataclass(frozen=True)
class Shape:
    """Figures of one product; "body" is the product without its handle.

    `aspect` width over height of the body; `handle` the kind that Erase Handle finds (None without one);
    `handle_length` over the body's width, `handle_height` of the handle above the body over the body's height,
    `handle_thickness` over its own length; `fullness` body
    area over that of its box, `solidity` over that of its convex hull; `mirrored` 0..1, how far left and right agree;
    `top_width`, `middle_width`, `bottom_width` mean widths of the body's upper, middle and lower fifth over its width;
    `legs` whether it stands on legs; `parts` how many separate products the mask holds; `cut_off` whether it touches
    the picture's edge.
    """

    aspect: float
    handle: str | None
    handle_length: float
    handle_height: float
    fullness: float
    solidity: float
    mirrored: float
    top_width: float
    middle_width: float
    bottom_width: float
    legs: bool
    parts: int
    cut_off: bool
    handle_thickness: float = 0.0


def measure_shape(mask: Tensor) -> Shape:
    """Figures of one mask `[H,W]`, 1 = product. Raises EmptyMaskError."""
    box = bounding_box(mask)
    crop = mask[box.top : box.bottom, box.left : box.right]
    factor = math.ceil(max(box.width, box.height) / _SIDE)
    if factor > 1:
        crop = F.pad(crop, (0, -box.width % factor, 0, -box.height % factor))
        crop = F.avg_pool2d(crop[None, None], factor)[0, 0]
    alpha = F.pad(crop, (_MARGIN,) * 4).to("cpu", dtype=crop.dtype).double().numpy()
    product, parts = _without_crumbs(alpha > min(0.5, alpha.max() / 2))  # a thin one is faint once it is reduced
    framed = np.zeros(alpha.shape, dtype=bool)
    framed[:_MARGIN] |= box.top == 0
    framed[:, :_MARGIN] |= box.left == 0
    framed[-_MARGIN:] |= box.bottom == mask.shape[0]
    framed[:, -_MARGIN:] |= box.right == mask.shape[1]
    handle = find_handle(np.where(product | (alpha <= 0.5), alpha, 0.0), framed)
    body = handle.anatomy.body & product if isinstance(handle, Handle) else product
    rows, columns = np.nonzero(body.any(axis=1))[0], np.nonzero(body.any(axis=0))[0]
    height, width = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    body = body[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top = int(np.nonzero(product.any(axis=1))[0][0])
    profile = _profile(body)
    return Shape(
        aspect=width / height,
        handle=handle.kind if isinstance(handle, Handle) else None,
        handle_length=handle.main.length / width if isinstance(handle, Handle) else 0.0,
        handle_height=max(0, int(rows[0]) - top) / height if isinstance(handle, Handle) else 0.0,
        fullness=float(body.mean()),
        solidity=solidity(body),
        mirrored=float((body & body[:, ::-1]).sum() / max(1, (body | body[:, ::-1]).sum())),
        top_width=float(profile[: _ROWS // 5].mean()),
        middle_width=float(profile[2 * _ROWS // 5 : 3 * _ROWS // 5].mean()),
        bottom_width=float(profile[-_ROWS // 5 :].mean()),
        legs=not isinstance(handle, Handle) and (handle.reason == RULES[0].reason or _on_feet(body)),
        parts=parts,
        cut_off=bool(framed.any()),
        handle_thickness=float(2 * np.median(handle.main.half) / handle.main.length)
        if isinstance(handle, Handle)
        else 0.0,
    )


def _without_crumbs(product: Bools) -> tuple[Bools, int]:
    """`product` without specks, and how many of its parts are large enough to be products of their own."""
    labels, count = ndimage.label(product, EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept: Bools = (sizes >= _CRUMB * sizes.max())[labels] & (labels > 0)
    return kept, int((sizes >= _PART * sizes.max()).sum())


def _profile(body: Bools) -> np.ndarray:
    """Width of the body in `_ROWS` bands from top to bottom, over its full width."""
    widths = body.sum(axis=1) / body.shape[1]
    edges = np.linspace(0, len(widths), _ROWS + 1).astype(int)
    return np.array([widths[a : max(b, a + 1)].mean() for a, b in itertools.pairwise(edges)])


def _on_feet(body: Bools) -> bool:
    """Whether the lowest tenth is three or more slender feet, or two under an upright body."""
    low = body[-max(2, body.shape[0] // 10) :]
    feet = [np.diff(np.concatenate(([0], row.astype(np.int8)))).tolist().count(1) for row in low]
    count = float(np.median(feet))
    # Feet leave most of the lowest tenth free; two of them may also be the corners of a wide, sagging bag.
    return bool(low.mean() < 0.4) and (count >= 3 or (count >= 2 and body.shape[1] < 1.2 * body.shape[0]))


def solidity(body: Bools) -> float:
    """Area over the area of the convex hull."""
    rows, columns = np.nonzero(body)
    # The corners of the pixels on the outline, so that a single row has an area too.
    ends = np.unique(np.concatenate([np.column_stack((rows + y, columns + x)) for y in (0, 1) for x in (0, 1)]), axis=0)
    try:
        return float(rows.size / ConvexHull(ends).volume)
    except QhullError:
        return 1.0
