"""Marketplace Preset, Export for Marketplace and Save Cut-out inside the real server."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.comfy import ComfyServer, GraphError


def canvas(width: int = 640, height: int = 640, shade: int = 255) -> Image.Image:
    """A finished picture: a purple box on white; `shade` is the grey of a patch under it."""
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[height // 16 : -height // 16, width // 4 : -width // 4] = (90, 40, 160)
    picture[-height // 16 : -height // 32, width // 4 : -width // 4] = shade
    return Image.fromarray(picture)


def mask(width: int = 640, height: int = 640) -> Image.Image:
    values = np.zeros((height, width, 3), np.uint8)
    values[height // 16 : -height // 16, width // 4 : -width // 4] = 255
    return Image.fromarray(values)


def graph(server: ComfyServer, *, image: Image.Image | None = None, **export: Any) -> dict[str, Any]:
    return {
        "image": {"class_type": "LoadImage", "inputs": {"image": server.upload(image or canvas())}},
        "mask": {"class_type": "LoadImageMask", "inputs": {"image": server.upload(mask()), "channel": "red"}},
        "channel": {
            "class_type": "ProdgenChannel",
            "inputs": {"channel": "amazon", "width": 640, "height": 640, "background": "", "fill": 0.0, "shadow": -1.0},
        },
        "export": {
            "class_type": "ProdgenExport",
            "inputs": {
                "image": ["image", 0],
                "mask": ["mask", 0],
                "channel": ["channel", 6],
                "filename_prefix": "tests/export",
                **export,
            },
        },
    }


def report(outputs: dict[str, Any], node: str = "export") -> dict[str, Any]:
    return dict(json.loads(outputs[node]["text"][0]))


def test_two_files_with_the_same_pixels_and_every_rule_passed(comfy_server: ComfyServer) -> None:
    outputs = comfy_server.run(graph(comfy_server))
    files = outputs["export"]["images"]
    assert [file["filename"][-4:] for file in files] == [".jpg", ".png"]
    assert all(file["subfolder"] == "tests" and file["type"] == "output" for file in files)
    exact = np.asarray(comfy_server.picture(files[1]))
    assert (exact == np.asarray(canvas())).all()
    assert np.abs(np.asarray(comfy_server.picture(files[0])).astype(int) - exact).mean() < 0.5
    said = report(outputs)
    assert said["passed"]
    assert {"pixels", "fill", "border", "background", "bytes", "colour space"} <= set(said["checks"])
    assert [entry["file"] for entry in said["files"]] == [file["filename"] for file in files]
    assert "2026" in said["note"]


def test_files_are_never_overwritten(comfy_server: ComfyServer) -> None:
    seen = set()
    for shade in (255, 254, 253):
        outputs = comfy_server.run(graph(comfy_server, image=canvas(shade=shade)))
        seen |= {file["filename"] for file in outputs["export"]["images"]}
    assert len(seen) == 6


def test_what_breaks_a_rule_is_named(comfy_server: ComfyServer) -> None:
    said = report(comfy_server.run(graph(comfy_server, image=canvas(shade=250))))
    assert said["failed"] == ["background"]
    assert not said["passed"]
    assert any(line.startswith("FAIL  background: ") for line in said["rules"])
    assert [line.partition(": ")[0] for line in said["reasons"]] == ["background"]


def with_logo() -> Image.Image:
    """The finished picture with a mark in its corner that the cut-out took for product."""
    picture = np.asarray(canvas()).copy()
    picture[30:80, 560:610] = (10, 20, 30)
    return Image.fromarray(picture)


@pytest.mark.parametrize(("channel", "fails"), [("amazon", True), ("shopify", False)])
def test_a_logo_in_the_picture_is_a_fault_where_the_shop_says_so(
    comfy_server: ComfyServer, channel: str, fails: bool
) -> None:
    given = graph(comfy_server, image=with_logo())
    given["channel"]["inputs"]["channel"] = channel
    said = report(comfy_server.run(given))
    assert not said["checks"]["other objects or logos"]
    assert ("other objects or logos" in said["failed"]) is fails
    assert any("50×50 at 560,30" in line for line in said["rules"])


def test_each_rule_names_the_page_that_asks_for_it(comfy_server: ComfyServer) -> None:
    given = graph(comfy_server)
    given["channel"]["inputs"]["channel"] = "walmart"
    said = report(comfy_server.run(given))
    assert set(said["sources"]) == set(said["checks"])
    assert "marketplacelearn.walmart.com" in said["sources"]["zoom"]
    assert said["sources"]["fill"] == "this project's own advice"


def test_the_files_say_72_dots_per_inch_or_what_was_asked(comfy_server: ComfyServer) -> None:
    for wish, dpi in (({}, 72), ({"dpi": 300}, 300)):
        files = comfy_server.run(graph(comfy_server, **wish))["export"]["images"]
        for file in files:
            written = Image.open(io.BytesIO(comfy_server.fetch(file))).info["dpi"]
            assert [round(value) for value in written] == [dpi, dpi]


def test_the_fidelity_report_is_part_of_the_verdict(comfy_server: ComfyServer) -> None:
    for passed in (True, False):
        given = graph(comfy_server, fidelity=["text", 0])
        text = json.dumps({"passed": passed, "delta_e00_mean": 4.2, "reasons": ["the colour has changed"]})
        given["text"] = {"class_type": "PrimitiveString", "inputs": {"value": text}}
        said = report(comfy_server.run(given))
        assert said["checks"]["product unchanged"] is passed
        assert any("the colour has changed" in line for line in said["rules"]) is not passed


@pytest.mark.parametrize(
    ("whole", "line"),
    [
        ({"whole": True}, "pass  whole product: whole"),
        ({"whole": None, "whole_note": "the backdrop is too busy"}, "note  whole product: not checked: the backdrop"),
        (
            {"whole": None, "whole_note": "not checked: no photo is connected"},
            "note  whole product: not checked: no ph",
        ),
        ({}, "note  whole product: not checked: connect"),
        (None, "note  whole product: not checked: connect"),
        ({"whole": False, "missing": ["lower left"]}, "FAIL  whole product: a piece is missing, cut away at: lower"),
    ],
)
def test_only_what_was_compared_with_the_photo_is_whole(
    comfy_server: ComfyServer, whole: dict[str, Any] | None, line: str
) -> None:
    """A verdict that Product Fidelity did not reach is a note with its reason, never a pass."""
    given = graph(comfy_server, **({} if whole is None else {"fidelity": ["text", 0]}))
    text = json.dumps({"passed": True, "delta_e00_mean": 0.5, "reasons": [], **(whole or {})})
    given["text"] = {"class_type": "PrimitiveString", "inputs": {"value": text}}
    said = report(comfy_server.run(given))
    assert any(own.startswith(line) for own in said["rules"]), said["rules"]
    assert ("whole product" in said["failed"]) is line.startswith("FAIL")


def test_a_batch_is_saved_picture_by_picture(comfy_server: ComfyServer) -> None:
    given = graph(comfy_server, image=canvas())
    given["other"] = {"class_type": "LoadImage", "inputs": {"image": comfy_server.upload(canvas(shade=240))}}
    given["batch"] = {"class_type": "ImageBatch", "inputs": {"image1": ["image", 0], "image2": ["other", 0]}}
    given["export"]["inputs"]["image"] = ["batch", 0]
    outputs = comfy_server.run(given)
    assert len({file["filename"] for file in outputs["export"]["images"]}) == 4
    said = report(outputs)
    assert said["failed"] == ["background"]
    assert any("picture 2: " in line for line in said["rules"])


def test_in_a_batch_a_fault_is_named_before_a_note(comfy_server: ComfyServer) -> None:
    """The first picture's box has a border (a note), the second stands in a frame (a fault): both are 'frame'."""
    bordered, framed = np.asarray(canvas()).copy(), np.asarray(canvas()).copy()
    bordered[60:-60, 180:-180] = (200, 200, 120)
    framed[[4, 5, -6, -5], 4:-4] = framed[4:-4, [4, 5, -6, -5]] = 0
    given = graph(comfy_server, image=Image.fromarray(bordered))
    given["other"] = {"class_type": "LoadImage", "inputs": {"image": comfy_server.upload(Image.fromarray(framed))}}
    given["batch"] = {"class_type": "ImageBatch", "inputs": {"image1": ["image", 0], "image2": ["other", 0]}}
    given["export"]["inputs"]["image"] = ["batch", 0]
    said = report(comfy_server.run(given))
    assert "frame" in said["failed"]
    assert any(line.startswith("FAIL  frame: picture 2: ") for line in said["rules"])


