"""What was recoloured, in words: which part, what was left alone, and where the result cannot be believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch.nn.functional as F
from torch import Tensor

from ..colorspace import chroma, delta_e00, hex_color, hue_difference, lab_to_srgb, linear_to_lab
from ..product.palette import name_of
from .materials import Material, materials_of, offered

_GUESSED = 8.0
"""L* between a grey material and its new colour from which gloss and shade are a guess: rendered black and near-white
leather is dE00 1.5 to 4 off then, glossy plastic 3 to 7 (`benchmarks/README.md`)."""
_MISSED = 4.0
"""dE00 between the colour that was asked for and the one that most of the part has, from which it is told."""
_BURNT = 0.03
"""Share of the part that is white in the photo, and has nothing left that could be kept."""
_MIXED = 0.1
"""Share of a painted part in another colour, from which that is more than a seam or a highlight."""
_COLOURED, _OTHER_HUE, _BLACK = 15.0, 30.0, 25.0
"""C* of what has a hue; degrees between two hues; L* below which something grey may be shade."""
_SEEN_THROUGH = 0.05
"""Share of the product that lets the ground through, from which that is more than a hem of lace."""
_SPECKS = 0.0005
"""Share of the product below which what was left within another material is not told: a photo of 2000 pixels has such
specks of 30."""
_EDGE = 9
"""Pixels around which something is opaque where softness is only the product's edge."""


def color_words(lab: Tensor) -> str:
    """`navy (#1f2a44)` of CIELAB `[3]`."""
    return f"{name_of(lab.cpu())} ({hex_color(lab_to_srgb(lab[None])[0])})"


def sentences(
    before: Tensor, after: Tensor, share: float, found: Sequence[Material], material: int | None
) -> tuple[str, ...]:
    """What was done to a part that covers `share` of the product, which was `before` and is `after` (CIELAB `[3]`).

    `material`: its number among those `found`; None for a part that was painted.
    """
    what = "painted part" if material is None else "material"
    done = f"The {color_words(before)} {what}, {_whole(share)}% of the product, is now {color_words(after)}."
    if material is None:
        return (done, f"Left as it was: all that was not painted, {100 - _whole(share)}% of the product.")
    others = [one for number, one in enumerate(offered(list(found)), 1) if number != material]
    rest = _percents([one.share for one in others], 100 - _whole(share))
    listed = ", ".join(f"{color_words(one.main)} {part}%" for one, part in zip(others, rest, strict=True))
    return (done, f"Left as it was: {listed}." if listed else "It is the only material that was found.")


def _whole(share: float) -> int:
    """In whole hundredths."""
    return min(100, max(0, round(100 * share)))


def _percents(shares: Sequence[float], whole: int) -> list[int]:
    """Whole numbers in the ratio of `shares` that are `whole` together: edges count for the one or the other."""
    every = sum(shares)
    exact = [whole * one / every for one in shares]
    rounded = [int(one) for one in exact]
    for number in sorted(range(len(exact)), key=lambda at: rounded[at] - exact[at])[: whole - sum(rounded)]:
        rounded[number] += 1
    return rounded


def warnings(
    picture: Tensor,
    mask: Tensor,
    part: Tensor,
    painted: bool,
    before: Tensor,
    after: Tensor,
    target: Tensor,
    told: float,
    strength: float = 1.0,
    enclosed: float = 0.0,
) -> Iterator[str]:
    """Why the new colour may not be the real thing's: a sentence each.

    `picture` `[H,W,3]` is the product as it was, with `mask` and `part` `[H,W]`; `before` and `after` CIELAB `[3]` of
    most of the part, `target` linear RGB `[3]`; `told`: how far gloss was told from material by its colour, 0..1;
    `enclosed`: the share of the product that has the part's very colour and was left, within another material.
    """
    wanted = as_lab(target)
    off = float(delta_e00(wanted, after))
    if off > _MISSED and strength == 1.0:
        yield (
            f"the part is {color_words(after)}, not quite {color_words(wanted)} as asked: its own light and gloss "
            "leave no room for that."
        )
    if told < 0.5 and abs(float(after[0] - before[0])) > _GUESSED:
        yield (
            f"{name_of(before.cpu())} became {name_of(after.cpu())}: how that is shaded cannot be seen in the photo "
            "and is a guess; hold it beside the real thing."
        )
    inside = part > 0.5
    burnt = float((picture[inside].amin(dim=-1) > 0.99).float().mean())
    if burnt > _BURNT and float(before[0]) < 95:
        yield f"{burnt:.0%} of the part is burnt out in the photo: there is no texture left to keep."
    if painted:
        others = _others(picture, part, before)
        if others:
            yield f"what was painted is not one colour ({', '.join(others)}): a print in it was recoloured, too."
    if enclosed > _SPECKS:
        yield (
            f"{enclosed:.1%} of the product has the same colour and was left as it was, because another material "
            "encloses it (mirrored there, or between prints): look at it, and paint the part if it is to be recoloured."
        )
    if _seen_through(mask, part) > _SEEN_THROUGH:
        yield "the part lets what is behind it through: the colour of that was not known."


def _others(picture: Tensor, part: Tensor, main: Tensor) -> list[str]:
    """What else than `main` a part holds: another hue, a hue where it is grey, a light grey where it has one."""
    named = []
    for one in offered(materials_of(picture, part)):
        strong, grey = float(chroma(one.main)) > _COLOURED, float(chroma(main)) <= _COLOURED
        turned = strong and not grey and float(hue_difference(one.main, main)) > _OTHER_HUE
        faded = not strong and not grey and float(one.main[0]) > _BLACK
        if one.share > _MIXED and (turned or faded or (strong and grey)):
            named.append(f"{color_words(one.main)} {one.share:.0%}")
    return named


def _seen_through(mask: Tensor, part: Tensor) -> float:
    """Share of the part that is neither opaque nor at the edge of something that is."""
    near = F.max_pool2d(mask[None, None], _EDGE, stride=1, padding=_EDGE // 2)[0, 0]
    inside = part > 0.1
    soft = inside & (mask < 0.9) & (near < 0.9)
    return float(soft.sum()) / max(1, int(inside.sum()))


def as_lab(linear: Tensor) -> Tensor:
    """CIELAB `[3]` of linear RGB `[3]`."""
    return linear_to_lab(linear[None])[0]
