"""A template opened as a form: a seller chooses a photo, presses Run, and the picture appears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium.webdriver.common.by import By

from tests.canvas import drawn as canvas_file
from tests.support.comfy import ComfyServer

OPEN = """
const [workflow, name, done] = arguments;
window.app.loadGraphData(workflow, true, true, name, {openSource: 'template'})
    .then(() => done(''), fault => done(String(fault)));
"""
PICTURES = """
return [...document.querySelectorAll('[data-testid=linear-outputs] img, [data-testid=linear-center-panel] img')]
    .filter(shown => shown.src.includes('type=output') && shown.naturalWidth).map(shown => shown.naturalWidth);
"""


@pytest.fixture(scope="module", autouse=True)
def back_to_the_graph(canvas: Any) -> Any:
    yield
    canvas.visit()


def _open(canvas: Any, name: str) -> dict[str, Any]:
    (path,) = canvas_file.TEMPLATES.glob(f"{name} as a form - *.app.json")
    form = json.loads(path.read_text(encoding="utf-8"))
    assert canvas.browser.execute_async_script(OPEN, form, path.stem) == ""
    canvas.wait_for(lambda: canvas.script("return Boolean(document.querySelector('[data-testid=linear-widgets]'))"), 30)
    return dict(form)


@pytest.mark.parametrize("name", ["packshot", "cutout", "grip_sdxl", "relight_iclight", "scene_sdxl"])
def test_a_form_shows_its_fields_by_their_names(canvas: Any, name: str) -> None:
    form = _open(canvas, name)
    titles = {str(node["id"]): node["title"] for node in form["nodes"]}
    asked = [
        titles[key].removeprefix("input: ").partition(" = ")[0] for key, _ in form["extra"]["linearData"]["inputs"]
    ]
    labels = "return [...document.querySelectorAll('[data-testid=builder-widget-label]')].map(e => e.innerText.trim())"
    canvas.wait_for(lambda: canvas.script(labels) == [field.replace("_", " ") for field in asked], 20)
    assert canvas.script("return Boolean(document.querySelector('[data-testid=linear-run-button] button'))")


def test_a_photo_is_chosen_run_is_pressed_and_the_picture_appears(
    canvas: Any, comfy_server: ComfyServer, photo: Path
) -> None:
    before = set(requests.get(f"{comfy_server.url}/history", timeout=30).json())
    _open(canvas, "packshot")
    section = canvas.browser.find_element(By.CSS_SELECTOR, "[data-testid=linear-widgets]")
    section.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(photo))
    canvas.wait_for(lambda: photo.name in section.text, 20)
    buttons = "[...document.querySelectorAll('[data-testid=linear-run-button] button')]"
    canvas.script(f"{buttons}.find(button => button.innerText.trim() === 'Run').click()")
    canvas.wait_for(lambda: canvas.script(PICTURES), 120)
    assert set(canvas.script(PICTURES)) == {2000}
    canvas.screenshot("app")
    history = requests.get(f"{comfy_server.url}/history", timeout=30).json()
    (made,) = [entry for key, entry in history.items() if key not in before]
    assert made["status"]["status_str"] == "success"
    sent = made["prompt"][2]
    (chosen,) = [node["inputs"]["image"] for node in sent.values() if node["_meta"]["title"] == "input: image"]
    assert photo.stem in chosen
