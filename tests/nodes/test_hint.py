"""Load Hint Mask inside the real server: files as people make them, on the wire to Segment Product."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
import requests
import torch
from PIL import Image
from scipy import ndimage

from tests.imaging.segmentation_products import scene
from tests.support.comfy import ComfyServer, GraphError

SIZE = 256


@pytest.fixture(scope="module")
def pair() -> torch.Tensor:
    """Two jars side by side `[H,2H,3]`: without a hint both are product."""
    one = scene("jar", 1, size=SIZE).photo
    return torch.cat((one, one.flip(1)), dim=1)


def as_picture(photo: torch.Tensor) -> Image.Image:
    return Image.fromarray((photo.clamp(0, 1) * 255).round().byte().numpy())


def left_half(width: int = 2 * SIZE, height: int = SIZE) -> Image.Image:
    """A mask over the left jar, painted a little too broadly."""
    painted = ndimage.binary_dilation(scene("jar", 1, size=SIZE).alpha.numpy() > 0.5, iterations=SIZE // 50)
    mask = Image.fromarray(np.pad(painted, ((0, 0), (0, SIZE))).astype(np.uint8) * 255)
    return mask.resize((width, height), Image.Resampling.NEAREST)


def loading(name: str) -> dict[str, Any]:
    return {
        "hint": {"class_type": "ProdgenLoadHint", "inputs": {"mask": name}},
        "picture": {"class_type": "MaskToImage", "inputs": {"mask": ["hint", 0]}},
        "saved": {"class_type": "SaveImage", "inputs": {"images": ["picture", 0], "filename_prefix": "hint"}},
    }


def cutting(server: ComfyServer, photo: torch.Tensor, name: str) -> dict[str, Any]:
    return {
        "photo": {"class_type": "LoadImage", "inputs": {"image": server.upload(as_picture(photo))}},
        "hint": {"class_type": "ProdgenLoadHint", "inputs": {"mask": name}},
        "cut": {
            "class_type": "ProdgenSegmentProduct",
            "inputs": {"image": ["photo", 0], "transparency": ["photo", 1], "hint": ["hint", 0], "method": "auto"},
        },
        "picture": {"class_type": "MaskToImage", "inputs": {"mask": ["cut", 1]}},
        "saved": {"class_type": "SaveImage", "inputs": {"images": ["picture", 0], "filename_prefix": "mask"}},
    }


def saved(server: ComfyServer, outputs: dict[str, Any]) -> np.ndarray:
    return np.asarray(server.picture(outputs["saved"]["images"][0]).convert("L"), dtype=np.float32) / 255


def report(outputs: dict[str, Any], node: str) -> dict[str, Any]:
    return dict(json.loads(outputs[node]["text"][0]))


def options(server: ComfyServer) -> list[str]:
    spec = server.object_info("ProdgenLoadHint")["input"]["required"]["mask"]
    return list(spec[1].get("options", spec[0]))


def test_it_lists_the_input_folder_after_none_and_can_be_given_a_file(comfy_server: ComfyServer) -> None:
    name = comfy_server.upload(left_half())
    (comfy_server.input_dir / "notes.txt").write_text("no picture")
    spec = comfy_server.object_info("ProdgenLoadHint")["input"]["required"]["mask"][1]
    assert spec["default"] == "none" and spec["image_upload"] is True
    assert options(comfy_server)[0] == "none" and name in options(comfy_server)
    assert "notes.txt" not in options(comfy_server)


KINDS = [*((mode, "png") for mode in ("L", "1", "RGB", "RGBA", "P")), *((mode, "jpg") for mode in ("L", "RGB"))]


@pytest.mark.parametrize(("mode", "ending"), KINDS)
def test_white_is_product_in_every_kind_of_file(comfy_server: ComfyServer, mode: str, ending: str) -> None:
    buffer = io.BytesIO()
    left_half().convert(mode).save(buffer, "JPEG" if ending == "jpg" else "PNG")
    path = comfy_server.input_dir / f"white_{mode}.{ending}"
    path.write_bytes(buffer.getvalue())
    outputs = comfy_server.run(loading(path.name))
    wanted = np.asarray(left_half()) > 127
    assert ((saved(comfy_server, outputs) > 0.5) == wanted).mean() > 0.995
    assert report(outputs, "hint")["read"] == "what is white"


def test_strokes_on_an_empty_layer_are_product(comfy_server: ComfyServer) -> None:
    layer = Image.new("RGBA", (2 * SIZE, SIZE))
    layer.paste((200, 30, 40, 255), mask=left_half())
    outputs = comfy_server.run(loading(comfy_server.upload(layer)))
    assert np.abs(saved(comfy_server, outputs) - np.asarray(left_half()) / 255).max() < 0.01


def test_a_file_that_was_replaced_is_read_again(comfy_server: ComfyServer) -> None:
    first = left_half()
    name = comfy_server.upload(first, "replaced_hint.png")
    before = saved(comfy_server, comfy_server.run(loading(name)))
    comfy_server.upload(first.transpose(Image.Transpose.FLIP_LEFT_RIGHT), name)
    after = saved(comfy_server, comfy_server.run(loading(name)))
    assert np.abs(after - before[:, ::-1]).max() < 0.01


def test_none_leaves_the_hint_empty(comfy_server: ComfyServer, pair: torch.Tensor) -> None:
    outputs = comfy_server.run(cutting(comfy_server, pair, "none"))
    assert report(outputs, "hint") == {"hint": None}
    assert report(outputs, "cut")["products"] == 2
    mask = saved(comfy_server, outputs)
    assert mask[:, :SIZE].max() > 0.99 and mask[:, SIZE:].max() > 0.99


@pytest.mark.first(2)
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.3, 2.0])
def test_a_hint_painted_on_a_copy_of_any_size_decides(
    comfy_server: ComfyServer, pair: torch.Tensor, scale: float
) -> None:
    name = comfy_server.upload(left_half(round(2 * SIZE * scale), round(SIZE * scale)))
    outputs = comfy_server.run(cutting(comfy_server, pair, name))
    mask, truth = saved(comfy_server, outputs), scene("jar", 1, size=SIZE).alpha.numpy() > 0.5
    assert mask[:, SIZE:].max() < 0.05, "the jar that was not painted"
    left = mask[:, :SIZE] > 0.5
    assert (left & truth).sum() / (left | truth).sum() > 0.95
    assert report(outputs, "cut")["products"] == 1


def test_a_hint_of_another_shape_names_both_sizes(comfy_server: ComfyServer, pair: torch.Tensor) -> None:
    name = comfy_server.upload(left_half(300, 300))
    with pytest.raises(GraphError, match=r"hint is 300×300 pixels and the photo 512×256: .*different proportions"):
        comfy_server.run(cutting(comfy_server, pair, name))


def test_what_was_painted_in_the_mask_editor_decides(comfy_server: ComfyServer, pair: torch.Tensor) -> None:
    """As the editor saves it: the photo, transparent where it was painted over. On 'Load Image' and on this node."""
    original = comfy_server.upload(as_picture(pair))
    layer = Image.new("RGBA", (2 * SIZE, SIZE), (0, 0, 0, 255))
    layer.putalpha(left_half().point(lambda level: 255 - level))
    buffer = io.BytesIO()
    layer.save(buffer, "PNG")
    answer = requests.post(
        f"{comfy_server.url}/upload/mask",
        files={"image": (f"clipspace-mask-{original}", buffer.getvalue())},
        data={
            "original_ref": json.dumps({"filename": original, "type": "input"}),
            "type": "input",
            "subfolder": "clipspace",
        },
        timeout=60,
    ).json()
    painted = f"{answer['subfolder']}/{answer['name']} [{answer['type']}]"

    graph = cutting(comfy_server, pair, "none")
    graph["photo"]["inputs"]["image"] = painted
    outputs = comfy_server.run(graph)
    assert any("mask editor" in note for note in report(outputs, "cut")["notes"]), report(outputs, "cut")
    on_the_photo = saved(comfy_server, outputs)
    assert on_the_photo[:, SIZE:].max() < 0.05 and on_the_photo[:, :SIZE].max() > 0.99

    outputs = comfy_server.run(cutting(comfy_server, pair, painted))
    assert report(outputs, "hint")["read"] == "the area painted in the mask editor"
    assert np.abs(saved(comfy_server, outputs) - on_the_photo).max() < 0.05


@pytest.mark.parametrize(
    "name", ["absent.png", "../../secret.png", "/etc/hostname", "", ".", "absent.png [output]", "sub/absent.png"]
)
def test_a_file_that_is_not_there_is_refused_before_anything_runs(comfy_server: ComfyServer, name: str) -> None:
    (comfy_server.base_dir.parent / "secret.png").write_bytes(b"")
    with pytest.raises(GraphError, match="not in ComfyUI's input folder"):
        comfy_server.submit(loading(name))


def test_a_photo_in_place_of_a_mask_is_refused(comfy_server: ComfyServer, pair: torch.Tensor) -> None:
    name = comfy_server.upload(as_picture(pair), "a_photo.png")
    with pytest.raises(GraphError, match=r"a_photo\.png is no mask.*Paint the product white"):
        comfy_server.run(loading(name))


def test_a_mask_with_nothing_in_it_is_refused(comfy_server: ComfyServer) -> None:
    name = comfy_server.upload(Image.new("L", (64, 64)), "black.png")
    with pytest.raises(GraphError, match=r"black\.png marks no product"):
        comfy_server.run(loading(name))


def test_a_file_that_is_no_picture_is_refused(comfy_server: ComfyServer) -> None:
    (comfy_server.input_dir / "broken.png").write_bytes(b"this is no picture")
    with pytest.raises(GraphError, match=r"broken\.png cannot be read as a picture"):
        comfy_server.run(loading("broken.png"))
