"""What a product is called where it is sold: its colour and its kind, and nothing that was not measured."""

from __future__ import annotations

from torch import Tensor

from .measure import Facts, measure_product

_SIDE = 512
"""Pixels of the longer side that are enough to name kind and colours by; a photo has ten times as many points."""
_MOST = 2
"""Colours in a title: with more it is multicoloured."""


def listing_words(product: Tensor, mask: Tensor) -> dict[str, str]:
    """`title` ("Brown handbag") and `thing` ("A brown handbag") of `product` `[H,W,3]` sRGB 0..1 and its `mask`
    `[H,W]`. Where the outline does not say what it is, it is a product.

    Raises EmptyMaskError for an empty mask.
    """
    step = max(1, -(-max(mask.shape) // _SIDE))
    return words_of(measure_product(product[None, ::step, ::step], mask[None, ::step, ::step]))


def words_of(facts: Facts) -> dict[str, str]:
    """The same of what was measured."""
    names = list(dict.fromkeys(color.name for color in facts.palette.important))
    colour = "multicoloured" if len(names) > _MOST else " and ".join(names)
    words = f"{colour} {facts.noun}"
    article = "An" if words[0] in "aeio" else "A"
    return {"title": words[:1].upper() + words[1:], "thing": f"{article} {words}"}
