"""One product in the colours of its range: a material's colour exchanged, its shading, texture and highlights kept."""

from .apply import Recolored, recolor
from .picture import in_photo
from .target import out_of_reach, swatch_color, target_color

__all__ = ["Recolored", "in_photo", "out_of_reach", "recolor", "swatch_color", "target_color"]
