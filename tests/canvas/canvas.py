"""ComfyUI's real frontend in a real headless Chromium, used as a person uses it: dropped on, saved from, looked at."""

from __future__ import annotations

import base64
import contextlib
import json
import mimetypes
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium import webdriver
from selenium.common.exceptions import JavascriptException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from urllib3.exceptions import ReadTimeoutError

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
)

READY = """
return Boolean(window.app && window.app.graph && window.LiteGraph && document.querySelector('#graph-canvas'))
    && Object.keys(window.LiteGraph.registered_node_types).length > 300;
"""

# What is on the canvas: one entry per node, with everything that shows a person that it is, or is not, all there.
NODES = """
const known = window.LiteGraph.registered_node_types;
return window.app.graph._nodes.map(node => ({
    id: String(node.id), type: node.type, title: node.title, known: node.type in known,
    broken: Boolean(node.has_errors), width: node.size[0], height: node.size[1], x: node.pos[0], y: node.pos[1],
    links: (node.inputs || []).filter(input => input.link != null).length,
    widgets: Object.fromEntries((node.widgets || []).map(widget => [widget.name, widget.value])),
}));
"""

# The same event a browser makes when a file is let go over the canvas.
DROP = """
const [name, base64, type] = arguments;
const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], name, {type}));
const canvas = document.querySelector('#graph-canvas');
const box = canvas.getBoundingClientRect();
const where = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2};
for (const kind of ['dragenter', 'dragover', 'drop']) {
    canvas.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true, ...where}));
}
"""


_PATIENCE = 600
"""Seconds that the browser may take to answer: on a machine whose cores are all taken it took more than two minutes."""
_OPENINGS = 3
"""Browsers that are tried, one after the other, until the page is there: one whose pages came to a stop (its driver
said "Timed out receiving message from renderer", after five minutes) does not come back."""


def open_browser(folder: Path, downloads: Path, *, page_waits: bool = True) -> webdriver.Chrome:
    """A headless Chromium with its profile in `folder`; the test is skipped where there is none.

    `page_waits`: to go to a page takes until it is loaded; else whoever needs it waits for what they need of it.
    """
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("NOT RUN: no Chromium here (Debian: apt-get install chromium chromium-driver)")
    os.environ["SE_OFFLINE"] = "true"  # selenium must not look for a browser of its own
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.page_load_strategy = "normal" if page_waits else "none"
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "accept")  # "leave this page?": yes
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    browser.command_executor.client_config.timeout = _PATIENCE
    browser.set_script_timeout(_PATIENCE / _OPENINGS)
    return browser


class PageLateError(Exception):
    """The page did not come."""


