"""The typed record of where the product's own pixels belong on the canvas (`PRODGEN_PLACEMENT`)."""

from __future__ import annotations

from dataclasses import dataclass

from .tensors import Box

_SOFT_EDGE = 3
"""Pixels of an edge that cover less than half: a cut-out is trimmed to where nothing of it is left at all."""


@dataclass(frozen=True)
class Affine:
    """Product pixels to canvas pixels: `X = a·x + b·y + tx`, `Y = c·x + d·y + ty` (pixel edges at integers)."""

    a: float
    b: float
    tx: float
    c: float
    d: float
    ty: float

    @classmethod
    def scale_translate(cls, scale: float, tx: float, ty: float) -> Affine:
        return cls(scale, 0.0, tx, 0.0, scale, ty)

    @property
    def is_separable(self) -> bool:
        """Whether rows stay rows (no rotation or shear)."""
        return self.b == 0.0 and self.c == 0.0

    def apply(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.b * y + self.tx, self.c * x + self.d * y + self.ty

    def after(self, first: Affine) -> Affine:
        """The transform that does `first`, then this one."""
        return Affine(
            self.a * first.a + self.b * first.c,
            self.a * first.b + self.b * first.d,
            self.a * first.tx + self.b * first.ty + self.tx,
            self.c * first.a + self.d * first.c,
            self.c * first.b + self.d * first.d,
            self.c * first.tx + self.d * first.ty + self.ty,
        )

    def inverted(self) -> Affine:
        """The transform that undoes this one."""
        determinant = self.a * self.d - self.b * self.c
        a, b = self.d / determinant, -self.b / determinant
        c, d = -self.c / determinant, self.a / determinant
        return Affine(a, b, -a * self.tx - b * self.ty, c, d, -c * self.tx - d * self.ty)

    def scaled_about(self, factor: float, x: float, y: float) -> Affine:
        """This transform followed by a scaling of the canvas by `factor` about canvas point `(x, y)`."""
        return Affine.scale_translate(factor, x * (1 - factor), y * (1 - factor)).after(self)


@dataclass(frozen=True)
class Placement:
    """Where each product of a batch belongs on its canvas.

    `transforms` and `boxes` hold one entry per picture; a single entry serves every picture of a batch.
    `boxes` are the products' bounding boxes in product pixels (`extent`).
    """

    canvas_width: int
    canvas_height: int
    product_width: int
    product_height: int
    transforms: tuple[Affine, ...]
    boxes: tuple[Box, ...]
    pose: str = "centered"

    def __len__(self) -> int:
        return len(self.transforms)

    def transform(self, index: int) -> Affine:
        return self.transforms[0 if len(self.transforms) == 1 else index]

    def box(self, index: int) -> Box:
        return self.boxes[0 if len(self.boxes) == 1 else index]

    def cut_sides(self, index: int) -> tuple[str, ...]:
        """The borders of the photo that the product reaches (`left`, `above`, `right`, `below`): the rest of it was
        never photographed. None where it reaches all of them, but for its soft edge: the photo was trimmed to it."""
        box = self.box(index)
        room = {
            "left": box.left,
            "above": box.top,
            "right": self.product_width - box.right,
            "below": self.product_height - box.bottom,
        }
        trimmed = max(room.values()) <= _SOFT_EDGE
        return () if trimmed else tuple(side for side, pixels in room.items() if pixels <= 0)

    def canvas_box(self, index: int) -> tuple[float, float, float, float]:
        """The product's bounding box on the canvas: left, top, right, bottom in canvas pixels, sub-pixel."""
        box, transform = self.box(index), self.transform(index)
        corners = [transform.apply(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return min(xs), min(ys), max(xs), max(ys)
