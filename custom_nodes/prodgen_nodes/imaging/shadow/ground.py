"""The shadow a product throws on the ground it stands on, and the mask of that ground.

Three shades are multiplied. The crevice: the dark line where the product rests, gone within about one hundredth of the
picture. The ambient shade: what a rough solid, guessed from the silhouette, keeps from the ground of a white room's
light and of a soft box above the camera: broad and faint, between feet and under what stands on them dark. The cast
shadow, where one is wanted: the same solid in the way of one lamp. Of what was turned on a lathe the solid is no guess,
see `turned`. What the first two miss, a small network adds or takes away, see `learned`; under what is plainly raised
over its contact, or rounded, it is dark in any case, see `underside` and `roll`.

The product itself is never touched. Under a pixel that it covers in part only the ground's share is darkened, and there
the ground is that of the crevice, so that no pale line is left between product and shadow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..cut_off import is_cut_off
from ..errors import EmptyMaskError, ShapeError
from ..filters import running_max, smoothstep
from ..tensors import bounding_box, check_color, check_mask, check_number, common_batch, item, same_size
from .ball import Ball, ball_shade, ball_solid, find_ball
from .contact import Contact, all_contacts
from .contact_shade import USUAL_UNDERCUT, crevice, crevice_size, foot_sides, round_crevice
from .corner import Corner, find_corner, standing_contact
from .darken import close_seam, darken, edge_width, reflectance, undercut
from .learned import LEARNED_SOFTNESS, Seen
from .light import Light, Ray, cast_rays, studio_rays
from .occlusion import occlusion, on_picture
from .report import shadow_report
from .resting import Worn, resting
from .roll import DARK, ENDS, Roll, find_roll
from .round_foot import RoundFoot
from .solid import build_solid
from .things import standing_things
from .turned import find_round_foot, turned_solid
from .underside import undersides

FORESHORTENING = 0.28
"""Depth on the ground to rows of the picture: a camera that looks about 12° down at the product's middle, as packshots
are taken, and so about 16° down at its foot."""
_AMBIENT_CELLS, _AMBIENT_LEVELS = 44, 15
"""Cells of the solid's longer side, and levels of its height, for the light of a room, which is soft: their shade is
smoother than the cells."""
_CAST_CELLS = 112
"""And for a cast shadow, whose edge is the outline's."""
_KEEP_CLEAR = 0.35
"""Share of the room between product and border in which a shadow is as it is: over the rest it fades out. With .7 it is
nearer to rendered grounds, which are dark to their border, but beside a large product it ends in a visible edge."""
_HORIZON = 0.24
"""The ground is shaded up to this share of the picture's height above where the product stands, or a third of that
above its hindmost foot; of more where the camera is known to look from farther above. With .19 the shade behind a
product ended along a level line."""
_FADES = 0.4
"""Over this share of that it fades out."""
_CREVICE = 0.9
"""Share of the darkest loss that the crevice alone takes."""
_TURNS_UNDER, _NEAR = ((0.6, 0.75), (1.0, 0.0)), 0.3
"""By how much darker the product gets towards its lower edge, the share of the contact's dark line that the network
cannot take away: it sees cells, and most of what it knows stands on sharp edges. And the power of that line that says
how near it the drawn shade is kept: with 1 a pale patch was left beside the line's end."""
_FAINTEST = 0.006
"""Shade below this is no shade: what is far from a product stays exactly as it was."""
_PALE = 4
"""Cells of the network, below which a line between a contact and a darker band before it is none: the contact's dark
line is narrower than a cell, and what is added beyond it begins where the next cell does."""
_CAST = 0.75
"""Weight of the cast shade beside the room's: light of the room falls into it."""
_BOUNCE_FRONT, _BOUNCE_BACK = 0.8, 0.45
"""How bright a product's front and its other sides are towards the ground, over what the picture shows of it."""


@dataclass(frozen=True)
class Grounded:
    """Pictures with shadow `[B,H,W,C]`, light taken from the ground and the ground `[B,H,W]`, one report each."""

    image: Tensor
    shadow: Tensor
    ground: Tensor
    reports: list[dict[str, Any]]


