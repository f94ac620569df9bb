"""Every object of a picture by itself: where each is, which masks mean the same one, who gets a shared pixel."""

from .names import file_label, labels_of
from .overlap import OVERLAPS, shared_out
from .separate import separate
from .things import Objects, Thing
from .twins import without_twins

__all__ = [
    "OVERLAPS",
    "Objects",
    "Thing",
    "file_label",
    "labels_of",
    "separate",
    "shared_out",
    "without_twins",
]
