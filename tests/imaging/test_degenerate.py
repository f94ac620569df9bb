"""Every operation on pictures nobody means to make: empty and one-pixel masks, grey and four channels, 1×500, NaN.

An operation either works, with finite figures and masks in 0..1, or refuses in words (`ImagingError`). A picture with a
value that is no number is always refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging import tiles
from prodgen_nodes.imaging.color.fix import Settings as ColorSettings
from prodgen_nodes.imaging.color.fix import fix_color
from prodgen_nodes.imaging.compositing import mask_on_canvas, place_on_background
from prodgen_nodes.imaging.errors import ImagingError, NotFiniteError
from prodgen_nodes.imaging.fidelity.judge import Settings as FidelitySettings
from prodgen_nodes.imaging.fidelity.judge import judge, merged
from prodgen_nodes.imaging.grip.opening import open_zone
from prodgen_nodes.imaging.handle.erase import FILLS, erase_handle
from prodgen_nodes.imaging.hands.crops import CropSettings, cut_all, plan_crops
from prodgen_nodes.imaging.hands.decision import StitchSettings
from prodgen_nodes.imaging.hands.stitch import stitch
from prodgen_nodes.imaging.occlusion.keep import keep_in_front
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.posing import POSES, pose_product
from prodgen_nodes.imaging.product.measure import measure_product
from prodgen_nodes.imaging.registration.align import moved_mask
from prodgen_nodes.imaging.registration.product import register_product
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow
from prodgen_nodes.imaging.style.apply import StyleSettings, apply_style
from prodgen_nodes.imaging.style.looks import LOOKS
from prodgen_nodes.imaging.tensors import check_mask, same_size, split_alpha
from prodgen_nodes.shops import encode
from prodgen_nodes.shops.channels import CHANNELS
from prodgen_nodes.shops.finish import Finished
from prodgen_nodes.shops.inspection import inspect
from torch import Tensor

CANVAS = (40, 56)


@dataclass(frozen=True)
class Case:
    """A photo `[1,h,w,C]`, its mask `[1,h,w]`, a scene `[1,40,56,C]`, and numbers to choose by."""

    photo: Tensor
    mask: Tensor
    scene: Tensor
    choice: int

    def pick(self, options: list[Any]) -> Any:
        return options[self.choice % len(options)]


def _place(case: Case) -> Any:
    placement, fits = pose_product(case.mask, CANVAS[1], CANVAS[0], case.pick(list(POSES)), 0.5)
    image, mask = place_on_background(case.photo, case.mask, placement, (1.0, 1.0, 1.0))
    return image, mask, [vars(fit) for fit in fits]


def _placed(case: Case) -> Any:
    return pose_product(case.mask, CANVAS[1], CANVAS[0], case.pick(list(POSES)))[0]


def _in_place(case: Case) -> Tensor:
    """The scene at the photo's size."""
    return torch.nn.functional.interpolate(case.scene.movedim(-1, 1), size=case.photo.shape[1:3]).movedim(1, -1)


def _paste(case: Case) -> Any:
    placement, scene = (_placed(case), case.scene) if case.choice % 2 else (None, _in_place(case))
    done = paste_back(scene, case.photo, case.mask, placement, case.pick([1.0, 1.01, 0.7]), case.pick([0.0, 3.0]))
    untouched = (done.mask * 255).floor() == 0
    before = scene if scene.shape[-1] != 1 else scene.expand(*scene.shape[:-1], 3)
    assert torch.equal(done.image[untouched], before[untouched]), "the scene changed where the saved mask is 0"
    return done.image, done.mask


def _fidelity(case: Case) -> Any:
    placement, image = (_placed(case), case.scene) if case.choice % 2 else (None, _in_place(case))
    settings = FidelitySettings(compare=case.pick(["exact", "relit"]), erode=case.pick([0, 1, 7]))
    return merged(judge(image, case.photo, case.mask, placement, settings))


def _erase(case: Case) -> Any:
    gap, fill = case.pick([0.1, 0.5]), case.pick(list(FILLS))
    done = erase_handle(case.photo, case.mask, gap, 0.5, background="#ffffff", fill=fill)
    untouched = (done.erased * 255).floor() == 0
    assert torch.equal(done.image[untouched], _as_painted(case.photo)[untouched]), "changed outside what was erased"
    return done.image, done.mask, done.erased, done.reports


def _as_painted(photo: Tensor) -> Tensor:
    """One channel becomes three where a colour is painted in."""
    return photo.expand(*photo.shape[:-1], 3) if photo.shape[-1] == 1 else photo


def _zone(case: Case) -> Any:
    done = open_zone(case.photo, case.mask, longest_cm=case.pick([0.0, 8.0, 45.0]))
    return done.image, done.mask, done.zone, done.reports


