"""Fake transparency: the checkerboard that picture editors show behind a cut-out, painted into the picture.

What is printed or laid in the scene (a checked shirt, a tiled floor) is lit, textured or seen at an angle, and does not
reach along the picture's edges in two even greys.
"""

from .board import Checkerboard, checkerboard
from .evening import evened

__all__ = ["Checkerboard", "checkerboard", "evened"]