def _towards_border(
    contact: Contact, look: Look, height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Weights of the rows and columns: 1 at the product, falling smoothly to 0 just before the canvas' border."""

    def ramp(count: int, before: float, after: float) -> Tensor:
        at = torch.arange(count, device=device, dtype=torch.float32) + 0.5
        clear = 0.01 * count
        first = (at - clear) / max(1.0, (1 - _KEEP_CLEAR) * before - clear)
        last = (count - at - clear) / max(1.0, (1 - _KEEP_CLEAR) * after - clear)
        return smoothstep(first) * smoothstep(last)

    box = contact.box
    rows = torch.arange(height, device=device, dtype=torch.float32) + 0.5
    deep = _HORIZON * height * max(1.0, look.foreshortening / FORESHORTENING)
    horizon = min(contact.lowest - deep, contact.highest - deep / 3)
    below = smoothstep((rows - horizon) / (_FADES * deep))
    down = below * ramp(height, 0.06 * height, height - contact.lowest)
    # Of what reaches out beside its foot, a handle, the shade has half of that as room to fade, too.
    left = (box.left + min(touch.left for touch in contact.touches)) / 2
    right = (box.right + max(touch.right for touch in contact.touches)) / 2
    return down, ramp(width, left, width - right)


Shade = tuple[slice, slice, Tensor]
"""Canvas rows and columns, and the share of the ground's light that is lost there."""


def _solid_shade(
    alpha: Tensor, contact: Contact, look: Look, rays: Sequence[Ray], cells: int, reach: float, levels: int | None
) -> Shade:
    """What the product's solid of so many `cells` keeps of the `rays`, up to `reach` times its size around it."""
    if look.ball is not None:
        solid = ball_solid(look.ball, cells, look.foreshortening)
    elif look.foot is None:
        solid = build_solid(alpha, contact, cells, look.foreshortening)
    else:
        solid = turned_solid(alpha, contact, look.foot, cells)
    ground = occlusion(solid, rays, reach * cells, levels)
    return on_picture(ground, solid, look.foreshortening, (alpha.shape[0], alpha.shape[1]), alpha.device)


@dataclass(frozen=True)
class Look:
    """What the product's own pixels say: `reflects` 0..1, how much light it gives back, `ramp`, rows of its soft edge,
    `undercut`, see there, the `ball` that it is, if it is one, the `foot` it stands on, if it was turned, the `corner`
    of the rectangle that it stands on, if that is seen, the `roll` that it is, if it is one, and what the network has
    `seen`, if it looked."""

    reflects: float = 0.2
    ramp: float = 1.0
    undercut: float = USUAL_UNDERCUT
    ball: Ball | None = None
    foot: RoundFoot | None = None
    corner: Corner | None = None
    roll: Roll | None = None
    seen: Seen | None = None

    @classmethod
    def of(cls, image: Tensor, alpha: Tensor, contact: Contact) -> Look:
        """Of the product in `image` `[H,W,C]`."""
        ball = find_ball(image, alpha, contact)
        ramp = edge_width(alpha, contact if ball is None else ball.contact(contact))
        seen = Seen.of(image, alpha, contact.box) if ball is None and contact.touches else None
        foot = find_round_foot(alpha, contact) if ball is None else None
        corner = find_corner(contact) if ball is None and foot is None else None
        roll = find_roll(alpha, contact) if ball is None and foot is None and corner is None else None
        reflects, edge = reflectance(image, alpha, contact.box), undercut(image, alpha, contact, ramp)
        return cls(reflects, ramp, edge, ball, foot, corner, roll, seen)

    @property
    def foreshortening(self) -> float:
        """Depth on the ground to rows of the picture."""
        shape = self.foot or self.corner
        return FORESHORTENING if shape is None else shape.foreshortening


def _room_shades(alpha: Tensor, contact: Contact, softness: float, look: Look) -> Iterator[Shade]:
    """What the product keeps from the ground of a white room's light and of its soft box, and the dark contact."""
    if look.ball is not None:
        canvas = (alpha.shape[0], alpha.shape[1])
        yield ball_shade(look.ball, canvas, softness, look.reflects, look.foreshortening, alpha.device)
        return
    rays = [
        replace(ray, returned=look.reflects * (_BOUNCE_FRONT if ray.away > 0 else _BOUNCE_BACK))
        for ray in studio_rays(softness)
    ]
    yield _solid_shade(alpha, contact, look, rays, _AMBIENT_CELLS, 1.1, _AMBIENT_LEVELS)
    yield from _crevices(alpha, contact, softness, look)


def _crevices(alpha: Tensor, contact: Contact, softness: float, look: Look) -> Iterator[Shade]:
    """The dark line along each contact."""
    span = contact.span
    for touch in contact.touches:
        size = crevice_size(touch, span, softness, look.undercut)
        if look.foot is None:
            lateral = foot_sides(touch, span)
            rows, columns, shade = crevice(alpha, contact, touch, size, look.ramp, look.foreshortening, lateral)
        else:
            rows, columns, shade = round_crevice(alpha, touch, look.foot, size)
        yield rows, columns, _CREVICE * shade


def _room_shade(alpha: Tensor, contact: Contact, softness: float, look: Look) -> Tensor:
    """All of them on the canvas `[H,W]`, as shares of the darkest loss."""
    shade = torch.ones_like(alpha)
    for rows, columns, part in _room_shades(alpha, contact, softness, look):
        shade[rows, columns] *= 1 - part
    return _seen_of(shade.neg_().add_(1))


def _seen_of(shade: Tensor) -> Tensor:
    """The `shade` (changed) without what is too faint to be one."""
    return shade.sub_(_FAINTEST).clamp_(min=0.0).div_(1 - _FAINTEST)


def close_pale_lines(shade: Tensor, contact: Contact, half: int) -> None:
    """Fill what of the `shade` `[H,W]` (changed) is fainter, below each contact, than both what is above it and what is
    below it, within `half` rows to either side: a closing (Serra, 1982) along the columns.

    What the network takes from under a foot, whose contact is smaller than a cell, it takes from beside it, too.
    """
    for touch in contact.touches:
        aside = 2 * half if touch.foot else 0
        start, stop = math.floor(touch.highest) - aside, min(shade.shape[0], math.ceil(touch.lowest) + 4 * half)
        start, columns = max(0, start), slice(max(0, touch.left - aside), min(shade.shape[1], touch.right + aside))
        if start >= stop:
            continue
        # As far again is looked at: what ends there would be a line of its own.
        part = shade[start : stop + 2 * half, columns]
        row = torch.arange(start, start + part.shape[0], device=shade.device)[:, None] + 1
        at = torch.arange(columns.start, columns.stop, device=shade.device) + 0.5
        inside = (at > touch.left + touch.hangs[0]) & (at < touch.right - touch.hangs[1])
        line = torch.from_numpy(touch.level(at.cpu().double().numpy())).to(shade)
        above = (row <= line) & inside
        closed = torch.where(above, 1.0, part)
        for sign in (1, -1):
            closed = sign * running_max(sign * closed, half, half, 0)
        more = torch.where(above, 0.0, (closed - part).clamp(min=0.0))[: stop - start]
        # Less towards the ends, so that none of it ends in a step.
        along = torch.minimum(at - touch.left, touch.right - at) + aside
        down = smoothstep((row[: stop - start] - start) / aside) if aside else 1.0
        shade[start:stop, columns] += more * smoothstep(along / half) * down


def drawn_room_shade(image: Tensor, alpha: Tensor) -> tuple[Tensor, Contact] | None:
    """What the network corrects, for its training: the room's shade `[H,W]` of the product in `image` `[H,W,C]` as
    it is drawn, and the contact; None for what stands on nothing or is a ball."""
    contact = standing_contact(alpha)
    look = Look.of(image, alpha, contact)
    if not contact.touches or look.ball is not None:
        return None
    return _room_shade(alpha, contact, LEARNED_SOFTNESS, look), contact


def shade_ground(alpha: Tensor, contact: Contact, light: Light, look: Look | None = None) -> Tensor:
    """Share of the light that the ground loses `[H,W]`, as if the product were not in front of it."""
    height, width = alpha.shape
    if not contact.touches or light.darkest <= 0:
        return torch.zeros_like(alpha)
    look = look or Look()
    lost = _room_shade(alpha, contact, light.softness, look)
    is_guessed = look.foot is None and look.ball is None
    turns_under = float(np.interp(look.undercut, *_TURNS_UNDER)) if is_guessed else 0.0
    drawn = lost.clone() if turns_under > 0 else lost
    if look.seen is not None:
        # The network knows one light, and a softer or harder one is missed by as much.
        usual = lost
        if light.softness != LEARNED_SOFTNESS:
            usual = _room_shade(alpha, contact, LEARNED_SOFTNESS, look)
        square = look.seen.square
        missed = look.seen.missed(square.averaged(usual[None])[0], look.foot)
        square.add(missed, lost)
        close_pale_lines(lost, contact, max(1, round(_PALE / 2 * square.pixels)))
        lost = _seen_of(lost)
    if is_guessed:
        for rows, columns, shade in undersides(alpha, contact, look.reflects):
            lost[rows, columns] = torch.maximum(lost[rows, columns], shade)
        if turns_under > 0:
            for rows, columns, shade in _crevices(alpha, contact, light.softness, look):
                kept = torch.lerp(lost[rows, columns], drawn[rows, columns], turns_under * shade**_NEAR)
                lost[rows, columns] = torch.maximum(lost[rows, columns], kept)
        if look.roll is not None:
            line, size = look.roll.line(contact.touches[0]), DARK * look.roll.radius
            rows, columns, shade = crevice(
                alpha, contact, line, size, look.ramp, look.roll.foreshortening, (ENDS, ENDS), corners=False
            )
            lost[rows, columns] = torch.maximum(lost[rows, columns], shade)
    if not light.contact_only:
        rows, columns, shade = _solid_shade(alpha, contact, look, cast_rays(light), _CAST_CELLS, 1.2, None)
        lost[rows, columns] += (1 - lost[rows, columns]) * _seen_of(_CAST * shade)
    down, across = _towards_border(contact, look, height, width, alpha.device)
    return lost.mul_(light.darkest).mul_(down[:, None]).mul_(across)


def ground_plane(contact: Contact, width: int, height: int, device: torch.device) -> Tensor:
    """The plane the product stands on `[H,W]`: 1 from the hindmost contact downwards, a soft horizon above it."""
    soft = max(2.0, 0.12 * contact.box.height)
    rows = torch.arange(height, device=device) + 0.5
    return smoothstep((rows - (contact.highest - soft)) / soft)[:, None].expand(height, width)


def ground_and_shadow(
    image: Tensor,
    mask: Tensor,
    light: Light | None = None,
    borders: Sequence[float | None] = (),
    *,
    worn: Worn | None = None,
) -> Grounded:
    """Put a shadow under each product and say where its ground is.

    `image` `[B,H,W,C]` sRGB; `mask` `[B,H,W]`, 1 = product, at the image's size; `borders` the row at which each
    picture's photo ends, where its product may be cut off (`lower_border`), or one row for all; what is `worn` stands
    on nothing. The product (mask 1) and everything the shadow does not reach stay bit-identical. `shadow` is the share
    of linear light taken from the ground, 0 on the product. Raises EmptyMaskError without a product, ShapeError and
    ParameterError for what does not fit.
    """
    light = light or Light()
    light.check()
    for border in borders:
        if border is not None:
            check_number(border, "borders")
    image, mask = check_color(image), check_mask(mask)
    same_size(image=image, mask=mask)
    batch = common_batch(image=image, mask=mask)
    height, width = mask.shape[1:]
    if min(height, width) < 4:
        raise ShapeError(f"image is {width}×{height} pixels; a shadow needs a picture of at least 4×4.")
    out = image.expand(batch, *image.shape[1:]).clone(memory_format=torch.contiguous_format)
    shadow = mask.new_zeros((batch, height, width))
    ground = mask.new_empty((batch, height, width))
    reports = []
    for index in range(batch):
        alpha = item(mask, index)
        looks, lit = [], torch.ones_like(alpha)
        border = borders[min(index, len(borders) - 1)] if borders else None
        things = standing_things(alpha)
        cut_off = [border is not None and is_cut_off(thing, border) for thing in things]
        contacts, garments = resting(out[index, ..., :3], things, cut_off, worn)
        for thing, contact in zip(things, contacts, strict=True):
            look = Look.of(out[index], thing, contact)
            lit *= 1 - shade_ground(thing, contact, light, look)
            looks.append(look)
        shade = lit.neg_().add_(1).clamp_(max=light.darkest)
        shaded = _extent(shade)
        if shaded is not None:
            darken(out[index][shaded], alpha[shaded], shade[shaded], max(look.ramp for look in looks))
            for contact, look in zip(contacts, looks, strict=True):
                close_seam(out[index], alpha, contact, look.ramp)
            shadow[index][shaded] = torch.where(alpha[shaded] > 0.5, 0.0, shade[shaded] * (1 - alpha[shaded]))
        contact = all_contacts(
            [one if look.ball is None else look.ball.contact(one) for one, look in zip(contacts, looks, strict=True)]
        )
        ground[index] = ground_plane(contact, width, height, mask.device)
        reports.append(shadow_report(contact, shadow[index], light, garments, was_cut_off=any(cut_off)))
    return Grounded(out, shadow, ground, reports)


def _extent(shade: Tensor) -> tuple[slice, slice] | None:
    """Rows and columns of what is shaded at all."""
    try:
        box = bounding_box(shade, 0.0, "shade")
    except EmptyMaskError:
        return None
    return slice(box.top, box.bottom), slice(box.left, box.right)