class Canvas:
    """One browser window with ComfyUI's frontend in it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        # A newcomer's first visit shows a template browser over the canvas; this person has been here before.
        requests.post(f"{url}/api/settings", json={"Comfy.TutorialCompleted": True}, timeout=30).raise_for_status()
        self.folder = folder
        self.browser = open_browser(folder, self.downloads, page_waits=False)
        self.url = url

    def visit(self) -> None:
        """Open the page (again), without the workflows it kept: what the server has got since is known to it now."""
        for opening in range(1, _OPENINGS + 1):
            try:
                self._open_page()
                return
            except (WebDriverException, ReadTimeoutError, PageLateError):
                if opening == _OPENINGS:
                    raise
                self.close()
                self.browser = open_browser(self.folder / f"again_{opening}", self.downloads, page_waits=False)

    def _open_page(self) -> None:
        self.leave()
        forget = {"origin": self.url, "storageTypes": "local_storage,indexeddb"}
        self.browser.execute_cdp_cmd("Storage.clearDataForOrigin", forget)
        self.browser.get(self.url)
        if not self._comes(lambda: self.script(READY), _PATIENCE / _OPENINGS):
            raise PageLateError(f"{self.url} is not there; it shows: {self.text()[:1500]}")

    def leave(self) -> None:
        """An empty page in its place; where the page has come to a stop, the next visit is in another browser."""
        with contextlib.suppress(WebDriverException):
            self.browser.get("about:blank")
            self._comes(lambda: self.script("return location.href === 'about:blank'"), _PATIENCE / _OPENINGS)

    def close(self) -> None:
        self.browser.quit()

    def script(self, code: str, *arguments: Any) -> Any:
        """Run JavaScript in the page; what it throws while the page still loads is None."""
        try:
            return self.browser.execute_script(code, *arguments)
        except JavascriptException:
            return None

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Ask until the answer is true-like; returns it."""
        answer = self._comes(condition, _PATIENCE)
        if not answer:
            self.screenshot("timeout")
            pytest.fail(f"the page did not get there in {_PATIENCE} s; it shows: {self.text()[:1500]}")
        return answer

    def _comes(self, condition: Callable[[], Any], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := condition()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return answer

    def text(self) -> str:
        """All text on the page."""
        return str(self.browser.find_element(By.TAG_NAME, "body").text)

    def screenshot(self, name: str) -> Path:
        path = self.downloads.parent / f"{name}.png"
        self.browser.save_screenshot(str(path))
        return path

    def nodes(self) -> list[dict[str, Any]]:
        """Every node on the canvas."""
        return list(self.browser.execute_script(NODES))

    def settled(self) -> list[dict[str, Any]]:
        """The nodes when nothing changes any more: links, previews and marks appear after the nodes themselves."""
        before = self.nodes()
        for _ in range(30):
            time.sleep(0.7)
            now = self.nodes()
            if now == before:
                break
            before = now
        return before

    def clear(self) -> None:
        self.settled()  # nothing is on its way any more
        self.script("window.app.graph.clear()")
        self.wait_for(lambda: self.nodes() == [])

    def drop(self, path: Path) -> list[dict[str, Any]]:
        """Let a workflow, or a picture that carries one, go over the canvas; returns the nodes that are then there."""
        there = False
        with contextlib.suppress(WebDriverException):
            there = self.script(READY)
        if not there:  # it came to a stop, or a visit before this one failed
            self.visit()
        self.clear()
        kind = mimetypes.guess_type(path.name)[0]
        self.browser.execute_script(DROP, path.name, base64.b64encode(path.read_bytes()).decode("ascii"), kind)
        self.wait_for(self.nodes)
        return self.settled()

    def export_api(self) -> dict[str, Any]:
        """Export (API) through the frontend's own command: the file it puts into the download folder."""
        before = set(self.downloads.iterdir())
        self.browser.execute_script("window.app.extensionManager.command.execute('Comfy.ExportWorkflowAPI');")

        def saved() -> dict[str, Any] | None:
            self._confirm_file_name()
            for path in set(self.downloads.iterdir()) - before:
                with contextlib.suppress(json.JSONDecodeError):  # the browser makes the file first and fills it then
                    if path.suffix == ".json":
                        return dict(json.loads(path.read_text(encoding="utf-8")))
            return None

        return dict(self.wait_for(saved))

    def _confirm_file_name(self) -> None:
        """The frontend asks for a file name; its own suggestion will do."""
        for field in self.browser.find_elements(By.CSS_SELECTOR, "[role=dialog] input"):
            if field.is_displayed():
                field.send_keys(Keys.ENTER)

    def help_of(self, node_id: str) -> str:
        """What the side panel says after the node is selected and its info button pressed."""
        self.browser.execute_script(
            "const canvas = window.app.canvas; canvas.deselectAll();"
            "canvas.selectNode(window.app.graph.getNodeById(arguments[0])); canvas.setDirty(true, true);",
            int(node_id),
        )
        # Clicked by script: while a workflow loads, a veil that is fading away may still lie over the button.
        press = "const button = document.querySelector('[data-testid=info-button]'); if (button) button.click();"
        self.wait_for(lambda: self.script(press + "return Boolean(button);"))
        panel = "const page = document.querySelector('.node-help-content'); return page ? page.innerText : '';"
        return str(self.wait_for(lambda: self.script(panel)))

    def help_pictures(self) -> list[int]:
        """How wide the pictures of the help page that is open are, in their own pixels; 0 is one that is not there."""
        loaded = (
            "const all = [...document.querySelectorAll('.node-help-content img')];"
            "return all.length && all.every(one => one.complete) ? all.map(one => one.naturalWidth) : null;"
        )
        return list(self.wait_for(lambda: self.script(loaded)))

    def errors(self) -> list[str]:
        """What the browser's console calls an error."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
