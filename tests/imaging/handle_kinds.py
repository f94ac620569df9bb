"""More kinds of drawn products for Erase Handle: what a shop sells with a handle, and what only looks like one.

They are drawn like those of `handle_products`; shapes, proportions and tilts come from the random generator.
"""

from __future__ import annotations

import numpy as np

from tests.imaging.handle_products import (
    WITH_HANDLE,
    WITHOUT_HANDLE,
    Maker,
    Points,
    Product,
    arch,
    arch_bag,
    bag_body,
    ellipse,
    mug,
    rounded,
)

Random = np.random.Generator


def closed(points: Points) -> list[tuple[float, float]]:
    """The outline once round and a little further, for a line without a notch."""
    return [*points, *points[:3]]


def side_loop(x: float, top: float, bottom: float, reach: float) -> list[tuple[float, float]]:
    """A handle to the right of `x` between two heights."""
    t = np.linspace(-np.pi / 2, np.pi / 2, 80)
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    return [(x - 0.005 + reach * np.cos(a), middle + half * np.sin(a)) for a in t]


def jug(random: Random) -> Product:
    """A pitcher: a belly, a neck, a lip, and a handle from neck to belly."""
    belly, neck = random.uniform(0.13, 0.18), random.uniform(0.08, 0.11)
    outline = [(neck, 0.24), (neck, 0.36), (belly, 0.5), (belly, 0.62), (0.1, 0.78)]
    body = [(0.45 + x, y) for x, y in outline] + [(0.45 - x, y) for x, y in outline[::-1]]
    path = side_loop(0.45 + neck, random.uniform(0.28, 0.32), random.uniform(0.56, 0.62), random.uniform(0.15, 0.2))
    lip = [(0.45 - neck, 0.24), (0.45 - neck - random.uniform(0.02, 0.05), 0.22), (0.45, 0.27)]
    return Product("jug").line(path, random.uniform(0.02, 0.032)).solid(body).solid(lip)


def teapot(random: Random) -> Product:
    """A round pot with a spout at one side, a handle at the other, a lid with a knob."""
    rx, ry = random.uniform(0.16, 0.2), random.uniform(0.13, 0.17)
    path = side_loop(0.5 + 0.8 * rx, 0.55 - 0.7 * ry, 0.55 + 0.6 * ry, random.uniform(0.13, 0.17))
    product = Product("teapot").line(path, random.uniform(0.018, 0.03)).solid(ellipse(0.5, 0.55, rx, ry))
    product.solid([(0.5 - 0.7 * rx, 0.6), (0.5 - rx - 0.13, 0.44), (0.5 - rx - 0.09, 0.42), (0.5 - 0.7 * rx, 0.5)])
    return product.solid(ellipse(0.5, 0.55 - ry - 0.02, 0.025, 0.025)).solid(ellipse(0.5, 0.56 - ry, 0.09, 0.03))


def kettle(random: Random) -> Product:
    """A kettle with an arch over its lid and a spout."""
    half = random.uniform(0.18, 0.22)
    body = [(0.5 - half, 0.78), (0.5 - 0.75 * half, 0.52), (0.5 + 0.75 * half, 0.52), (0.5 + half, 0.78)]
    path = arch(0.5 - 0.7 * half, 0.5 + 0.7 * half, 0.54, random.uniform(0.16, 0.26), random.uniform(2, 3.5))
    product = Product("kettle").line(path, random.uniform(0.014, 0.024)).solid(body)
    product.solid(ellipse(0.5, 0.5, 0.022, 0.025))
    tip = 0.5 - half - random.uniform(0.06, 0.1)
    return product.solid([(0.5 - 0.9 * half, 0.7), (tip, 0.54), (tip + 0.04, 0.53), (0.5 - 0.8 * half, 0.58)])


def bow_basket(random: Random) -> Product:
    """A wicker basket with one bow over its whole width."""
    half, top = random.uniform(0.2, 0.28), random.uniform(0.54, 0.6)
    body = [(0.5 - half, top), (0.5 + half, top), (0.5 + 0.8 * half, 0.82), (0.5 - 0.8 * half, 0.82)]
    inset = random.uniform(0.01, 0.05)
    path = arch(0.5 - half + inset, 0.5 + half - inset, top + 0.02, random.uniform(0.25, 0.38), 2.0)
    return Product("basket").line(path, random.uniform(0.018, 0.032)).solid(body)


def bucket(random: Random) -> Product:
    """A pail with a thin wire bail."""
    half = random.uniform(0.16, 0.22)
    body = [(0.5 - half, 0.48), (0.5 + half, 0.48), (0.5 + 0.75 * half, 0.82), (0.5 - 0.75 * half, 0.82)]
    path = arch(0.5 - half + 0.008, 0.5 + half - 0.008, 0.5, random.uniform(0.18, 0.28), 2.0)
    return Product("bucket").line(path, random.uniform(0.008, 0.014)).solid(body)


