"""Place Product and Paste Product Back inside the real server."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.comfy import ComfyServer, GraphError


def photo() -> Image.Image:
    """A textured jar-like shape, cut out: RGBA with an antialiased edge."""
    y, x = np.mgrid[0:300, 0:240].astype(np.float32) + 0.5
    alpha = np.clip(90 - np.hypot(x - 120, 0.8 * (y - 160)) + 0.5, 0, 1)
    color = np.stack((90 + 60 * np.sin(x / 9), 60 + 30 * np.cos(y / 7), 150 + 40 * np.sin((x + y) / 11)), axis=-1)
    return Image.fromarray(np.dstack((color, 255 * alpha)).astype(np.uint8), "RGBA")


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(4).integers(0, 256, (height, width, 3), dtype=np.uint8))


def graph(server: ComfyServer, picture: Image.Image, **place: Any) -> dict[str, Any]:
    settings = {
        "width": 256,
        "height": 320,
        "pose": "marketplace",
        "fill": 0.0,
        "offset_x": 0.0,
        "offset_y": 0.0,
        "background": "#ffffff",
        **place,
    }
    return {
        "photo": {"class_type": "LoadImage", "inputs": {"image": server.upload(picture)}},
        "mask": {"class_type": "InvertMask", "inputs": {"mask": ["photo", 1]}},
        "place": {
            "class_type": "ProdgenPlaceProduct",
            "inputs": {"product": ["photo", 0], "mask": ["mask", 0], **settings},
        },
        "placed": {"class_type": "SaveImage", "inputs": {"images": ["place", 0], "filename_prefix": "placed"}},
        "mask_picture": {"class_type": "MaskToImage", "inputs": {"mask": ["place", 1]}},
        "mask_saved": {"class_type": "SaveImage", "inputs": {"images": ["mask_picture", 0], "filename_prefix": "mask"}},
    }


def pixels(server: ComfyServer, outputs: dict[str, Any], node: str) -> np.ndarray:
    return np.asarray(server.picture(outputs[node]["images"][0]).convert("RGB")).astype(int)


def away_from(mask: np.ndarray) -> np.ndarray:
    """More than a pixel from the mask: coverage below 1/255 is 0 in a saved picture."""
    near = np.zeros_like(mask, dtype=bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near |= np.roll(mask > 0, (dy, dx), (0, 1))
    return ~near


def report(outputs: dict[str, Any], node: str) -> dict[str, Any]:
    return dict(json.loads(outputs[node]["text"][0]))


def test_place_puts_the_product_on_pure_white_by_its_mask(comfy_server: ComfyServer) -> None:
    outputs = comfy_server.run(graph(comfy_server, photo()))
    image, mask = pixels(comfy_server, outputs, "placed"), pixels(comfy_server, outputs, "mask_saved")[..., 0]
    assert image.shape == (320, 256, 3)
    assert (image[away_from(mask)] == 255).all()
    rows, columns = np.nonzero(mask > 127)
    facts = report(outputs, "place")
    assert facts["canvas"] == [256, 320] and facts["pose"] == "marketplace"
    assert not facts["upscaled"] or facts["notes"]
    x0, y0, x1, y1 = facts["canvas_box"]
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == pytest.approx([x0, y0, x1, y1], abs=1)
    assert (x0 + x1, y0 + y1) == pytest.approx((256, 320), abs=0.5)
    preview = comfy_server.picture(outputs["place"]["images"][0])
    assert preview.size == (256, 320)


def test_enlarging_and_leaving_the_canvas_are_said_in_words(comfy_server: ComfyServer) -> None:
    settings = {"width": 700, "height": 700, "fill": 0.9, "offset_x": 0.3}
    facts = report(comfy_server.run(graph(comfy_server, photo(), **settings)), "place")
    assert facts["upscaled"] and facts["upscale_factor"] > 1.5
    assert facts["off_canvas"] and 0.1 < facts["cropped_share"] < 0.5
    assert any("enlarged" in note for note in facts["notes"])
    assert any("outside the canvas" in note for note in facts["notes"])


def paste(server: ComfyServer, scene: Image.Image, **settings: Any) -> dict[str, Any]:
    nodes = graph(server, photo(), fill=0.7, pose="centered")
    nodes["scene"] = {"class_type": "LoadImage", "inputs": {"image": server.upload(scene)}}
    nodes["paste"] = {
        "class_type": "ProdgenPasteBack",
        "inputs": {
            "scene": ["scene", 0],
            "product": ["photo", 0],
            "mask": ["mask", 0],
            "placement": ["place", 2],
            "scale": 1.0,
            "feather": 0.0,
            **settings,
        },
    }
    nodes["pasted"] = {"class_type": "SaveImage", "inputs": {"images": ["paste", 0], "filename_prefix": "pasted"}}
    nodes["what"] = {"class_type": "MaskToImage", "inputs": {"mask": ["paste", 1]}}
    nodes["what_saved"] = {"class_type": "SaveImage", "inputs": {"images": ["what", 0], "filename_prefix": "what"}}
    return nodes


def test_paste_back_restores_the_product_and_leaves_the_scene(comfy_server: ComfyServer) -> None:
    scene = noise(256, 320)
    outputs = comfy_server.run(paste(comfy_server, scene))
    pasted, what = pixels(comfy_server, outputs, "pasted"), pixels(comfy_server, outputs, "what_saved")[..., 0]
    placed, mask = pixels(comfy_server, outputs, "placed"), pixels(comfy_server, outputs, "mask_saved")[..., 0]
    difference = np.abs(pasted - np.asarray(scene).astype(int))
    assert (difference[away_from(what)] <= 1).all()  # SaveImage truncates
    assert (np.abs(pasted - placed)[mask == 255] <= 1).all()
    assert (mask == 255).mean() > 0.1
    assert report(outputs, "paste")["pasted_share"] == pytest.approx((what / 255).mean(), abs=0.01)


def test_paste_back_keeps_what_is_in_front(comfy_server: ComfyServer) -> None:
    scene = noise(256, 320)
    front = Image.new("RGBA", (256, 320), (0, 0, 0, 255))
    front.paste((0, 0, 0, 0), (0, 0, 128, 320))  # transparent = 1 in LoadImage's mask = the scene wins on the left
    nodes = paste(comfy_server, scene, keep_in_front=["front", 1])
    nodes["front"] = {"class_type": "LoadImage", "inputs": {"image": comfy_server.upload(front)}}
    outputs = comfy_server.run(nodes)
    pasted, what = pixels(comfy_server, outputs, "pasted"), pixels(comfy_server, outputs, "what_saved")[..., 0]
    assert (np.abs(pasted - np.asarray(scene).astype(int))[:, :128] <= 1).all()
    assert what[:, :128].max() == 0 and what[:, 128:].max() == 255


def test_an_unconnected_keep_in_front_is_loadimages_placeholder(comfy_server: ComfyServer) -> None:
    """A scene file without alpha gives a 64×64 mask: it stands for nothing, not for a size mismatch."""
    plain = report(comfy_server.run(paste(comfy_server, noise(256, 320), keep_in_front=["scene", 1])), "paste")
    assert plain["pasted_share"] > 0.1


def refusal(server: ComfyServer, nodes: dict[str, Any]) -> str:
    with pytest.raises(GraphError) as caught:
        server.run(nodes)
    return str(caught.value)


def test_refusals_tell_the_seller_what_to_do(comfy_server: ComfyServer) -> None:
    opaque = photo().convert("RGB")
    nodes = graph(comfy_server, opaque)
    nodes["place"]["inputs"]["mask"] = ["photo", 1]
    assert "Segment Product" in refusal(comfy_server, nodes)
    empty = photo()
    empty.putalpha(0)
    assert "mask is empty" in refusal(comfy_server, graph(comfy_server, empty))
    assert "#rrggbb" in refusal(comfy_server, graph(comfy_server, photo(), background="white-ish"))
    assert "wholly outside" in refusal(comfy_server, graph(comfy_server, photo(), offset_x=1.5))
    message = refusal(comfy_server, paste(comfy_server, noise(300, 200)))
    assert "300×200" in message and "256×320" in message


def test_what_the_canvas_shows(comfy_server: ComfyServer) -> None:
    for node in ("ProdgenPlaceProduct", "ProdgenPasteBack"):
        info = comfy_server.object_info(node)
        assert info["category"] == "prodgen" and info["description"] and info["search_aliases"]
        for group in info["input"].values():
            for name, spec in group.items():
                assert len(spec) > 1 and spec[1].get("tooltip"), f"{node}.{name} has no tooltip"
    place = comfy_server.object_info("ProdgenPlaceProduct")
    assert place["output"] == ["IMAGE", "MASK", "PRODGEN_PLACEMENT", "STRING"]
    assert place["input_order"]["required"] == [
        "product", "mask", "width", "height", "pose", "fill", "offset_x", "offset_y", "background",
    ]  # fmt: skip
    assert comfy_server.object_info("ProdgenPasteBack")["output"] == ["IMAGE", "MASK", "STRING"]


def cut_photo(side: str) -> Image.Image:
    """A product that the photo's frame cuts off at this side alone."""
    width, height, at = 200, 160, {"left": (0, 40), "top": (60, 0), "right": (120, 40), "bottom": (60, 80)}[side]
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    picture.paste((150, 60, 40, 255), (*at, at[0] + 80, at[1] + 80))
    return picture


