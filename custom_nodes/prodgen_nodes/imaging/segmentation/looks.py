"""A network looks at the photo, and where that is doubted, once more at its mirror image.

No network sees a photo and its mirror image quite alike: what it loses in one it often finds in the other. The cut-out
that is trusted more is taken; but where the two looks see different products, neither is believed. Before a backdrop
that is not quite plain, where the picture itself says less, a second look is always asked: it is the best witness. So
it is of a noisy photo, and that look is at the photo without its noise: what is seen in one only, noise has hidden or
made up. Two such looks that see the same product are one look, and the cut-out is made once. An outline that is ragged
in one look is hard to draw in both. Where it is in question whether an opening is one, the photo is looked at upside
down, too. What is still trusted before a plain backdrop after one look is compared with a second one. A photo that was
exposed too short is looked at in more light. Over what a look hesitates inside a product another network may be asked;
and where a cut-out would be refused, or is trusted before a busy backdrop, whether it sees the same product. What a
look left out, but another network and the picture show, is kept. What is doubted may be only what a screen shows: then
the screen is taken; two other networks that see one product outvote one that lost much of it; and a network that knows
objects may prefer what another one sees, and says what does not belong to it, and what does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from ..filters import dilate, erode, opened
from .agreement import doubt_of_looks
from .backdrop import BUSY
from .confidence import INSIDE_OUT, KEPT_BY_ALL, TRUSTED, UNCONFIRMED, is_coarse, ramp
from .cutout import Cutout, Look, Progress, by_model
from .detail import COARSE, is_blurred
from .exposure import lift_of, lit, unlit
from .majority import OUTVOTED, outvoted
from .noise import is_noisy
from .parts import Parts
from .preferred import (
    ANOTHER_OBJECT,
    DRAWN_ALONE,
    PREFERRED,
    draws_another,
    is_drawn_whole,
    is_preferred,
)
from .pyramid import resized, within
from .ragged import BITTEN, FELT
from .screens import FRAMED, find_screen
from .second_network import SETTLED, WithSecond
from .shown_parts import SHOWN, Shown
from .survey import Survey
from .upside_down import KEPT, PALE, doubt_of_openings, in_question, pale_parts
from .whole_objects import CORRECTED, Prompt, Seen, correction
from .witness import AGREED, ANOTHER, BOTH_SEE, Witness, is_same, others_see

_ASKED_OF = ("shaded", "busy")
"""The kinds of backdrop before which a network that knows objects is asked of what is trusted."""
_ALIKE = 0.02
"""Two confidences that differ by less say the same."""
_EDGE = 0.002
"""How wide an edge is on which two looks may differ: half of it, as a fraction of the mask's longer side."""
_DIFFERENT, _DISAGREED = (0.004, 0.02), 0.6
"""The share of the product in which two looks differ: next to none, and much; and the confidence that much allows."""
_THIN, _SPECK = 4, 3e-4
"""How far, in a look's own pixels, an outline may lie from the other's and still be the same; and the share of the
product from which what lies farther is a part of it, or an opening."""
_SMALL = 190
"""Pixels of the longer side below which a product is too small for its openings and edges to be seen: of 13
products of 85 to 178 pixels, all trusted, ten kept an opening filled, lost a piece or came out frayed."""
_REFUSED = 0.5
"""A look whose own cut-out would be refused does not agree with any."""
_APART = f"something apart was left out before the busy backdrop: does it belong to the product?{KEPT_BY_ALL}"
"""A logo or a date stands on what is plain. Of 24 trusted photographs before busy backdrops one left something out, the
end of an earring's wire."""
_SIDE = 1024
"""Pixels of the longer side of what says what is product, once it is corrected: as many as ISNet's."""
_SAID = "two looks at the photo do not see quite the same product: something may be missing, or too much"


