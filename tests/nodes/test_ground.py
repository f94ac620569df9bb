"""Ground and Shadow inside the real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.nodes.test_placement import graph, photo, pixels, refusal, report
from tests.support.comfy import ComfyServer


def shaded(server: ComfyServer, mask: list[Any], **settings: Any) -> dict[str, Any]:
    nodes = graph(server, photo(), pose="on_surface", width=320, height=320)
    nodes["shadow"] = {
        "class_type": "ProdgenGroundShadow",
        "inputs": {
            "image": ["place", 0],
            "mask": mask,
            "light_angle": 330.0,
            "light_height": 60.0,
            "softness": 0.5,
            "opacity": 0.7,
            "contact_only": True,
            **settings,
        },
    }
    for name, slot in (("shade", 1), ("ground", 2)):
        nodes[name] = {"class_type": "MaskToImage", "inputs": {"mask": ["shadow", slot]}}
        nodes[f"{name}_saved"] = {"class_type": "SaveImage", "inputs": {"images": [name, 0], "filename_prefix": name}}
    nodes["result"] = {"class_type": "SaveImage", "inputs": {"images": ["shadow", 0], "filename_prefix": "shaded"}}
    return nodes


def test_a_packshot_gets_a_contact_shadow_and_keeps_its_white_border(comfy_server: ComfyServer) -> None:
    outputs = comfy_server.run(shaded(comfy_server, ["place", 1]))
    before, after = pixels(comfy_server, outputs, "placed"), pixels(comfy_server, outputs, "result")
    mask, shade = (pixels(comfy_server, outputs, name)[..., 0] for name in ("mask_saved", "shade_saved"))
    ground = pixels(comfy_server, outputs, "ground_saved")[..., 0]
    facts = report(outputs, "shadow")
    lowest = facts["contact_line"][1]
    assert facts["kind"] == "line" and not facts["reaches_border"]
    assert (after[mask == 255] == before[mask == 255]).all()
    for edge in (after[0], after[-1], after[:, 0], after[:, -1]):
        assert (edge == 255).all()
    middle = (facts["contacts"][0]["left"] + facts["contacts"][0]["right"]) // 2
    assert abs(int(shade[:, middle].argmax()) - lowest) <= 2 and shade[:, middle].max() > 60
    # Behind the product the ground is in its shade, too, but only near.
    top = int(facts["contact_line"][0])
    assert (shade[: top - shade.shape[0] // 5] == 0).all()
    assert (ground[int(lowest) + 1 :] == 255).all() and (ground[0] == 0).all()


def test_with_a_placement_the_photos_own_mask_will_do(comfy_server: ComfyServer) -> None:
    placed = comfy_server.run(shaded(comfy_server, ["place", 1]))
    own = comfy_server.run(shaded(comfy_server, ["mask", 0], placement=["place", 2]))
    assert np.abs(pixels(comfy_server, placed, "result") - pixels(comfy_server, own, "result")).max() <= 1


def test_a_cast_shadow_is_added_where_wanted(comfy_server: ComfyServer) -> None:
    contact = comfy_server.run(shaded(comfy_server, ["place", 1]))
    cast = comfy_server.run(
        shaded(comfy_server, ["place", 1], contact_only=False, light_angle=300.0, light_height=35.0)
    )
    assert report(cast, "shadow")["shaded_share"] > report(contact, "shadow")["shaded_share"]
    light, dark = (pixels(comfy_server, outputs, "shade_saved")[..., 0].astype(float) for outputs in (contact, cast))
    assert dark.sum() > 1.2 * light.sum() and (dark >= light - 2).all()


def test_refusals(comfy_server: ComfyServer) -> None:
    assert "mask" in refusal(comfy_server, shaded(comfy_server, ["mask", 0]))  # the photo's size, without a placement


def test_what_the_canvas_shows(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenGroundShadow")
    assert info["output"] == ["IMAGE", "MASK", "MASK", "STRING"]
    assert info["output_name"] == ["image", "shadow", "ground", "report"]
    assert info["input_order"]["required"] == [
        "image", "mask", "light_angle", "light_height", "softness", "opacity", "contact_only",
    ]  # fmt: skip
    for group in info["input"].values():
        for name, spec in group.items():
            assert spec[1].get("tooltip"), f"{name} has no tooltip"


@pytest.mark.slow
def test_an_8000_pixel_canvas_fits_into_8_gb(start_comfy: Callable[..., ComfyServer]) -> None:
    """Placing and shading at 8000², at the peak of a server of its own."""
    from PIL import Image

    server = start_comfy()
    big = photo().resize((8000, 8000), Image.Resampling.BILINEAR)
    nodes = graph(server, big, width=8000, height=8000, pose="on_surface")
    for name in ("placed", "mask_picture", "mask_saved"):
        nodes.pop(name)
    nodes["shadow"] = {**shaded(server, ["place", 1])["shadow"]}
    nodes["told"] = {"class_type": "PreviewAny", "inputs": {"source": ["shadow", 3]}}
    server.run(nodes, timeout=900)
    assert server.peak_memory <= 8 * 2**30
