"""The studio as a person has it: the command in a process of its own, its page in a real Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from runner.local_server.process import free_port
from tests.runner.report_browser import until
from tests.support.comfy import REPO

SIDE = 256


class Studio:
    """`prodgen studio` on one server and folder; it may be ended and started again."""

    def __init__(self, url: str, out: Path, *more: str) -> None:
        self._server, self._more = url, more
        self.out, self.port = out, free_port()
        self.process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> Studio:
        # A test run in the background of a shell inherits an ignored SIGINT, and the studio would respect that.
        begin = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from runner.__main__ import main; sys.exit(main())"
        )
        options = ["--server", self._server, "--out", str(self.out), "--port", str(self.port), *self._more]
        self.process = subprocess.Popen(
            [sys.executable, "-c", begin, "studio", *options],
            cwd=REPO,
            env={**os.environ, "PYTHONPATH": str(REPO)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        return self

    def running(self) -> Studio:
        """Started again where another test has ended it."""
        return self if self.process is not None and self.process.poll() is None else self.start()

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)


def product(path: Path, colour: tuple[int, int, int] = (176, 32, 38)) -> Path:
    """A bag on a plain backdrop."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (SIDE, SIDE), (224, 224, 222))
    _bag(picture, colour)
    picture.save(path)
    return path


def product_in_a_mess(path: Path) -> Path:
    """The same where no backdrop can be told from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spots = np.random.default_rng(3).integers(0, 256, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    picture = Image.fromarray(spots).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    _bag(picture, (176, 32, 38))
    picture.save(path)
    return path


def _bag(picture: Image.Image, colour: tuple[int, int, int]) -> None:
    draw = ImageDraw.Draw(picture)
    draw.arc((90, 50, 166, 150), 180, 360, fill=(96, 24, 22), width=9)
    draw.rounded_rectangle((64, 100, 192, 206), 14, fill=colour)


def visit(browser: webdriver.Chrome, address: str, size: tuple[int, int] = (1400, 900), theme: str = "light") -> None:
    seen_as(browser, size, theme)
    browser.get(address)
    until(lambda: browser.find_element(By.ID, "standing").text == "Ready")


def seen_as(browser: webdriver.Chrome, size: tuple[int, int], theme: str) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 700}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": theme}
    still = {"name": "prefers-reduced-motion", "value": "reduce"}  # a colour on its way is not one to be judged
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})


def choose(browser: webdriver.Chrome, kind: str) -> None:
    browser.find_element(By.CSS_SELECTOR, f"input[name=kind][value={kind}]").click()


def hand_in(browser: webdriver.Chrome, *photos: Path) -> None:
    browser.find_element(By.ID, "files").send_keys("\n".join(map(str, photos)))


def card(browser: webdriver.Chrome, name: str) -> WebElement | None:
    """The newest card of a photo of this name."""
    cards = browser.find_elements(By.CSS_SELECTOR, "#shots article")
    return next((one for one in cards if one.find_element(By.TAG_NAME, "h3").text == name), None)


def state(browser: webdriver.Chrome, name: str) -> str:
    found = card(browser, name)
    return "" if found is None else str(found.get_attribute("data-state"))


def ended(browser: webdriver.Chrome, name: str, seconds: float = 300) -> WebElement:
    until(lambda: state(browser, name) not in ("", "waiting", "working", "open"), seconds)
    found = card(browser, name)
    assert found is not None
    return found


def shows(browser: webdriver.Chrome, article: WebElement, what: str) -> tuple[int, int]:
    """The size of a card's picture, once it is there."""
    image = article.find_element(By.CSS_SELECTOR, f".{what} img")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", image)
    until(lambda: browser.execute_script("return arguments[0].complete && arguments[0].naturalWidth > 0", image))
    size: Any = browser.execute_script("return [arguments[0].naturalWidth, arguments[0].naturalHeight]", image)
    return size[0], size[1]
