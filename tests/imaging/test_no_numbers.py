"""A figure that is no number is refused by its name, by every public function that takes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.imaging import (
    crops,
    grip,
    handle,
    hands,
    likeness,
    objects,
    occlusion,
    recolor,
    registration,
)
from prodgen_nodes.imaging.camera import frames_of
from prodgen_nodes.imaging.color.fix import Settings as ColorSettings
from prodgen_nodes.imaging.cut_off import is_cut_off
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.imaging.fidelity.judge import Settings as FidelitySettings
from prodgen_nodes.imaging.light import LightSource, light_map
from prodgen_nodes.imaging.objects.proposals import proposals
from prodgen_nodes.imaging.pasting import paste_back
from prodgen_nodes.imaging.placement import Affine, Placement
from prodgen_nodes.imaging.posing import pose_product
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow
from prodgen_nodes.imaging.style.apply import StyleSettings
from prodgen_nodes.imaging.tensors import Box

IMAGE = torch.full((1, 48, 40, 3), 0.5)
MASK = torch.zeros(1, 48, 40)
MASK[:, 10:40, 10:30] = 1.0
PLACED = Placement(40, 48, 40, 48, (Affine(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),), (Box(10, 10, 30, 40),))

CALLS: dict[str, Callable[[float], Any]] = {
    "shadow borders": lambda x: ground_and_shadow(IMAGE, MASK, None, [None, x]),
    "cut_off border": lambda x: is_cut_off(MASK[0], x),
    "find_grip longest_cm": lambda x: grip.find_grip(MASK[0], longest_cm=x),
    "open_zone longest_cm": lambda x: grip.open_zone(IMAGE, MASK, longest_cm=x),
    "erase_handle gap": lambda x: handle.erase_handle(IMAGE, MASK, gap=x),
    "erase_handle position": lambda x: handle.erase_handle(IMAGE, MASK, position=x),
    "judge_hands min_score": lambda x: hands.judge_hands((), min_score=x),
    "judge_picture min_score": lambda x: hands.judge_picture((), min_score=x),
    "gripping_hand at": lambda x: hands.gripping_hand((x, 0.0), 10.0),
    "gripping_hand size": lambda x: hands.gripping_hand((0.0, 0.0), x),
    "gripping_hand arm": lambda x: hands.gripping_hand((0.0, 0.0), 10.0, (0.0, x)),
    "crops context": lambda x: hands.CropSettings(context=x).check(),
    "crops mask_grow": lambda x: hands.CropSettings(mask_grow=x).check(),
    "stitch min_gain": lambda x: hands.StitchSettings(min_gain=x).check(),
    "stitch feather": lambda x: hands.StitchSettings(feather=x).check(),
    "regions blur": lambda x: crops.RegionSettings(blur=x).check(),
    "stitch_regions feather": lambda x: crops.stitch_regions(IMAGE, None, crops.Crops(40, 48, 1, 64, ()), x),
    "limits_of min_score": lambda x: likeness.limits_of("careful", x),
    "limits_of min_area": lambda x: likeness.limits_of("careful", 0.0, x),
    "separate min_area": lambda x: objects.separate(MASK[0], x),
    "without_twins same": lambda x: objects.without_twins([], x),
    "without_twins within": lambda x: objects.without_twins([], within=x),
    "proposals threshold": lambda x: proposals(torch.zeros(0), None, torch.zeros(0, 4, 4), x, 3),
    "keep_in_front sensitivity": lambda x: occlusion.keep_in_front(IMAGE, IMAGE, MASK, PLACED, sensitivity=x),
    "keep_in_front grow": lambda x: occlusion.keep_in_front(IMAGE, IMAGE, MASK, PLACED, grow=x),
    "recolor strength": lambda x: recolor.recolor(IMAGE, MASK, torch.ones(3), strength=x),
    "register max_shift": lambda x: registration.register_product(IMAGE, IMAGE, MASK, PLACED, max_shift=x),
    "register max_scale": lambda x: registration.register_product(IMAGE, IMAGE, MASK, PLACED, max_scale=x),
    "register max_rotation": lambda x: registration.register_product(IMAGE, IMAGE, MASK, PLACED, max_rotation=x),
    "register min_confidence": lambda x: registration.register_product(IMAGE, IMAGE, MASK, PLACED, min_confidence=x),
    "light light_angle": lambda x: Light(angle=x).check(),
    "light light_height": lambda x: Light(height=x).check(),
    "light softness": lambda x: Light(softness=x).check(),
    "light opacity": lambda x: Light(opacity=x).check(),
    "pose fill": lambda x: pose_product(MASK, 40, 48, fill=x),
    "pose offset_x": lambda x: pose_product(MASK, 40, 48, offset_x=x),
    "pose offset_y": lambda x: pose_product(MASK, 40, 48, offset_y=x),
    "paste scale": lambda x: paste_back(IMAGE, IMAGE, MASK, scale=x),
    "paste feather": lambda x: paste_back(IMAGE, IMAGE, MASK, feather=x),
    "camera amount": lambda x: frames_of(IMAGE[0], "push_in", 2, 16, 16, x),
    "style strength": lambda x: StyleSettings(strength=x).look(),
    "style max_lightness": lambda x: StyleSettings(max_lightness=x).look(),
    "style max_chroma": lambda x: StyleSettings(max_chroma=x).look(),
    "colour strength": lambda x: ColorSettings(strength=x),
    "colour lightness_boost": lambda x: ColorSettings(lightness_boost=x),
    "colour tint": lambda x: ColorSettings(tint=x),
    "fidelity scale": lambda x: FidelitySettings(scale=x),
    **{
        f"light {name}": lambda x, name=name: light_map(LightSource(**{name: x}), 16, 16)
        for name in ("clock", "height", "temperature", "spread", "intensity", "fill", "exposure")
    },
    "light x": lambda x: light_map(LightSource(x=x, y=0.5), 16, 16),
    "light y": lambda x: light_map(LightSource(x=0.5, y=x), 16, 16),
}
"""Where it is taken and its name -> the call with it."""


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize("figure", [float("nan"), float("inf"), float("-inf")])
def test_no_number_is_refused_by_its_name(where: str, figure: float) -> None:
    with pytest.raises(ParameterError, match=rf"\b{where.rsplit(maxsplit=1)[-1]}\b"):
        CALLS[where](figure)


@given(st.lists(st.none() | st.floats(), max_size=3))
def test_any_borders_are_taken_or_refused_by_name(borders: list[float | None]) -> None:
    finite = all(one is None or abs(one) < float("inf") for one in borders)
    try:
        ground_and_shadow(IMAGE, MASK, None, borders)
    except ParameterError as error:
        assert "borders" in str(error)
        assert not finite
    else:
        assert finite