def from_looks(
    srgb: Tensor,
    look: Look,
    progress: Progress | None = None,
    parts: Parts = "auto",
    other: Look | None = None,
    third: Look | None = None,
    prompt: Prompt | None = None,
) -> Cutout:
    """Cut a product `[H,W,3]` out with what a network sees, in one look or in two (`looks` in the report).

    `other`: another network, which is asked over parts of the product that the first one hesitates over or left out,
    and of whether it sees the same product. `third`: one more, which is asked where the cut-out is doubted: it and
    `other` outvote the first. `prompt`: a network that knows objects, which is asked then, too: whether it
    prefers what `third` sees, what does not belong to it, and what does; and whether it draws what is trusted before a
    shaded or busy backdrop.
    """
    second, last = (None if network is None else Witness(network) for network in (other, third))
    lift = lift_of(srgb)
    photo = Survey(lit(srgb, lift))
    noisy = is_noisy(photo.calm[1])
    both = WithSecond(look, second, lambda: photo.weighed[2] <= BUSY)
    whole = photo.srgb.unsqueeze(0)
    shown = Shown(photo, lambda: None if second is None else second.sure_of(whole), BUSY)
    masks = [shown(both(whole))]
    if noisy or photo.weighed[2] < 1.0:
        masks.append(shown(_mirrored(photo, noisy, both)))
    if len(masks) == 2 and not alike(*masks):
        one, two = (by_model(photo, mask, None, progress, parts) for mask in masks)
        cut = _better(one, two, _disagreement(*masks), both.filled)
    else:
        cut = by_model(photo, torch.stack(masks).mean(dim=0), None, progress, parts)
        noisy = noisy or is_noisy(cut.report["noise"])
        if len(masks) == 1 and (cut.confidence < TRUSTED or noisy or cut.report["backdrop"]["plain"] < 1.0):
            masks.append(shown(_mirrored(photo, noisy, both)))
            other_cut = by_model(photo, masks[1], None, progress, parts)
            cut = _better(cut, other_cut, _disagreement(*masks), both.filled)
    mirrored = masks[1] if len(masks) > 1 else None
    cut = _asked_once_more(_tiny(cut, photo.srgb), photo, masks, look)
    if _is_believed(cut) and cut.report["backdrop"]["plain"] > BUSY:
        if mirrored is None:
            mirrored = _mirrored(photo, noisy, both)
            masks.append(mirrored)
        why = doubt_of_looks(photo, resized(cut.alpha, photo.size), masks[0], mirrored)
        cut = cut.doubted(UNCONFIRMED, why) if why else cut
    if cut.confidence < TRUSTED and photo.weighed[2] > BUSY:
        cut = _whole_screen(cut, photo, parts)
    if both.filled:
        cut = cut.doubted(UNCONFIRMED, SETTLED) if photo.weighed[2] <= BUSY else cut.noted(SETTLED)
    cut = cut.doubted(UNCONFIRMED, SHOWN) if shown.kept else cut
    if _is_believed(cut) and photo.weighed[2] <= BUSY:
        cut = cut.doubted(UNCONFIRMED, _APART) if cut.report["extras"] else cut
        cut = cut.doubted(UNCONFIRMED, ANOTHER) if second and second.sees_another(whole, cut.alpha) else cut
    objects = functools.cache(lambda: None if prompt is None else prompt(whole))
    cut = _unless_another_object(cut, objects)
    if cut.confidence < TRUSTED and second is not None and last is not None:
        cut = _by_others(cut, photo, masks, (second, last), objects, progress, parts)
    if cut.confidence < _REFUSED and INSIDE_OUT not in cut.report["reasons"]:
        cut = cut.believed(AGREED, BOTH_SEE) if others_see(whole, cut.alpha, second, last) else cut
    cut.report["looks"] = len(masks)
    return unlit(cut.finished(), srgb, lift)


def _is_believed(cut: Cutout) -> bool:
    """Whether it is trusted, or would be if the picture did not cut the product off: that says nothing of the rest."""
    return cut.confidence >= TRUSTED or (cut.report["touches_frame"] and len(cut.report["reasons"]) == 1)


def _unless_another_object(cut: Cutout, objects: Callable[[], Seen | None]) -> Cutout:
    """The cut-out, doubted if a network that knows `objects` draws another one; before white others tell that."""
    if not _is_believed(cut) or cut.report["backdrop"]["kind"] not in _ASKED_OF:
        return cut
    seen = objects()
    another = seen is not None and draws_another(seen, cut.alpha)
    return cut.doubted(UNCONFIRMED, ANOTHER_OBJECT) if another else cut


