"""Drawn products with exact masks and exact handle coverage, for the tests of Erase Handle.

Everything is drawn on a unit square (y down) with a random generator's choices of shape, size and tilt, four times
as large as delivered, so that edges are antialiased. Layers are painted back to front; what a later layer covers of
the handle is not handle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image, ImageDraw
from scipy import ndimage
from torch import Tensor

OVERSAMPLE = 3
Points = Sequence[tuple[float, float]]


@dataclass
class Product:
    """Layers of a drawn product: polygons and thick lines, each handle or not; `cut` layers remove what is below."""

    name: str
    layers: list[tuple[str, str, Points, float]] = field(default_factory=list)

    def solid(self, points: Points, role: str = "body") -> Product:
        self.layers.append((role, "polygon", points, 0.0))
        return self

    def line(self, points: Points, width: float, role: str = "handle") -> Product:
        self.layers.append((role, "line", points, width))
        return self

    def render(self, side: int = 400, tilt: float = 0.0) -> tuple[Tensor, Tensor]:
        """Mask and handle coverage `[side,side]`, the product turned by `tilt` degrees about the square's middle."""
        angle = np.radians(tilt)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        size = side * OVERSAMPLE
        product, handle = np.zeros((size, size), bool), np.zeros((size, size), bool)
        for role, shape, points, width in self.layers:
            at = ((np.asarray(points) - 0.5) @ turn.T + 0.5) * size
            image = Image.new("1", (size, size))
            pen = ImageDraw.Draw(image)
            places = [(float(x), float(y)) for x, y in at]
            if shape == "polygon":
                pen.polygon(places, fill=1)
            else:
                # Pillow leaves hairlines between the segments of a thick curve; discs at the joints close them.
                radius = max(0.5, width * size / 2)
                pen.line(places, fill=1, width=max(1, round(2 * radius)))
                for x, y in places[1:-1]:
                    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
            drawn = np.asarray(image)
            product = product & ~drawn if role == "cut" else product | drawn
            handle = handle | drawn if role == "handle" else handle & ~drawn
        return _shrunk(product), _shrunk(handle)


def _shrunk(mask: np.ndarray) -> Tensor:
    height, width = mask.shape[0] // OVERSAMPLE, mask.shape[1] // OVERSAMPLE
    blocks = mask.reshape(height, OVERSAMPLE, width, OVERSAMPLE).astype(np.float32)
    return torch.from_numpy(blocks.mean(axis=(1, 3)))


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> list[tuple[float, float]]:
    """A rectangle with round corners."""
    corners = ((right, bottom, 0), (left, bottom, 90), (left, top, 180), (right, top, 270))
    points = []
    for x, y, start in corners:
        cx, cy = x + (radius if x == left else -radius), y + (radius if y == top else -radius)
        for angle in np.radians(np.linspace(start, start + 90, 12)):
            points.append((cx + radius * np.cos(angle), cy + radius * np.sin(angle)))
    return points


def ellipse(x: float, y: float, rx: float, ry: float) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    return [(x + rx * np.cos(a), y + ry * np.sin(a)) for a in angles]


def arch(left: float, right: float, base: float, height: float, power: float = 2.0) -> list[tuple[float, float]]:
    """From left foot to right foot over a superellipse; `power` 2 is an ellipse, more is squarer."""
    t = np.linspace(0, np.pi, 160)
    x = (left + right) / 2 - (right - left) / 2 * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / power)
    y = base - height * np.abs(np.sin(t)) ** (2 / power)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def bag_body(random: np.random.Generator) -> tuple[list[tuple[float, float]], float, float, float]:
    """Outline of a body, its top edge, and the left and right ends of that edge."""
    half = random.uniform(0.18, 0.28)
    top, bottom = random.uniform(0.46, 0.56), random.uniform(0.72, 0.84)
    taper = random.uniform(-0.03, 0.04)
    outline = rounded(0.5 - half, top, 0.5 + half, bottom, random.uniform(0.01, 0.04))
    outline = [(0.5 + (x - 0.5) * (1 + taper * (y - top) / (bottom - top)), y) for x, y in outline]
    return outline, top, 0.5 - half, 0.5 + half


def arch_bag(random: np.random.Generator) -> Product:
    outline, top, left, right = bag_body(random)
    inset = random.uniform(0.1, 0.32) * (right - left)
    path = arch(left + inset, right - inset, top + 0.012, random.uniform(0.1, 0.28), random.uniform(1.8, 4))
    return Product("arch").line(path, random.uniform(0.012, 0.035)).solid(outline)


def twin_bag(random: np.random.Generator) -> Product:
    """Two straps, the front one lower or beside, sometimes nearly hiding the back one; feet before the body."""
    outline, top, left, right = bag_body(random)
    inset = random.uniform(0.12, 0.3) * (right - left)
    width, height, power = random.uniform(0.012, 0.026), random.uniform(0.14, 0.28), random.uniform(1.8, 3.5)
    dx, dy = random.uniform(-0.05, 0.05), random.uniform(-0.02, 0.07)
    back = arch(left + inset + dx, right - inset + dx, top + 0.01, height + dy, power)
    front = arch(left + inset, right - inset, top + random.uniform(0.01, 0.04), height, power)
    return Product("twin").line(back, width).solid(outline).line(front, width)


