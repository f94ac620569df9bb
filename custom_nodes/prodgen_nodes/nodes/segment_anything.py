"""MobileSAM from models/sams."""

from __future__ import annotations

from torch import Tensor

from ..segment_anything import MobileSam, Seen
from .installed_network import InstalledNetwork

_SAM = InstalledNetwork(MobileSam, "sams")
"""In the folder where packs that run Segment Anything keep its weights."""
identity = _SAM.identity


def see(picture: Tensor) -> Seen | None:
    """A picture `[1,H,W,3]` as the installed network sees it; None where none is installed, or it is damaged."""
    sam = _SAM.get()
    return None if sam is None else sam.see(picture)
