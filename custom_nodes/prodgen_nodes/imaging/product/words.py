"""What a product is called where it is sold: its colour and its kind, and nothing that was not measured."""

from __future__ import annotations

from torch import Tensor

from ..colorspace import delta_e00
from .measure import Facts, measure_product
from .palette import Color, name_of

_SIDE = 512
"""Pixels of the longer side that are enough to name kind and colours by; a photo has ten times as many points."""
_LIKE = 12.0
"""dE00 up to which a colour is the known one in more or less light: a shaded white is 5 to 8 from white."""
_MOST = 2
"""Colours in a title: with more it is multicoloured."""


def _name(color: Color, known: Tensor | None) -> str:
    if known is None:
        return color.name
    away = float(delta_e00(known.cpu(), known.cpu().new_tensor(color.lab)))
    return name_of(known.cpu()) if away < _LIKE else color.name


def listing_words(product: Tensor, mask: Tensor, known: Tensor | None = None) -> dict[str, str]:
    """`title` ("Brown handbag") and `thing` ("A brown handbag") of `product` `[H,W,3]` sRGB 0..1 and its `mask`
    `[H,W]`. Where the outline does not say what it is, it is a product. `known`: CIELAB `[3]` of a
    colour that it has; what is like it has the name of that one, whatever the light did to it.

    Raises EmptyMaskError for an empty mask.
    """
    step = max(1, -(-max(mask.shape) // _SIDE))
    return words_of(measure_product(product[None, ::step, ::step], mask[None, ::step, ::step]), known)


def words_of(facts: Facts, known: Tensor | None = None) -> dict[str, str]:
    """The same of what was measured."""
    names = list(dict.fromkeys(_name(color, known) for color in facts.palette.important))
    colour = "multicoloured" if len(names) > _MOST else " and ".join(names)
    words = f"{colour} {facts.noun}"
    article = "An" if words[0] in "aeio" else "A"
    return {"title": words[:1].upper() + words[1:], "thing": f"{article} {words}"}
