"""Every published workflow is drawn for the canvas: the same graph, with nothing over anything else."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.canvas.draw import draw
from runner.cli import draw_canvas
from runner.errors import WorkflowError
from runner.models.manifest import load_manifest
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, available_workflows
from runner.workflow.schema import node_inputs, recorded_object_info
from tests.canvas import drawn as canvas_file
from tests.workflows import published

Graph = dict[str, dict[str, Any]]
NEWEST = {f"{name}.v{versions[-1]}": name for name, versions in available_workflows().items()}


def _templates() -> dict[str, Any]:
    return dict(published.index()["templates"])


EVERY = pytest.mark.parametrize("name", canvas_file.names())


def test_every_version_is_drawn_as_the_tool_draws_it_now() -> None:
    found = {path.stem: path.read_text(encoding="utf-8") for path in canvas_file.FOLDER.glob("*.json")}
    made = {label: draw_canvas.text_of(drawn) for label, drawn in draw_canvas.drawings()}
    assert set(found) == set(made) == {path.stem for path in published.files()}
    assert [label for label in made if made[label] != found[label]] == [], "run: python -m runner.cli.draw_canvas"


@EVERY
def test_node_by_node_link_by_link_widget_by_widget_it_is_the_published_graph(name: str) -> None:
    _assert_same(canvas_file.graph_of(canvas_file.load(name)), published.load(name))


def _assert_same(drawn: Graph, wanted: Graph) -> None:
    """What the drawn file adds is a widget that the published one leaves at its default, and nothing else."""
    schemas = recorded_object_info(WORKFLOWS_DIR)
    assert set(drawn) == set(wanted)
    for node_id, node in wanted.items():
        kept = drawn[node_id]
        assert (kept["class_type"], kept["_meta"]) == (node["class_type"], node["_meta"])
        assert {key: kept["inputs"].get(key) for key in node["inputs"]} == node["inputs"]
        known = node_inputs(schemas[node["class_type"]], node["inputs"])
        for key in set(kept["inputs"]) - set(node["inputs"]):
            schema = known[key]
            first = schema.options[0] if schema.options else {"BOOLEAN": False, "STRING": ""}.get(schema.type, 0)
            assert kept["inputs"][key] == (first if schema.default is None else schema.default), key


@EVERY
def test_no_node_lies_over_another_and_each_stands_in_one_group(name: str) -> None:
    drawn = canvas_file.load(name)
    _assert_apart(drawn)
    for node in drawn["nodes"]:
        if node["title"] != "About this workflow":
            canvas_file.group_of(drawn, node)


def _assert_apart(drawn: dict[str, Any]) -> None:
    for one, other in itertools.combinations(drawn["nodes"], 2):
        assert not canvas_file.box(one).meets(canvas_file.box(other)), f"{one['title']} over {other['title']}"
    for one, other in itertools.combinations(drawn["groups"], 2):
        assert not canvas_file.group_box(one).meets(canvas_file.group_box(other)), f"{one['title']}, {other['title']}"


@EVERY
def test_it_reads_from_left_to_right(name: str) -> None:
    drawn = canvas_file.load(name)
    boxes = {node["id"]: canvas_file.box(node) for node in canvas_file.runs(drawn)}
    for _, source, _, target, _, _ in drawn["links"]:
        assert boxes[source].right < boxes[target].left
    stages = {node["id"]: canvas_file.group_of(drawn, node) for node in canvas_file.runs(drawn)}
    asked = [boxes[key] for key, stage in stages.items() if stage in ("What you set", "Seldom set")]
    assert len({found.left for found in asked}) == 1
    assert asked[0].left == min(found.left for found in boxes.values())
    assert max(boxes, key=lambda key: boxes[key].left) in [k for k, stage in stages.items() if stage == "Results"]
    for node in canvas_file.runs(drawn):
        if node["title"].startswith("output: "):
            assert stages[node["id"]] == "Results"


@EVERY
def test_a_lane_passes_between_nodes_and_over_none(name: str) -> None:
    _assert_lanes_are_free(canvas_file.load(name))


def _assert_lanes_are_free(drawn: dict[str, Any]) -> None:
    nodes = [canvas_file.box(node) for node in drawn["nodes"]]
    for (x, y), (to_x, to_y) in canvas_file.lanes(drawn):
        assert x < to_x
        line = canvas_file.Box(x, min(y, to_y), to_x, max(y, to_y))
        assert not [box for box in nodes if line.meets(box)], f"a lane from {x}, {y} to {to_x}, {to_y}"


@EVERY
def test_no_link_passes_a_column_without_a_lane(name: str) -> None:
    """Between two columns there is nothing to pass over: a link's pieces lie there, or in a lane."""
    drawn = canvas_file.load(name)
    nodes = [canvas_file.box(node) for node in drawn["nodes"]]
    boxes = {node["id"]: canvas_file.box(node) for node in drawn["nodes"]}
    points = {point["id"]: point for point in drawn["extra"].get("reroutes", [])}
    last = {extension["id"]: points[extension["parentId"]] for extension in drawn["extra"].get("linkExtensions", [])}
    for link, source, _, target, _, _ in drawn["links"]:
        x = last[link]["pos"][0] if link in last else boxes[source].right
        point = last.get(link)
        while point is not None and "parentId" in point:
            point = points[point["parentId"]]
        gaps = [(x, boxes[target].left)] + ([(boxes[source].right, point["pos"][0])] if point else [])
        for left, right in gaps:
            assert left <= right
            assert not [box for box in nodes if box.left < right and left < box.right], "a link over a column"


