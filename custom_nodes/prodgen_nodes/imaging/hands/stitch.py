"""Putting refined hands back: judged first, then laid into their picture like any other crop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .. import crops
from ..crops import faded
from ..errors import ShapeError
from ..placement import Affine
from ..tensors import check_mask, expand_batch
from .crops import HandCrops, crop_mask
from .decision import Decision, StitchSettings, decide
from .keypoints import Person

_CUTTER = "Crop Hands"


@dataclass(frozen=True)
class Stitched:
    """Pictures `[B,H,W,C]`, what was changed `[B,H,W]` 0..1, one decision per crop."""

    image: Tensor
    mask: Tensor
    decisions: tuple[Decision, ...]


def stitch(
    image: Tensor,
    refined: Tensor | None,
    plan: HandCrops,
    settings: StitchSettings,
    masks: Tensor | None = None,
    after: list[tuple[Person, ...]] | None = None,
    before: list[tuple[Person, ...]] | None = None,
) -> Stitched:
    """Put the crops that are worth it back into the pictures that they were cut from.

    `image` `[B,H,W,C]` and `refined` `[N,s,s,3]` sRGB 0..1 (None where the plan has no crops: the picture stays as it
    is); `masks` `[N,s,s]` (default: those of the plan); `after` and `before`: people found in the refined and in the
    original crops, one entry per crop, in crop pixels (`in_crops` makes them of people found in whole pictures).
    `refined` may have another size than the plan's crops. Raises ShapeError where numbers or sizes do not fit.
    """
    settings.check()
    if masks is not None and len(plan):
        masks = _fitting(check_mask(masks, "masks"), plan)
    decisions: list[Decision] = []

    def mask_of(index: int) -> Tensor:
        crop = plan.crops[index]
        return crop_mask(crop, plan.size, image) if masks is None else faded(masks[index], crop, plan)

    def wanted(index: int, original: Tensor, fresh: Tensor, mask: Tensor) -> bool:
        crop = plan.crops[index]
        decisions.append(decide(crop, original, fresh, mask, settings, _of(after, index), _of(before, index)))
        return decisions[-1].kept

    done = crops.stitch(image, refined, plan, settings.feather, mask_of, wanted, _CUTTER)
    shifted = [replace(one, color_shift=shift or 0.0) for one, shift in zip(decisions, done.shifts, strict=True)]
    return Stitched(done.image, done.mask, tuple(shifted))


def _fitting(masks: Tensor, plan: HandCrops) -> Tensor:
    masks = expand_batch(masks, len(plan)) if masks.shape[0] == 1 else masks
    if tuple(masks.shape) != (len(plan), plan.size, plan.size):
        raise ShapeError(
            f"masks {tuple(masks.shape)} do not belong to {len(plan)} crop(s) of {plan.size}×{plan.size} pixels: "
            f"connect the masks of '{_CUTTER}'."
        )
    return masks


def _of(people: list[tuple[Person, ...]] | None, index: int) -> tuple[Person, ...] | None:
    return None if people is None else people[index]


def in_crops(people: list[tuple[Person, ...]], plan: HandCrops) -> list[tuple[Person, ...]]:
    """People found in whole pictures (one entry per picture, its pixels) as each crop sees them (crop pixels)."""

    def seen(person: Person, move: Affine) -> Person:
        shift = person.body.new_tensor((move.tx, move.ty))
        there = person.body[:, 2:] > 0
        body = torch.cat((person.body[:, :2] * move.a + shift, person.body[:, 2:]), dim=1)
        hands = tuple(replace(hand, points=hand.points * move.a + shift) for hand in person.hands)
        return Person(torch.where(there, body, torch.zeros_like(body)), hands)

    return [tuple(seen(person, crop.transform) for person in people[crop.picture]) for crop in plan.crops]