def trolley(random: Random) -> Product:
    """A suitcase on wheels with its pole drawn out: two rods and the grip across."""
    half, top = random.uniform(0.15, 0.21), random.uniform(0.42, 0.5)
    wide, thick = random.uniform(0.05, 0.09), random.uniform(0.012, 0.02)
    y, middle = top - random.uniform(0.16, 0.28), 0.5 + random.uniform(-0.03, 0.03)
    path = [(middle - wide, top + 0.01), (middle - wide, y), (middle + wide, y), (middle + wide, top + 0.01)]
    product = Product("trolley").line(path, thick).solid(rounded(0.5 - half, top, 0.5 + half, 0.86, 0.03))
    for x in (0.5 - 0.8 * half, 0.5 + 0.8 * half):
        product.solid(ellipse(x, 0.88, 0.025, 0.025))
    return product


def shopper(random: Random) -> Product:
    """A tote with two straps that stand apart, both free: one before, one behind, of unlike height."""
    outline, top, left, right = bag_body(random)
    width, inset = random.uniform(0.012, 0.02), random.uniform(0.18, 0.26) * (right - left)
    shift, height = random.uniform(0.02, 0.06), random.uniform(0.16, 0.26)
    front = arch(left + inset - shift, right - inset - shift, top + 0.02, height, 2.4)
    back = arch(left + inset + shift, right - inset + shift, top + 0.02, height * random.uniform(0.55, 0.8), 2.4)
    return Product("shopper").line(back, width).solid(outline).line(front, width)


def held_headphones(random: Random) -> Product:
    """Over-ear headphones from the front: a thick band over two cups."""
    product = Product("headphones")
    thick, height = random.uniform(0.045, 0.09), random.uniform(0.3, 0.45)
    product.line(arch(0.28, 0.72, 0.62, height, random.uniform(1.8, 2.6)), thick, role="body")
    for x in (0.28, 0.72):
        product.solid(ellipse(x, 0.66, random.uniform(0.06, 0.1), random.uniform(0.09, 0.14)))
    return product


def studio_headphones(random: Random) -> Product:
    """Headphones at an angle: a band with its cushion as a second band inside, cups of unlike size."""
    product = Product("studio headphones")
    height, thick = random.uniform(0.34, 0.44), random.uniform(0.03, 0.05)
    product.line(arch(0.27, 0.73, 0.62, height, 2.2), thick, role="body")
    product.line(arch(0.29, 0.71, 0.62, height - thick - random.uniform(0.01, 0.05), 2.2), 0.7 * thick, role="body")
    for x, size in ((0.27, 1.0), (0.73, random.uniform(0.7, 1.0))):
        product.solid(ellipse(x, 0.66, 0.085 * size, 0.13 * size))
    return product


def hoop_earrings(random: Random) -> Product:
    """Two hoops, each with a bead."""
    product = Product("earrings")
    radius, thick = random.uniform(0.11, 0.16), random.uniform(0.008, 0.03)
    for x in (0.3, 0.7):
        product.line(closed(ellipse(x, 0.45, radius, radius)), thick, role="body")
        product.solid(ellipse(x, 0.45 + radius, random.uniform(0.02, 0.05), random.uniform(0.03, 0.06)))
    return product


def drop_earring(random: Random) -> Product:
    """A stone on a bent hook."""
    hook = arch(0.44, 0.54, 0.34, random.uniform(0.1, 0.16), 2.0)
    product = Product("drop earring").line([*hook, (0.54, 0.42)], random.uniform(0.008, 0.014), role="body")
    return product.solid(ellipse(0.54, 0.6, random.uniform(0.06, 0.12), random.uniform(0.12, 0.2)))


def flowered_car(random: Random) -> Product:
    """A toy car with flowers on its roof, their stems crossing into loops."""
    product = Product("flowered car").solid(rounded(0.16, 0.55, 0.84, 0.72, 0.05))
    product.solid([(0.28, 0.57), (0.36, 0.42), (0.64, 0.42), (0.74, 0.57)])
    for x in (0.3, 0.7):
        product.solid(ellipse(x, 0.73, 0.075, 0.075))
    thick = random.uniform(0.006, 0.014)
    tips = [(0.5 + random.uniform(-0.16, 0.16), random.uniform(0.16, 0.28)) for _ in range(4)]
    for foot, tip in zip((0.42, 0.48, 0.53, 0.58), tips, strict=True):
        bend = ((foot + tip[0]) / 2 + random.uniform(-0.06, 0.06), 0.33)
        product.line([(foot, 0.43), bend, tip], thick, role="body")
        size = random.uniform(0.02, 0.05)
        product.solid(ellipse(*tip, size, size))
    if random.random() < 0.5:  # one stem that bows from roof to roof, as a bent flower does
        low = random.uniform(0.36, 0.46)
        product.line(arch(low, low + random.uniform(0.08, 0.16), 0.43, random.uniform(0.08, 0.18)), thick, role="body")
    return product


