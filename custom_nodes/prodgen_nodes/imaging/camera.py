"""A camera's move over a finished picture: frames that are crops of it, resampled in linear light, nothing painted."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .colorspace import linear_to_srgb, srgb_to_linear
from .errors import ParameterError
from .placement import Affine
from .resample import place

MOVES = ("push_in", "pull_out", "pan_left", "pan_right", "rise", "sink", "still")
_START = {
    "pan_left": (1.0, 0.5),
    "pan_right": (0.0, 0.5),
    "rise": (0.5, 1.0),
    "sink": (0.5, 0.0),
}
"""Where in the room it has a panning camera begins: 0 left or top, 1 right or bottom."""
_MOST_BYTES = 6 << 30
"""Of all frames together, as ComfyUI holds them: more than that is swapped out on the machines sellers have."""


def frames_of(
    picture: Tensor,
    move: str,
    count: int,
    width: int,
    height: int,
    amount: float,
    step: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """`count` frames `[count,height,width,3]` of `picture` `[H,W,3]` sRGB 0..1.

    `amount`: how much nearer the camera comes (0.25 = a quarter), or how much nearer it is while it pans. `step` is
    told of each frame. Each shows a part of the picture in its own proportions; begin and end are eased.

    Raises ParameterError for a move or an amount that is none, or frames that no memory holds.
    """
    if move not in MOVES:
        raise ParameterError(f"move is {move!r}; choose one of: {', '.join(MOVES)}.")
    if count < 1:
        raise ParameterError("a film has at least one frame.")
    if not 0 <= amount <= 3:
        raise ParameterError(f"amount is {amount:g}; the camera comes from 0 to 3 times nearer.")
    size = count * height * width * 12
    if size > _MOST_BYTES:
        raise ParameterError(
            f"{count} frames of {width} × {height} take {size / 2**30:.1f} GB.",
            advice="Make it shorter, smaller, or of fewer frames a second.",
        )
    light = srgb_to_linear(picture)
    solid = torch.cat((light, torch.ones_like(light[..., :1])), dim=-1)
    frames = torch.empty((count, height, width, 3), dtype=torch.float32)
    size_of_picture = picture.shape[1], picture.shape[0]
    for number in range(count):
        view = view_of(move, eased(number / max(1, count - 1)), amount, size_of_picture, width / height)
        frames[number] = _shown(solid, view, width, height)
        step(number + 1)
    return frames


def eased(time: float) -> float:
    """From 0..1 to 0..1, slow at both ends."""
    return time * time * (3 - 2 * time)


def view_of(
    move: str, time: float, amount: float, size: tuple[int, int], aspect: float
) -> tuple[float, float, float, float]:
    """What is seen at `time` 0..1: (left, top, width, height) in pixels of a picture of `size` (width, height); never
    beyond its borders."""
    whole_width = min(size[0], size[1] * aspect)
    if move in ("push_in", "pull_out"):
        nearer = 1 + amount * (time if move == "push_in" else 1 - time)
        across, down = 0.5, 0.5
    elif move == "still":
        nearer, across, down = 1.0, 0.5, 0.5
    else:
        nearer = 1 + amount
        begin = _START[move]
        across, down = (place if place == 0.5 else place + (1 - 2 * place) * time for place in begin)
    width = whole_width / nearer
    height = width / aspect
    return (size[0] - width) * across, (size[1] - height) * down, width, height


def _shown(solid: Tensor, view: tuple[float, float, float, float], width: int, height: int) -> Tensor:
    left, top, wide, tall = view
    scale_x, scale_y = width / wide, height / tall
    patch = place(solid, Affine(scale_x, 0.0, -left * scale_x, 0.0, scale_y, -top * scale_y), width, height)
    colour = patch.pixels[..., :3] / patch.pixels[..., 3:].clamp(min=1e-6)  # at the borders the kernel sees nothing
    return linear_to_srgb(colour.clamp(0.0, 1.0)).cpu()
