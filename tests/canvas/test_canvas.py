"""A published workflow on ComfyUI's own canvas: nothing is missing, and what the canvas exports runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.comfy import REPO, ComfyServer
from tests.workflows import published

Graph = dict[str, dict[str, Any]]

CORE: Graph = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}, "_meta": {"title": "input: image"}},
    "2": {"class_type": "PrimitiveInt", "inputs": {"value": 96}, "_meta": {"title": "input: width"}},
    "3": {
        "class_type": "ImageScale",
        "inputs": {"image": ["1", 0], "upscale_method": "area", "width": ["2", 0], "height": 64, "crop": "disabled"},
        "_meta": {"title": "To size"},
    },
    "4": {
        "class_type": "SaveImage",
        "inputs": {"images": ["3", 0], "filename_prefix": "canvas"},
        "_meta": {"title": "output: picture"},
    },
}


MODEL_FILES = (".safetensors", ".pth", ".ckpt")
"""A node whose file is not there is marked by the canvas: the test's server has no models."""


def _assert_all_there(nodes: list[dict[str, Any]], graph: Graph) -> None:
    """Every node of the file is on the canvas, known, whole, under its title, with its links and its values."""
    on_canvas = {node["id"]: node for node in nodes}
    missing = [node["class_type"] for key, node in graph.items() if key not in on_canvas]
    assert not missing, f"not on the canvas: {missing}"
    assert set(on_canvas) == set(graph)
    for key, wanted in graph.items():
        node = on_canvas[key]
        assert node["known"], f"{wanted['class_type']} is missing on the canvas"
        assert node["type"] == wanted["class_type"]
        needs_model = any(str(value).endswith(MODEL_FILES) for value in wanted["inputs"].values())
        assert not node["broken"] or needs_model, f"{node['title']} is marked as broken"
        assert node["title"] == wanted["_meta"]["title"]
        links = {name: value for name, value in wanted["inputs"].items() if isinstance(value, list)}
        assert node["links"] == len(links), f"{node['title']} has lost a link"
        for name in set(wanted["inputs"]) - set(links):
            assert node["widgets"].get(name) == wanted["inputs"][name], f"{node['title']}: {name}"


def _assert_same_graph(exported: Graph, graph: Graph) -> None:
    """The export says what the file said; it may add a widget's default that the file left out."""
    assert set(exported) == set(graph)
    for key, wanted in graph.items():
        assert exported[key]["class_type"] == wanted["class_type"]
        assert exported[key]["_meta"]["title"] == wanted["_meta"]["title"]
        assert {name: exported[key]["inputs"].get(name) for name in wanted["inputs"]} == wanted["inputs"]