def wristwatch(random: Random) -> Product:
    """A watch with its strap closed, seen from the side a little."""
    rx, ry = random.uniform(0.16, 0.22), random.uniform(0.2, 0.26)
    product = Product("watch").line(closed(ellipse(0.5, 0.52, rx, ry)), random.uniform(0.03, 0.05), role="body")
    return product.solid(ellipse(0.5, 0.52 + ry, random.uniform(0.09, 0.13), random.uniform(0.05, 0.08)))


def table(random: Random) -> Product:
    product = Product("table").solid(rounded(0.15, 0.36, 0.85, random.uniform(0.42, 0.5), 0.01))
    for x in (0.2, 0.35, 0.65, 0.8):
        product.line([(x, 0.42), (x, 0.82)], random.uniform(0.016, 0.03), role="body")
    bar = random.uniform(0.6, 0.75)
    return product.line([(0.2, bar), (0.8, bar)], 0.014, role="body")


def armchair(random: Random) -> Product:
    """An armchair: a padded seat and back, open arms at both sides, on legs."""
    product = Product("armchair").solid(rounded(0.3, 0.22, 0.7, 0.62, 0.04))
    thick = random.uniform(0.022, 0.036)
    for side in (-1, 1):
        out = 0.5 + side * random.uniform(0.25, 0.29)
        arm = [(0.5 + side * 0.19, 0.42), (out, 0.43), (out, 0.85)]
        product.line(arm, thick, role="body").line([(0.5 + side * 0.19, 0.58), (out, 0.6)], thick, role="body")
        product.line([(0.5 + side * 0.18, 0.6), (0.5 + side * 0.18, 0.82)], thick, role="body")
    return product


def sandal(random: Random) -> Product:
    """A heeled sandal from the side: a sole, a heel, straps over toe and ankle."""
    product = Product("sandal")
    product.solid([(0.15, 0.74), (0.4, 0.72), (0.62, 0.56), (0.82, 0.5), (0.84, 0.56), (0.66, 0.62), (0.42, 0.78)])
    product.solid([(0.76, 0.54), (0.84, 0.54), (0.82, 0.78), (0.79, 0.78)])
    thick = random.uniform(0.012, 0.03)
    product.line(arch(0.2, 0.4, 0.75, random.uniform(0.06, 0.1), 2.0), thick, role="body")
    return product.line(arch(0.64, 0.82, 0.53, random.uniform(0.14, 0.24), 2.0), thick, role="body")


def lamp(random: Random) -> Product:
    """A desk lamp: a shade on a bent arm over a foot."""
    product = Product("lamp").solid(rounded(0.42, 0.82, 0.7, 0.86, 0.01))
    product.line([(0.6, 0.83), (random.uniform(0.64, 0.72), 0.5), (0.42, 0.26)], random.uniform(0.014, 0.02), "body")
    return product.solid([(0.44, 0.22), (0.48, 0.3), (0.36, 0.44), (0.24, 0.34)])


def plant(random: Random) -> Product:
    """A pot with leaves on stems that cross."""
    product = Product("plant").solid([(0.36, 0.6), (0.64, 0.6), (0.6, 0.84), (0.4, 0.84)])
    for _ in range(6):
        foot, x, y = random.uniform(0.42, 0.58), random.uniform(0.24, 0.76), random.uniform(0.18, 0.4)
        product.line([(foot, 0.61), ((foot + x) / 2, y + 0.12), (x, y)], random.uniform(0.008, 0.014), role="body")
        product.solid(ellipse(x, y, random.uniform(0.03, 0.07), random.uniform(0.03, 0.06)))
    return product


def frame(random: Random) -> Product:
    """A picture frame without its picture."""
    half, tall = random.uniform(0.2, 0.3), random.uniform(0.2, 0.32)
    corners = [(0.5 - half, 0.5 - tall), (0.5 + half, 0.5 - tall), (0.5 + half, 0.5 + tall), (0.5 - half, 0.5 + tall)]
    return Product("frame").line([*corners, *corners[:2]], random.uniform(0.03, 0.07), role="body")


TUNED_WITH: tuple[Maker, ...] = (*WITH_HANDLE, mug, jug, kettle, trolley)
TUNED_WITHOUT: tuple[Maker, ...] = (*WITHOUT_HANDLE, held_headphones, hoop_earrings, flowered_car, table, sandal)
HELD_OUT_WITH: tuple[Maker, ...] = (arch_bag, teapot, bow_basket, bucket, shopper)
HELD_OUT_WITHOUT: tuple[Maker, ...] = (studio_headphones, drop_earring, wristwatch, armchair, lamp, plant, frame)
