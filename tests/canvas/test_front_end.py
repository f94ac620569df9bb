"""What the pack adds to the canvas, in the real front end: languages, verdicts, the brush, colours, blueprints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.canvas.blueprints import BLUEPRINTS, drawn
from runner.canvas.stages import STAGES, stages_of
from runner.cli.draw_blueprints import SUBGRAPHS_DIR
from runner.cli.record_labels import FILE, LOCALES_DIR, load
from tests.support.comfy import PACK, ComfyServer

SEGMENT = "ProdgenSegmentProduct"
MAKE = """
const [type, pos] = arguments;
const node = window.LiteGraph.createNode(type);
window.app.graph.add(node);
node.pos = pos;
return node.id;
"""
FACE = """
const node = window.app.graph.getNodeById(arguments[0]);
const ours = badge => badge.visible && badge.text !== 'prodgen_nodes'; // that one says where a node is from
const shown = slot => slot.localized_name ?? slot.label ?? slot.name;
return {
    title: node.title, color: node.color, bgcolor: node.bgcolor, width: node.size[0],
    inputs: (node.inputs || []).filter(slot => !slot.widget).map(shown), outputs: (node.outputs || []).map(shown),
    widgets: (node.widgets || []).map(widget => widget.label ?? widget.name),
    badges: node.badges.map(badge => typeof badge === 'function' ? badge() : badge)
        .filter(ours).map(badge => [badge.text, badge.bgColor]),
};
"""
LIBRARY = """
const stores = document.querySelector('#vue-app').__vue_app__.config.globalProperties.$pinia._s;
const known = [...stores.values()].flatMap(store => store.subgraphBlueprints ?? []);
return known.map(definition => definition.display_name);
"""
"""The titles of all blueprints in the node library."""
REPORT = """
const [id, report] = arguments;
const node = window.app.graph.getNodeById(id);
node.onExecuted({prodgen_report: [report]});
"""


@pytest.fixture
def settings(canvas: Any) -> Iterator[Any]:
    """Set what a person sets in the settings' dialog, and visit again; everything is as before at the end."""
    changed: list[str] = []

    def choose(**values: Any) -> None:
        named = {name.replace("_", "."): value for name, value in values.items()}
        changed.extend(named)
        requests.post(f"{canvas.url}/api/settings", json=named, timeout=30).raise_for_status()
        canvas.visit()

    yield choose
    if changed:
        before = {"Comfy.Locale": "en", "prodgen.Language": "auto"}
        requests.post(f"{canvas.url}/api/settings", json=before, timeout=30).raise_for_status()
        canvas.visit()


def _face(canvas: Any, kind: str, at: tuple[int, int] = (100, 100)) -> dict[str, Any]:
    node_id = canvas.browser.execute_script(MAKE, kind, list(at))
    return dict(canvas.browser.execute_script(FACE, node_id)) | {"id": node_id}


def _assert_speaks(face: dict[str, Any], language: str, kind: str) -> None:
    words = load(LOCALES_DIR / language / FILE)[kind]
    names = {slot["name"] for slot in words["inputs"].values()}
    assert face["title"] == words["display_name"]
    assert set(face["inputs"]) <= names and set(face["widgets"]) <= names, face
    assert face["outputs"] == [slot["name"] for slot in words["outputs"].values()]


def test_a_front_end_in_french_shows_the_nodes_in_french(canvas: Any, settings: Any) -> None:
    settings(Comfy_Locale="fr")
    canvas.clear()
    face = _face(canvas, SEGMENT)
    _assert_speaks(face, "fr", SEGMENT)
    assert ["Peindre un indice", "#3f5e9e"] in face["badges"]


def test_the_nodes_speak_german_where_the_front_end_cannot(canvas: Any, settings: Any) -> None:
    settings(prodgen_Language="de")
    canvas.clear()
    face = _face(canvas, "ProdgenFidelity")
    _assert_speaks(face, "de", "ProdgenFidelity")
    canvas.browser.execute_script(REPORT, face["id"], json.dumps({"passed": True}))
    assert canvas.browser.execute_script(FACE, face["id"])["badges"] == [["bestanden", "#1f7a3d"]]


def test_a_verdict_stands_above_the_node_in_words_and_colour(canvas: Any) -> None:
    canvas.clear()
    node_id = _face(canvas, "ProdgenFidelity")["id"]
    for report, badges in (
        ({"passed": True, "reasons": []}, [["passed", "#1f7a3d"]]),
        ({"passed": False, "reasons": ["hues are off"]}, [["failed", "#b3261e"]]),
        ({"verdict": "unsure"}, [["unsure", "#8a6100"]]),
        ({"confidence": 0.456}, [["confidence 0.46", "#444c56"]]),
        ({"anything": 1}, []),
    ):
        canvas.browser.execute_script(REPORT, node_id, json.dumps(report))
        shown = [badge for badge in canvas.browser.execute_script(FACE, node_id)["badges"] if badge[0]]
        assert shown == badges, report


