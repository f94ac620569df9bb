"""Real hands laid over drawn products: the true mask is known because the hand was cut out by hand-checked mattes.

The pictures are those of ComfyUI's template packages, which every installation has; `hand_mattes` holds only their
mattes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from prodgen_nodes.imaging.grip import open_zone
from prodgen_nodes.imaging.placement import Placement
from scipy import ndimage
from torch import Tensor

from tests.imaging.registration_scenes import Photo, clutter, placement_of, smooth_noise, to_linear, to_srgb, warped
from tests.support.jpeg import coded

Plane = NDArray[np.float64]

SIDE = 512
_PACKAGES = "lib/python3*/site-packages/comfyui_workflow_templates_media_*/templates"
_MATTES = Path(__file__).parent / "hand_mattes"


@dataclass(frozen=True)
class Hand:
    """`picture` of the templates, the matte's left and top in it, middle knuckle and wrist in the matte."""

    picture: str
    corner: tuple[int, int]
    knuckle: tuple[float, float]
    wrist: tuple[float, float]

    def cut(self, name: str) -> tuple[Plane, Plane]:
        """Colours and matte, 0..1."""
        (path,) = Path(sys.prefix).glob(f"{_PACKAGES}/{self.picture}")
        matte = np.asarray(Image.open(_MATTES / f"{name}.png"), dtype=float) / 255
        left, top = self.corner
        right, bottom = left + matte.shape[1], top + matte.shape[0]
        return np.asarray(Image.open(path).convert("RGB").crop((left, top, right, bottom)), dtype=float) / 255, matte


HANDS = {
    "open_light": Hand("image_hidream_o1-1.webp", (96, 231), (77.6, 108.6), (127.5, 141.0)),
    "fist_brown": Hand("templates_doc_workbox_poster_recreator-1.webp", (27, 165), (65.5, 94.9), (103.1, 145.0)),
}


@dataclass(frozen=True)
class Held:
    """`scene` `[1,H,W,3]`, the product's placement and coverage `[H,W]`, its grip zone, the hand's coverage."""

    scene: Tensor
    placement: Placement
    alpha: Plane
    zone: Tensor
    hand: Plane


def held(
    photo: Photo,
    name: str | None,
    tone: float | tuple[float, float, float],
    seed: int,
    *,
    right: bool,
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Held:
    """`photo` in the hand `name` (None: in none), from one side, in light of `tint`.

    `tone` multiplies the hand's light, so that skins differ; of three numbers it makes a coloured glove.
    """
    rng = np.random.default_rng(seed)
    placement = placement_of(photo, SIDE, SIDE, 0.66)
    color, alpha = warped(photo, placement.transform(0), SIDE, SIDE)
    shape = torch.from_numpy(alpha.astype(np.float32))[None]
    zone = open_zone(torch.ones(1, SIDE, SIDE, 3), shape)
    left, top, far, bottom = zone.reports[0]["boxes"][-1 if right else 0]
    skin, cover = np.zeros((SIDE, SIDE, 3)), np.zeros((SIDE, SIDE))
    if name is not None:
        skin, cover = _laid(*HANDS[name].cut(name), HANDS[name], (top + bottom) / 2, (left, far), right, rng)
    light = (
        np.exp(0.12 * smooth_noise((SIDE, SIDE), 0.25 * SIDE, rng))[..., None] * np.exp(rng.normal(0, 0.05, 3)) * tint
    )
    shade = 1 - 0.35 * (ndimage.gaussian_filter(np.roll(cover, (6, 4), (0, 1)), 8) * (1 - cover))[..., None]
    behind = to_linear(clutter(SIDE, SIDE, rng)) * (0.6, 0.85, 1.25)
    scene = (np.clip(behind, 0, 1) * (1 - alpha[..., None]) + color * light) * shade
    scene = scene * (1 - cover[..., None]) + np.clip(to_linear(skin) * tone * light, 0, 1) * cover[..., None]
    seen = ndimage.gaussian_filter(to_srgb(scene), (0.6, 0.6, 0)) + rng.normal(0, 0.005, scene.shape)
    pixels = torch.from_numpy(coded(seen, 92).astype(np.float32))[None]
    return Held(pixels, placement, alpha, zone.zone, cover)


def _laid(
    rgb: Plane,
    matte: Plane,
    hand: Hand,
    middle: float,
    edges: tuple[float, float],
    right: bool,
    rng: np.random.Generator,
) -> tuple[Plane, Plane]:
    """The hand on the canvas, its fingers towards the other side and over 40 to 70 pixels of the zone."""
    along = np.subtract(hand.knuckle, hand.wrist)
    turn = np.arctan2(along[1], along[0]) - (np.pi if right else 0.0) + rng.uniform(-0.3, 0.3)
    scale = 1.15
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / scale  # canvas to matte
    ys, xs = np.nonzero(matte > 0.5)
    there = (np.stack((xs, ys), axis=1) - hand.knuckle) @ matrix * scale**2
    reach = rng.uniform(40, 70)
    x = edges[1] - reach - there[:, 0].min() if right else edges[0] + reach - there[:, 0].max()
    offset = np.array(hand.knuckle)[::-1] - matrix[::-1, ::-1] @ (middle, x)
    planes = [
        ndimage.affine_transform(plane, matrix[::-1, ::-1], offset, (SIDE, SIDE), order=1, mode=mode)
        for plane, mode in [(rgb[..., c], "nearest") for c in range(3)] + [(matte, "constant")]
    ]
    return np.stack(planes[:3], axis=-1), planes[3]
