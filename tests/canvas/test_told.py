"""What a run says to a person, in the graph and in the form: why a node refused, and what did not pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.canvas.test_drawn_on_canvas import _open_form
from tests.canvas.test_front_end import FACE
from tests.support.comfy import ComfyServer

SAID = """
return [...document.querySelectorAll('.p-toast-message')].map(toast => [
    toast.className.match(/p-toast-message-(\\w+)/)?.[1],
    toast.querySelector('.p-toast-summary')?.innerText, toast.querySelector('.p-toast-detail')?.innerText]);
"""
RUN = """
const [values] = arguments;
for (const node of window.app.graph._nodes) for (const [title, name, value] of values)
    if (node.title.startsWith(title)) node.widgets.find(widget => widget.name === name).value = value;
window.app.queuePrompt(0);
"""
CUT = "return window.app.graph._nodes.find(node => node.comfyClass === 'ProdgenSegmentProduct').id"
EVENT = """
const [name, detail] = arguments;
const api = window.comfyAPI?.api?.api ?? window.app.api;
api.dispatchCustomEvent ? api.dispatchCustomEvent(name, detail)
    : api.dispatchEvent(new CustomEvent(name, {detail}));
"""


@pytest.fixture
def blank(tmp_path: Path, comfy_server: ComfyServer) -> str:
    """A picture without a product."""
    path = tmp_path / "blank.png"
    Image.new("RGB", (320, 320), (200, 200, 200)).save(path)
    return comfy_server.upload(path, "blank.png")


def _said(canvas: Any, severity: str) -> list[str]:
    """Summary and text of the message of this kind, once there is one."""
    told = canvas.wait_for(lambda: [row for row in canvas.script(SAID) or [] if row[0] == severity])
    assert len(told) == 1, told
    return list(told[0][1:])


def test_the_form_says_why_a_cut_out_was_refused_and_the_old_verdict_goes(
    canvas: Any, comfy_server: ComfyServer, photo: Path, blank: str
) -> None:
    good = comfy_server.upload(photo, "told.png")
    _open_form(canvas, "cutout")
    node_id = canvas.script(CUT)
    canvas.script(RUN, [["input: image", "image", good]])
    badges = "confidence"
    canvas.wait_for(lambda: any(badges in text for text, _ in canvas.script(FACE, node_id)["badges"]))

    canvas.script(RUN, [["input: image", "image", blank]])
    summary, text = _said(canvas, "error")

    canvas.screenshot("refused")
    assert summary == "cutout: refused"
    first, way_out = text.split("\n")[:2]
    assert first.startswith("the product could not be cut out reliably")
    assert way_out.startswith("At “hint” choose a picture")
    assert "command line" not in text and "Paint a hint" not in text and "prodgen_nodes" not in summary + text
    assert [each for each in canvas.script(FACE, node_id)["badges"] if "confidence" in each[0]] == []
    assert ["refused", "#b3261e"] in canvas.script(FACE, node_id)["badges"]
    assert not canvas.script("return window.app.graph.getNodeById(arguments[0]).imgs", node_id)


def test_in_the_graph_the_button_is_named_and_nothing_said_is_markup(canvas: Any) -> None:
    canvas.visit()
    canvas.clear()
    node_id = canvas.script(
        "const node = window.LiteGraph.createNode('ProdgenSegmentProduct'); window.app.graph.add(node); return node.id;"
    )
    evil = "<img src=x onerror='window.prodgenHurt = true'>"
    detail = {
        "node_id": str(node_id),
        "node_type": "ProdgenSegmentProduct",
        "exception_type": "/a/custom_nodes/prodgen_nodes.imaging.errors.UntrustedCutoutError",
        "exception_message": f"Not sure {evil}.\nOn the canvas: or method auto.\nOn the command line: --set hint=FILE.",
        "traceback": [],
        "executed": [],
    }
    canvas.script(EVENT, "execution_start", {"prompt_id": "told"})
    canvas.script(EVENT, "execution_error", detail)
    _, text = _said(canvas, "error")
    assert text.split("\n") == [
        f"Not sure {evil}.",
        "Press “Paint a hint” on this node and paint roughly over the product.",
        "or method auto.",
    ]
    assert canvas.script("return window.prodgenHurt") is None
    canvas.script(EVENT, "execution_start", {"prompt_id": "told again"})
    canvas.wait_for(lambda: canvas.script(SAID) == [])  # what the run before said is gone


@pytest.mark.slow
def test_the_form_says_which_rule_did_not_pass(canvas: Any, comfy_server: ComfyServer, photo: Path) -> None:
    """The product is far smaller than the canvas asks: it had to be enlarged, in the picture that looks clean."""
    name = comfy_server.upload(photo, "small.png")
    _open_form(canvas, "packshot")
    canvas.script(RUN, [["input: image", "image", name]])
    summary, text = _said(canvas, "warn")
    canvas.screenshot("warned")
    assert summary == "Not everything passed"
    assert "enlarge" in text
    assert text.count("enlarge") == 1 or len(set(text.split("\n"))) == len(text.split("\n"))
