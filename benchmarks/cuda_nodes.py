"""The maths of the pack's nodes on any device: a product in a scene, and what each node does with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import torch
from prodgen_nodes.imaging.color.fix import METHODS, Method, Settings, fix_color
from prodgen_nodes.imaging.compositing import place_on_background
from prodgen_nodes.imaging.fidelity.judge import judge
from prodgen_nodes.imaging.ground import Light, ground_and_shadow
from prodgen_nodes.imaging.handle import erase_handle
from prodgen_nodes.imaging.light import LightSource, light_map
from prodgen_nodes.imaging.occlusion.keep import keep_in_front
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.placement import Placement
from prodgen_nodes.imaging.posing import pose_product
from prodgen_nodes.imaging.registration import register_product
from prodgen_nodes.imaging.segmentation import from_model, from_plain_backdrop
from prodgen_nodes.imaging.style.apply import StyleSettings, apply_style
from prodgen_nodes.imaging.tiles import hold_tone, join, plan_tiles, split
from torch import Tensor

from tests.imaging.registration_scenes import bag_photo
from tests.imaging.segmentation_products import scene as photographed

Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class Scene:
    """What the nodes are given, all of it on one device; pictures sRGB 0..1, masks 1 = product."""

    product: Tensor
    alpha: Tensor
    canvas: Tensor
    mask: Tensor
    backdrop: Tensor
    generated: Tensor
    depth: Tensor
    photo: Tensor
    photo_mask: Tensor

    @property
    def device(self) -> torch.device:
        return self.canvas.device

    @property
    def side(self) -> int:
        return self.canvas.shape[1]

    def to(self, device: torch.device) -> Scene:
        return Scene(*(getattr(self, item.name).to(device) for item in fields(self)))


def a_scene(side: int) -> tuple[Scene, Placement]:
    """A bag on a canvas of `side`², under a light, as a model might have painted it; and where it was placed."""
    product, alpha = bag_photo().tensors
    placement, _ = pose_product(alpha, side, side, "on_surface")
    canvas, mask = place_on_background(product, alpha, placement, (1.0, 1.0, 1.0))
    backdrop = light_map(LightSource(), side, side)
    generated = (canvas * (0.8 + 0.2 * backdrop)).clamp(0, 1)
    depth = torch.linspace(0, 1, side)[None, :, None].expand(1, side, side).contiguous()
    made = photographed("twin", 1, size=min(side, 1024))
    return Scene(product, alpha, canvas, mask, backdrop, generated, depth, made.photo, made.alpha), placement


def works(placement: Placement) -> Iterator[tuple[str, Callable[[Scene], Tensors]]]:
    """(node, its work): pictures and masks 0..1, figures in 1/255."""

    def place(s: Scene) -> Tensors:
        return place_on_background(s.product, s.alpha, placement, (1.0, 1.0, 1.0))

    def paste(s: Scene) -> Tensors:
        done = paste_back(s.backdrop, s.product, s.alpha, placement, 1.01, 4.0)
        return done.image, done.mask

    def fidelity(s: Scene) -> Tensors:
        figures = judge(s.generated, s.product, s.alpha, placement)[0].report
        return (torch.tensor([figures["delta_e00_mean"], figures["ssim"]]) / 255,)

    def register(s: Scene) -> Tensors:
        found = register_product(s.generated, s.product, s.alpha, placement, min_confidence=0.0).placement.transform(0)
        return (torch.tensor([found.tx, found.ty]) / 255,)

    def fingers(s: Scene) -> Tensors:
        return (keep_in_front(s.generated, s.product, s.alpha, placement).mask,)

    yield "Segment Product, plain backdrop", lambda s: (from_plain_backdrop(s.photo).alpha,)
    yield "Segment Product, a model's mask", lambda s: (from_model(s.photo, s.photo_mask).alpha,)
    yield "Place Product", place
    yield "Erase Handle", _erase
    yield "Paste Product Back", paste
    for method in METHODS:
        yield f"Fix Product Color, {method}", _colour(method)
    yield "Ground and Shadow", _ground
    yield "Light", lambda s: (light_map(LightSource(), s.side, s.side, s.device),)
    yield "Style, with depth", _style
    yield "Product Fidelity", fidelity
    yield "Register Product", register
    yield "Keep Fingers in Front", fingers
    yield "Split, Join and hold tone", _tiles


def _erase(s: Scene) -> Tensors:
    done = erase_handle(s.canvas, s.mask)
    return done.image, done.mask


def _colour(method: Method) -> Callable[[Scene], Tensors]:
    settings = Settings(method=method, in_place=True)
    return lambda s: (fix_color(s.generated, s.canvas, s.mask, None, settings)[0],)


def _ground(s: Scene) -> Tensors:
    done = ground_and_shadow(s.canvas, s.mask, Light())
    return done.image, done.shadow


def _style(s: Scene) -> Tensors:
    return (apply_style(s.generated, s.mask, s.depth, StyleSettings(style="cinematic"))[0],)


def _tiles(s: Scene) -> Tensors:
    grid = plan_tiles(s.side, s.side, max(64, s.side // 2), max(16, s.side // 8))
    return (hold_tone(join(split(s.generated, grid), grid), s.generated, sigma=s.side / 16),)
