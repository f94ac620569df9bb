"""The drawn workflows on ComfyUI's own canvas: it sends the published graph, each node has room, and forms work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.workflow.load import available_workflows
from tests.canvas import drawn as canvas_file
from tests.support.comfy import ComfyServer
from tests.workflows import published

# Opened as a template is opened; what the canvas would send; which nodes are drawn larger than the file says; and which
# links, sampled along the curves that the canvas draws, run over a node that they do not belong to.
OPEN = """
const curve = (from, start, to, end) => Array.from({length: 41}, (_, step) => {
    const t = step / 40, u = 1 - t;
    return [0, 1].map(axis => u*u*u * from[axis] + 3*u*u*t * (from[axis] + start[axis])
        + 3*u*t*t * (to[axis] + end[axis]) + t*t*t * to[axis]);
});
const crossed = graph => {
    const found = new Set();
    let moment = 1e13;
    for (const link of graph._links.values()) {
        const [source, target] = [link.origin_id, link.target_id].map(id => graph.getNodeById(id));
        const chain = [];
        for (let id = link.parentId; id != null; id = chain[0].parentId) chain.unshift(graph.reroutes.get(id));
        const points = [source.getOutputPos(link.origin_slot), ...chain.map(point => point.pos),
            target.getInputPos(link.target_slot)];
        for (let piece = 0; piece + 1 < points.length; piece++) {
            const [from, to] = [points[piece], points[piece + 1]];
            const reach = Math.hypot(to[0] - from[0], to[1] - from[1]) / 4, held = Math.min(80, reach);
            const before = chain[piece - 1], after = chain[piece];
            after?.calculateAngle(moment++, graph, from);
            const start = before ? [held * before.cos, held * before.sin] : [reach, 0];
            const end = after ? [...after.controlPoint] : [-reach, 0];
            for (const [x, y] of curve(from, start, to, end)) {
                for (const node of graph._nodes) {
                    const inside = x > node.pos[0] + 3 && x < node.pos[0] + node.size[0] - 3
                        && y > node.pos[1] - 27 && y < node.pos[1] + node.size[1] - 3;
                    const own = (node === source && piece === 0) || (node === target && piece + 2 === points.length);
                    if (inside && !own) found.add(`${source.title} → ${target.title} over ${node.title}`);
                }
            }
        }
    }
    return [...found];
};
const [workflow, name, done] = arguments;
(async () => {
    await window.app.loadGraphData(workflow, true, true, name);
    await new Promise(resolve => setTimeout(resolve, 100));
    const {output} = await window.app.graphToPrompt();
    const small = window.app.graph._nodes
        .filter(node => node.type !== 'MarkdownNote' && node.size[1] + 1 < node.computeSize()[1])
        .map(node => `${node.title}: ${node.size[1]} < ${node.computeSize()[1]}`);
    const saved = window.app.graph.serialize();
    done(JSON.stringify({output, small, saved, over: crossed(window.app.graph)}));
})().catch(fault => done(JSON.stringify({fault: String(fault)})));
"""
OPEN_FORM = """
const [workflow, name, done] = arguments;
window.app.loadGraphData(workflow, true, true, name, {openSource: 'template'})
    .then(() => done(''), fault => done(String(fault)));
"""
PICTURES = """
return [...document.querySelectorAll('[data-testid=linear-outputs] img, [data-testid=linear-center-panel] img')]
    .filter(shown => shown.src.includes('type=output') && shown.naturalWidth).map(shown => shown.naturalWidth);
"""
OF_OTHERS = {"grip_sdxl.v1", "grip_sdxl_original.v1", "grip_sdxl_original.v2"}
"""They have nodes of an optional pack, which the test's server does not have."""


def _opened(canvas: Any, drawn: dict[str, Any], name: str) -> dict[str, Any]:
    answer = json.loads(canvas.browser.execute_async_script(OPEN, drawn, name))
    assert "fault" not in answer, answer
    return dict(answer)


NEWEST = {f"{name}.v{versions[-1]}" for name, versions in available_workflows().items()}
EVERY = [
    pytest.param(name, marks=[] if name in NEWEST else pytest.mark.slow)
    for name in canvas_file.names()
    if name not in OF_OTHERS
]
"""The newest of each in every run, older versions in the longer one."""


@pytest.mark.parametrize("name", EVERY)
def test_the_canvas_sends_the_published_graph(canvas: Any, name: str) -> None:
    drawn, graph = canvas_file.load(name), published.load(name)
    opened = _opened(canvas, drawn, name)
    sent = opened["output"]
    assert set(sent) == set(graph)
    for node_id, node in graph.items():
        assert (sent[node_id]["class_type"], sent[node_id]["_meta"]) == (node["class_type"], node["_meta"])
        assert {key: sent[node_id]["inputs"].get(key) for key in node["inputs"]} == node["inputs"], node["_meta"]
    assert sent == canvas_file.graph_of(drawn)  # and what it adds is what the file says
    assert opened["small"] == []
    assert opened["over"] == []
    saved = opened["saved"]
    assert len(saved["links"]) == len(drawn["links"])
    assert len(saved["extra"].get("reroutes") or []) == len(drawn["extra"].get("reroutes", []))
    assert {n["id"]: n["pos"] for n in saved["nodes"]} == {n["id"]: n["pos"] for n in drawn["nodes"]}


