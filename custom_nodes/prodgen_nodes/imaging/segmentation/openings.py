"""Doubts about what is seen through a product: gaps, slots, openings in the shade, lines that are lost in them."""

from __future__ import annotations

from torch import Tensor

from .backdrop import Backdrop
from .confidence import UNCONFIRMED, Trust, judge_pale, note_transparency, ramp
from .evidence import Evidence
from .left_out_lines import left_out_lines
from .ragged import judge_ragged
from .shaded_openings import clearly_openings, dark_openings, gaps, is_tinted, shaded_openings

_SLOT = 0.001
"""The share of the product from which a slot in it is missed by who looks at the result; a rope's loops before purple
have .0012 to .0021, a red glass before red .0005."""
_CLEAR_SLOT = 2.5e-4
"""The same for a slot between parts of quite another hue, which nobody takes for the product's own: the rope, cropped
and dimmed, 3.6e-4 to 6.1e-4; a teal bag before teal with gold on it .0 to 1.9e-4."""
_LINES = 0.005
"""The least share of the product for lines that were left out; a bicycle's spokes have .013 to .022, and in the
openings of eight other products are .0003 at most."""
_TINTED = 0.5
"""The share of the picture in which a backdrop has a tint of its own."""


def judge_before_plain(product: Tensor, backdrop: Backdrop, evidence: Evidence, trust: Trust) -> None:
    """What a plain backdrop alone lets be said of a model's `product` `[H,W]`: gaps, parts that are pale, glass."""
    judge_gaps(product, evidence, backdrop.side, trust)
    judge_shaded(product, backdrop, evidence, trust)
    judge_pale(product, backdrop, evidence, trust)
    note_transparency(product, evidence, trust)
    judge_dark(product, backdrop, evidence, trust)


def judge_gaps(product: Tensor, evidence: Evidence, side: int, trust: Trust) -> None:
    """Doubts where a network may have filled what it is too coarse for: between the teeth of a comb, a rack's bars."""
    share = float(gaps(product, evidence, side).float().sum()) / max(1.0, float(product.float().sum()))
    trust.doubt(0.55 + 0.45 * ramp(share, 0.25, 0.1), "narrow gaps that look like the backdrop may have been filled")


def judge_shaded(product: Tensor, backdrop: Backdrop, evidence: Evidence, trust: Trust) -> None:
    """Doubts where the `product` `[H,W]` bool holds what looks like the backdrop in the shade: a slot in a seat."""
    found, size = shaded_openings(product, backdrop, evidence), max(1.0, float(product.float().sum()))
    missed = float(found.float().sum()) > _SLOT * size
    if missed or float(clearly_openings(found, evidence).float().sum()) > _CLEAR_SLOT * size:
        trust.unconfirmed("an opening that shows the backdrop in the shade may have been filled")


def judge_matte(srgb: Tensor, alpha: Tensor, noise: float | None, trust: Trust) -> None:
    """Doubts about the matte `alpha` `[h,w]` of the picture `[h,w,3]`, both at analysis size: a ragged outline, and
    before a plain backdrop, of which the `noise` (1 sigma) is known, thin lines that were left out: spokes, strings."""
    judge_ragged(srgb, alpha, trust)
    if noise is not None and trust.confidence > UNCONFIRMED and left_out_lines(srgb, alpha, noise) > _LINES:
        trust.unconfirmed("thin lines that the photo shows in the product's openings were left out: spokes, strings?")


def judge_dark(product: Tensor, backdrop: Backdrop, evidence: Evidence, trust: Trust) -> None:
    """A note where something clearly darker than the backdrop is seen through the `product` `[H,W]` bool: shade, or a
    part of it; a doubt where the backdrop has no tint that would tell: a car's lamp before white."""
    if count := dark_openings(product, evidence):
        where = "an opening" if count == 1 else f"{count} openings"
        note = f"{where} of the product, not as light as the backdrop: left open; is it a pale part?"
        if float(is_tinted(backdrop).float().mean()) > _TINTED:
            trust.notes.append(note)
        else:
            trust.unconfirmed(note)