@pytest.mark.parametrize("offset", [0.0, 0.02])
@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_a_cut_that_stands_free_is_told_with_the_offset_that_hides_it(
    comfy_server: ComfyServer, side: str, offset: float
) -> None:
    """A shop sends back half a pot that floats; what is told lays its cut on the canvas's edge, without a gap."""
    axis = "offset_x" if side in ("left", "right") else "offset_y"
    told = report(comfy_server.run(graph(comfy_server, cut_photo(side), **{axis: offset})), "place")["doubts"]
    assert len(told) == 1 and f"the photo's {side} edge cuts the product off" in told[0]
    found = re.search(rf"{axis} (-?\d\.\d+)$", told[0])
    assert found is not None
    outputs = comfy_server.run(graph(comfy_server, cut_photo(side), **{axis: float(found[1])}))
    mask = pixels(comfy_server, outputs, "mask_saved")[..., 0]
    line = {"left": mask[:, 0], "top": mask[0], "right": mask[:, -1], "bottom": mask[-1]}[side]
    assert line.max() == 255 and report(outputs, "place")["doubts"] == []


def test_no_cut_is_told_of_a_whole_or_a_trimmed_product(comfy_server: ComfyServer) -> None:
    for picture in (photo(), photo().crop(photo().getbbox())):
        assert report(comfy_server.run(graph(comfy_server, picture)), "place")["doubts"] == []


def test_a_held_product_is_told_of_its_cut_without_an_offset(comfy_server: ComfyServer) -> None:
    outputs = comfy_server.run(graph(comfy_server, cut_photo("bottom"), pose="held_in_front"))
    assert report(outputs, "place")["doubts"][0].endswith("photograph the product whole")


def test_two_pictures_and_one_mask_are_reported_as_two_pictures(comfy_server: ComfyServer) -> None:
    placed = graph(comfy_server, photo())
    placed["two"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["photo", 0], "amount": 2}}
    placed["place"]["inputs"]["product"] = ["two", 0]
    outputs = comfy_server.run(placed)
    assert len(outputs["placed"]["images"]) == 2
    assert report(outputs, "place")["pictures"] == 2
