"""The drawn workflows on ComfyUI's own canvas: what it would send is the published graph, and each node has room."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from runner.workflow.load import available_workflows
from tests.canvas import drawn as canvas_file
from tests.support.comfy import ComfyServer
from tests.workflows import published

# Opened as a template is opened; what the canvas would send; which nodes are drawn larger than the file says.
OPEN = """
const [workflow, name, done] = arguments;
(async () => {
    await window.app.loadGraphData(workflow, true, true, name);
    await new Promise(resolve => setTimeout(resolve, 100));
    const {output} = await window.app.graphToPrompt();
    const small = window.app.graph._nodes
        .filter(node => node.type !== 'MarkdownNote' && node.size[1] + 1 < node.computeSize()[1])
        .map(node => `${node.title}: ${node.size[1]} < ${node.computeSize()[1]}`);
    const saved = window.app.graph.serialize();
    done(JSON.stringify({output, small, saved}));
})().catch(fault => done(JSON.stringify({fault: String(fault)})));
"""
OF_OTHERS = {"grip_sdxl.v1", "grip_sdxl_original.v1", "grip_sdxl_original.v2"}
"""They have nodes of an optional pack, which the test's server does not have."""


def _opened(canvas: Any, drawn: dict[str, Any], name: str) -> dict[str, Any]:
    canvas.browser.set_script_timeout(60)
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
    assert sent == {**canvas_file.graph_of(drawn)}  # and what it adds is what the file says
    assert opened["small"] == []
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
    canvas.wait_for(lambda: canvas.script("return Boolean(document.querySelector('[role=dialog] input'))"), 30)
    canvas.script(
        "const field = document.querySelector('[role=dialog] input');"
        "Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, 'as a shop wants it');"
        "field.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    card = "return [...document.querySelectorAll('[role=dialog] h3')].find(e => e.textContent.includes('as a shop'))"
    canvas.wait_for(lambda: canvas.script(card), 30)
    canvas.screenshot("templates")
    canvas.script(f"({card.replace('return ', '() => ')})().click()")
    wanted = {(str(node["id"]), node["title"]) for node in canvas_file.load("packshot.v5")["nodes"]}
    canvas.wait_for(lambda: {(node["id"], node["title"]) for node in canvas.nodes()} == wanted, 30)
