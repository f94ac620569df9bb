"""The page about a batch, made by a real batch and used in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from tests.canvas.canvas import FLAGS
from tests.runner.test_batch import batch, folder_of_photos
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, command, inverting


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("NOT RUN: no Chromium here (Debian: apt-get install chromium chromium-driver)")
    os.environ["SE_OFFLINE"] = "true"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    yield opened
    opened.quit()


def test_the_report_shows_filters_and_explains(
    comfy_server: ComfyServer, tmp_path: Path, browser: webdriver.Chrome
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "a.png", "b'\"<b>.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    table = tmp_path / "jobs.csv"
    table.write_text(f'image,group\n{photos}/a.png,Bags\n"{photos}/b\'""<b>.png",Shoes\n{photos}/broken.jpg,Bags\n')
    assert batch(desk, inverting(), "--jobs", table).code == 2
    run = command("report", str(desk.out), folder=desk.out)
    assert run.code == 0, run.err
    page = tmp_path / "elsewhere.html"
    shutil.move(run.out.strip(), page)  # it needs no file beside it
    shutil.rmtree(desk.out)

    browser.set_window_size(1300, 900)
    browser.get(page.as_uri())
    assert [card.get_attribute("data-state") for card in shown(browser)] == ["passed", "passed", "failed"]
    loaded = "return [...document.images].map(image => image.naturalWidth)"
    assert browser.execute_script(loaded) == [48, 48, 48, 48]  # two inputs, two outputs; the broken one is named
    assert "3 of 3" in browser.find_element(By.TAG_NAME, "header").text
    assert "damaged or cut off" in shown(browser)[2].text

    Select(browser.find_element(By.ID, "state")).select_by_visible_text("failed")
    assert len(shown(browser)) == 1
    Select(browser.find_element(By.ID, "state")).select_by_visible_text("all")
    Select(browser.find_element(By.ID, "group")).select_by_visible_text("Shoes")
    (card,) = shown(browser)
    card.find_element(By.TAG_NAME, "button").click()
    record = browser.find_element(By.CSS_SELECTOR, "dialog pre")
    assert record.is_displayed()
    assert '"workflow": "job"' in record.text
    assert "b'\\\"<b>.png" in record.text  # as text, not as markup
    browser.find_element(By.CSS_SELECTOR, "dialog button").click()

    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True},
    )
    width = "return document.documentElement.scrollWidth"
    assert browser.execute_script(width) <= 360  # nothing to scroll sideways on a phone
    browser.save_screenshot(str(tmp_path / "phone.png"))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.save_screenshot(str(tmp_path / "desk.png"))
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def shown(browser: webdriver.Chrome) -> list[WebElement]:
    return [card for card in browser.find_elements(By.TAG_NAME, "article") if card.is_displayed()]


def test_a_folder_without_a_batch(tmp_path: Path) -> None:
    run = command("report", str(tmp_path), folder=tmp_path)
    assert run.code == 2
    assert "holds no batch" in run.err
    assert list(tmp_path.iterdir()) == []
