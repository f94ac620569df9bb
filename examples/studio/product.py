"""A product on the table, its parts and its colours."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy


@dataclass
class Product:
    """A product on the table: all its parts, and the parts that a hand would grip."""

    parts: list[bpy.types.Object] = field(default_factory=list)
    handle: list[bpy.types.Object] = field(default_factory=list)
    scale: tuple[float, float, float] = (1, 1, 1)
    """How much wider, deeper and higher it stands than it was made."""

    def add(self, *things: bpy.types.Object) -> None:
        self.parts += things

    def add_handle(self, *things: bpy.types.Object) -> None:
        self.parts += things
        self.handle += things


@dataclass(frozen=True)
class Colors:
    body: str
    trim: str
    metal: str
    thread: str