def _color(case: Case) -> Any:
    method = case.pick(["relight_original", "lab_histogram", "lab_mkl", "lab_reinhard"])
    masks = case.pick([(case.mask, None), (None, case.mask), (case.mask, case.mask), (None, None)])
    return fix_color(_in_place(case), case.photo, masks[0], masks[1], ColorSettings(method, 1.0, 2.0, 1))


def _shadow(case: Case) -> Any:
    light = Light(case.pick([0.0, 90.0, 210.0]), 45.0, 0.5, 0.5, case.choice % 2 == 0)
    done = ground_and_shadow(case.photo, case.mask, light)
    return done.image, done.shadow, done.ground, done.reports


def _style(case: Case) -> Any:
    style = StyleSettings(case.pick(list(LOOKS)), 1.0, 7, case.pick([0.0, 98.0]), 95.0)
    depth = case.pick([None, case.mask])
    return apply_style(case.photo, case.pick([None, case.mask]), depth, style)


def _save(case: Case) -> Any:
    """What Save Cut-out does."""
    rgb, _ = split_alpha(case.photo)
    same_size(product=rgb, mask=case.mask)
    alpha = encode.to_bytes(check_mask(case.mask)[0])
    return len(encode.png(encode.with_alpha(encode.to_bytes(rgb[0]), alpha), {}).data)


def _export(case: Case) -> Any:
    rgb, _ = split_alpha(case.photo)
    channel = case.pick(list(CHANNELS.values()))
    picture = encode.to_bytes(rgb[0])
    png, jpeg = encode.png(picture, {}, "photo"), encode.jpeg(picture, channel.max_bytes, "photo")
    mask = check_mask(case.mask)[0].numpy()
    done = Finished(picture=picture, mask=mask, shadow=None, png=png, jpeg=jpeg, scale=None, cut_off=False)
    return [rule.text() for rule in inspect(done, channel)]


def _front(case: Case) -> Any:
    done = keep_in_front(case.scene, case.photo, case.mask, _placed(case), sensitivity=0.5, grow=case.pick([0.0, 2.0]))
    return done.mask, list(done.reports)


def _register(case: Case) -> Any:
    whole = torch.ones_like(case.mask)  # an empty mask has no place of its own
    placement = pose_product(whole, CANVAS[1], CANVAS[0], case.pick(list(POSES)))[0]
    done = register_product(case.scene, case.photo, case.mask, placement, min_confidence=0.0)
    return done.reports, moved_mask(case.mask.new_zeros((1, *CANVAS)), placement, done.placement)


def _hands(case: Case) -> Any:
    plan = plan_crops(_in_place(case), [()], case.mask, CropSettings())
    crops, masks = cut_all(_in_place(case), plan)
    done = stitch(_in_place(case), crops.flip(1), plan, StitchSettings("always"))
    untouched = (done.mask * 255).floor() == 0
    before = split_alpha(_in_place(case))[0]
    assert torch.equal(done.image[..., :3][untouched], before[untouched]), "changed where the saved mask is 0"
    return crops, masks, done.mask, [decision.as_dict() for decision in done.decisions]


def _tiles(case: Case) -> Any:
    grid = tiles.plan_tiles(case.photo.shape[1], case.photo.shape[2], case.pick([16, 64]), 8)
    joined = tiles.join(tiles.split(case.photo, grid), grid)
    assert torch.equal(joined, case.photo)
    return tiles.hold_tone(joined, case.photo, 4.0)


def _persona(case: Case) -> Any:
    facts = measure_product(case.photo, case.mask)
    return facts.sentence()


def _on_canvas(case: Case) -> Any:
    return mask_on_canvas(case.mask, _placed(case), CANVAS[1], CANVAS[0])


OPERATIONS: dict[str, Callable[[Case], Any]] = {
    "place": _place,
    "paste back": _paste,
    "fidelity": _fidelity,
    "erase handle": _erase,
    "open a grip zone": _zone,
    "fix color": _color,
    "shadow": _shadow,
    "style": _style,
    "save cut-out": _save,
    "export": _export,
    "keep in front": _front,
    "register": _register,
    "hands": _hands,
    "tiles": _tiles,
    "persona": _persona,
    "mask on canvas": _on_canvas,
}

_SIDES = st.sampled_from([1, 2, 3, 4, 5, 8, 17, 64])
_SIZES = st.one_of(st.tuples(_SIDES, _SIDES), st.sampled_from([(1, 500), (500, 1), (2, 500), (500, 3)]))
_MASKS = ("empty", "one pixel", "corner", "full", "row", "column", "faint", "soft", "blob", "almost", "two", "bag")