def grip_case(random: np.random.Generator) -> Product:
    """A briefcase: a short flat grip on two posts, its opening often only a slot."""
    half, top, bottom = random.uniform(0.22, 0.34), random.uniform(0.4, 0.5), random.uniform(0.7, 0.8)
    wide, thick, slot = random.uniform(0.05, 0.1), random.uniform(0.014, 0.028), random.uniform(0.008, 0.05)
    middle = 0.5 + random.uniform(-0.03, 0.03)
    y = top - slot - thick / 2
    path = [(middle - wide, top + 0.01), (middle - wide, y), (middle + wide, y), (middle + wide, top + 0.01)]
    return Product("grip").line(path, thick).solid(rounded(0.5 - half, top, 0.5 + half, bottom, 0.02))


def shoulder_bag(random: np.random.Generator) -> Product:
    """A strap two to four times as long as the bag is wide."""
    half, top, bottom = random.uniform(0.12, 0.18), random.uniform(0.66, 0.72), random.uniform(0.86, 0.93)
    path = arch(0.5 - half + 0.01, 0.5 + half - 0.01, top + 0.02, random.uniform(0.4, 0.6), random.uniform(1.5, 2.6))
    lean = random.uniform(-0.1, 0.1)
    path = [(x + lean * (top - y), y) for x, y in path]
    return (
        Product("shoulder")
        .line(path, random.uniform(0.007, 0.014))
        .solid(rounded(0.5 - half, top, 0.5 + half, bottom, 0.02))
    )


def scarf_bag(random: np.random.Generator) -> Product:
    """An arch with a knotted scarf over a part of it: product, but not handle."""
    product = arch_bag(random)
    product.name = "scarf"
    path, width = product.layers[0][2], product.layers[0][3]
    x, y = path[int(len(path) * random.choice([0.15, 0.25, 0.75, 0.85]))]
    radius = width * random.uniform(1.5, 2.2)
    product.solid(ellipse(x, y, radius, radius * 1.2))
    return product.line([(x, y), (x + radius, y + 2.2 * radius)], width * 1.2, role="body")


def tag_bag(random: np.random.Generator) -> Product:
    """An arch with a small tag hanging from it on a cord."""
    product = arch_bag(random)
    product.name = "tag"
    path, width = product.layers[0][2], product.layers[0][3]
    x, y = path[int(len(path) * random.uniform(0.3, 0.7))]
    product.line([(x, y), (x, y + 1.5 * width)], 0.3 * width, role="body")
    size = 0.9 * width
    return product.solid(
        [(x - size, y + width), (x + size, y + width), (x + size, y + 3 * width), (x - size, y + 3 * width)]
    )


def veiled_bag(random: np.random.Generator) -> Product:
    """An arch with a scarf or label that hangs from the handle down over the body: product, but not handle."""
    product = arch_bag(random)
    product.name = "veiled"
    path, width = product.layers[0][2], product.layers[0][3]
    x, y = path[int(len(path) * random.uniform(0.35, 0.65))]
    half = width * random.uniform(0.6, 2.0)
    return product.solid([(x - half, y - width), (x + half, y - width), (x + 0.8 * half, 0.6), (x - 0.8 * half, 0.6)])


def broken_bag(random: np.random.Generator) -> Product:
    """An arch of which something that is not product (a hand removed, a ribbon) hides a part."""
    product = arch_bag(random)
    product.name = "broken"
    path, width = product.layers[0][2], product.layers[0][3]
    at = int(len(path) * random.uniform(0.25, 0.75))
    x, y = path[at]
    radius = random.uniform(0.7, 1.6) * width
    return product.solid(ellipse(x, y, radius, radius), role="cut")


def mug(random: np.random.Generator) -> Product:
    top, bottom, half = 0.34, 0.68, random.uniform(0.13, 0.17)
    t = np.linspace(-np.pi / 2, np.pi / 2, 80)
    reach, tall = random.uniform(0.08, 0.12), random.uniform(0.08, 0.12)
    path = [(0.5 + half - 0.005 + reach * np.cos(a), 0.5 + tall * np.sin(a)) for a in t]
    return (
        Product("mug").line(path, random.uniform(0.02, 0.035)).solid(rounded(0.5 - half, top, 0.5 + half, bottom, 0.02))
    )


def jar(random: np.random.Generator) -> Product:
    half = random.uniform(0.14, 0.22)
    lid = half * random.uniform(0.8, 1.0)
    return (
        Product("jar")
        .solid(rounded(0.5 - half, 0.42, 0.5 + half, 0.72, random.uniform(0.02, 0.08)))
        .solid(rounded(0.5 - lid, 0.32, 0.5 + lid, 0.43, 0.01))
    )


