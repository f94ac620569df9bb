"""Figures of many values from an even share of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_ENOUGH = 20_000
"""A quantile of so many is within 0.4 % of rank (1 sigma) of that of all."""


def sampled(chosen: Tensor) -> Tensor:
    """Flat indices of what is chosen in `[...]` (boolean), evenly left out down to 20 000 to 40 000."""
    index = torch.nonzero(chosen.flatten()).flatten()
    return index[:: max(1, index.numel() // _ENOUGH)]


def quantile(values: Tensor, share: float) -> float:
    """The value of `[n]` below which `share` of them lie, between two linear, as `torch.quantile`; without its sort."""
    place = share * (values.numel() - 1)
    below, above = (float(values.kthvalue(1 + rank).values) for rank in (math.floor(place), math.ceil(place)))
    return below + (place - math.floor(place)) * (above - below)
