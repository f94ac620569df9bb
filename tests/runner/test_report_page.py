"""The page about a batch in a real browser: made by a real batch, judged, searched, compared, copied from, attacked."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from runner.batch.entries import DECLINED
from tests.runner.report_browser import (
    CONTRASTS,
    SIZES,
    THEMES,
    card_of,
    complaints,
    loaded,
    opened,
    press,
    press_in_view,
    shown,
    start,
    states,
    until,
)  # fmt: skip
from tests.runner.report_folder import Job, Parsed, batch_folder, picture, report
from tests.runner.test_batch import batch, folder_of_photos
from tests.runner.test_report_products import EVIL
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, command, inverting


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    started = start(tmp_path_factory.mktemp("profile"))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about every kind of outcome, with real pictures: white, transparent, wide, many of one photo."""
    folder = tmp_path_factory.mktemp("shop")
    out = folder / "out"
    jobs = []
    for number in range(4):
        photo = picture(folder / "in" / f"photo {number}.jpg", (40 * number, 90, 120), (600, 400))
        picture(out / f"p{number}.jpg", "white", (800, 800))
        picture(out / f"p{number}.png", "white", (800, 800))
        warned = ["Amazon: background: grey in the corner (asked: pure white)", "Amazon: zoom: small"] if number else []
        record = {"workflow": "w", "reports": {"cut": {"confidence": 0.9 - number / 10}}}
        jobs.append(Job(str(photo), f"p{number}", "Bags", [f"p{number}.jpg", f"p{number}.png"], "", warned, {}, record))
    wide = picture(folder / "in" / "wide.png", "olive", (900, 200))
    many = [f"many/{number}.png" for number in range(6)]
    for number, name in enumerate(many):
        picture(out / name, (200, 30, 30 + 30 * number, 120), (90, 60))
    jobs.append(Job(str(wide), "many", "Shoes", many))
    for photo in (wide, folder / "in" / "gone.jpg"):
        jobs.append(
            Job(str(photo), error="no product was found here. What to try: another photo.", metrics={DECLINED: True})
        )
    jobs.append(Job("/in/=1+2.jpg", error="the picture is damaged or cut off"))
    jobs.append(Job(str(wide)))
    return report(batch_folder(out, jobs))


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

    opened(browser, page)
    assert states(browser) == ["failed", "passed", "passed"]
    until(lambda: loaded(browser) == [48] * 4)  # two inputs, two outputs; the broken one is named
    assert browser.find_element(By.ID, "said").text == "3 of 3 shown"
    assert "damaged or cut off" in shown(browser)[0].text

    press(browser, "[data-filter=failed]")
    assert states(browser) == ["failed"]
    press(browser, "[data-filter='']")
    Select(browser.find_element(By.ID, "group")).select_by_visible_text("Shoes")
    (card,) = shown(browser)
    assert card.find_element(By.TAG_NAME, "h2").text == "Shoes/b'\"<b>.png"  # as text, not as markup
    card.find_element(By.CLASS_NAME, "made").click()
    record = browser.find_element(By.ID, "record")
    assert record.is_displayed()
    rows = [row.text for row in record.find_elements(By.TAG_NAME, "tr")]
    assert "workflow job" in rows and "group Shoes" in rows
    press(browser, "#record .close")
    assert not record.is_displayed()
    assert complaints(browser) == []


