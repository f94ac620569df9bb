"""What the photo's lower border cuts off: a worn shirt at the waist, a bottle without its base.

It stands on nothing that is seen. The row where the photo ends is no ground: a shade under it would say that half a
thing stands there.
"""

from __future__ import annotations

from torch import Tensor

from .placement import Placement
from .tensors import bounding_box, check_number

_EDGE = 2.5
"""Canvas pixels above the photo's last row where what is cut off may end: a resampled edge is soft."""
_NARROWEST = 0.03
"""Share of its width that a thing has at the border where it is cut off: less is a point that comes near to it."""
_DEPTH = 0.006
"""Share of its height, further up, where it is looked at again."""
_ROUNDED = 1.06
"""A thing that ends by itself, in a photo that was trimmed to it, is wider there by more: its lower corners are round.
What is cut off goes on as it was: legs that open at 45 degrees on both sides reach 1.03."""


def lower_border(placement: Placement, index: int) -> float | None:
    """The canvas row at which the photo of a picture ends, where its product reaches that.

    None where it does not, where the photo was trimmed to the product on all sides, and where the product is turned.
    """
    transform = placement.transform(index)
    if not transform.is_separable or "below" not in placement.cut_sides(index):
        return None
    return transform.apply(0.0, placement.product_height)[1]


def is_cut_off(thing: Tensor, border: float) -> bool:
    """Whether `thing` `[H,W]`, alpha on the canvas, goes on beyond the row `border` where its photo ends.

    Raises ParameterError where the border is no number.
    """
    check_number(border, "border")
    box = bounding_box(thing, 0.5, "mask")
    if box.bottom < border - _EDGE:
        return False
    row = max(box.top, int(border - _EDGE) - 1)
    above = max(box.top, row - max(3, round(_DEPTH * box.height)))
    at_border, further_up = thing[[row, above], box.left : box.right].sum(dim=1).tolist()
    return bool(at_border >= _NARROWEST * box.width and further_up <= _ROUNDED * at_border + 1)