def _by_others(
    cut: Cutout,
    photo: Survey,
    looks: list[Tensor],
    others: tuple[Witness, Witness],
    objects: Callable[[], Seen | None],
    progress: Progress | None,
    parts: Parts,
) -> Cutout:
    """The doubted cut-out of the `photo`, made of the first network's `looks`; a better one where others know more."""
    cut = _by_majority(cut, photo, *others, progress, parts)
    seen = objects()
    if seen is None:
        return cut
    cut = _as_another_sees(cut, photo, looks, others[1].seen(photo.srgb.unsqueeze(0)), seen, parts)
    return _as_an_object(cut, photo, (looks[0], *others), seen, parts)


def _by_majority(
    cut: Cutout, photo: Survey, second: Witness, third: Witness, progress: Progress | None, parts: Parts
) -> Cutout:
    """The cut-out of the `photo`; of what two other networks see, where they outvote it and it would be delivered."""
    whole = photo.srgb.unsqueeze(0)
    refused = cut.confidence < _REFUSED
    seen = outvoted(cut.alpha, refused, second.seen(whole), lambda: third.seen(whole))
    if seen is None:
        return cut
    theirs = by_model(photo, seen, None, progress, parts).doubted(UNCONFIRMED, OUTVOTED)
    return theirs if theirs.confidence >= _REFUSED else cut


def _as_another_sees(
    cut: Cutout, photo: Survey, looks: list[Tensor], network: Tensor, seen: Seen, parts: Parts
) -> Cutout:
    """The cut-out of the `photo`; of what another `network` sees, where one that knows objects prefers it."""
    if is_same(cut.alpha, network):
        return cut
    theirs = by_model(photo, network, None, None, parts)
    if not is_preferred(seen, cut.alpha, looks, theirs.alpha, network, cut.confidence < _REFUSED):
        return cut
    return theirs.believed(DRAWN_ALONE, "").doubted(UNCONFIRMED, PREFERRED)


def _as_an_object(
    cut: Cutout, photo: Survey, networks: tuple[Tensor, Witness, Witness], seen: Seen, parts: Parts
) -> Cutout:
    """The cut-out of the `photo`; corrected where a network that knows objects sees another one, as the others do."""
    mask, *others = networks
    whole = photo.srgb.unsqueeze(0)
    wrong = correction(seen, cut.alpha, mask, [one.seen(whole) for one in others])
    if wrong is None:
        return cut
    said = wrong.of(cut.alpha, within(_SIDE, *photo.size))
    better = by_model(photo, said, None, None, parts).with_parts(wrong.certain)
    if not wrong.keeps_the_rest(cut.alpha, better.alpha):
        return cut
    if min(cut.confidence, better.confidence) < _REFUSED:
        if not is_drawn_whole(seen, better.alpha):  # a teapot that has lost its spout is corrected elsewhere, too
            return cut
        better = better.believed(DRAWN_ALONE, "")
    return better.doubted(UNCONFIRMED, CORRECTED)


def _whole_screen(cut: Cutout, photo: Survey, parts: Parts) -> Cutout:
    """The cut-out of the `photo`; of the whole screen or framed picture where it is only of what that shows."""
    backdrop, evidence, _ = photo.weighed
    screen = find_screen(photo.calm[0], backdrop, evidence, resized(cut.alpha, photo.size) > 0.5)
    if screen is None:
        return cut
    whole = by_model(photo, screen.mask(), None, None, parts).with_parts(screen.inside).doubted(UNCONFIRMED, FRAMED)
    return whole if whole.confidence >= _REFUSED else cut


def _better(cut: Cutout, other: Cutout, disagreement: float, settled: bool) -> Cutout:
    """The cut-out that is trusted more of two whose looks disagree so much (0 to 1), with the doubts of both.

    Where another network `settled` what one of them hesitates over, its confidence says less: if neither is refused,
    the one with more of the product is taken."""
    refused = min(cut.confidence, other.confidence) < _REFUSED
    ragged = [why for why in (FELT, BITTEN) if any(why in one.report["reasons"] for one in (cut, other))]
    taken = max(cut, other, key=_extent) if settled and not refused else more_trusted(cut, other)
    better = _believed(taken, 1.0 if refused else disagreement)
    for why in ragged:
        better = better if why in better.report["reasons"] else better.doubted(UNCONFIRMED, why)
    return better


