"""The maths of the pack's nodes on any device: a product in a scene, and what each node does with it.

Left out, as no picture is computed in them on a device: Check Hands and Redraw Hands (points), Persona (words), Export
and Save Cut-out (files), Load Hint Mask (a file), numbers, presets, and what only loads or patches a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.camera import frames_of
from prodgen_nodes.imaging.checking import Seen, check_picture
from prodgen_nodes.imaging.color.fix import METHODS, Settings, fix_color
from prodgen_nodes.imaging.compositing import place_on_background
from prodgen_nodes.imaging.fidelity.judge import COMPARES, Compare, judge
from prodgen_nodes.imaging.fidelity.judge import Settings as Judging
from prodgen_nodes.imaging.grip import open_zone
from prodgen_nodes.imaging.handle import erase_handle
from prodgen_nodes.imaging.hands import CropSettings, StitchSettings, cut_all, plan_crops, stitch
from prodgen_nodes.imaging.light import LightSource, light_map
from prodgen_nodes.imaging.occlusion import keep_in_front
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.placement import Placement
from prodgen_nodes.imaging.posing import pose_product
from prodgen_nodes.imaging.recolor import recolor, target_color
from prodgen_nodes.imaging.registration import moved_mask, register_product
from prodgen_nodes.imaging.segmentation import from_looks, from_model, from_own_alpha, from_plain_backdrop
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow
from prodgen_nodes.imaging.spin import frame_of, turned
from prodgen_nodes.imaging.style.apply import StyleSettings, apply_style
from prodgen_nodes.imaging.style.looks import LOOKS
from prodgen_nodes.imaging.tiles import hold_tone, join, plan_tiles, split
from torch import Tensor

from tests.imaging.registration_scenes import bag_photo
from tests.imaging.segmentation_products import scene as photographed

Tensors = tuple[Tensor, ...]
Work = Callable[["Scene"], Tensors]
_FIGURES = ("delta_e00_mean", "delta_e00_p95", "ssim", "worst_similarity", "worst_delta_e00", "sharpness")


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
    board: Tensor
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
    photo, own, color = (_enlarged(one, side) for one in (made.photo, made.alpha[..., None], made.color))
    rows, columns = (torch.arange(side)[:, None] // 16 % 2, torch.arange(side)[None, :] // 16 % 2)
    board = torch.where((rows ^ columns)[..., None] == 0, 1.0, 0.8) * (1 - own) + color * own
    return Scene(product, alpha, canvas, mask, backdrop, generated, depth, photo, board, own[..., 0]), placement


def _enlarged(picture: Tensor, side: int) -> Tensor:
    """A picture `[h,w,C]` at `side`²."""
    planes = picture.permute(2, 0, 1)[None]
    return F.interpolate(planes, size=(side, side), mode="bicubic")[0].permute(1, 2, 0).clamp(0, 1).contiguous()


def works(placement: Placement) -> Iterator[tuple[str, Work]]:
    """(node, its work): pictures and masks 0..1, figures in 1/255."""
    yield from _cutting()
    yield "Place Product", lambda s: place_on_background(s.product, s.alpha, placement, (1.0, 1.0, 1.0))
    yield "Erase Handle", _erase
    yield "Grip Zone", _grip
    yield "Paste Product Back", lambda s: _pasted(s, placement)
    for method in METHODS:
        yield f"Fix Product Color, {method}", _colour(Settings(method=method, in_place=True))
    yield "Fix Product Color, relight_original, place not known", _colour(Settings(tint=2.0))
    for only, name in ((True, "contact"), (False, "contact and cast")):
        yield f"Ground and Shadow, {name}", _ground(Light(contact_only=only))
    yield "Light", lambda s: (light_map(LightSource(), s.side, s.side, s.device),)
    for look in LOOKS:
        yield f"Style, {look}", _style(StyleSettings(style=look))
    for compare in COMPARES:
        yield f"Product Fidelity, {compare}", _judged(placement, compare, whole=False)
    yield "Product Fidelity, whole product", _judged(placement, "relit", whole=True)
    yield "Register Product", lambda s: _registered(s, placement)
    yield "Keep Fingers in Front", lambda s: (keep_in_front(s.generated, s.product, s.alpha, placement).mask,)
    yield "Crop Hands and Put Hands Back", _hands
    yield "Split, Join and hold tone", _tiles
    yield "Check Product", _checked
    yield "Recolor Product", _recolored
    yield "Turntable, three photos", _spun
    yield "Camera Move, eight frames", lambda s: (frames_of(s.canvas[0], "push_in", 8, s.side // 2, s.side // 2, 0.2),)


def _cutting() -> Iterator[tuple[str, Work]]:
    yield "Segment Product, plain backdrop", lambda s: (from_plain_backdrop(s.photo).alpha,)
    yield "Segment Product, a model's mask", lambda s: (from_model(s.photo, s.photo_mask).alpha,)
    yield "Segment Product, a network's looks", lambda s: (from_looks(s.photo, lambda _: s.photo_mask).alpha,)
    yield "Segment Product, a painted checkerboard", lambda s: (from_plain_backdrop(s.board).alpha,)
    yield "Segment Product, the file's own outline", lambda s: (from_own_alpha(s.photo, s.photo_mask, None).product,)


def _erase(s: Scene) -> Tensors:
    done = erase_handle(s.canvas, s.mask)
    return done.image, done.mask


def _grip(s: Scene) -> Tensors:
    done = open_zone(s.canvas, s.mask, grip="edges")
    return done.image, done.mask, done.zone


def _pasted(s: Scene, placement: Placement) -> Tensors:
    done = paste_back(s.backdrop, s.product, s.alpha, placement, 1.01, 4.0)
    return done.image, done.mask


def _colour(settings: Settings) -> Work:
    return lambda s: (fix_color(s.generated, s.canvas, s.mask, None, settings)[0],)


def _ground(light: Light) -> Work:
    def work(s: Scene) -> Tensors:
        done = ground_and_shadow(s.canvas, s.mask, light)
        return done.image, done.shadow, done.ground

    return work


def _style(settings: StyleSettings) -> Work:
    return lambda s: (apply_style(s.generated, s.mask, s.depth, settings)[0],)


def _judged(placement: Placement, compare: Compare, *, whole: bool) -> Work:
    def work(s: Scene) -> Tensors:
        photo = s.product if whole else None
        done = judge(s.generated, s.product, s.alpha, placement, Judging(compare=compare), photo=photo)[0]
        figures = [float(done.report[name] or 0.0) for name in _FIGURES]
        verdict = [float(done.report[name] is True) * 255 for name in ("passed", "whole", "floating")]
        return torch.tensor(figures + verdict) / 255, done.map / 255

    return work


def _registered(s: Scene, placement: Placement) -> Tensors:
    done = register_product(s.generated, s.product, s.alpha, placement, min_confidence=0.0)
    at = done.placement.transform(0)
    carried = moved_mask(s.mask, placement, done.placement)
    return torch.tensor([at.tx, at.ty]) / 255, done.aligned, carried


def _checked(s: Scene) -> Tensors:
    seen = Seen(s.mask[0], [s.mask[0]], is_plain=True)
    done = check_picture(s.generated[0], s.product[0], s.alpha[0], s.product[0], seen)
    return torch.tensor([255.0 * done.report["passed"], float(done.report["delta_e00_mean"] or 0)]) / 255, done.cover


def _recolored(s: Scene) -> Tensors:
    done = recolor(s.canvas, s.mask, target_color("#2b4f81").to(s.device), None, 1, 1.0)
    return done.image, done.part


def _spun(s: Scene) -> Tensors:
    frames = [frame_of(turn, s.mask, turn) for turn in (s.canvas, 0.9 * s.canvas, s.canvas.flip(2))]
    done = turned(frames, s.side, s.side, 0.8, (1.0, 1.0, 1.0))
    return done.images, done.masks


def _hands(s: Scene) -> Tensors:
    erased = torch.zeros_like(s.mask, device="cpu")
    middle, half = s.side // 2, s.side // 16
    erased[:, middle - half : middle + half, middle - 2 * half : middle + 2 * half] = 1.0
    plan = plan_crops(s.generated, None, erased, CropSettings(size=max(64, s.side // 128 * 64)))
    crops, masks = cut_all(s.generated, plan)
    done = stitch(s.generated, 0.9 * crops, plan, StitchSettings(), masks)
    return done.image, done.mask


def _tiles(s: Scene) -> Tensors:
    grid = plan_tiles(s.side, s.side, max(64, s.side // 2), max(16, s.side // 8))
    return (hold_tone(join(split(s.generated, grid), grid), s.generated, sigma=s.side / 16),)