def _submit(workflow: Path, photo: Path, server: ComfyServer, out: Path) -> list[Path]:
    """Run a file through the command line; returns what it saved."""
    command = [sys.executable, "-m", "runner", "submit", str(workflow), "--image", str(photo), "--server", server.url]
    done = subprocess.run(
        [*command, "--out", str(out)], cwd=REPO, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return sorted(path for path in out.rglob("*") if path.is_file())


def _png(saved: list[Path], mode: str) -> Path:
    """The one PNG of this mode among the files."""
    found = []
    for path in saved:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                found += [path] * (picture.mode == mode)
    assert len(found) == 1, f"one PNG of mode {mode} was expected: {saved}"
    return found[0]


def _pixels(path: Path) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def _redness(pixels: Any) -> Any:
    return pixels[..., 0] - pixels[..., 1:3].max(axis=-1)


def test_a_type_the_server_does_not_have_is_seen_as_missing(canvas: Any, tmp_path: Path) -> None:
    stranger = {**CORE, "5": {"class_type": "NobodyHasThisNode", "inputs": {}, "_meta": {"title": "Stranger"}}}
    path = tmp_path / "stranger.json"
    path.write_text(json.dumps(stranger))
    nodes = {node["id"]: node for node in canvas.drop(path)}
    assert "5" not in nodes or not nodes["5"]["known"]
    with pytest.raises(AssertionError):
        _assert_all_there(list(nodes.values()), stranger)


def test_titles_and_values_survive_the_round_trip(
    canvas: Any, comfy_server: ComfyServer, photo: Path, tmp_path: Path
) -> None:
    path = tmp_path / "core.json"
    path.write_text(json.dumps(CORE))
    _assert_all_there(canvas.drop(path), CORE)
    exported = canvas.export_api()
    _assert_same_graph(exported, CORE)
    out = tmp_path / "export.json"
    out.write_text(json.dumps(exported))
    saved = _submit(out, photo, comfy_server, tmp_path / "out")
    assert _pixels(_png(saved, "RGB")).shape == (64, 96, 3)


@pytest.mark.parametrize("name", ["packshot.v1", pytest.param("cutout.v1", marks=pytest.mark.slow)])
def test_a_published_workflow_opens_whole_and_its_export_runs(
    canvas: Any, comfy_server: ComfyServer, photo: Path, tmp_path: Path, name: str
) -> None:
    path = REPO / "workflows" / f"{name}.json"
    graph = json.loads(path.read_text(encoding="utf-8"))
    nodes = canvas.drop(path)
    canvas.screenshot(name)
    _assert_all_there(nodes, graph)
    titles = [node["title"] for node in nodes]
    assert "input: image" in titles
    assert any(title.startswith("output: ") for title in titles)

    exported = canvas.export_api()
    _assert_same_graph(exported, graph)
    workflow = tmp_path / f"{name}.json"
    workflow.write_text(json.dumps(exported))
    saved = _submit(workflow, photo, comfy_server, tmp_path / "out")

    result = _png(saved, "RGB" if name.startswith("packshot") else "RGBA")
    pixels = _pixels(result)
    if name.startswith("packshot"):
        height, width, _ = pixels.shape
        assert (height, width) == (2000, 2000)
        assert (pixels[0] == 255).all() and (pixels[:, 0] == 255).all() and (pixels[:, -1] == 255).all()
        red = _redness(pixels) > 60
        rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
        assert abs((columns[0] + columns[-1]) / 2 - width / 2) < 0.03 * width
        assert rows[-1] - rows[0] > 0.3 * height
        assert np.abs(np.median(pixels[red], axis=0) - (176, 32, 38)).max() <= 6  # the product keeps its colour
        assert any(path.suffix in (".jpg", ".jpeg") for path in saved)
    else:
        with Image.open(photo) as original:
            assert pixels.shape[:2] == (original.height, original.width)
        alpha = pixels[..., 3]
        assert alpha[:40].max() == 0 and alpha[-20:].max() <= 2
        assert alpha[290:500, 230:550].min() >= 253
        assert alpha[220:250, 380:400].max() <= 3  # inside the handle there is no product

    canvas.visit()
    opened = canvas.drop(
        result
    )  # a result opens as the workflow that made it, laid out, with the values it was made with
    notes = [node for node in opened if node["type"] == "MarkdownNote"]
    assert notes
    _assert_all_there([node for node in opened if node not in notes], _as_asked(result, graph))
    canvas.screenshot(f"{name} as its result opens")
    drawn = json.loads((REPO / "workflows" / "canvas" / f"{name}.json").read_text(encoding="utf-8"))
    assert {node["id"]: [node["x"], node["y"]] for node in opened} == {str(n["id"]): n["pos"] for n in drawn["nodes"]}
    sent = canvas.export_api()
    _assert_same_graph(sent, _as_asked(result, graph))


OF_OTHERS = {"grip_sdxl.v1", "grip_sdxl_original.v1", "grip_sdxl_original.v2"}
QUICK = {"caption.v1", "cutouts.v1", "grip_sdxl.v8", "packshot.v6", "product_sdxl.v1", "scene_klein.v2", "series.v3"}
OTHERS = [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
    for name in sorted({path.stem for path in published.files()} - {"packshot.v1", "cutout.v1"} - OF_OTHERS)
]
"""All that the server has every node for; the original recipe needs a pack of others. In every run one of each kind is
dropped on the canvas, where the newest of all are opened as they are drawn (`test_drawn_on_canvas.py`); the others are
dropped by `pytest -m slow`."""


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_workflow_opens_whole_and_exports_the_same(canvas: Any, name: str) -> None:
    graph = published.load(name)
    _assert_all_there(canvas.drop(published.FOLDER / f"{name}.json"), graph)
    _assert_same_graph(canvas.export_api(), graph)


def _as_asked(picture: Path, published: Graph) -> Graph:
    """The graph that a picture was made with, but for the number of the run in the names of its files."""
    graph = _graph_in(picture)
    for node_id, node in published.items():
        if "filename_prefix" in node["inputs"]:
            graph[node_id]["inputs"]["filename_prefix"] = node["inputs"]["filename_prefix"]
    return graph


def _graph_in(picture: Path) -> Graph:
    with Image.open(picture) as opened:
        return dict(json.loads(opened.info["prompt"]))


def test_every_node_stands_on_the_canvas_and_shows_its_help_page(
    canvas: Any, comfy_server: ComfyServer, tmp_path: Path
) -> None:
    described = {name: node for name, node in comfy_server.object_info().items() if name.startswith("Prodgen")}
    assert len(described) >= 7
    graph = {
        str(number): {"class_type": name, "inputs": {}, "_meta": {"title": f"The {name}"}}
        for number, name in enumerate(described, start=1)
    }
    path = tmp_path / "every_node.json"
    path.write_text(json.dumps(graph))
    _assert_all_there(canvas.drop(path), graph)
    for number, name in enumerate(described, start=1):
        file = REPO / "custom_nodes" / "prodgen_nodes" / "web" / "docs" / f"{name}.md"
        assert file.is_file(), f"{name} has no help page"
        heading = file.read_text(encoding="utf-8").lstrip("# ").splitlines()[0]
        assert canvas.help_of(str(number)).startswith(heading), name
        assert described[name]["display_name"] in heading
        assert min(canvas.help_pictures()) > 250, f"{name}'s help page shows no picture"


def test_the_frontend_starts_without_an_error_of_ours(canvas: Any) -> None:
    ours = [message for message in canvas.errors() if "prodgen" in message.lower()]
    # Pages in the visitor's own language are asked for first; the one in English follows.
    assert [message for message in ours if "/docs/" not in message] == []
