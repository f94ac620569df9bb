"""Contact shadow, ambient shade, cast shadow and ground of a product on its picture."""

from .contact import Contact, Touch, find_contact
from .corner import standing_contact
from .ground import Grounded, ground_and_shadow
from .light import Light
from .resting import Worn

__all__ = ["Contact", "Grounded", "Light", "Touch", "Worn", "find_contact", "ground_and_shadow", "standing_contact"]
