"""What follows an upscale model brings its picture to any size: smaller by the mean, larger without blocks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from runner.workflow.graph import up_to
from tests.support.comfy import ComfyServer
from tests.workflows import published, smoke_runs
from tests.workflows.scene_graphs import titled
from tests.workflows.smoke_runs import Pixels
from tests.workflows.test_outlines import NEWEST

DARK, LIGHT = 60, 200
WIDTH, HEIGHT = 24, 16
AT_THE_SIZE = {
    "upscale": "Scene at the new size",
    "creative_upscale": "At the new size",
    "creative_upscale_sd15": "At the new size",
    "series": "At the final size",
}


def step() -> Image.Image:
    """Dark on the left, light on the right: the smoke upscaler repeats its pixels, so the edge stays one."""
    levels = np.full((HEIGHT, WIDTH, 3), DARK, np.uint8)
    levels[:, WIDTH // 2 :] = LIGHT
    return Image.fromarray(levels)


def brought(server: ComfyServer, name: str, times: float) -> Pixels:
    """The picture at `times` its size, as levels `[H,W]`; what paints before the upscale model is left out."""
    graph = published.load(NEWEST[name])
    end = titled(graph, AT_THE_SIZE[name])
    (upscaler,) = smoke_runs.nodes_of(graph, "ImageUpscaleWithModel")
    graph["photo"] = {
        "class_type": "LoadImage",
        "inputs": {"image": server.upload(step())},
        "_meta": {"title": "input: image"},
    }
    graph[upscaler]["inputs"]["image"] = ["photo", 0]
    sizes = {"width": WIDTH, "height": HEIGHT} if name == "series" else {"image": graph["photo"]["inputs"]["image"]}
    graph = published.with_values(graph, times=times, **sizes)
    seen = smoke_runs.run(server, up_to(graph, end), {"brought": (end, 0)})
    return np.asarray(np.rint(seen.pictures["brought"] * 255).mean(axis=-1))


@pytest.mark.parametrize("name", AT_THE_SIZE)
def test_more_than_the_upscale_model_gives_is_no_blocks(name: str, smoke_server: ComfyServer) -> None:
    """Four times from the model and four times from what follows: an edge of blocks has nothing between its sides."""
    shown = brought(smoke_server, name, 16.0)
    assert shown.shape == (16 * HEIGHT, 16 * WIDTH)
    row = shown[len(shown) // 2]
    assert ((row > DARK + 5) & (row < LIGHT - 5)).sum() >= 3
    assert (np.abs(row[:64] - DARK) <= 1).all()
    assert (np.abs(row[-64:] - LIGHT) <= 1).all()


@pytest.mark.parametrize("name", AT_THE_SIZE)
def test_less_than_it_gives_is_the_mean(name: str, smoke_server: ComfyServer) -> None:
    """At its old size the picture is what it was: sixteen pixels of the model's make one again."""
    shown = brought(smoke_server, name, 1.0)
    assert (np.abs(shown - np.asarray(step()).mean(axis=-1)) <= 1).all()
