"""The grip workflows with a product that has no handle: a zone is opened, the hand stays in front, the rest is the
seller's. What the model would have painted is drawn; the weights are made up."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from runner.workflow.graph import up_to
from tests.imaging.grip_products import product
from tests.imaging.registration_scenes import to_linear, to_srgb
from tests.support.comfy import ComfyServer
from tests.workflows import published, smoke_runs, studio
from tests.workflows.published import Graph, outputs_of
from tests.workflows.scene_graphs import titled
from tests.workflows.smoke_runs import Pixels, nodes_of
from tests.workflows.test_outlines import NEWEST

EDITS = ["grip_klein.v3", "grip_qwen.v5"]
SIZE = {"width": 384, "height": 512, "steps": 2, "seed": 1, "scale": 1.0, "relight": 0.0}
SKIN = (0.86, 0.65, 0.53)


def uploaded(server: ComfyServer, picture: Pixels) -> str:
    return server.upload(Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8)))


@pytest.fixture(scope="module")
def bottle(smoke_server: ComfyServer) -> str:
    photo = product("bottle", (0.03, 0.08, 0.35), 1, 640)
    alpha = photo.alpha[..., None]
    return uploaded(smoke_server, to_srgb(to_linear(photo.rgb) * alpha + 0.82 * (1 - alpha)))


def looks(graph: Graph) -> dict[str, tuple[str, int]]:
    (place,), (keep,) = nodes_of(graph, "ProdgenPlaceProduct"), nodes_of(graph, "ProdgenKeepInFront")
    zone, final = graph[keep]["inputs"]["zone"], graph[outputs_of(graph)["picture"]]["inputs"]["images"]
    return {
        "placed": (place, 0),
        "placed_mask": (place, 1),
        "zone": (zone[0], zone[1]),
        "kept": (keep, 0),
        "final": (final[0], final[1]),
    }


def painted(placed: Pixels, mask: Pixels, zone: Pixels) -> Pixels:
    """The placed product in a bluish scene, three fingers from the right across the zone."""
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
    behind = np.stack((0.3 + 0.2 * x / x.max(), 0.45 + 0.1 * y / y.max(), 0.65 + 0 * x), axis=-1)
    scene = 0.9 * placed * mask + behind * (1 - mask)
    ys, xs = np.nonzero(zone[..., 0] > 0.5)
    top, tall, tip = ys.min(), np.ptp(ys), 0.45 * xs.min() + 0.55 * xs.max()
    for number in range(3):
        middle, half = top + tall * (number + 0.5) / 3, tall * 0.13
        away = np.where(x > tip, np.abs(y - middle), np.hypot(y - middle, x - tip)) / half
        cover = np.clip((1 - away) * half + 0.5, 0, 1) * (x < xs.max() + 60)
        shade = 0.75 + 0.25 * np.sqrt(np.clip(1 - away**2, 0, 1))
        scene = scene * (1 - cover[..., None]) + (np.array(SKIN) * shade[..., None]) * cover[..., None]
    return np.asarray(ndimage.gaussian_filter(scene, (0.5, 0.5, 0)))


@pytest.mark.parametrize("name", EDITS)
def test_the_hand_stays_in_front_and_the_rest_is_the_sellers(name: str, smoke_server: ComfyServer, bottle: str) -> None:
    graph = published.load(name)
    (register,) = nodes_of(graph, "ProdgenRegisterProduct")
    decoder = graph[register]["inputs"]["generated"][0]

    def painted_by_hand(scene: str) -> None:
        graph[decoder] = {"class_type": "LoadImage", "inputs": {"image": scene}, "_meta": {"title": "Generated"}}

    painted_by_hand(uploaded(smoke_server, np.full((512, 384, 3), 0.5)))
    shown = smoke_runs.run(smoke_server, graph, looks(graph), image=bottle, **{**SIZE, "min_confidence": 0.0})
    assert shown.report("ProdgenPersona")["pose"] == "held_in_hand"
    assert shown.report("ProdgenGripZone")["kind"] == "around_body"
    placed, mask = shown.pictures["placed"], shown.pictures["placed_mask"][..., :1]
    expected = shown.report("ProdgenGripZone")["share"]
    zone = np.zeros_like(mask)
    ys = np.nonzero(mask[..., 0].any(axis=1))[0]
    zone[ys.min() + int(0.45 * np.ptp(ys)) : ys.min() + int(0.75 * np.ptp(ys))] = 1
    painted_by_hand(uploaded(smoke_server, painted(placed, mask, zone * mask)))
    found = smoke_runs.run(smoke_server, graph, looks(graph), image=bottle, **{**SIZE, "min_confidence": 0.5})
    where, kept, final = found.pictures["zone"][..., 0], found.pictures["kept"][..., 0], found.pictures["final"]
    assert (where > 0.5).sum() / (mask > 0.5).sum() == pytest.approx(expected, abs=0.03)
    hand = (kept > 0.5) & (mask[..., 0] > 0.5)
    assert 0.03 < hand.sum() / (mask > 0.5).sum() < 0.4
    assert np.median(final[hand][:, 0] - final[hand][:, 2]) > 0.1  # skin, over a blue bottle
    own = ndimage.binary_erosion(mask[..., 0] > 0.99, iterations=4)
    own &= ~ndimage.binary_dilation(kept > 0, iterations=3)
    assert own.sum() > 1000 and np.median(np.abs(final - placed)[own]) < 2 / 255
    report = found.report("ProdgenFidelity")
    assert report["covered_beyond_zone"] < 0.01 and 0.05 < report["zone_covered_share"] < 0.95


SAID = {"grip_sdxl": ("Prompt of the hands", "text"), "grip_qwen": ("Instruction and prompt", "string_a")}
"""Workflow → (node, input) that tells the model how a hand holds the product."""


def said_of(server: ComfyServer, name: str, photo: str) -> str:
    graph = published.load(NEWEST[name])
    node, widget = SAID[name]
    source = graph[titled(graph, node)]["inputs"][widget]
    shown = up_to(published.with_values(graph, image=photo, width=384, height=512), source[0])
    shown["show"] = {"class_type": "PreviewAny", "inputs": {"source": source}, "_meta": {"title": ""}}
    (text,) = server.run(smoke_runs.on_smoke_models(shown), 120)["show"]["text"]
    return str(text)


@pytest.mark.parametrize("name", SAID)
def test_a_handle_is_spoken_of_only_where_there_is_one(name: str, smoke_server: ComfyServer, bottle: str) -> None:
    said = said_of(smoke_server, name, bottle)
    assert "hold" in said and "around its body" in said and "thumb" in said
    assert "handle" not in said and "bag" not in said
    bag = said_of(smoke_server, name, smoke_server.upload(studio.bag(640, 640).photo))
    assert "handle" in bag and "around its body" not in bag


@pytest.mark.parametrize(("name", "like"), [("grip_sdxl_fast", "grip_sdxl"), ("grip_klein", "grip_qwen")])
def test_their_siblings_say_the_same(name: str, like: str) -> None:
    ours, theirs = published.load(NEWEST[name]), published.load(NEWEST[like])
    node, widget = SAID[like]
    said = []
    for graph in (ours, theirs):
        last = graph[titled(graph, node)]["inputs"][widget][0]
        first = graph[last]["inputs"]["string"][0]
        zone, slot = graph[first]["inputs"]["string"]
        assert (graph[zone]["class_type"], slot) == ("ProdgenGripZone", 3)
        said.append([graph[one]["inputs"][key] for one in (first, last) for key in ("regex_pattern", "replace")])
    assert said[0] == said[1]
