"""`spin`: photos of a turntable become numbered pictures, a GIF, a film and a page that turns, on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from runner.cli.spin import _called, _natural
from runner.spin.beside import write_gif, write_page
from tests.runner.report_browser import start
from tests.support.comfy import ComfyServer
from tests.support.runs import Run, command

WIDTHS = (90, 60, 40, 60)
"""Of a drawn product that turns: its front, a corner, its side, a corner."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four photos, of which the camera was moved for each, and the light too."""
    folder = tmp_path / "turntable"
    folder.mkdir()
    for number, width in enumerate(WIDTHS, 1):
        light, move = 225 - 10 * number, 6 * number
        picture = Image.new("RGB", (240, 200), (light, light, light + 3))
        box = (110 - width // 2 + move, 50 + move, 110 + width // 2 + move, 140 + 2 * move)
        ImageDraw.Draw(picture).rounded_rectangle(box, 10, fill=(160, 40, 50))
        picture.save(folder / f"bag_{number * 5}.png")  # by name, bag_10 stands before bag_5
    return folder


def spin(server: ComfyServer, *words: str | Path, out: Path) -> Run:
    return command("spin", *map(str, words), "--server", server.url, "--out", str(out), folder=out)


def test_a_turn_is_numbered_and_has_a_gif_a_film_and_a_page(
    comfy_server: ComfyServer, photos: Path, tmp_path: Path
) -> None:
    run = spin(comfy_server, photos, "--size", "128", "--shadow", "0", "--background", "#f0f0ff", out=tmp_path / "out")
    assert run.code == 0, run.err
    names = [path.name for path in run.pictures]
    assert names == ["bag_spin.gif", "bag_spin.html", "bag_spin.mp4", *(f"bag_spin_0{n}.png" for n in range(1, 5))]
    assert {line.rpartition("/")[2] for line in run.out.splitlines()} == set(names)
    boxes = []
    for path in run.pictures[3:]:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        assert tuple(pixels[0, 0]) == (240, 240, 255)
        rows, columns = np.nonzero(pixels[..., 2] < 150)
        boxes.append((int(rows.min()), int(rows.max()), int(columns.max() - columns.min())))
    assert max(top for top, _, _ in boxes) - min(top for top, _, _ in boxes) <= 2, "one scale"
    assert max(base for _, base, _ in boxes) - min(base for _, base, _ in boxes) <= 1, "one baseline"
    assert boxes[0][2] > boxes[1][2] > boxes[2][2] < boxes[3][2], "in the order of the numbers"
    with Image.open(tmp_path / "out" / "bag_spin.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (4, 0)  # type: ignore[attr-defined]
    for moving in ("bag_spin.gif", "bag_spin.mp4"):
        assert b"digitalsourcetype/humanEdits" in (tmp_path / "out" / moving).read_bytes()
    (record,) = run.sidecars
    assert record["reports"]["Turntable"]["camera"] == "moved"
    assert [image["file"] for image in record["images"]] == [f"bag_{n}.png" for n in (5, 10, 15, 20)]
    assert "The camera was moved between the photos" in run.err
    assert re.search(r"note: The product was enlarged 1\.\d\d×", run.err)
    again = spin(comfy_server, photos, "--size", "100", out=tmp_path / "out")
    assert "enlarged" not in again.err
    assert "bag_spin_2.html" in again.out, "nothing is overwritten"


def test_what_is_no_turn_is_said_before_a_server_is_looked_for(photos: Path, tmp_path: Path) -> None:
    for words, said in (
        ([photos / "bag_5.png"], "2 to 120 photos, and 1 were named"),
        ([photos, "--background", "whitish"], "this is no colour"),
        ([photos, "--size", "9000"], "from 64 to 4096"),
    ):
        run = command("spin", *map(str, words), "--server", "127.0.0.1:9", folder=tmp_path / "out")
        assert (run.code, said in run.err) == (2, True), run.err
    assert not (tmp_path / "out").exists()


def test_names_are_counted_as_people_count_and_shared_by_what_they_have_in_common() -> None:
    paths = [Path("bag_10.jpg"), Path("bag_2.jpg"), Path("bag_1.jpg")]
    assert [path.stem for path in sorted(paths, key=_natural)] == ["bag_1", "bag_2", "bag_10"]
    assert _called(paths) == "bag"
    assert _called([Path("/photos/red mug/1.jpg"), Path("/photos/red mug/2.jpg")]) == "red mug"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    started = start(tmp_path_factory.mktemp("profile"))
    yield started
    started.quit()


def test_the_page_turns_by_keys_and_by_dragging_and_asks_nobody(browser: webdriver.Chrome, tmp_path: Path) -> None:
    frames = []
    for number in range(8):
        frames.append(tmp_path / f"f{number}.png")
        Image.new("RGB", (64, 64), (30 * number, 0, 90)).save(frames[-1])
    page = tmp_path / "turn.html"
    write_page(frames, page, 'x"><script>document.title="bad"</script>@IMAGES@')
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "http" not in text.replace("http-equiv", "")
    browser.get(page.as_uri())
    turn = browser.find_element(By.ID, "turn")

    def shown() -> tuple[str | None, int]:
        seen = [image.is_displayed() for image in browser.find_elements(By.TAG_NAME, "img")]
        assert seen.count(True) == 1
        return turn.get_attribute("aria-valuenow"), seen.index(True) + 1

    assert browser.title.startswith('x"><script>'), "a name is text"
    assert shown() == ("1", 1)
    assert browser.find_element(By.ID, "how").text == "Drag to turn, or use the arrow keys"
    turn.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert shown() == ("3", 3)
    assert not browser.find_element(By.ID, "how").is_displayed()
    turn.send_keys(Keys.HOME, Keys.ARROW_LEFT)
    assert shown() == ("8", 8)
    width = browser.execute_script("return document.getElementById('turn').clientWidth")  # type: ignore[no-untyped-call]
    turn.send_keys(Keys.HOME)
    ActionChains(browser).move_to_element(turn).click_and_hold().move_by_offset(round(width / 4), 0).release().perform()
    assert shown() == ("3", 3), "a quarter of the width is a quarter of the turn"
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
    assert not severe


def test_a_gif_keeps_its_ground_the_same_in_every_frame(tmp_path: Path) -> None:
    frames = []
    for number in range(6):
        picture = Image.new("RGB", (80, 80), (244, 241, 236))
        ImageDraw.Draw(picture).ellipse((20, 20, 60, 60), fill=(40 * number, 90, 255 - 40 * number))
        frames.append(tmp_path / f"f{number}.png")
        picture.save(frames[-1])
    write_gif(frames, tmp_path / "turn.gif", 10)
    with Image.open(tmp_path / "turn.gif") as gif:
        grounds = []
        for number in range(gif.n_frames):  # type: ignore[attr-defined]
            gif.seek(number)
            grounds.append(gif.convert("RGB").getpixel((2, 2)))
            assert gif.info["duration"] == 100
    assert len(grounds) == 6
    assert set(grounds) == {(244, 241, 236)}
