"""The studio's page in a real browser: photos handed in, results and rules, a mask painted, a zip, closed and begun."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.runner.report_browser import CONTRASTS, SIZES, THEMES, complaints, start, until
from tests.runner.studio_page import (
    SIDE,
    Studio,
    card,
    choose,
    ended,
    hand_in,
    product,
    product_in_a_mess,
    seen_as,
    shows,
    state,
    visit,
)
from tests.support.comfy import ComfyServer

_SAID = """window.saidSoFar = [];
new MutationObserver(() => window.saidSoFar.push(document.getElementById("said").textContent))
  .observe(document.getElementById("said"), { childList: true });"""
_IS_SEEN = """const box = arguments[0].getBoundingClientRect();
return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    started = start(tmp_path_factory.mktemp("profile"))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def studio(comfy_server: ComfyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    opened = Studio(comfy_server.url, tmp_path_factory.mktemp("studio") / "out").start()
    yield opened
    opened.stop()


def test_photos_become_shop_pictures_and_what_was_interrupted_goes_on(
    studio: Studio, browser: webdriver.Chrome, tmp_path: Path, comfy_server: ComfyServer
) -> None:
    photo, no_photo = product(tmp_path / "bag <img src=x onerror=alert(1)>.png"), tmp_path / "letter.jpg"
    name = "bag _img src=x onerror=alert(1)_.png"  # as it is kept
    no_photo.write_bytes(b"Dear seller")
    visit(browser, studio.running().address)
    assert browser.find_element(By.ID, "empty").is_displayed()
    browser.execute_script(_SAID)  # type: ignore[no-untyped-call]
    browser.find_element(By.XPATH, "//label[span='Amazon']").click()
    hand_in(browser, photo, no_photo)
    until(lambda: "letter.jpg: this is not a picture" in browser.find_element(By.ID, "refused").text)
    first = browser.find_element(By.CSS_SELECTOR, "#refused li")
    assert browser.execute_script(_IS_SEEN, first), "what was not taken is in sight"  # type: ignore[no-untyped-call]
    until(lambda: state(browser, name) == "working")
    said = str(browser.execute_script("return window.saidSoFar.join(' ')"))  # type: ignore[no-untyped-call]
    assert "is sent" in said or "are sent" in said
    assert "here already" not in said, "it was handed in for the first time"
    assert browser.title.startswith("(0/1)")

    assert studio.interrupt() == 0
    until(lambda: browser.find_element(By.ID, "lost").is_displayed())
    until(lambda: comfy_server.get("/queue") == {"queue_running": [], "queue_pending": []})  # it was cancelled there
    studio.start()
    made = ended(browser, name)  # the page has found it again by itself
    assert not browser.find_element(By.ID, "lost").is_displayed()

    assert made.get_attribute("data-state") == "warned"
    assert "Shop picture for Amazon" in made.text
    assert "the photo is too small" in made.find_element(By.CSS_SELECTOR, ".why").text
    assert "certain)" in made.find_element(By.CSS_SELECTOR, ".trust").text
    assert name in browser.find_element(By.ID, "said").get_attribute("textContent")
    assert shows(browser, made, "photo") == shows(browser, made, "cutout") == (SIDE, SIDE)
    assert shows(browser, made, "result") == (480, 480)
    made.find_element(By.CSS_SELECTOR, ".rules summary").click()
    rows = [row.text for row in made.find_elements(By.CSS_SELECTOR, ".rules tbody tr")]
    assert rows[0].startswith("enlargement\nfailed")
    assert sum("\npassed" in row for row in rows) > 10

    browser.refresh()
    again = ended(browser, name)
    assert again.find_element(By.CSS_SELECTOR, ".get").is_displayed()
    link = str(again.find_element(By.CSS_SELECTOR, ".get").get_attribute("href"))
    answer = requests.get(link, timeout=60)
    assert Image.open(io.BytesIO(answer.content)).size == (2000, 2000)
    assert b"digitalsourcetype/humanEdits" in answer.content
    whole = requests.get(str(browser.find_element(By.ID, "all").get_attribute("href")), timeout=60)
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.testzip() is None
        suffixes = sorted(Path(one).suffix for one in archive.namelist())
        assert suffixes == [".jpg", ".png", ".png"]
        assert not any("/" in one or "\\" in one for one in archive.namelist())

    choose(browser, "cutout")
    browser.find_element(By.ID, "too").click()  # the same photo as something else
    until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#shots article")) == 2)
    cut = ended(browser, name)
    states = [
        article.get_attribute("data-state") for article in browser.find_elements(By.CSS_SELECTOR, "#shots article")
    ]
    look = len([state for state in states if state != "passed"])  # what the report calls by the same names
    wanted = f"2 pictures made · {look} to look at" if look else "2 pictures made"
    until(lambda: browser.find_element(By.ID, "totals").text == wanted)
    assert cut is not None
    assert not browser.find_element(By.ID, "too").is_displayed()
    assert [line for line in complaints(browser) if "422" not in line and "ERR_" not in line] == []


def painted(studio: Studio) -> Any:
    """The newest mask that was handed in."""
    masks = sorted((studio.out / "masks").rglob("*.png"), key=lambda path: path.stat().st_mtime_ns)
    return np.asarray(Image.open(masks[-1]).convert("L"))


def test_a_refused_photo_is_painted_over_with_the_keyboard_then_mouse_finger_and_pen(
    studio: Studio, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    name = "mess.png"
    visit(browser, studio.running().address)
    browser.find_element(By.CSS_SELECTOR, "input[name=kind]:checked").send_keys(Keys.HOME)
    choose(browser, "shop")
    browser.find_element(By.CSS_SELECTOR, "input[name=kind]:checked").send_keys(Keys.ARROW_DOWN)
    hand_in(browser, product_in_a_mess(tmp_path / name))
    refused = ended(browser, name)
    assert refused.get_attribute("data-state") == "refused"
    assert "1 not made" in browser.find_element(By.ID, "totals").text
    why = refused.find_element(By.CSS_SELECTOR, ".doing").text
    assert why.startswith("The product could not be cut out reliably: ") and "\n" not in why

    press_until_focused(browser, ".paint")
    press(browser, Keys.ENTER)
    until(lambda: browser.execute_script("return document.querySelector('#canvas').width") == SIDE)
    assert browser.execute_script("return document.activeElement.id") == "canvas"
    assert not browser.find_element(By.ID, "use").is_enabled()
    press(browser, "]" * 14)
    press(browser, Keys.ARROW_DOWN * 6 + Keys.ARROW_LEFT * 6 + " " + Keys.ARROW_RIGHT * 12 + " ")
    press(browser, Keys.ARROW_UP * 14 + " " + " ")  # a dot that is taken back
    press(browser, "u")
    press_until_focused(browser, "#use")
    press(browser, Keys.ENTER)
    until(lambda: state(browser, name) != "refused")
    mask = painted(studio)
    assert mask.shape == (SIDE, SIDE)
    assert set(np.unique(mask)) >= {0, 255}
    assert mask[154, 100:156].min() == 255, "the stroke is white"
    assert mask[:60].max() == 0, "what was taken back is black"
    made = ended(browser, name)
    assert made.get_attribute("data-state") == "passed", made.text
    assert "with your mask" in made.text

    made.find_element(By.CSS_SELECTOR, ".mend").click()
    until(lambda: browser.find_element(By.ID, "clear").is_enabled())  # it begins with the cut-out
    browser.find_element(By.ID, "clear").click()
    canvas = browser.find_element(By.ID, "canvas")
    box = browser.execute_script("const b = arguments[0].getBoundingClientRect(); return [b.x, b.y, b.width]", canvas)

    def at(x: float, y: float) -> dict[str, float]:
        return {"x": box[0] + x / SIDE * box[2], "y": box[1] + y / SIDE * box[2]}

    mouse = ActionChains(browser, duration=0).move_to_element_with_offset(canvas, int(-box[2] * 0.2), 0)
    mouse.click_and_hold().move_by_offset(int(box[2] * 0.4), 0).release().perform()
    touch = browser.execute_cdp_cmd
    touch("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at(80, 180)]})
    touch("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at(180, 180)]})
    touch("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    for kind, x in (("mousePressed", 80), ("mouseMoved", 180), ("mouseReleased", 180)):
        pen = {"type": kind, "button": "left", "buttons": 1, "pointerType": "pen", "force": 0.4, "clickCount": 1}
        touch("Input.dispatchMouseEvent", {**pen, **at(x, 154)})
    browser.find_element(By.ID, "erase").click()
    mouse = ActionChains(browser, duration=0).move_to_element_with_offset(canvas, int(-box[2] * 0.2), 0)
    mouse.click().perform()
    browser.find_element(By.ID, "use").click()
    until(lambda: not browser.find_elements(By.CSS_SELECTOR, "dialog[open]"))
    mask = painted(studio)
    for y in (180, 154, 128):
        assert mask[y, 150] == 255, f"nothing was painted at {y}"
    assert mask[128, 128 - 51] == 0, "what was erased is not product"
    until(lambda: ended(browser, name).get_attribute("data-state") in ("passed", "look", "refused"))


def press(browser: webdriver.Chrome, keys: str) -> None:
    browser.switch_to.active_element.send_keys(keys)


def press_until_focused(browser: webdriver.Chrome, selector: str) -> None:
    """Tab until it has the focus, which must be seen at every stop on the way."""
    for _ in range(60):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        seen = browser.execute_script(
            "const at = document.activeElement, shown = at.matches('.shops input') ? at.nextElementSibling : "
            "at.matches('.kinds input, #files') ? at.closest('label') || at.parentElement.querySelector('label') : at;"
            "const style = getComputedStyle(shown);"
            "return [at.matches(arguments[0]), at === document.body || style.outlineStyle !== 'none', at.outerHTML];",
            selector,
        )
        assert seen[1], f"the focus is not seen on {seen[2][:200]}"
        if seen[0]:
            return
    raise AssertionError(f"the keyboard does not get to {selector}")


NAMED = ("button", "link", "textbox", "radio", "slider", "combobox", "checkbox", "progressbar", "dialog", "list")


def unnamed(browser: webdriver.Chrome) -> list[str]:
    """Controls of the page that have no name for who does not see them."""
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] in NAMED
        and not node.get("name", {}).get("value", "").strip()
    ]


def test_every_control_has_a_name_and_every_text_is_read(
    studio: Studio, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    visit(browser, studio.running().address)
    choose(browser, "scene")  # whose models are not there
    missing = browser.find_element(By.ID, "missing")
    assert "models that are not installed" in missing.text
    assert "models download --for relight_iclight" in missing.text
    assert not browser.find_element(By.ID, "files").is_enabled()
    looks = [(size, theme) for size in SIZES for theme in THEMES]
    for size, theme in looks:
        seen_as(browser, size, theme)
        too_faint = [pair for pair in browser.execute_script(CONTRASTS) if pair[0] < 4.5]
        assert too_faint == [], (size, theme)
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), (size, theme)
    assert unnamed(browser) == []
    heads = browser.execute_script("return [...document.querySelectorAll('h1, h2, h3')].map(h => h.tagName)")
    assert heads[:2] == ["H1", "H2"] and browser.execute_script("return document.documentElement.lang") == "en"
    live = browser.find_elements(By.CSS_SELECTOR, "[role=status], [role=alert]")
    assert {"said", "standing", "lost"} <= {one.get_attribute("id") for one in live}
    shot = browser.find_elements(By.CSS_SELECTOR, "article .photo")
    if shot:  # made by another test of this file
        shot[0].click()
        until(lambda: browser.find_elements(By.CSS_SELECTOR, "#viewer[open]"))
        assert unnamed(browser) == []
        press(browser, Keys.ESCAPE)
        until(lambda: not browser.find_elements(By.CSS_SELECTOR, "#viewer[open]"))
    assert card(browser, "none such") is None