def test_a_report_of_any_kind_breaks_nothing_and_is_never_markup(canvas: Any) -> None:
    canvas.clear()
    node_id = _face(canvas, "ProdgenFidelity")["id"]
    evil = "<img src=x onerror='window.prodgenHurt = true'>"
    for report in ("{", "null", "[1]", '"text"', json.dumps({"passed": False, "reasons": [evil, 3, None, evil * 99]})):
        canvas.browser.execute_script(REPORT, node_id, report)
    canvas.browser.execute_script("window.app.canvas.draw(true, true)")
    assert canvas.browser.execute_script("return document.body.innerHTML.includes('prodgenHurt')") is False
    assert canvas.browser.execute_script("return window.prodgenHurt") is None
    assert canvas.browser.execute_script(FACE, node_id)["badges"] == [["failed", "#b3261e"]]


def test_a_brush_for_the_photo_is_one_click_away(canvas: Any, comfy_server: ComfyServer, photo: Path) -> None:
    name = comfy_server.upload(photo, "brush.png")
    canvas.visit()
    canvas.clear()
    load_id = canvas.browser.execute_script(MAKE, "LoadImage", [100, 100])
    segment = _face(canvas, SEGMENT, (500, 100))["id"]
    canvas.browser.execute_script(
        "const [from, to, name] = arguments; const graph = window.app.graph, loader = graph.getNodeById(from);"
        "const widget = loader.widgets.find(each => each.name === 'image');"
        "widget.value = name; widget.callback?.(name);"
        "loader.connect(0, graph.getNodeById(to), 0);",
        load_id,
        segment,
        name,
    )
    canvas.wait_for(
        lambda: canvas.script("return window.app.graph.getNodeById(arguments[0]).imgs?.length > 0", load_id)
    )
    press = (
        "const node = window.app.graph.getNodeById(arguments[0]);"
        "const badges = node.badges.map(badge => typeof badge === 'function' ? badge() : badge);"
        "badges.find(badge => badge.onClick).onClick();"
    )
    canvas.browser.execute_script(press, segment)
    canvas.wait_for(
        lambda: canvas.script("return Boolean(document.querySelector('[class*=mask-editor], .maskEditor'))")
    )
    canvas.screenshot("brush")
    wired = canvas.script(
        "const node = window.app.graph.getNodeById(arguments[0]);"
        "return node.getInputNode(node.findInputSlot('transparency'))?.id",
        segment,
    )
    assert wired == load_id
    canvas.visit()


def test_without_a_photo_the_brush_puts_a_loader_beside_the_node(canvas: Any) -> None:
    canvas.clear()
    segment = _face(canvas, SEGMENT, (600, 100))["id"]
    canvas.browser.execute_script(
        "const node = window.app.graph.getNodeById(arguments[0]); const canvas = window.app.canvas;"
        "canvas.deselectAll(); canvas.selectNode(node);"
        "window.app.extensionManager.command.execute('prodgen.PaintHint');",
        segment,
    )
    nodes = canvas.wait_for(lambda: [node for node in canvas.nodes() if node["type"] == "LoadImage"])
    assert len(nodes) == 1 and nodes[0]["x"] < 600
    linked = canvas.script(
        "const node = window.app.graph.getNodeById(arguments[0]);"
        "return node.getInputNode(node.findInputSlot('hint'))?.type",
        segment,
    )
    assert linked == "LoadImage"


def test_new_nodes_have_the_colour_of_their_stage_and_room_for_their_words(canvas: Any) -> None:
    canvas.clear()
    colour = {stage.key: stage.colour for stage in STAGES}
    for key, kind in (("cutout", SEGMENT), ("check", "ProdgenFidelity"), ("finish", "ProdgenPasteBack")):
        face = _face(canvas, kind)
        wanted = re.findall("..", _long(colour[key])[1:])
        assert face["color"] == "#" + "".join(f"{round(int(part, 16) * 0.5):02x}" for part in wanted), kind
        assert face["width"] >= 300


def test_the_colours_are_those_of_the_bundled_workflows() -> None:
    script = (PACK / "web" / "js" / "prodgen_stages.js").read_text(encoding="utf-8")
    found = re.findall(r'(\w+): \{\s*colour: "(#\w{6})",\s*nodes: "([^"]+)"', script)
    assert len(found) == 10
    colour = {stage.key: _long(stage.colour) for stage in STAGES}
    for key, shown, nodes in found:
        assert shown == colour[key], key
        for name in nodes.split():
            graph = {"1": {"class_type": f"Prodgen{name}", "inputs": {}, "_meta": {"title": name}}}
            assert stages_of(graph)["1"].key == key or name == "LoadBackgroundRemoval", name


def _long(colour: str) -> str:
    """`#8A8` as `#88aa88`."""
    letters = colour[1:].lower()
    return "#" + ("".join(letter * 2 for letter in letters) if len(letters) == 3 else letters)


