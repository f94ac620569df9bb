"""The network that knows what is worn, from models/classifiers."""

from __future__ import annotations

from torch import Tensor

from ..product_kind import EfficientNetLite, garment
from .installed_network import InstalledNetwork

_KINDS = InstalledNetwork(EfficientNetLite, "classifiers")
identity = _KINDS.identity


def kinds(picture: Tensor, mask: Tensor) -> Tensor | None:
    """The probabilities of ImageNet's classes `[1000]` for the product of a `picture` `[H,W,3]` and its `mask` `[H,W]`;
    None where no such network is installed, it is damaged, or there is nothing to see."""
    fits = mask.shape == picture.shape[:2] and bool((mask > 0.5).any())
    network = _KINDS.get() if fits else None
    return None if network is None else network.kinds(picture[..., :3], mask)


def worn(picture: Tensor, mask: Tensor) -> tuple[str, bool] | None:
    """Which garment the product of a `picture` `[H,W,3]` and its `mask` `[H,W]` is, and whether that is sure; None for
    anything else, and where no such network is installed, or it is damaged."""
    seen = kinds(picture, mask)
    found = None if seen is None else garment(seen, mask)
    return None if found is None else (found.name, found.is_sure)
