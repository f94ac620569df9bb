"""Find a product's handle from its mask and open a gap in it, so that a hand can be painted there."""

from .erase import FILLS, ErasedHandle, erase_handle

__all__ = ["FILLS", "ErasedHandle", "erase_handle"]