def alike(mask: Tensor, mirrored: Tensor) -> bool:
    """Whether two looks `[h,w]` see the same product, its thin parts and small openings too: then what they see
    together is one look, and a better one."""
    one, other = mask > 0.5, mirrored > 0.5
    apart = (one & ~dilate(other, _THIN)) | (other & ~dilate(one, _THIN))
    apart |= (erode(one, _THIN) & ~other) | (erode(other, _THIN) & ~one)
    return _disagreement(mask, mirrored) == 0.0 and float(apart.float().sum()) <= _SPECK * float(one.float().sum())


def _mirrored(photo: Survey, noisy: bool, look: Look) -> Tensor:
    """What is seen in the mirror image of the `photo`, without its noise if it is `noisy`; turned back."""
    return look((photo.calm[0] if noisy else photo.srgb).unsqueeze(0).flip(2)).flip(1)


def _asked_once_more(cut: Cutout, photo: Survey, masks: list[Tensor], look: Look) -> Cutout:
    """The cut-out of the `photo` with no more confidence than a look at it upside down allows; to be added to the
    `masks`, if there is something to ask."""
    if not _is_believed(cut):
        return cut
    alpha = resized(cut.alpha, photo.size)
    small = photo.calm[0]
    asked = in_question(small, alpha, masks, cut.report["backdrop"]["plain"] <= BUSY)
    if asked is None:
        return cut
    masks.append(look(small.unsqueeze(0).flip(1, 2)).flip(0, 1))
    why = doubt_of_openings(small, alpha, asked, masks[-1])
    if why == PALE and not is_coarse(masks[-1]):
        return cut.with_parts(pale_parts(alpha, asked, masks[-1])).doubted(UNCONFIRMED, KEPT)
    return cut.doubted(UNCONFIRMED, why) if why else cut


def _tiny(cut: Cutout, photo: Tensor) -> Cutout:
    """The cut-out with no more confidence than a product allows that so few pixels of the `photo` show."""
    left, top, right, bottom = cut.report["bbox"] or (0, 0, 0, 0)
    longest = max(right - left, bottom - top)
    if cut.confidence < TRUSTED or longest >= COARSE * _SMALL:
        return cut
    if longest < _SMALL:
        return cut.doubted(UNCONFIRMED, f"the product is only {longest} pixels large in the photo: take a larger photo")
    if is_blurred(photo):
        return cut.doubted(UNCONFIRMED, "the photo is blurred, or was enlarged from a small one: take a sharper photo")
    return cut


def _disagreement(mask: Tensor, mirrored: Tensor) -> float:
    """How much, 0 to 1, two looks `[h,w]` each see different products."""
    one, other = mask > 0.5, mirrored > 0.5
    areas = opened(one ^ other, max(1, round(_EDGE * max(mask.shape))))
    return ramp(float(areas.float().sum()) / max(1.0, float((one | other).float().sum())), *_DIFFERENT)


def _believed(cut: Cutout, disagreement: float) -> Cutout:
    """The cut-out with no more confidence than two looks that disagree by so much (0 to 1) allow."""
    most = 1.0 - (1.0 - _DISAGREED) * disagreement
    return cut if cut.confidence <= most else cut.doubted(most, _SAID if most < TRUSTED else "")


def more_trusted(first: Cutout, second: Cutout) -> Cutout:
    """The one of two cut-outs of one photo that is trusted more.

    Where both are alike in that, the one with more of the product: what was left out is lost, what was added is seen.
    Openings that the picture itself proved are no loss.
    """
    if abs(first.confidence - second.confidence) > _ALIKE:
        return max(first, second, key=lambda cut: cut.confidence)
    return max(first, second, key=_extent)


def _extent(cut: Cutout) -> float:
    """How much of the picture is product in a cut-out, openings that the picture proved counted twice."""
    return float(cut.report["coverage"]) + 2 * float(cut.report.get("opened", 0.0))
