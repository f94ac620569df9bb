"""The network that knows what is worn, from models/classifiers."""

from __future__ import annotations

from torch import Tensor

from ..product_kind import EfficientNetLite
from .installed_network import InstalledNetwork

_KINDS = InstalledNetwork(EfficientNetLite, "classifiers")
identity = _KINDS.identity


def worn(picture: Tensor, mask: Tensor) -> str | None:
    """Which garment the product of a `picture` `[H,W,3]` and its `mask` `[H,W]` is; None for anything else, and where
    no such network is installed, or it is damaged."""
    network = _KINDS.get()
    found = None if network is None else network.garment(picture, mask)
    return None if found is None else found.name
