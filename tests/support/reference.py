"""Product pictures with the truth known: drawn here, and, where they lie beside the checkout, the reference pictures.

Whoever clones the project runs every test on the drawn ones and on the project's own renders in `examples/`. The
reference pictures (renders, photos and relights that are not part of the project; `PRODGEN_SHARED_DATA` names their
folder) are further parameters of the same tests, with the same limits.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.segmentation import from_plain_backdrop
from scipy import ndimage
from torch import Tensor

from tests.imaging.handle_products import Product, arch, chair, ellipse, jar, rounded, shoe
from tests.imaging.segmentation_products import Scene, photographed
from tests.support.comfy import REPO

FOLDER = Path(os.environ.get("PRODGEN_SHARED_DATA") or REPO.parent / "shared" / "data")
EXAMPLES = REPO / "examples"
SIDE = 768
Color = tuple[float, float, float]


def beside(*names: str) -> list[str]:
    """Those of these files and folders of the reference pictures that are there."""
    return [name for name in names if (FOLDER / name).exists()]


@dataclass(frozen=True)
class Reference:
    """A photo `[H,W,3]` sRGB, the product's exact coverage `[H,W]` and that of its visible handle `[H,W]`."""

    photo: Tensor
    alpha: Tensor
    handle: Tensor


@dataclass(frozen=True)
class _Drawn:
    """A product and what it is painted with, in linear light; `marks` lie on its body."""

    product: Product
    body: Color
    trim: Color
    backdrop: Color
    seed: int
    marks: tuple[tuple[str, list[tuple[float, float]]], ...] = ()
    weave: float = 0.0
    floor: float = 0.8
    noise: float = 2.0


def _bag(left: float, top: float, inset: float, height: float, power: float, width: float) -> Product:
    path = arch(left + inset, 1 - left - inset, top + 0.012, height, power)
    return Product("bag").line(path, width).solid(rounded(left, top, 1 - left, 0.8, 0.02))


def _grip(half: float, top: float) -> Product:
    path = [(0.43, top + 0.01), (0.43, top - 0.05), (0.57, top - 0.05), (0.57, top + 0.01)]
    return Product("grip").line(path, 0.024).solid(rounded(0.5 - half, top, 0.5 + half, 0.8, 0.02))


def _jar(half: float, top: float) -> Product:
    lid = rounded(0.5 - half * 0.95, top, 0.5 + half * 0.95, top + 0.1, 0.01)
    return Product("jar").solid(rounded(0.5 - half, top + 0.08, 0.5 + half, 0.8, 0.05)).solid(lid)


_PATCH = ("trim", rounded(0.42, 0.6, 0.58, 0.7, 0.015))
_LID = ("trim", rounded(0.5 - 0.16 * 0.95, 0.48, 0.5 + 0.16 * 0.95, 0.58, 0.01))
_LABEL = ("trim", rounded(0.56, 0.57, 0.66, 0.75, 0.01))
_PANEL = ("trim", ellipse(0.4, 0.66, 0.1, 0.09))
_DRAWN = {
    "satchel": _Drawn(_bag(0.3, 0.5, 0.05, 0.2, 2.0, 0.022), (0.15, 0.045, 0.025), (0.045, 0.02, 0.01),
                      (0.86, 0.86, 0.86), 11, (_PATCH,)),
    "tote": _Drawn(_bag(0.29, 0.46, 0.09, 0.24, 2.6, 0.02), (0.014, 0.16, 0.19), (0.012, 0.13, 0.16),
                   (0.8, 0.76, 0.7), 12),
    "briefcase": _Drawn(_grip(0.26, 0.5), (0.03, 0.03, 0.033), (0.012, 0.012, 0.013), (0.68, 0.68, 0.68), 14),
    "jar": _Drawn(_jar(0.17, 0.48), (0.045, 0.013, 0.28), (0.25, 0.25, 0.27), (0.82, 0.82, 0.82), 13, (_LID,)),
    "white lid": _Drawn(_jar(0.17, 0.48), (0.045, 0.013, 0.28), (0.84, 0.84, 0.84), (0.84, 0.84, 0.84), 15, (_LID,),
                        noise=1.0),
    "sports bag": _Drawn(_bag(0.2, 0.48, 0.16, 0.2, 3.5, 0.02), (0.02, 0.11, 0.62), (0.02, 0.02, 0.024),
                         (0.9, 0.9, 0.9), 21, (_LABEL,), weave=0.25),
    "woven bag": _Drawn(_bag(0.24, 0.48, 0.02, 0.22, 2.0, 0.022), (0.2, 0.07, 0.05), (0.1, 0.05, 0.035),
                        (0.88, 0.88, 0.86), 22, (_PANEL,), weave=0.35),
    "red shoe": _Drawn(shoe(np.random.default_rng(4)), (0.16, 0.008, 0.012), (0.3, 0.3, 0.3), (0.6, 0.015, 0.02), 23,
                       floor=0.66),
    "teal bag": _Drawn(_bag(0.31, 0.5, 0.07, 0.17, 2.4, 0.02), (0.02, 0.13, 0.12), (0.015, 0.1, 0.09),
                       (0.12, 0.42, 0.38), 24),
    "chair": _Drawn(chair(np.random.default_rng(2)), (0.12, 0.1, 0.08), (0.3, 0.2, 0.1), (0.6, 0.6, 0.58), 25,
                    floor=0.88),
    "cream jar": _Drawn(jar(np.random.default_rng(3)), (0.25, 0.03, 0.04), (0.1, 0.02, 0.02), (0.8, 0.8, 0.78), 26,
                        floor=0.72),
}  # fmt: skip


