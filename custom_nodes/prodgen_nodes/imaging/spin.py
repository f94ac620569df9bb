"""The photos of a turntable as one turn: the product at one size, on one line, under one light.

Photos of a camera on a stand are left as they are to each other: what grows and sinks as a corner comes nearer, or as
the product shows its depth from above, is how it looks, and taking it away would make it breathe. Only where the camera
was moved (`standing.py`) is each photo brought to the common size and line by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor

from .colorspace import linear_to_srgb, srgb_to_linear
from .compositing import lay_over
from .errors import ParameterError
from .extent import product_box
from .placement import Affine
from .standing import Backdrop, backdrop_of, on_a_stand
from .tensors import Box, check_mask, item, same_size, split_alpha

_EVEN = 0.12
"""Spread of a backdrop's light (relative, middle half) up to which its colour says how a photo was exposed."""
_BLOWN = 0.97
"""Linear light from which a backdrop is blown out, and says nothing."""
_MOST_GAIN = 2.0
"""One stop: what differs by more was taken in another light, and stays as it is with a note."""
_LEAST_PIXELS = 500
"""Of a backdrop: fewer are noise."""


@dataclass(frozen=True)
class Frame:
    """One photo of the turn: `product` `[H,W,3]` sRGB, `mask` `[H,W]`, its box, and the backdrop's colour in linear
    light (None: there is none that says anything). `behind`: the backdrop's drawing, None where there is no photo."""

    product: Tensor
    mask: Tensor
    box: Box
    backdrop: tuple[float, float, float] | None
    behind: Backdrop | None = None


@dataclass(frozen=True)
class Turn:
    """`images` `[N,height,width,3]` sRGB, `masks` `[N,height,width]`, and what was done."""

    images: Tensor
    masks: Tensor
    report: dict[str, Any] = field(default_factory=dict)


def frame_of(product: Tensor, mask: Tensor, photo: Tensor | None = None) -> Frame:
    """A photo's cut-out, `[1,H,W,C]` and `[1,H,W]`, with the photo itself for its light. Raises ShapeError,
    EmptyMaskError."""
    rgb, _ = split_alpha(product, "product")
    mask = check_mask(mask)
    same_size(product=rgb, mask=mask)
    rgb, alpha = item(rgb, 0), item(mask, 0)
    seen = None if photo is None else item(split_alpha(photo, "photo")[0], 0)
    box = product_box(alpha, rgb)
    if seen is None:
        return Frame(rgb, alpha, box, None)
    return Frame(rgb, alpha, box, backdrop_light(seen, alpha), backdrop_of(seen, alpha))