def mask_of(kind: str, height: int, width: int, random: np.random.Generator) -> Tensor:
    mask = np.zeros((height, width), np.float32)
    y, x = int(random.integers(height)), int(random.integers(width))
    if kind == "one pixel":
        mask[y, x] = 1
    elif kind == "corner":
        mask[-1, -1] = 1
    elif kind == "full":
        mask[:] = 1
    elif kind == "row":
        mask[y] = 1
    elif kind == "column":
        mask[:, x] = 1
    elif kind == "faint":
        mask[:] = random.choice([1 / 512, 0.3, 0.499])
    elif kind == "soft":
        mask[:] = random.random((height, width))
    elif kind == "blob":
        mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = 1
    elif kind == "almost":
        mask[:] = 1
        mask[y, x] = 0
    elif kind == "bag":
        rows, columns = np.mgrid[0:height, 0:width] / np.array([[[height]], [[width]]])
        ring = np.hypot(columns - 0.5, (rows - 0.45) * 0.9)
        mask[(rows > 0.45) & (rows < 0.95) & (abs(columns - 0.5) < 0.4)] = 1
        mask[(rows <= 0.45) & (ring > 0.24) & (ring < 0.31)] = 1
    elif kind == "two":
        mask[0, 0] = mask[-1, -1] = 1
    return torch.from_numpy(mask).unsqueeze(0)


@dataclass(frozen=True)
class Recipe:
    """What a `Case` is made of, short enough to be read where a test fails."""

    size: tuple[int, int]
    channels: int
    scene_channels: int
    flat: float | None
    mask: str
    seed: int
    choice: int

    def case(self) -> Case:
        random = np.random.default_rng(self.seed)
        shape = (1, *self.size, self.channels)
        photo = random.random(shape) if self.flat is None else np.full(shape, self.flat)
        scene = random.random((1, *CANVAS, self.scene_channels))
        mask = mask_of(self.mask, *self.size, random)
        return Case(_float(photo), mask, _float(scene), self.choice)


def _float(values: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


recipes = st.builds(
    Recipe,
    size=_SIZES,
    channels=st.sampled_from([1, 3, 4]),
    scene_channels=st.sampled_from([1, 3, 4]),
    flat=st.sampled_from([None, 0.0, 0.5, 1.0]),
    mask=st.sampled_from(_MASKS),
    seed=st.integers(0, 2**16),
    choice=st.integers(0, 11),
)


def check_result(result: Any) -> None:
    """Finite tensors, and figures that JSON can say."""
    if isinstance(result, Tensor):
        assert bool(torch.isfinite(result.float()).all())
        if result.ndim == 3:
            assert 0 <= float(result.min()) <= float(result.max()) <= 1, "a mask outside 0..1"
    elif isinstance(result, float):
        assert math.isfinite(result)
    elif isinstance(result, dict):
        for value in result.values():
            check_result(value)
    elif isinstance(result, (list, tuple)):
        for value in result:
            check_result(value)


def works_or_refuses(name: str, recipe: Recipe) -> None:
    try:
        result = OPERATIONS[name](recipe.case())
    except ImagingError as refusal:
        assert len(str(refusal)) > 20
    else:
        check_result(result)


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipe=recipes)
def test_it_works_or_refuses_in_words(name: str, recipe: Recipe) -> None:
    works_or_refuses(name, recipe)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(recipe=recipes)
def test_it_works_or_refuses_in_words_for_very_many(name: str, recipe: Recipe) -> None:
    works_or_refuses(name, recipe)


_WITHOUT = {
    "photo": ("hands", "mask on canvas"),
    "scene": tuple(OPERATIONS.keys() - {"paste back", "fidelity", "fix color", "keep in front", "register", "hands"}),
    "mask": ("tiles",),
}
TAKEN = [(name, where) for name in OPERATIONS for where in _WITHOUT if name not in _WITHOUT[where]]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("name", "where"), TAKEN)
def test_what_is_no_number_is_refused_by_every_operation(name: str, where: str, bad: float) -> None:
    """A whole NaN picture passed with ΔE 0.0, and one NaN pixel was written as black."""
    random = np.random.default_rng(3)
    whole = {
        "photo": torch.from_numpy(random.random((1, 64, 64, 3)).astype(np.float32)),
        "scene": torch.from_numpy(random.random((1, *CANVAS, 3)).astype(np.float32)),
        "mask": mask_of("blob", 64, 64, random),
    }
    for area in (np.s_[:], np.s_[:, 30:31, 30:31]):
        given = {key: value.clone() for key, value in whole.items()}
        given[where][area] = bad
        refused = 0
        for choice in range(4):
            try:
                OPERATIONS[name](Case(**given, choice=choice))
            except NotFiniteError:
                refused += 1
        assert refused > 0, "taken for a picture"
