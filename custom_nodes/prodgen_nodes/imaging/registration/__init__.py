"""Registering a product to a generated picture: edit models shift, rescale and turn what they were given."""

from .align import moved_mask
from .product import Registered, register_product

__all__ = ["Registered", "moved_mask", "register_product"]
