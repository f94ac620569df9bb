"""The page of captions in a real Chromium, opened as a file: edited, saved, applied; hostile words stay words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.batch.beside import Beside
from runner.captions.dataset import Pair
from runner.captions.review import apply_review, write_review

HOSTILE = "</textarea><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
NAMES = ("a.txt", "sub/b ü.txt", "__proto__.txt")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Any, Path, Path]]:
    """(browser, folder of the captions, where downloads go)."""
    pytest.importorskip("selenium", reason="NOT RUN: selenium is not installed (python install.py --dev)")
    from tests.canvas.canvas import open_browser

    root, downloads = tmp_path / "set", tmp_path / "downloads"
    downloads.mkdir()
    pairs = []
    for name in NAMES:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HOSTILE, encoding="utf-8")
        Image.new("RGB", (40, 30), "teal").save(file.with_suffix(".png"))
        pairs.append(Pair(file.with_suffix(".png"), file))
    with Beside(root, print) as beside:
        write_review(beside, root, pairs, {pairs[0].photo: [HOSTILE]})
    browser = open_browser(tmp_path / "profile", downloads)
    browser.get((root / "review.html").as_uri())
    yield browser, root, downloads
    browser.quit()


def test_what_is_edited_is_saved_and_applied(opened: tuple[Any, Path, Path]) -> None:
    browser, root, downloads = opened
    areas = browser.find_elements("tag name", "textarea")
    assert [area.get_property("value") for area in areas] == [HOSTILE] * len(NAMES)
    assert browser.title.startswith("Captions") and len(browser.find_elements("tag name", "script")) == 1
    for number, area in enumerate(areas[1:]):
        area.clear()
        area.send_keys(f'ohwx, bag {number}, "quoted" <b> ü')
    assert "2 changed" in browser.find_element("id", "state").text
    browser.find_element("id", "file").click()
    saved = downloads / "captions.json"
    end = time.monotonic() + 30
    while not (saved.is_file() and saved.stat().st_size) and time.monotonic() < end:
        time.sleep(0.1)
    assert apply_review(saved, root, lambda _: None) == (2, 0)
    assert (root / NAMES[0]).read_text(encoding="utf-8") == HOSTILE  # was not touched
    assert (root / NAMES[1]).read_text(encoding="utf-8") == 'ohwx, bag 0, "quoted" <b> ü\n'
    assert (root / NAMES[2]).read_text(encoding="utf-8") == 'ohwx, bag 1, "quoted" <b> ü\n'
    assert "saved" in browser.find_element("id", "state").text
    # Only those with problems, or with a word in them, are shown.
    browser.find_element("id", "bad").click()
    shown = browser.find_elements("css selector", "article:not([hidden])")
    assert [one.get_attribute("data-file") for one in shown] == [NAMES[0]]