@pytest.mark.parametrize("label", sorted(NEWEST))
def test_the_newest_of_each_is_a_template(label: str) -> None:
    path = canvas_file.template_of(NEWEST[label])
    assert path.read_text(encoding="utf-8") == (canvas_file.FOLDER / f"{label}.json").read_text(encoding="utf-8")
    words = _templates()[NEWEST[label]]
    (about,) = [n["widgets_values"][0] for n in json.loads(path.read_text())["nodes"] if n["title"].startswith("About")]
    assert words["title"] in path.stem
    assert all(tag in about for tag in words["tags"])


@pytest.mark.parametrize("name", sorted(name for name, words in _templates().items() if "form" in words))
def test_a_form_asks_for_what_a_seller_sets_and_shows_the_result(name: str) -> None:
    (path,) = canvas_file.TEMPLATES.glob(f"{name} as a form - *.app.json")
    form, graph = json.loads(path.read_text()), json.loads(canvas_file.template_of(name).read_text())
    extra = form.pop("extra")
    assert extra.pop("linearMode") is True
    assert {**form, "extra": extra} == graph
    titles = {str(node["id"]): node["title"] for node in graph["nodes"]}
    asked = [
        titles[node_id].removeprefix("input: ").partition(" = ")[0] for node_id, _ in extra["linearData"]["inputs"]
    ]
    assert asked == _templates()[name]["form"]
    assert extra["linearData"]["outputs"]
    assert all(titles[node_id].startswith("output: ") for node_id in extra["linearData"]["outputs"])


def test_each_template_has_a_small_picture_and_there_is_none_of_anything_else() -> None:
    forms = [name for name, words in _templates().items() if "form" in words]
    assert {"packshot", "cutout", "grip_sdxl", "relight_iclight", "scene_sdxl"} <= set(forms)
    graphs, pictures = (sorted(canvas_file.TEMPLATES.glob(f"*.{ending}")) for ending in ("json", "jpg"))
    assert [path.stem for path in graphs] == [path.stem for path in pictures]
    assert len(graphs) == len(NEWEST) + len(forms)
    for path in pictures:
        with Image.open(path) as picture:
            assert min(picture.size) >= 240
        assert path.stat().st_size < 150_000
        assert not set('<>:"/\\|?*#%&+') & set(path.name)


@EVERY
def test_every_file_a_node_names_says_where_it_comes_from(name: str) -> None:
    """As core's templates say it, in the node: ComfyUI offers the download of a file it does not find."""
    manifest, drawn = load_manifest(), canvas_file.load(name)
    for node in canvas_file.runs(drawn):
        said = {model["name"]: model for model in node["properties"].get("models", [])}
        named = [value for value in node["widgets_values"] if isinstance(value, str) and manifest.find_file(value)]
        downloads = {value for value in named if (model := manifest.find_file(value)) and model.url}
        assert set(said) == downloads
        for value, model in said.items():
            known = manifest.find_file(value)
            assert known is not None
            assert (model["url"], model["directory"]) == (known.url, known.folder)
            assert model.get("hash") == known.sha256


