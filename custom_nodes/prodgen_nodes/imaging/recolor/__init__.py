"""One product in the colours of its range: a material's colour exchanged, its shading, texture and highlights kept."""

from .apply import Recolored, recolor
from .target import swatch_color, target_color

__all__ = ["Recolored", "recolor", "swatch_color", "target_color"]
