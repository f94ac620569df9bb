"""A real Chromium that opens reports as a person does, at the sizes of a desk and of a phone, in light and in dark."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.canvas.canvas import FLAGS

SIZES = ((1400, 900), (390, 844))
THEMES = ("light", "dark")

# Every text that is seen, with how far its colour stands out from what lies behind it (WCAG 2).
CONTRASTS = r"""
const light = text => {
  const [r, g, b] = text.match(/[\d.]+/g).slice(0, 3).map(value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\)$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
};
const root = document.querySelector("dialog[open]") || document.body;
return [...root.querySelectorAll("*")].filter(element =>
  [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
  && element.checkVisibility({visibilityProperty: true}) && !element.closest("button:disabled")
  && (root !== document.body || !element.closest("dialog"))
).map(element => {
  const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
  return [(pair[0] + 0.05) / (pair[1] + 0.05), element.textContent.slice(0, 40)];
});
"""


def start(profile: Path) -> webdriver.Chrome:
    """The browser; the test that asks for it is skipped, and says so, where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("NOT RUN: no Chromium here (Debian: apt-get install chromium chromium-driver)")
    os.environ["SE_OFFLINE"] = "true"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    allowed = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.execute_cdp_cmd("Browser.grantPermissions", allowed)
    return browser


def opened(
    browser: webdriver.Chrome, page: Path, size: tuple[int, int] = SIZES[0], theme: str = THEMES[0]
) -> webdriver.Chrome:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 700}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": theme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get_log("browser")
    browser.get(page.as_uri())
    return browser


def shown(browser: webdriver.Chrome) -> list[WebElement]:
    return [card for card in browser.find_elements(By.TAG_NAME, "article") if card.is_displayed()]


def states(browser: webdriver.Chrome) -> list[str]:
    return [str(card.get_attribute("data-state")) for card in shown(browser)]


def press(browser: webdriver.Chrome, selector: str) -> None:
    browser.find_element(By.CSS_SELECTOR, selector).click()


def press_in_view(browser: webdriver.Chrome, element: WebElement) -> None:
    """What a person has scrolled to, away from the controls that stay at the top."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def card_of(browser: webdriver.Chrome, name: str) -> WebElement:
    return next(card for card in shown(browser) if card.find_element(By.TAG_NAME, "h2").text == name)


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "the page did not get there"
        time.sleep(0.05)
    return answer


def complaints(browser: webdriver.Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def loaded(browser: webdriver.Chrome) -> list[int]:
    return list(browser.execute_script("return [...document.images].map(i => i.naturalWidth).filter(Boolean)"))
