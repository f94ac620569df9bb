"""A TAESD (the small decoder for previews) whose weights make it pass pictures through instead of compressing them.

Encoding averages 8×8 pixels into the first latent channels as 2·value − 1; decoding takes them back and repeats each
8×8 times. Colours and places thus survive the latent, and a test can say what it expects to see.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from runner.smoke.weights import Weights

WIDTH = 64
"""Channels of all its layers."""
HINGES = 21  # three channels of them fit into the 64 that the decoder has
_LIMIT = 3.0  # the decoder squeezes its input with 3·tanh(x / 3)


def pass_through(shapes: dict[str, torch.Size], *, scale: float, shift: float = 0.0) -> Weights:
    """Weights for ComfyUI's `TAESD` class.

    Args:
        shapes: the class's weights.
        scale, shift: of the latent format: what a sampler works on is (latent − shift) · scale.
    """
    zero = torch.zeros(WIDTH * WIDTH * 9)
    weights = {name: zero[: math.prod(shape)].view(shape) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        if len(shape) == 1 and name.endswith("weight"):  # the norms of the branches that stay silent
            weights[name] = torch.ones(shape)
    weights["vae_scale"], weights["vae_shift"] = torch.tensor(scale), torch.tensor(shift)
    _encoder(weights)
    _decoder(weights)
    return weights


def _encoder(weights: Weights) -> None:
    names = _convolutions(weights, "taesd_encoder.")
    first, *halvings, last = names
    _set(weights, f"{first}.weight", lambda w: _centre(w, range(3)))
    for name in halvings:
        weight = torch.zeros(weights[f"{name}.weight"].shape)
        for channel in range(3):
            weight[channel, channel, 1:, 1:] = 0.25  # the 2×2 block that a stride of 2 stands on
        weights[f"{name}.weight"] = weight
    _set(weights, f"{last}.weight", lambda w: _centre(w, range(3), 2.0))
    _set(weights, f"{last}.bias", lambda b: b[:3].fill_(-1.0))


def _decoder(weights: Weights) -> None:
    """The first layer splits each channel at knots, the first block joins the pieces with the slopes that undo tanh."""
    first, *doublings, last = _convolutions(weights, "taesd_decoder.")
    knots, slopes = _inverse_of_the_squeeze()
    spread, shift = torch.zeros(weights[f"{first}.weight"].shape), torch.zeros(WIDTH)
    join = torch.zeros(WIDTH, WIDTH, 3, 3)
    for channel in range(3):
        pieces = slice(channel * HINGES, (channel + 1) * HINGES)
        spread[pieces, channel, 1, 1] = 1.0
        shift[pieces] = -knots
        join[channel, pieces, 1, 1] = slopes
    _centre(join, range(WIDTH), -1.0, add=True)  # a block adds its input to what it makes of it
    weights[f"{first}.weight"], weights[f"{first}.bias"] = spread, shift
    block = f"taesd_decoder.{int(first.rsplit('.', 1)[1]) + 2}.conv"
    for name in (f"{block}.0.weight", f"{block}.2.weight"):
        _set(weights, name, lambda w: _centre(w, range(WIDTH)))
    weights[f"{block}.4.weight"] = join
    for name in (*doublings, last):
        _set(weights, f"{name}.weight", lambda w: _centre(w, range(3)))


def _inverse_of_the_squeeze() -> tuple[torch.Tensor, torch.Tensor]:
    """Knots and slope changes of the piecewise linear map from 3·tanh(e / 3), e = 2v − 1, back to v in 0..1."""
    wanted = torch.linspace(0, 1, HINGES, dtype=torch.float64)
    knots = _LIMIT * torch.tanh((2 * wanted - 1) / _LIMIT)
    slopes = torch.diff(wanted) / torch.diff(knots)
    changes = torch.diff(slopes, prepend=torch.zeros(1, dtype=torch.float64))
    level = torch.cat([changes, -slopes[-1:]])  # flat at 1 beyond the last knot
    return knots.float(), level.float()


def _convolutions(weights: Weights, side: str) -> list[str]:
    """The layers that stand between the blocks, in order."""
    layers = {name.rsplit(".", 1)[0] for name in weights if name.startswith(side) and name.count(".") == 2}
    return sorted(layers, key=lambda name: int(name.rsplit(".", 1)[1]))


def _set(weights: Weights, name: str, change: Callable[[torch.Tensor], object]) -> None:
    fresh = torch.zeros(weights[name].shape)
    change(fresh)
    weights[name] = fresh


def _centre(kernel: torch.Tensor, channels: range, value: float = 1.0, *, add: bool = False) -> None:
    for channel in channels:
        before = kernel[channel, channel, 1, 1] if add else 0.0
        kernel[channel, channel, 1, 1] = before + value