def backdrop_light(photo: Tensor, mask: Tensor) -> tuple[float, float, float] | None:
    """The middle colour of what is not product, in linear light; None where it is uneven, blown out or hardly there."""
    around = photo[mask < 0.01] if photo.shape[:2] == mask.shape else photo[:0, 0]
    if len(around) < _LEAST_PIXELS:
        return None
    light = srgb_to_linear(around[:: max(1, len(around) // 50_000)])
    low, middle, high = (torch.quantile(light, share, dim=0) for share in (0.25, 0.5, 0.75))
    if float(middle.max()) > _BLOWN or float(middle.min()) < 1e-3 or float(((high - low) / middle).max()) > _EVEN:
        return None
    red, green, blue = (float(value) for value in middle)
    return red, green, blue


def turned(
    frames: Sequence[Frame], width: int, height: int, fill: float, background: tuple[float, float, float]
) -> Turn:
    """All frames on canvases of `width` × `height` in `background` (sRGB 0..1); `fill` 0..1: the turn's longest side
    over the canvas' matching side.

    Raises ParameterError for fewer than two frames, or a fill that is none.
    """
    if len(frames) < 2:
        raise ParameterError("a turn needs at least two photos.", advice="8 to 36 look like a turn.")
    if not 0 < fill <= 1:
        raise ParameterError(f"fill is {fill:g}; it is a share of the canvas, above 0 and up to 1.")
    places, moved = _places(frames, width, height, fill)
    gains, notes = _gains(frames)
    images = torch.empty((len(frames), height, width, 3), dtype=torch.float32)
    masks = torch.empty((len(frames), height, width), dtype=torch.float32)
    for number, (frame, place, gain) in enumerate(zip(frames, places, gains, strict=True)):
        canvas = torch.tensor(background, dtype=torch.float32, device=frame.product.device)
        canvas = canvas.expand(height, width, 3).clone()
        masks[number] = lay_over(canvas, _lit(frame.product, gain), frame.mask, place).cpu()
        images[number] = canvas.cpu()
    if moved:
        notes.append(
            "The camera was moved between the photos: each product was brought to one size and line by itself."
        )
    largest = max(place.a for place in places)
    if largest > 1:
        notes.append(f"The product was enlarged {largest:.2f}×: larger photos, or a smaller canvas, are sharper.")
    report = {
        "pictures": len(frames),
        "camera": "moved" if moved else "on a stand",
        "scales": [round(place.a, 5) for place in places],
        "gains": [[round(value, 4) for value in gain] for gain in gains],
        "upscaled": largest > 1,
        "notes": notes,
    }
    return Turn(images, masks, report)


def _places(frames: Sequence[Frame], width: int, height: int, fill: float) -> tuple[list[Affine], bool]:
    """Each photo's place on the canvas, and whether the camera was moved between them."""
    boxes = [frame.box for frame in frames]
    tall = median(box.height for box in boxes)
    if on_a_stand(boxes, [frame.mask.shape for frame in frames], [frame.behind for frame in frames]):
        left, right = min(box.left for box in boxes), max(box.right for box in boxes)
        top, bottom = min(box.top for box in boxes), max(box.bottom for box in boxes)
        scale = fill * min(width / (right - left), height / (bottom - top))
        place = _standing(scale, (left + right) / 2, bottom, (bottom - top) * scale, width, height)
        return [place] * len(frames), False
    own = [tall / box.height for box in boxes]
    widest = max(box.width * scale for box, scale in zip(boxes, own, strict=True))
    common = fill * min(width / widest, height / tall)
    places = [
        _standing(scale * common, (box.left + box.right) / 2, box.bottom, tall * common, width, height)
        for box, scale in zip(boxes, own, strict=True)
    ]
    return places, True


def _standing(scale: float, middle: float, base: float, tall: float, width: int, height: int) -> Affine:
    """The place at which a photo's `middle` and `base` stand: the turn as a whole is in the canvas' middle."""
    return Affine.scale_translate(scale, width / 2 - middle * scale, (height + tall) / 2 - base * scale)


def _gains(frames: Sequence[Frame]) -> tuple[list[tuple[float, float, float]], list[str]]:
    """What each photo's light is multiplied by so that all backdrops have the middle one's colour."""
    known = [frame.backdrop for frame in frames if frame.backdrop is not None]
    plain = (1.0, 1.0, 1.0)
    if len(known) < 2:
        return [plain] * len(frames), ["No backdrop says how the photos were exposed: their light was left as it is."]
    wanted = [median(backdrop[channel] for backdrop in known) for channel in range(3)]
    gains, notes = [], []
    for number, frame in enumerate(frames, 1):
        gain = plain
        if frame.backdrop is None:
            notes.append(f"picture {number}: its backdrop does not say how it was exposed; its light was left.")
        else:
            red, green, blue = (want / own for want, own in zip(wanted, frame.backdrop, strict=True))
            if max(red, green, blue) > _MOST_GAIN or min(red, green, blue) < 1 / _MOST_GAIN:
                notes.append(f"picture {number}: it was taken in another light, which was left as it is.")
            else:
                gain = (red, green, blue)
        gains.append(gain)
    return gains, notes


def _lit(product: Tensor, gain: tuple[float, float, float]) -> Tensor:
    if gain == (1.0, 1.0, 1.0):
        return product
    return linear_to_srgb(srgb_to_linear(product) * product.new_tensor(gain)).clamp(0.0, 1.0)
