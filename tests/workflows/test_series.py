"""series.v3 and creative_upscale.v2 on smoke models: the right steps on the right model, the right size, no seams."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from prodgen_nodes.imaging.tiles import plan_tiles

from runner.workflow.graph import up_to
from tests.imaging.seams import line_energy, texture_in_overlaps
from tests.support.comfy import REPO, ComfyServer
from tests.support.runs import command
from tests.support.smoke import colourful_photo
from tests.workflows import published, smoke_runs
from tests.workflows.smoke_runs import Look, Pixels

SIDE, TILE, OVERLAP = 160, 96, 32


def titled(graph: published.Graph, title: str) -> str:
    return next(key for key, node in graph.items() if node["_meta"]["title"] == title)


def difference(first: Pixels, second: Pixels) -> float:
    return float(np.abs(first - second).mean())


# --- series ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "share", "switch"), [(30, 0.7, 21), (50, 0.7, 35), (10, 0.7, 7), (20, 0.8, 16), (1, 0.7, 1), (3, 0.1, 1)]
)
def test_the_refiner_takes_over_at_its_share_of_any_number_of_steps(
    steps: int, share: float, switch: int, comfy_server: ComfyServer
) -> None:
    graph = published.with_values(published.load("series.v3"), steps=steps, refiner_at=share)
    at = titled(graph, "Step at which the refiner takes over")
    base, refiner = smoke_runs.nodes_of(graph, "KSamplerAdvanced")
    assert graph[base]["inputs"]["end_at_step"] == [at, 1] == graph[refiner]["inputs"]["start_at_step"]
    assert graph[base]["inputs"]["steps"] == graph[refiner]["inputs"]["steps"]
    assert (graph[base]["inputs"]["return_with_leftover_noise"], graph[refiner]["inputs"]["add_noise"]) == (
        "enable",
        "disable",
    )
    computed = up_to(graph, at)
    computed["shown"] = {"class_type": "PreviewAny", "inputs": {"source": [at, 1]}}
    assert comfy_server.run(computed)["shown"]["text"] == [str(switch)]


def test_the_usual_sizes(comfy_server: ComfyServer) -> None:
    """1024² is repainted at 1536² and ends at 2048²."""
    graph = published.load("series.v3")
    wanted = {"Width of the hires pass": 1536, "Height of the hires pass": 1536, "Final width": 2048}
    computed: published.Graph = {}
    for title in wanted:
        node = titled(graph, title)
        computed |= up_to(graph, node)
        computed[title] = {"class_type": "PreviewAny", "inputs": {"source": [node, 1]}}
    outputs = comfy_server.run(computed)
    assert {title: int(outputs[title]["text"][0]) for title in wanted} == wanted


@pytest.fixture(scope="module")
def series(smoke_server: ComfyServer) -> Callable[..., Look]:
    done: dict[str, Look] = {}

    def run(**values: Any) -> Look:
        given = {"width": 96, "height": 64, "steps": 3, "cfg": 1.0, **values}
        key = json.dumps(given, sort_keys=True)
        if key not in done:
            graph = published.load("series.v3")
            looks = {
                "refined": (titled(graph, "After the refiner"), 0),
                "hires": (titled(graph, "After the hires pass"), 0),
                "final": (titled(graph, "At the final size"), 0),
            }
            done[key] = smoke_runs.run(smoke_server, graph, looks, **given)
        return done[key]

    return run


def test_a_series_picture_is_twice_its_size(series: Callable[..., Look]) -> None:
    shown = series().pictures
    assert shown["refined"].shape == (64, 96, 3)
    assert shown["hires"].shape == (96, 144, 3)
    assert shown["final"].shape == (128, 192, 3)
    assert shown["final"].std() > 0.02


@pytest.mark.slow
def test_style_seed_and_strength_count(series: Callable[..., Look]) -> None:
    usual = series().pictures
    assert difference(series(style="oil on canvas").pictures["refined"], usual["refined"]) > 0.001
    assert difference(series(seed=5).pictures["refined"], usual["refined"]) > 0.02
    assert difference(series(hires_denoise=0.7).pictures["hires"], usual["hires"]) > 0.005


@pytest.mark.parametrize(
    ("file", "workflow", "count"),
    [
        ("series.csv", "series.v3", 80),
        ("series.yaml", "series.v3", 60),
        ("creative_upscale.yaml", "creative_upscale.v2", 2),
    ],
)
def test_the_example_tables_are_what_batch_takes(file: str, workflow: str, count: int, tmp_path: Path) -> None:
    asked = (
        "batch",
        workflow.partition(".")[0],
        "--jobs",
        str(REPO / "examples" / "jobs" / file),
        "--dry-run",
        "--out",
        str(tmp_path),
    )
    ran = command(*asked, folder=tmp_path)
    lacks = "is not there" in ran.err or "is not on the server" in ran.err  # one may run on this machine
    assert ran.code == 0 or (ran.code == 4 and lacks), ran.err  # without SDXL: as the run would
    assert f"{count} jobs would run with {workflow}" in ran.out
    if workflow == "series.v3":
        assert all(line.startswith(("bags/", "vessels/")) for line in ran.out.splitlines()[:-1])


# --- creative upscale ------------------------------------------------------------------------------------------------


def gradient(side: int) -> Image.Image:
    """Nothing that a seam could hide behind."""
    y, x = np.mgrid[0:side, 0:side] / side
    return Image.fromarray((np.stack((0.35 + 0.3 * x, 0.4 + 0.2 * y, 0.5 + 0 * x), -1) * 255).round().astype(np.uint8))


@pytest.fixture(scope="module")
def creative(smoke_server: ComfyServer) -> Callable[..., Look]:
    photo = smoke_server.upload(gradient(SIDE))
    done: dict[str, Look] = {}

    def run(name: str = "creative_upscale.v2", **values: Any) -> Look:
        given = {"image": photo, "times": 1.0, "steps": 2, "cfg": 1.0, "tile": TILE, "overlap": OVERLAP, **values}
        key = json.dumps([name, given], sort_keys=True)
        if key not in done:
            graph = published.load(name)
            looks = {"cut": (titled(graph, "At the new size"), 0), "final": (titled(graph, "Join Tiles"), 0)}
            done[key] = smoke_runs.run(smoke_server, graph, looks, **given)
        return done[key]

    return run


@pytest.mark.parametrize(
    "name", [pytest.param("creative_upscale.v2", marks=pytest.mark.slow), "creative_upscale_sd15.v3"]
)
def test_no_seam_where_tiles_meet(name: str, creative: Callable[..., Look]) -> None:
    look = creative(name)
    assert look.report("ProdgenSplitTiles")["tiles"] == 4
    assert look.pictures["final"].shape == (SIDE, SIDE, 3)
    added = torch.from_numpy(look.pictures["final"] - look.pictures["cut"]).float()
    assert float(added.abs().mean()) > 0.02  # painted anew
    grid = plan_tiles(SIDE, SIDE, TILE, OVERLAP)
    assert line_energy(added, grid) < 1.1
    assert texture_in_overlaps(added, grid) > 0.9  # no soft band


@pytest.mark.slow
def test_tiles_paint_what_the_whole_picture_would_be(creative: Callable[..., Look]) -> None:
    """Shared noise and mixing leave hardly a trace of the tiles: one tile over everything gives nearly the same."""
    tiled, whole = creative().pictures, creative(tile=SIDE).pictures
    assert difference(tiled["final"], whole["final"]) < 0.2 * difference(whole["final"], whole["cut"])


@pytest.mark.slow
def test_any_size_comes_out_as_asked(creative: Callable[..., Look], smoke_server: ComfyServer) -> None:
    odd = smoke_server.upload(colourful_photo(160).crop((0, 0, 157, 99)))
    look = creative(image=odd, times=1.5)
    assert look.pictures["final"].shape == (148, 236, 3)  # 148.5 and 235.5, rounded half to even


@pytest.mark.slow
def test_its_strength_its_control_and_its_seed_count(creative: Callable[..., Look]) -> None:
    usual = creative().pictures
    changed = difference(usual["final"], usual["cut"])
    assert difference(creative(denoise=0.7).pictures["final"], usual["cut"]) > 1.3 * changed
    assert difference(creative(control_strength=0.0).pictures["final"], usual["final"]) > 1e-4
    assert difference(creative(seed=9).pictures["final"], usual["final"]) > 0.3 * changed


def test_the_original_codes_settings() -> None:
    graph = published.load("creative_upscale_sd15.v3")
    inputs = published.inputs_of(graph)
    usual = {name: graph[node]["inputs"][widget] for name, (node, widget) in inputs.items()}
    wanted = {"steps": 30, "cfg": 1.5, "denoise": 0.3, "control_strength": 0.5, "tile": 512, "overlap": 128}
    wanted |= {"details_lora_strength": 0.7, "render_lora_strength": 0.5, "tcd_lora_strength": 0.7}
    assert {name: usual[name] for name in wanted} == wanted
    assert usual["checkpoint"] == "juggernaut_reborn.safetensors"
    assert len(smoke_runs.nodes_of(graph, "ProdgenTCDSampler")) == 1


def test_a_tile_is_taken_up_late_in_the_trained_steps(comfy_server: ComfyServer) -> None:
    graph = published.load("creative_upscale_sd15.v3")
    at = titled(graph, "Step at which a tile is taken up")
    computed = up_to(graph, at)
    computed["shown"] = {"class_type": "PreviewAny", "inputs": {"source": [at, 1]}}
    assert comfy_server.run(computed)["shown"]["text"] == ["21"]  # nine of thirty steps at 0.3


@pytest.mark.slow
def test_what_is_set_of_the_sd15_one_counts(creative: Callable[..., Look]) -> None:
    name = "creative_upscale_sd15.v3"
    usual = creative(name, steps=8).pictures
    changed = difference(usual["final"], usual["cut"])
    for setting in ({"randomness": 0.5}, {"tcd_lora_strength": 0.0}, {"seed": 9}, {"control_strength": 0.0}):
        assert difference(creative(name, steps=8, **setting).pictures["final"], usual["final"]) > 1e-4
    assert difference(creative(name, steps=8, denoise=0.9).pictures["final"], usual["cut"]) > 1.3 * changed