def _drawn(graph: Graph) -> dict[str, Any]:
    workflow = Workflow("made", 1, WORKFLOWS_DIR / "made.v1.json", graph)
    return draw(workflow, recorded_object_info(WORKFLOWS_DIR), load_manifest().find_file, {})


def _node(kind: str, title: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}


@st.composite
def graphs(draw_from: st.DrawFn) -> Graph:
    """Any graph of nodes that take pictures and masks of any nodes before them."""
    graph = {"1": _node("LoadImage", "input: image", image="a.png")}
    pictures: list[Any] = [["1", 0]]
    masks: list[Any] = [["1", 1]]
    kinds = ["ImageBlend", "ProdgenSegmentProduct", "ProdgenPasteBack", "ImageToMask", "ProdgenNumber", "KSampler"]
    for number in range(2, draw_from(st.integers(3, 30))):
        kind, key = draw_from(st.sampled_from(kinds)), str(number)
        one, other, mask = (draw_from(st.sampled_from(found)) for found in (pictures, pictures, masks))
        if kind == "ImageBlend":
            title = draw_from(st.sampled_from(["Blend", "input: blend = blend_factor"]))
            graph[key] = _node(kind, title, image1=one, image2=other, blend_factor=0.5, blend_mode="normal")
        elif kind == "ProdgenSegmentProduct":
            graph[key] = _node(kind, "Segment", image=one, method="auto", transparency=mask)
            masks.append([key, 1])
        elif kind == "ProdgenPasteBack":
            graph[key] = _node(kind, "Paste", scene=one, product=other, mask=mask, scale=1.0, feather=0.0)
        elif kind == "ImageToMask":
            graph[key] = _node(kind, "Mask", image=one, channel="red")
            masks.append([key, 0])
        elif kind == "ProdgenNumber":
            graph[key] = _node(kind, draw_from(st.sampled_from(["Number", "input: cfg", "input: rare"])), value=1.5)
        else:
            graph[key] = _node("VAEDecode", "Decoded", samples=one, vae=other)
        if kind not in ("ImageToMask", "ProdgenNumber"):
            pictures.append([key, 0])
    last = str(len(graph) + 1)
    graph[last] = _node(
        "SaveImage", "output: picture", images=draw_from(st.sampled_from(pictures)), filename_prefix="a"
    )
    return graph


@settings(max_examples=25)
@given(graphs())
def test_any_graph_is_drawn_whole_with_nothing_over_anything_else(graph: Graph) -> None:
    drawn = _drawn(graph)
    _assert_same(canvas_file.graph_of(drawn), graph)
    _assert_apart(drawn)
    _assert_lanes_are_free(drawn)


def test_a_long_chain_with_one_value_at_both_its_ends_has_one_lane_over_all_of_it() -> None:
    """Longer than any published one."""
    graph: Graph = {
        "1": _node("LoadImage", "input: image", image="a.png"),
        "2": _node("PrimitiveInt", "input: width", value=64),
    }
    for number in range(3, 40):
        image = [str(number - 1) if number > 3 else "1", 0]
        graph[str(number)] = _node(
            "ImageScale",
            f"Step {number}",
            image=image,
            upscale_method="area",
            width=["2", 0],
            height=64,
            crop="disabled",
        )
    graph["40"] = _node("SaveImage", "output: picture", images=["39", 0], filename_prefix="chain")
    drawn = _drawn(graph)
    _assert_same(canvas_file.graph_of(drawn), graph)
    _assert_apart(drawn)
    heights = {tuple(point["pos"])[1] for point in drawn["extra"]["reroutes"]}
    assert len(heights) == 1


@pytest.mark.parametrize(
    ("graph", "word"),
    [
        ({"1": _node("NobodyHasThis", "Stranger")}, "NobodyHasThis"),
        ({"5:1": _node("LoadImage", "input: image", image="a.png")}, "5:1"),
    ],
)
def test_what_cannot_be_drawn_is_said(graph: Graph, word: str) -> None:
    with pytest.raises(WorkflowError, match=word):
        _drawn(graph)
