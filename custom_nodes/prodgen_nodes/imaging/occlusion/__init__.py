"""What of a generated scene lies in front of the product: fingers that the paste must not cut."""

from .keep import Kept, keep_in_front

__all__ = ["Kept", "keep_in_front"]