def test_the_blueprints_are_drawn_for_these_nodes(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info()
    for blueprint in BLUEPRINTS:
        file = SUBGRAPHS_DIR / f"{blueprint.name}.json"
        assert json.loads(file.read_text(encoding="utf-8")) == drawn(blueprint, info), (
            "run python -m runner.cli.draw_blueprints"
        )
    assert {file.stem for file in SUBGRAPHS_DIR.glob("*.json")} == {blueprint.name for blueprint in BLUEPRINTS}


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda each: str(each.name))
def test_a_blueprint_is_in_the_library_and_opens_whole(canvas: Any, blueprint: Any) -> None:
    names = canvas.wait_for(lambda: {*canvas.script(LIBRARY)} & {each.name for each in BLUEPRINTS})
    assert blueprint.name in names, [said for said in canvas.errors() if "blueprint" in said.lower()]
    canvas.drop(SUBGRAPHS_DIR / f"{blueprint.name}.json")
    inside = canvas.script(
        "const face = window.app.graph._nodes[0];"
        "return {title: face.title, inputs: face.inputs.map(slot => slot.name), outputs: face.outputs.map(s => s.name),"
        "widgets: face.widgets.map(widget => widget.name), nodes: face.subgraph._nodes.map(node => node.type),"
        "links: face.subgraph._links.size}"
    )
    canvas.screenshot(blueprint.name)
    assert inside["title"] == blueprint.name
    assert inside["nodes"] == list(blueprint.nodes)
    # The front end makes an input of each widget that stands on the face.
    assert inside["links"] == len(blueprint.wires) + len(blueprint.results) + len(blueprint.shown)
    wanted = dict.fromkeys(s.removeprefix("input ") for s in blueprint.wires.values() if s.startswith("input "))
    assert inside["inputs"][: len(wanted)] == list(wanted)
    assert inside["outputs"] == list(blueprint.results)
    assert len(inside["widgets"]) == len(blueprint.shown)


def test_both_blueprints_run_as_they_say_they_are_connected(
    canvas: Any, comfy_server: ComfyServer, photo: Path, tmp_path: Path
) -> None:
    """Photo → cut out and placed → pasted over the scene and judged. The scene is the very canvas: only that the
    product floats on it may be found."""
    cut, judge = (
        json.loads((SUBGRAPHS_DIR / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("Cut out and place", "Paste back and judge")
    )
    loader = {
        "id": 1, "type": "LoadImage", "pos": [0, 0], "size": [300, 300], "mode": 0, "inputs": [],
        "widgets_values": [comfy_server.upload(photo), "image"],
        "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": []}, {"name": "MASK", "type": "MASK", "links": []}],
    }  # fmt: skip
    saver = {
        "id": 4, "type": "SaveImage", "pos": [1600, 0], "size": [300, 300], "mode": 0, "outputs": [],
        "inputs": [{"name": "images", "type": "IMAGE", "link": None}], "widgets_values": ["judged"],
    }  # fmt: skip
    first, second = cut["nodes"][0] | {"id": 2, "pos": [500, 0]}, judge["nodes"][0] | {"id": 3, "pos": [1100, 0]}
    wires = [(loader, "IMAGE", first, "photo"), (loader, "IMAGE", second, "photo"), (first, "image", second, "scene")]
    wires += [(first, slot, second, slot) for slot in ("product", "product_mask", "placement")]
    wires += [(second, "image", saver, "images")]
    links = []
    for number, (source, output, target, name) in enumerate(wires, start=1):
        start = [slot["name"] for slot in source["outputs"]].index(output)
        end = [slot["name"] for slot in target["inputs"]].index(name)
        source["outputs"][start]["links"] = [*(source["outputs"][start].get("links") or []), number]
        target["inputs"][end]["link"] = number
        links.append([number, source["id"], start, target["id"], end, target["inputs"][end]["type"]])
    nodes = [loader, first, second, saver]
    subgraphs = [*cut["definitions"]["subgraphs"], *judge["definitions"]["subgraphs"]]
    file = tmp_path / "connected.json"
    graph = {"last_node_id": 4, "last_link_id": len(links), "nodes": nodes, "links": links, "version": 0.4}
    file.write_text(json.dumps(graph | {"definitions": {"subgraphs": subgraphs}}))

    canvas.drop(file)
    exported = canvas.export_api()

    kinds = sorted(node["class_type"] for node in exported.values())
    ours = [name for blueprint in BLUEPRINTS for name in blueprint.nodes]
    assert kinds == sorted(["LoadImage", "SaveImage", *ours])
    done = comfy_server.run(exported, 120)
    (judged,) = (number for number, node in exported.items() if node["class_type"] == "ProdgenFidelity")
    report = json.loads(done[judged]["prodgen_report"][0])
    assert [reason for reason in report["reasons"] if "float" not in reason] == []
    assert report["whole"] is True
    assert report["delta_e00_p95"] < 0.5
