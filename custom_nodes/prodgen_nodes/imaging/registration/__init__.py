"""Registering a product to a generated picture: edit models shift, rescale and turn what they were given."""

from .product import Registered, register_product

__all__ = ["Registered", "register_product"]