def test_a_photo_that_a_node_declines_is_called_not_cut_out(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = folder_of_photos(desk, "noise.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert batch(desk, "cutout", "--images", photos).code == 5
    page = Parsed(report(desk.out))
    assert [card["data-state"] for card in page.cards] == ["failed", "refused"]
    assert page.names == ["broken.jpg", "noise.png"]
    assert page.texts.count("Not cut out") == 2  # the total and the card


def test_totals_search_and_order(browser: webdriver.Chrome, shop: Path) -> None:
    opened(browser, shop)
    totals = {
        total.get_attribute("data-filter"): total.text
        for total in browser.find_elements(By.CSS_SELECTOR, "[data-filter]")
    }
    assert totals == {
        "": "9 All", "passed": "2 Passed", "warned": "3 Rule not met", "refused": "2 Not cut out", "failed": "1 Failed",
        "open": "1 Not finished",
    }  # fmt: skip
    assert states(browser) == ["failed", *["refused"] * 2, *["warned"] * 3, "open", *["passed"] * 2]
    press(browser, "[data-filter=warned]")
    assert [card.find_element(By.TAG_NAME, "h2").text for card in shown(browser)] == [
        "photo 3.jpg", "photo 2.jpg", "photo 1.jpg"
    ]  # fmt: skip
    pressed = browser.find_elements(By.CSS_SELECTOR, "[data-filter][aria-pressed=true]")
    assert [total.text for total in pressed] == ["3 Rule not met"]
    press(browser, "[data-filter='']")
    Select(browser.find_element(By.ID, "sort")).select_by_visible_text("by name")
    names = [card.find_element(By.TAG_NAME, "h2").text for card in shown(browser)]
    assert names.index("photo 0.jpg") + 3 == names.index("photo 3.jpg")
    browser.find_element(By.ID, "find").send_keys("PHOTO 2")
    assert [card.find_element(By.TAG_NAME, "h2").text for card in shown(browser)] == ["photo 2.jpg"]
    browser.find_element(By.ID, "find").clear()
    browser.find_element(By.ID, "find").send_keys("zoom 3")  # a reason, and a name
    assert [card.find_element(By.TAG_NAME, "h2").text for card in shown(browser)] == ["photo 3.jpg"]
    browser.find_element(By.ID, "find").send_keys(" no such")
    assert shown(browser) == [] and browser.find_element(By.ID, "nothing").is_displayed()
    assert browser.find_element(By.ID, "said").text == "0 of 9 shown"


def test_what_wants_a_look_has_a_badge_a_filter_and_is_copied(browser: webdriver.Chrome, tmp_path: Path) -> None:
    rules = ["note  whole product: not checked: too busy (asked: none)"]
    records = [
        {"cut": {"confidence": 0.6}},
        {"out": {"rules": rules}},
        {"cut": {"confidence": 0.9}, "out": {"rules": rules}},
        {"cut": {"confidence": 0.9}},
    ]
    jobs = []
    for number, reports in enumerate(records):
        picture(tmp_path / "out" / f"{number}.png", (60 * number, 90, 120), (300, 200))
        warned = ["Amazon: zoom: small"] if number == 2 else []
        jobs.append(Job(f"/in/{number}.jpg", files=[f"{number}.png"], warnings=warned, record={"reports": reports}))
    opened(browser, report(batch_folder(tmp_path / "out", jobs)))
    assert states(browser) == ["look", "warned", "look", "passed"]
    assert browser.find_element(By.ID, "copy").text == "Copy 3 names to look at"
    warned_card = card_of(browser, "2.jpg")
    sizes = [
        float(str(warned_card.find_element(By.CLASS_NAME, name).value_of_css_property("font-size")).removesuffix("px"))
        for name in ("note", "why")
    ]
    assert sizes[0] <= sizes[1], "a note is no larger than the fault above it"
    press(browser, "[data-filter=look]")
    assert states(browser) == ["look", "look"]
    assert browser.find_element(By.ID, "copy").text == "Copy 2 shown names"
    press(browser, "[data-filter='']")
    browser.execute_script("document.querySelector('main').style.minHeight = '300vh'; scrollTo(0, 900)")
    assert browser.find_element(By.CSS_SELECTOR, "[data-filter=look]").rect["y"] >= 900, (
        "the totals stay with the search"
    )


def test_names_are_copied_for_a_spreadsheet(browser: webdriver.Chrome, shop: Path) -> None:
    opened(browser, shop)
    button = browser.find_element(By.ID, "copy")
    assert button.text == "Copy 6 names to look at"
    button.click()
    until(lambda: browser.find_element(By.ID, "said").text == "6 names copied")
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, error => done(String(error)))"
    copied = str(browser.execute_async_script(read))
    wanting = [f"photo {number}.jpg" for number in (1, 2, 3)]
    assert sorted(copied.splitlines()) == ["'=1+2.jpg", "gone.jpg", *wanting, "wide.png · job5"]
    press(browser, "[data-filter=warned]")
    assert button.text == "Copy 3 shown names"
    browser.execute_script("navigator.clipboard.writeText = () => Promise.reject(new Error('not here'))")
    button.click()
    field = until(lambda: browser.find_element(By.CSS_SELECTOR, "#names-by-hand[open] textarea"))
    assert field.get_attribute("value") == "photo 3.jpg\nphoto 2.jpg\nphoto 1.jpg"
    selected = "const f = document.querySelector('textarea'); return f.selectionEnd - f.selectionStart"
    assert browser.execute_script(selected) == 35


def test_pictures_are_compared_in_full_size(browser: webdriver.Chrome, shop: Path) -> None:
    opened(browser, shop)
    natural = "return [...document.querySelectorAll('.view img')].map(image => image.naturalWidth)"
    card_of(browser, "photo 1.jpg").find_element(By.CSS_SELECTOR, ".result .tile").click()
    until(lambda: browser.execute_script(natural) == [600, 800])  # the files, not the small copies
    sides = browser.find_elements(By.CSS_SELECTOR, ".stage figure")
    assert [side.is_displayed() for side in sides] == [True, True]
    assert sides[0].rect["x"] + sides[0].rect["width"] <= sides[1].rect["x"] + 1
    assert not browser.find_element(By.ID, "split").is_displayed()

    press(browser, "[data-mode=slide]:not(.stage)")
    split = browser.find_element(By.ID, "split")
    clip = "return getComputedStyle(document.querySelector('.stage .result')).clipPath"
    assert sides[0].rect == sides[1].rect and "50%" in browser.execute_script(clip)
    split.send_keys(Keys.ARROW_RIGHT * 3)
    assert "53%" in browser.execute_script(clip) and split.get_attribute("aria-valuetext") == "53 % photo"
    split.send_keys(Keys.HOME)
    assert split.get_attribute("aria-valuetext") == "0 % photo"

    press(browser, "[data-mode=side]:not(.stage)")
    press(browser, "#real")
    width = "return document.querySelector('.stage .result img').getBoundingClientRect().width"
    assert browser.execute_script(width) == 800
    press(browser, "#real")
    assert browser.execute_script(width) < 700
    press(browser, "#next")
    assert browser.find_element(By.ID, "viewed").text == "wide.png · job8"
    browser.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    assert browser.find_element(By.ID, "viewed").text == "photo 1.jpg"
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.find_element(By.ID, "viewer").is_displayed()
    at = "return document.activeElement.closest('article').querySelector('h2').textContent"
    until(lambda: browser.execute_script(at) == "photo 1.jpg")
    assert complaints(browser) == []


def test_many_results_of_one_photo_and_none(browser: webdriver.Chrome, shop: Path) -> None:
    opened(browser, shop)
    cards = [card for card in shown(browser) if card.find_element(By.TAG_NAME, "h2").text.startswith("wide.png")]
    many = next(card for card in cards if card.get_attribute("data-state") == "passed")
    tiles = many.find_elements(By.CSS_SELECTOR, ".result .tile")
    assert [tile.is_displayed() for tile in tiles] == [True] * 4 + [False] * 2
    assert "2 more" in many.text
    press_in_view(browser, tiles[1])
    strip = browser.find_elements(By.CSS_SELECTOR, ".strip button")
    assert [button.get_attribute("aria-pressed") for button in strip] == ["true", "false", "true", *["false"] * 4]
    strip[6].click()
    assert "5.png" in browser.find_element(By.CSS_SELECTOR, ".stage .result figcaption").text
    press(browser, "#viewer .close")
    refused = next(card for card in cards if card.get_attribute("data-state") == "refused")
    press_in_view(browser, refused.find_element(By.CSS_SELECTOR, ".tile"))
    assert "No product was found here." in browser.find_element(By.CSS_SELECTOR, ".stage .instead").text
    assert not browser.find_element(By.CSS_SELECTOR, ".stage .result").is_displayed()
    press(browser, "#viewer .close")


def test_a_moved_page_says_that_it_shows_small_copies(browser: webdriver.Chrome, shop: Path, tmp_path: Path) -> None:
    page = shutil.copy(shop, tmp_path / "mailed.html")
    opened(browser, Path(page))
    card_of(browser, "photo 1.jpg").find_element(By.CSS_SELECTOR, ".result .tile").click()
    note = browser.find_element(By.CSS_SELECTOR, "#viewer .note")
    until(lambda: "not there any more" in note.text)
    assert browser.execute_script("return document.querySelector('.stage .result img').naturalWidth") == 440
    press(browser, "#viewer .close")


@pytest.mark.each_once
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_it_looks_right(browser: webdriver.Chrome, shop: Path, size: tuple[int, int], theme: str) -> None:
    """Nothing to scroll sideways, rows of equal height without holes, pictures with a frame, text that can be read,
    dialogs within the window."""
    opened(browser, shop, size, theme)
    wide = "return document.documentElement.scrollWidth"
    assert browser.execute_script(wide) <= size[0]
    rows: dict[float, list[dict[str, float]]] = defaultdict(list)
    for card in shown(browser):
        rows[card.rect["y"]].append(card.rect)
    lengths = [len(row) for _, row in sorted(rows.items())]
    assert lengths[:-1] == [3 if size[0] > 1000 else 1] * (len(lengths) - 1)
    assert all(len({round(card["height"]) for card in row}) == 1 for row in rows.values())
    pictures = "return [...document.querySelectorAll('.pair figure')].map(f => f.getBoundingClientRect().width)"
    assert min(browser.execute_script(pictures)) > 150
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    assert [pair for pair in browser.execute_script(CONTRASTS) if pair[0] < 4.5] == []

    for selector in (".result .tile", ".made"):
        card_of(browser, "photo 2.jpg").find_element(By.CSS_SELECTOR, selector).click()
        assert [pair for pair in browser.execute_script(CONTRASTS) if pair[0] < 4.5] == []
        box = browser.find_element(By.CSS_SELECTOR, "dialog[open]").rect
        assert box["width"] <= size[0] and box["height"] <= size[1]
        press(browser, "dialog[open] .close")
    edge = "return getComputedStyle(document.querySelector('.result .tile img')).boxShadow"
    assert "1px" in browser.execute_script(edge)


def test_everything_that_can_be_used_has_a_name(browser: webdriver.Chrome, shop: Path) -> None:
    opened(browser, shop)
    for selector in ("", ".result .tile", ".made"):
        if selector:
            card_of(browser, "photo 2.jpg").find_element(By.CSS_SELECTOR, selector).click()
        nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = {"button", "link", "slider", "combobox", "searchbox", "textbox", "image", "dialog", "article", "group"}
        named = [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]
        ]
        assert [role for role, name in named if role in roles and role != "group" and not name.strip()] == []
        if selector:
            assert "dialog" in {role for role, _ in named}
            press(browser, "dialog[open] .close")