def _other_size(server: ComfyServer, given: dict[str, Any]) -> None:
    small = server.upload(mask().resize((320, 640)))
    given["mask"]["inputs"]["image"] = small


def _placeholder(server: ComfyServer, given: dict[str, Any]) -> None:
    given["export"]["inputs"]["mask"] = ["image", 1]


def _not_a_report(server: ComfyServer, given: dict[str, Any]) -> None:
    given["text"] = {"class_type": "PrimitiveString", "inputs": {"value": "all fine"}}
    given["export"]["inputs"]["fidelity"] = ["text", 0]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_other_size, "320×640"), (_placeholder, "no alpha channel"), (_not_a_report, "Product Fidelity")],
    ids=["mask of another size", "placeholder mask", "not a fidelity report"],
)
def test_wrong_inputs_are_refused_in_words(
    comfy_server: ComfyServer, spoil: Callable[[ComfyServer, dict[str, Any]], None], words: str
) -> None:
    given = graph(comfy_server)
    spoil(comfy_server, given)
    with pytest.raises(GraphError, match=words):
        comfy_server.run(given)


@pytest.mark.parametrize(("wish", "word"), [({"background": "snow"}, "#rrggbb"), ({"fill": 0.5}, "")])
def test_the_preset_takes_wishes(comfy_server: ComfyServer, wish: dict[str, Any], word: str) -> None:
    given = graph(comfy_server)
    given["channel"]["inputs"].update(wish)
    if word:
        with pytest.raises(GraphError, match=word):
            comfy_server.run(given)
    else:
        assert report(comfy_server.run(given), "channel")["fill"] == 0.5