def test_the_template_browser_has_all_of_them_and_opens_one(canvas: Any, comfy_server: ComfyServer) -> None:
    templates = requests.get(f"{comfy_server.url}/api/workflow_templates", timeout=30).json()["prodgen_nodes"]
    assert sorted(templates) == sorted(path.stem for path in canvas_file.TEMPLATES.glob("*.json"))
    for name in templates:
        picture = requests.get(f"{comfy_server.url}/api/workflow_templates/prodgen_nodes/{name}.jpg", timeout=30)
        assert picture.headers["content-type"] == "image/jpeg"
    canvas.browser.execute_script("window.app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    canvas.wait_for(lambda: canvas.script("return Boolean(document.querySelector('[role=dialog] input'))"))
    canvas.script(
        "const field = document.querySelector('[role=dialog] input');"
        "Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, 'as a shop wants it');"
        "field.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    card = "return [...document.querySelectorAll('[role=dialog] h3')].find(e => e.textContent.includes('as a shop'))"
    canvas.wait_for(lambda: canvas.script(card))
    canvas.screenshot("templates")
    canvas.script(f"({card.replace('return ', '() => ')})().click()")
    wanted = {(str(node["id"]), node["title"]) for node in canvas_file.load("packshot.v6")["nodes"]}
    canvas.wait_for(lambda: {(node["id"], node["title"]) for node in canvas.nodes()} == wanted)


def test_no_node_outgrows_its_place_when_it_has_run(canvas: Any, comfy_server: ComfyServer) -> None:
    drawn = canvas_file.load("packshot.v6")
    _opened(canvas, drawn, "grown")
    before = len(requests.get(f"{comfy_server.url}/history", timeout=30).json())
    canvas.script("window.app.queuePrompt(0, 1)")
    canvas.wait_for(lambda: len(requests.get(f"{comfy_server.url}/history", timeout=30).json()) > before)
    canvas.script("window.app.extensionManager.command.execute('Comfy.Canvas.FitView')")
    shown = "return window.app.graph._nodes.filter(node => node.imgs?.length).length"
    canvas.wait_for(lambda: (canvas.script(shown) or 0) >= 6)
    places = {str(node["id"]): node for node in drawn["nodes"]}
    grown = [
        f"{node['title']}: {node['width']} × {node['height']}"
        for node in canvas.settled()
        if node["height"] > places[node["id"]]["size"][1] or node["width"] > places[node["id"]]["size"][0]
    ]
    assert grown == []


def _open_form(canvas: Any, name: str) -> dict[str, Any]:
    (path,) = canvas_file.TEMPLATES.glob(f"{name} as a form - *.app.json")
    form = json.loads(path.read_text(encoding="utf-8"))
    assert canvas.browser.execute_async_script(OPEN_FORM, form, path.stem) == ""
    canvas.wait_for(lambda: canvas.script("return Boolean(document.querySelector('[data-testid=linear-widgets]'))"))
    return dict(form)


@pytest.mark.parametrize("name", ["packshot", "cutout", "grip_sdxl", "relight_iclight", "scene_sdxl"])
def test_a_form_shows_its_fields_by_their_names(canvas: Any, name: str) -> None:
    form = _open_form(canvas, name)
    titles = {str(node["id"]): node["title"] for node in form["nodes"]}
    asked = [
        titles[key].removeprefix("input: ").partition(" = ")[0] for key, _ in form["extra"]["linearData"]["inputs"]
    ]
    labels = "return [...document.querySelectorAll('[data-testid=builder-widget-label]')].map(e => e.innerText.trim())"
    canvas.wait_for(lambda: canvas.script(labels) == [field.replace("_", " ") for field in asked])
    assert canvas.script("return Boolean(document.querySelector('[data-testid=linear-run-button] button'))")


def test_a_photo_is_chosen_run_is_pressed_and_the_picture_appears(
    canvas: Any, comfy_server: ComfyServer, photo: Path
) -> None:
    from selenium.webdriver.common.by import By

    before = set(requests.get(f"{comfy_server.url}/history", timeout=30).json())
    _open_form(canvas, "packshot")
    section = canvas.browser.find_element(By.CSS_SELECTOR, "[data-testid=linear-widgets]")
    section.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(photo))
    canvas.wait_for(lambda: photo.name in section.text)
    buttons = "[...document.querySelectorAll('[data-testid=linear-run-button] button')]"
    canvas.script(f"{buttons}.find(button => button.innerText.trim() === 'Run').click()")
    canvas.wait_for(lambda: canvas.script(PICTURES))
    assert set(canvas.script(PICTURES)) == {2000}
    canvas.screenshot("app")
    history = requests.get(f"{comfy_server.url}/history", timeout=30).json()
    (made,) = [entry for key, entry in history.items() if key not in before]
    assert made["status"]["status_str"] == "success"
    sent = made["prompt"][2]
    (chosen,) = [node["inputs"]["image"] for node in sent.values() if node["_meta"]["title"] == "input: image"]
    assert photo.stem in chosen
