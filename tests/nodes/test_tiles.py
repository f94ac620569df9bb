"""Split into Tiles, Tile Noise and Join Tiles on a real server: identity, one run per tile, noise that agrees."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.comfy import ComfyServer, GraphError


def photo(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8))


def graph(name: str, *between: str, **settings: Any) -> dict[str, Any]:
    """Split, these one-picture nodes on each tile, join, save."""
    made: dict[str, Any] = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "ProdgenSplitTiles", "inputs": {"image": ["1", 0], "tile": 128, "overlap": 32, **settings}},
    }
    last = ["2", 0]
    for kind in between:
        made[kind] = {"class_type": kind, "inputs": {"image": last}}
        last = [kind, 0]
    made["3"] = {
        "class_type": "ProdgenJoinTiles",
        "inputs": {"tiles": last, "grid": ["2", 1], "hold_tone": 0.0, "reference": ["1", 0]},
    }
    made["4"] = {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "tiles"}}
    return made


def joined(server: ComfyServer, wanted: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(server.picture(server.run(wanted)["4"]["images"][0]).convert("RGB"))


@pytest.mark.parametrize(("width", "height"), [(300, 211), (128, 128), (90, 400)])
def test_unchanged_tiles_give_the_same_picture(width: int, height: int, comfy_server: ComfyServer) -> None:
    picture = photo(width, height)
    assert (joined(comfy_server, graph(comfy_server.upload(picture))) == np.asarray(picture)).all()


def test_nodes_between_run_on_every_tile(comfy_server: ComfyServer) -> None:
    picture = photo(300, 211)
    result = joined(comfy_server, graph(comfy_server.upload(picture), "ImageInvert")).astype(int)
    assert np.abs(result - (255 - np.asarray(picture).astype(int))).max() <= 1  # a saved picture is cut to whole levels


def test_tone_is_held_against_the_reference(comfy_server: ComfyServer) -> None:
    """Inverted tiles, held to the picture itself: the broad tone is the picture's again, the detail stays inverted."""
    y, x = np.mgrid[0:256, 0:256] / 256
    wave = 0.03 * np.sin(x * 200)
    broad = Image.fromarray((np.repeat((0.3 + 0.1 * y + wave)[..., None], 3, 2) * 255).round().astype(np.uint8))
    wanted = graph(comfy_server.upload(broad), "ImageInvert")
    wanted["3"]["inputs"]["hold_tone"] = 1.0
    result, before = joined(comfy_server, wanted) / 255, np.asarray(broad) / 255
    assert np.abs(result.mean(axis=(0, 1)) - before.mean(axis=(0, 1))).max() < 0.01
    fine = result[100, 40:216, 0] - result[100, 40:216, 0].mean()
    assert np.corrcoef(fine, wave[100, 40:216])[0, 1] < -0.9


def test_a_changed_tile_and_a_wrong_overlap_are_refused(comfy_server: ComfyServer) -> None:
    name = comfy_server.upload(photo(300, 211))
    with pytest.raises(GraphError, match="at most half a tile"):
        comfy_server.run(graph(name, overlap=96))
    resized = graph(name)
    resized["smaller"] = {
        "class_type": "ImageScale",
        "inputs": {"image": ["2", 0], "upscale_method": "area", "width": 64, "height": 64, "crop": "disabled"},
    }
    resized["3"]["inputs"]["tiles"] = ["smaller", 0]
    with pytest.raises(GraphError, match="128×128 pixels"):
        comfy_server.run(resized)


def test_tiles_of_several_pictures_are_not_mixed_up(comfy_server: ComfyServer) -> None:
    wanted = graph(comfy_server.upload(photo(300, 211)))
    wanted["again"] = json.loads(json.dumps(wanted["2"]))
    wanted["again"]["inputs"]["image"] = ["2", 0]  # a list of tiles, each split again
    wanted["3"]["inputs"] |= {"tiles": ["again", 0], "grid": ["again", 1]}
    with pytest.raises(GraphError, match="one picture"):
        comfy_server.run(wanted)