def test_a_cutout_is_straight_alpha_and_its_mask(comfy_server: ComfyServer) -> None:
    given = graph(comfy_server)
    given["export"] = {
        "class_type": "ProdgenSaveCutout",
        "inputs": {"product": ["image", 0], "mask": ["mask", 0], "filename_prefix": "cut", "save_mask": True},
    }
    del given["channel"]
    files = comfy_server.run(given)["export"]["images"]
    cut, alpha = (np.asarray(comfy_server.picture(file)) for file in files)
    assert cut.shape == (640, 640, 4)
    assert (alpha == np.asarray(mask())[..., 0]).all()
    assert (cut[alpha == 255][:, :3] == np.asarray(canvas())[alpha == 255]).all()


@pytest.mark.slow
def test_without_metadata_nothing_of_the_graph_is_written(start_comfy: Callable[..., ComfyServer]) -> None:
    server = start_comfy("--disable-metadata")
    files = server.run(graph(server))["export"]["images"]
    assert all(b"class_type" not in server.fetch(file) for file in files)


@pytest.mark.parametrize(
    "said",
    ['{"passed": true, "delta_e00_mean": NaN}', '{"passed": true, "delta_e00_mean": -Infinity}', '{"passed": "false"}'],
)
def test_a_fidelity_that_is_no_number_or_no_verdict_does_not_pass(comfy_server: ComfyServer, said: str) -> None:
    prompt = graph(comfy_server, fidelity=["said", 0])
    prompt["said"] = {"class_type": "PrimitiveString", "inputs": {"value": said}}
    checked = report(comfy_server.run(prompt))
    assert checked["passed"] is False
    assert "product unchanged" in checked["failed"]