@cache
def drawn(name: str) -> Scene:
    """The photo of a drawn product, with the colours it has by itself."""
    made = _DRAWN[name]
    alpha, handle = (mask.numpy() for mask in made.product.render(SIDE))
    color = np.broadcast_to(np.array(made.body, dtype=np.float32), (SIDE, SIDE, 3)).copy()
    trims = [handle, *(Product("").solid(points).render(SIDE)[0].numpy() for _, points in made.marks)]
    for trim in trims:
        color += trim[..., None] * (np.array(made.trim, dtype=np.float32) - color)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    color *= (1 + made.weave * np.sin(0.45 * (x + y)) * np.sin(0.45 * (x - y)))[..., None]
    return photographed(
        alpha, color, np.random.default_rng(made.seed), backdrop=made.backdrop, floor=made.floor, noise=made.noise
    )


@cache
def reference(name: str) -> Reference:
    """A drawn product, or a render of the reference pictures (`rendered/NAME`)."""
    if name in _DRAWN:
        made = drawn(name)
        return Reference(made.photo, made.alpha, _DRAWN[name].product.render(SIDE)[1])
    planes = {}
    for part, mode in (("photo", "RGB"), ("alpha", "L"), ("handle", "L")):
        with Image.open(FOLDER / name / f"{part}.png") as opened:
            planes[part] = torch.from_numpy(np.asarray(opened.convert(mode), dtype=np.float32) / 255)
    return Reference(**planes)


BAGS = ["satchel", "tote", "briefcase", *beside("rendered/satchel_11", "rendered/tote_12", "rendered/briefcase_14")]
"""With a handle, on a backdrop that they can be told from."""
PRODUCTS = [*BAGS, "jar", *beside("rendered/jar_13")]


# a photo, and the same product as a model that relights painted it


@dataclass(frozen=True)
class Pair:
    """Photo and generated picture of one size, `[H,W,3]` 0..1, the product at the same pixels."""

    photo: Image.Image
    generated: Image.Image
    own: np.ndarray | None
    """The product's coverage `[H,W]` where it is known: exact of what was drawn."""


RELIT = [
    "sports bag",
    "woven bag",
    "example",
    *beside(*(f"relit/{name}_generated_{n}.png" for name in ("duffel", "woven_bag") for n in (1, 2, 3))),
]


@cache
def relit(name: str) -> Pair:
    """A pair of `RELIT`: drawn, `examples/berry_bag*.jpg`, or what IC-Light made of a photo."""
    if name in _DRAWN:
        return _relit(drawn(name))
    if name == "example":
        generated, photo = (_opened(EXAMPLES / f"{file}.jpg") for file in ("berry_bag_terrace", "berry_bag"))
        plane = torch.from_numpy(np.asarray(photo, dtype=np.float32) / 255)
        return Pair(photo, generated, from_plain_backdrop(plane).alpha.numpy())
    generated, photo = (_opened(FOLDER / file) for file in (name, f"{name.partition('_generated')[0]}_input.png"))
    return Pair(photo.resize(generated.size, Image.Resampling.LANCZOS), generated, None)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def _relit(made: Scene) -> Pair:
    """The product in a dark warm room: most of its hue and chroma lost, its relief blurred, a light from a side."""
    alpha = made.alpha.numpy()[..., None]
    own = srgb_to_linear(made.color).numpy()
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    grey = own.mean(axis=2, keepdims=True) * np.array([1.05, 1.0, 0.98], dtype=np.float32)
    faded = ndimage.gaussian_filter(0.25 * own + 0.75 * grey, (1.0, 1.0, 0))
    light = (0.55 * np.exp(0.9 * (0.5 - x) - 0.5 * y))[..., None]
    rng = np.random.default_rng(7)
    blotches = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE, 1)), (9, 9, 0))
    room = np.array([0.06, 0.035, 0.02]) * (1 + 7 * blotches)
    lamps = sum(np.exp(-(((x - cx) ** 2 + (y - 0.2) ** 2) / 0.004)) for cx in (0.15, 0.5, 0.85))[..., None]
    scene = np.clip(room + lamps * np.array([0.9, 0.6, 0.3]), 0, 1)
    table = y > 0.74
    scene[table] = 0.09 * (0.8 + 0.2 * scene[table] / scene[table].mean(axis=0))
    under = ndimage.gaussian_filter(np.roll(made.alpha.numpy(), SIDE // 60, axis=0), (0.006 * SIDE, 0.015 * SIDE))
    scene *= 1 - 0.8 * (under * table)[..., None]  # it stands on the table
    mixed = faded * light * alpha + scene * (1 - alpha)
    picture = linear_to_srgb(torch.from_numpy(mixed.astype(np.float32)).clamp(0, 1)).numpy()
    return Pair(as_picture(made.photo.numpy()), as_picture(picture), made.alpha.numpy())


def as_picture(plane: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(plane.clip(0, 1) * 255).astype(np.uint8))


def as_jpeg(name: str, quality: int = 90) -> bytes:
    """A drawn product as a camera's file."""
    stream = io.BytesIO()
    as_picture(drawn(name).photo.numpy()).save(stream, "JPEG", quality=quality)
    return stream.getvalue()
