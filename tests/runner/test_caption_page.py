"""The page of captions in a real browser: what it saves holds every edit, and goes beside its own photos only."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from runner.batch.beside import Beside
from runner.captions.dataset import Pair
from runner.captions.review import PAGE, apply_review, write_review
from tests.runner.report_browser import start, until

IN_A_FOLDER_OF_THE_BROWSER = """
const [name, files, done] = arguments;
navigator.storage.getDirectory().then(async root => {
  const folder = await root.getDirectoryHandle(name, { create: true });
  for (const file of files) await folder.getFileHandle(file, { create: true });
  window.showDirectoryPicker = async () => folder;
  done();
});
"""
LISTED = """
const [name, done] = arguments;
navigator.storage.getDirectory().then(async root => {
  const folder = await root.getDirectoryHandle(name), found = {};
  for await (const [file, handle] of folder.entries()) found[file] = await (await handle.getFile()).text();
  done(found);
});
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Two captions on a page, at an address: a browser gives folders to no file of this disk unasked."""
    photos = tmp_path / "photos"
    photos.mkdir()
    pairs = []
    for name in "ab":
        (photos / f"{name}.png").write_bytes(b"")
        (photos / f"{name}.txt").write_text(f"old {name}\n", encoding="utf-8")
        pairs.append(Pair(photos / f"{name}.png", photos / f"{name}.txt"))
    with Beside(photos, print) as beside:
        write_review(beside, photos, pairs, {})
    browser = start(tmp_path / "profile")
    handler = functools.partial(_Quiet, directory=str(photos))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            wanted = {"behavior": "allow", "downloadPath": str(tmp_path / "saved")}
            browser.execute_cdp_cmd("Browser.setDownloadBehavior", wanted)
            browser.get(f"http://127.0.0.1:{server.server_port}/{PAGE}")
            yield browser
        finally:
            browser.quit()
            server.shutdown()


def write(page: webdriver.Chrome, number: int, text: str) -> None:
    area = page.find_elements(By.TAG_NAME, "textarea")[number]
    area.clear()
    area.send_keys(text)


def state(page: webdriver.Chrome) -> str:
    return page.find_element(By.ID, "state").text


def test_what_is_saved_holds_every_edit_and_goes_beside_its_photos_only(page: webdriver.Chrome, tmp_path: Path) -> None:
    saved, photos = tmp_path / "saved", tmp_path / "photos"
    for number, text in enumerate(("new a", "new b")):
        write(page, number, text)
        page.find_element(By.ID, "file").click()
        until((saved / "captions.json").is_file)
        newer = (saved / "captions.json").rename(saved / f"{number}.json")
    assert json.loads(newer.read_text(encoding="utf-8"))["prodgen_captions"] == {"a.txt": "new a", "b.txt": "new b"}
    assert apply_review(newer, photos, print).changed == 2

    write(page, 1, "newer b")
    page.execute_async_script(IN_A_FOLDER_OF_THE_BROWSER, "holiday", ["a.png"])
    page.find_element(By.ID, "folder").click()
    until(lambda: "does not hold b.png" in state(page) and str(photos) in state(page))
    assert page.execute_async_script(LISTED, "holiday") == {"a.png": ""}, "nothing was put beside other photos"
    page.execute_async_script(IN_A_FOLDER_OF_THE_BROWSER, "photos", ["a.png", "b.png"])
    page.find_element(By.ID, "folder").click()
    until(lambda: "saved into photos" in state(page))
    there = page.execute_async_script(LISTED, "photos")
    assert there == {"a.png": "", "a.txt": "new a\n", "b.png": "", "b.txt": "newer b\n"}