def bottle(random: np.random.Generator) -> Product:
    half, neck = random.uniform(0.07, 0.13), random.uniform(0.02, 0.045)
    outline = [(half, 0.9), (half, 0.5), (neck, random.uniform(0.36, 0.44)), (neck, 0.15)]
    return Product("bottle").solid([(0.5 + x, y) for x, y in outline] + [(0.5 - x, y) for x, y in outline[::-1]])


def shoe(random: np.random.Generator) -> Product:
    """A trainer from the side with a heel tab and two loops of lace."""
    outline = [(0.15, 0.66), (0.14, 0.58), (0.22, 0.55), (0.36, 0.5), (0.5, 0.42), (0.62, 0.4), (0.7, 0.45)]
    outline += [(0.8, 0.4), (0.86, 0.42), (0.87, 0.66)]
    product = Product("shoe").solid(outline)
    tab, lace = random.uniform(0.025, 0.045), random.uniform(0.006, 0.011)
    product.line(arch(0.82 - tab, 0.82 + tab, 0.43, 2.2 * tab), 0.014, role="body")
    for side in (-1, 1):
        loop = [
            (0.52 + side * r * np.sin(a), 0.42 - 2 * r * np.sin(a / 2) ** 2)
            for r in (random.uniform(0.03, 0.05),)
            for a in np.linspace(0, 2 * np.pi, 60)
        ]
        product.line(loop, lace, role="body")
    return product


def chair(random: np.random.Generator) -> Product:
    """A chair with an open back: posts and a top rail over the seat, on legs."""
    product = Product("chair").solid(rounded(0.3, 0.5, 0.7, random.uniform(0.56, 0.62), 0.02))
    wide = random.uniform(0.025, 0.04)
    product.line([(0.33, 0.52), (0.33, 0.2), (0.67, 0.2), (0.67, 0.52)], wide, role="body")
    for x in (0.33, 0.44, 0.58, 0.67):
        product.line([(x, 0.55), (x + 0.02 * np.sign(x - 0.5), 0.88)], wide, role="body")
    return product


def box(random: np.random.Generator) -> Product:
    left, top = random.uniform(0.2, 0.3), random.uniform(0.3, 0.4)
    return Product("box").solid([(left, top), (0.6, top - 0.06), (0.78, top), (0.78, 0.7), (0.6, 0.78), (left, 0.7)])


def ring(random: np.random.Generator) -> Product:
    path = ellipse(0.5, 0.5, 0.25, 0.25)
    return Product("ring").line([*path, *path[:3]], random.uniform(0.03, 0.06), role="body")


def headphones(random: np.random.Generator) -> Product:
    product = Product("headphones").line(arch(0.3, 0.7, 0.6, 0.4), random.uniform(0.02, 0.04), role="body")
    for x in (0.3, 0.7):
        product.solid(ellipse(x, 0.64, 0.07, 0.11))
    return product.line([(0.32, 0.72), (0.68, 0.72)], 0.02, role="body")


def glasses(random: np.random.Generator) -> Product:
    product = Product("glasses")
    for x in (0.32, 0.68):
        path = ellipse(x, 0.5, 0.14, 0.11)
        product.line([*path, *path[:3]], random.uniform(0.015, 0.03), role="body")
    return product.line([(0.45, 0.48), (0.55, 0.48)], 0.02, role="body")


def basket(random: np.random.Generator) -> Product:
    """A wire basket: nothing but openings."""
    product = Product("wire rack")
    for step in np.linspace(0.25, 0.75, 7):
        product.line([(step, 0.3), (step, 0.7)], 0.012, role="body").line(
            [(0.25, step), (0.75, step)], 0.012, role="body"
        )
    return product


Maker = Callable[[np.random.Generator], Product]
WITH_HANDLE: tuple[Maker, ...] = (
    arch_bag,
    twin_bag,
    grip_case,
    shoulder_bag,
    scarf_bag,
    tag_bag,
    broken_bag,
)
WITHOUT_HANDLE: tuple[Maker, ...] = (jar, bottle, shoe, chair, box, ring, headphones, glasses, basket)


@dataclass(frozen=True)
class Score:
    """How an erased mask agrees with the handle's true coverage, by the figures of the project's acceptance."""

    purity: float
    share: float
    off_center: float

    @property
    def good(self) -> bool:
        return self.purity >= 0.97 and 0.15 <= self.share <= 0.5 and self.off_center <= 0.12


def score(erased: Tensor, handle: Tensor) -> Score:
    """`erased`, `handle` `[H,W]`; handle is coverage > 0.5, erased pixels within 3 px of it are pure."""
    gone, truth = erased.numpy() > 0.5, handle.numpy() > 0.5
    near = ndimage.binary_dilation(truth, iterations=3)
    columns = np.nonzero(truth)[1]
    if not gone.any():
        return Score(0.0, 0.0, 1.0)
    off = abs(np.nonzero(gone)[1].mean() - columns.mean()) / (np.ptp(columns) + 1)
    return Score(float((gone & near).sum() / gone.sum()), float((gone & truth).sum() / truth.sum()), float(off))