def test_nothing_of_a_hostile_batch_runs(browser: webdriver.Chrome, tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.png")
    jobs = [Job(f"/in/{text}", group=text, error=text) for text in EVIL]
    for text in EVIL:
        record = {"workflow": text, "inputs": {text: text}, "reports": {text: {"rules": [f"FAIL  {text}: {text}"]}}}
        jobs.append(Job("", group=text, files=["a.png"], warnings=[text], record=record))
    opened(browser, report(batch_folder(out, jobs, workflow=EVIL[0])))
    for number in range(len(jobs)):
        browser.execute_script("document.querySelectorAll('article .made')[arguments[0]].click()", number)
        browser.execute_script("document.querySelector('#record').close()")
    assert len(shown(browser)) == len(jobs)
    assert complaints(browser) == []
    blocked = """
      const [done] = arguments;
      const seen = [];
      document.addEventListener("securitypolicyviolation", event => seen.push(event.effectiveDirective));
      document.body.append(Object.assign(document.createElement("script"), {textContent: "window.pwned = 1"}));
      document.body.append(Object.assign(new Image(), {src: "http://127.0.0.1:9/pixel.png"}));
      fetch("http://127.0.0.1:9/").catch(() => 0).then(() => setTimeout(() => done([window.pwned, seen.sort()]), 200));
    """
    ran, seen = browser.execute_async_script(blocked)
    assert ran is None and seen == ["connect-src", "img-src", "script-src-elem"]


def test_eight_hundred_products_open_as_lightly_as_eighty(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """What a browser has to do before a person sees the page does not grow with the batch: the pictures that are drawn,
    and what there is of each product."""
    measured = []
    for number in (80, 800):
        out = tmp_path / str(number)
        photo = picture(tmp_path / "photo.jpg", "teal", (120, 90))
        picture(out / "a.jpg")
        jobs = [Job(str(photo), f"p{n}", files=["a.jpg"], record={"seed": n}) for n in range(number)]
        opened(browser, report(batch_folder(out, jobs)))
        until(lambda: loaded(browser))
        drawn = len(loaded(browser))
        elements = browser.execute_script("return document.querySelectorAll('*').length")
        measured.append((drawn, elements / number))
        assert len(browser.find_elements(By.TAG_NAME, "article")) == number
    assert measured[1][0] <= measured[0][0] + 12 < 80
    assert measured[1][1] <= measured[0][1] < 60
    browser.execute_script("document.querySelector('article:nth-child(700)').scrollIntoView()")
    until(lambda: browser.execute_script("return document.querySelector('article:nth-child(700) img').naturalWidth"))
    assert len(loaded(browser)) < 200
    browser.find_element(By.ID, "find").send_keys("p799")
    assert browser.find_element(By.ID, "said").text == "1 of 800 shown"


def test_one_picture_is_drawn_as_large_as_its_card(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Pictures without a photo, and a transparent one on a ground that shows it."""
    out = tmp_path / "out"
    picture(out / "a.png", (0, 0, 0, 0), (300, 300))
    with Image.open(out / "a.png") as opened_picture:
        assert opened_picture.mode == "RGBA"
    opened(browser, report(batch_folder(out, [Job("", "series_1", files=["a.png"])])))
    (card,) = shown(browser)
    assert card.find_element(By.TAG_NAME, "h2").text == "series_1"
    assert card.find_element(By.TAG_NAME, "figure").rect["width"] > 0.95 * card.rect["width"]
    ground = "return getComputedStyle(document.querySelector('article img')).backgroundImage"
    assert "conic-gradient" in browser.execute_script(ground)
