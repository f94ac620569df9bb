"""What the person wears: cuts anyone may wear, in colours that go with the product and set it off.

Two things decide a colour. It must separate from the product (dL* or dE00 of at least 25 against every important colour
of it), because the product is seen before the garment; and its CIELAB hue must stand in a known relation to that of the
product: complementary (150–180° apart), analogous (20–50° apart), or it is neutral. A product of several hues gets
neutral garments only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..imaging.colorspace import chroma, delta_e00, hue_difference
from ..imaging.product.palette import NAMED, NEUTRAL_CHROMA, Palette, lab_of
from .choice import choose

LIGHTNESS_STEP = 25.0
DIFFERENCE = 25.0
COMPLEMENTARY = (150.0, 180.0)
ANALOGOUS = (20.0, 50.0)
"""The figures of the head of this file. At half the steps a garment and the product merge in a small picture; at
double few cloths are left to wear."""

FABRICS = (
    "white", "ivory", "light grey", "grey", "taupe", "charcoal", "black", "beige", "camel", "brown", "dark brown",
    "rust", "terracotta", "coral", "mustard", "pale yellow", "olive", "forest green", "sage green", "mint green",
    "teal", "pale blue", "sky blue", "blue", "navy", "slate blue", "lavender", "violet", "plum", "blush pink",
    "dusty rose", "red", "burgundy",
)  # fmt: skip
"""Names from palette.NAMED that clothes are commonly made in."""


_ANY_NAME = r"\b(?:" + "|".join(sorted(NAMED, key=len, reverse=True)) + r")\b"


@dataclass(frozen=True)
class Outfit:
    """Words with `{0}` for the first colour and `{1}` for the second; `season` is any, winter or summer."""

    words: str
    season: str = "any"


OUTFITS = (
    Outfit("wearing a {0} crew-neck sweater and {1} straight trousers"),
    Outfit("wearing a {0} shirt and {1} pleated trousers"),
    Outfit("wearing a {0} blazer over a {1} T-shirt"),
    Outfit("wearing a {0} turtleneck and {1} tailored trousers"),
    Outfit("wearing a {0} trench coat over {1} trousers"),
    Outfit("wearing a {0} overshirt and {1} chinos"),
    Outfit("wearing a {0} wool coat, a {1} scarf", "winter"),
    Outfit("wearing a {0} quilted jacket and {1} corduroy trousers", "winter"),
    Outfit("wearing a {0} linen shirt and {1} linen trousers", "summer"),
    Outfit("wearing a {0} T-shirt and {1} light cotton trousers", "summer"),
)


@lru_cache(maxsize=1)
def _cloth() -> Tensor:
    """CIELAB `[N,3]` of FABRICS."""
    return torch.stack([lab_of(name) for name in FABRICS])


def separated(garments: Tensor, product: Tensor) -> Tensor:
    """Before which garments `[...,3]` a product of colour `[3]` stands out, both CIELAB: booleans `[...]`."""
    product = product.expand_as(garments)
    apart = (garments[..., 0] - product[..., 0]).abs() >= LIGHTNESS_STEP
    return apart | (delta_e00(garments, product) >= DIFFERENCE)


def suitable(palette: Palette) -> dict[str, list[str]]:
    """Colour names by relation to the product (neutral, complementary, analogous, or accent for a product that is
    neutral itself); only such that separate from it. `neutral` is never empty.

    Where no neutral cloth separates from every important colour, the one counts that comes nearest to it.
    """
    cloth = _cloth()
    products = [cloth.new_tensor(color.lab) for color in palette.important]
    clear = torch.stack([separated(cloth, product) for product in products])
    neutral = chroma(cloth) < NEUTRAL_CHROMA
    hues = hue_difference(cloth, products[0].expand_as(cloth))
    relations = {"neutral": neutral}
    if not palette.multicolored and palette.main.neutral:
        relations["accent"] = ~neutral
    elif not palette.multicolored:
        for name, (low, high) in (("complementary", COMPLEMENTARY), ("analogous", ANALOGOUS)):
            relations[name] = ~neutral & (hues >= low) & (hues <= high)
    names_by_relation = {name: _names(fits & clear.all(dim=0)) for name, fits in relations.items()}
    if not names_by_relation["neutral"]:
        nearest = torch.stack([delta_e00(cloth, product.expand_as(cloth)) for product in products]).amin(dim=0)
        names_by_relation["neutral"] = [
            FABRICS[int(nearest.where(neutral & clear[0], nearest.new_tensor(-1.0)).argmax())]
        ]
    return {name: names for name, names in names_by_relation.items() if names}


def _names(fits: Tensor) -> list[str]:
    return [name for name, fit in zip(FABRICS, fits.tolist(), strict=True) if fit]


def blending(words: str, palette: Palette) -> str | None:
    """The first colour that `words` name, where the product's main colour does not stand out before it; else None."""
    names = re.findall(_ANY_NAME, words.lower())
    if not names:
        return None
    lab = lab_of(names[0])
    return None if bool(separated(lab, lab.new_tensor(palette.main.lab))) else str(names[0])


@dataclass(frozen=True)
class Clothes:
    """The words for the prompt, the two colours, and the relation of the first to the product."""

    words: str
    colors: tuple[str, str]
    relation: str


def dress(palette: Palette, seed: int, season: str = "any") -> Clothes:
    """An outfit of `season` in colours that suit the product: one by a relation the seed draws, one neutral."""
    colors = suitable(palette)
    kind = choose(seed, "relation", sorted(colors))
    first = choose(seed, "first color", colors[kind])
    others = [name for name in colors["neutral"] if name != first] or colors["neutral"]
    second = choose(seed, "second color", others)
    outfit = choose(seed, "outfit", [o for o in OUTFITS if o.season in ("any", season)])
    words = re.sub(r"\ba (?=[aeiou])", "an ", outfit.words.format(first, second))
    return Clothes(words, (first, second), kind)
