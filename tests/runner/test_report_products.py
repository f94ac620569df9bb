"""What the page about a batch says: how each product came out, which is the worst, no text that is more than text."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.batch.entries import DECLINED
from runner.batch.verdict import Verdict
from runner.execution.doubts import not_checked
from runner.files import spreadsheet
from runner.files.hashes import content_sha256
from runner.report.card import _told_apart
from tests.runner.report_folder import Job, Parsed, batch_folder, picture, report
from tests.support.runs import command

EVIL = (
    "</script><script>pwned()</script>",
    "'\"><img src=x onerror=pwned()>",
    "<!--",
    "javascript:pwned()",
    "../../etc/passwd",
    "photo\u202egpj.exe",
    "\x1b]0;title\x07",
    '=HYPERLINK("x")',
    "\u2028\u2029\ufeff",
)
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
TAGS = frozenset(
    (
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "script",
            "body",
            "header",
            "main",
            "article",
            "footer",
            "div",
            "p",
        ),
        *("h1", "h2", "button", "b", "span", "label", "input", "select", "option", "textarea", "figure", "img", "a"),
        *("figcaption", "details", "summary", "dialog", "noscript", "svg", "rect"),
    )
)


def rendered(folder: Path, *jobs: Job) -> Parsed:
    return Parsed(report(batch_folder(folder / "out", jobs)))


# how it came out


def test_outcomes_and_their_totals_the_worst_first(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in "abcd":
        picture(tmp_path / "out" / f"{name}.png", size=(20, 20 + ord(name)))
    sure = {"reports": {"cut": {"confidence": 0.97}}}
    page = rendered(
        tmp_path,
        Job("/in/sure.jpg", files=["a.png"], record=sure),
        Job("/in/broken.jpg", error="the picture is damaged"),
        Job(
            "/in/unsure.jpg", files=["b.png"], record={"reports": {"cut": [{"confidence": 0.55}, {"confidence": 0.9}]}}
        ),
        Job("/in/rule.jpg", files=["c.png"], warnings=["Amazon: too small (asked: more)"], record=sure),
        Job("/in/refused.jpg", error="no product was found", metrics={DECLINED: True}),
        Job("/in/rules.jpg", files=["d.png"], warnings=["one", "two"], record=sure),
        Job("/in/waiting.jpg"),
    )
    assert [card["data-state"] for card in page.cards] == [
        "failed", "refused", "warned", "warned", "look", "open", "passed"
    ]  # fmt: skip
    assert ["data-look" in card for card in page.cards] == [True] * 5 + [False] * 2, (
        "rank, badge, filter and copy agree"
    )
    assert page.names == [
        "broken.jpg", "refused.jpg", "rules.jpg", "rule.jpg", "unsure.jpg", "waiting.jpg", "sure.jpg"
    ]  # fmt: skip
    totals = {button["data-filter"] for button in page.all("button") if "data-filter" in button}
    assert totals == {"", "passed", "look", "warned", "refused", "failed", "open"}
    said = " ".join(page.texts)
    assert "cut-out 55% certain" in said and "Not cut out" in said and "Amazon: too small" in said


def test_what_concerns_the_product_comes_before_a_guess_and_that_before_sizes(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in "abcd":
        picture(tmp_path / "out" / f"{name}.png", size=(20, 20 + ord(name)))
    size = "Amazon: enlargement: ×2.00 (asked: at most ×1.5)"
    cut = "Amazon: whole product: cut off in the photo (asked: nothing cut off)"
    unsure = {"reports": {"cut": {"confidence": 0.55}}}
    page = rendered(
        tmp_path,
        Job("/in/sizes.jpg", files=["a.png"], warnings=[size, "Amazon: pixels: 9×9 (asked: 99×99)"]),
        Job("/in/guess.jpg", files=["b.png"], warnings=[size], record=unsure),
        Job("/in/cut.jpg", files=["c.png"], warnings=[size, cut]),
        Job("/in/passed.jpg", files=["d.png"]),
    )
    assert page.names == ["cut.jpg", "guess.jpg", "sizes.jpg", "passed.jpg"]
    said = [text for text in page.texts if text.startswith(("Amazon: whole", "The cut-out is only", size))]
    assert said[0] == "Amazon: whole product: cut off in the photo (asked: nothing cut off)"
    assert "The cut-out is only 55% certain: look at its edges." in said


def test_the_larger_enlargement_is_the_worse_and_what_was_not_checked_wants_a_look(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    scales = {"a": "5.33", "b": "6.22", "c": "10.10", "d": "2.00"}
    for name in scales:
        picture(tmp_path / "out" / f"{name}.png", size=(20, 20 + ord(name)))
    rules = ["pass  pixels: 9×9 (asked: 9×9)", "note  whole product: not checked: lower right: too busy (asked: none)"]
    record = {"inputs": {"channel": "amazon"}, "reports": {"out": {"rules": rules}}}
    page = rendered(
        tmp_path,
        *(
            Job(f"/in/{name}.jpg", files=[f"{name}.png"], warnings=[f"Amazon: enlargement: ×{scale}: small"])
            for name, scale in scales.items()
        ),
        Job("/in/passed.jpg", files=["a.png"], record=record),
    )
    assert page.names == ["c.jpg", "b.jpg", "a.jpg", "d.jpg", "passed.jpg"]
    notes = [text for text in page.texts if text.startswith("Look at it:")]
    assert notes == ["Look at it: whether the product is whole was not checked (lower right: too busy)."]
    assert any("for amazon – out" in text for text in page.texts)


def test_the_end_of_a_batch_lists_what_was_not_checked() -> None:
    lines = Verdict(3, (), (), ("a.jpg", "b.jpg")).lines(strict=False)
    assert lines == ["Whether the product is whole could not be checked in 2 of 3 results; look at these: a.jpg, b.jpg"]
    assert not_checked({"reports": {"x": {"rules": ["pass  whole product: whole (asked: nothing cut off)"]}}}) == ""
    assert not_checked({"reports": {"x": [{"rules": 7}, None]}}) == ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("/in/a.jpg: the picture is damaged.\n  Copy it again.", "The picture is damaged."),
        ('"input: x" (SomeNode, node 11) failed: no product (0.1). What to try: paint.', "No product (0.1)."),
        ("a.jpg\nit is too dark.\ntry light", "It is too dark."),
        ("something short", "Something short"),
        ("it is not sure: " + "a reason; " * 30, "It is not sure: " + "; ".join(["a reason"] * 14) + "."),
        ("too small (at most 1" + "; more" * 40 + ")", "Too small (at most 1" + "; more" * 23 + ")."),
        ("word " * 100, ("Word " + "word " * 30).strip() + " …"),
    ],
)
def test_a_failure_is_one_sentence_and_all_of_it_is_there(tmp_path: Path, error: str, sentence: str) -> None:
    page = rendered(tmp_path, Job("/in/a.jpg", error=error))
    why = page.texts[page.texts.index(sentence)]
    assert len(why) <= 202
    assert any(line in error and len(line) == len(error.strip()) for line in page.texts) or sentence.lower() == error


def test_a_name_that_several_jobs_share_says_which_it_is(tmp_path: Path) -> None:
    same = [Job("/in/a.jpg", stem=f"bags/a_seed{seed}", error="x") for seed in (1, 2)]
    page = rendered(tmp_path, *same, Job("/in/b.jpg", stem="b/objects", error="x"), Job("", stem="series_1", error="x"))
    assert sorted(page.names) == ["b.jpg", "bags/a.jpg · a_seed1", "bags/a.jpg · a_seed2", "series_1"]


# pictures


def test_one_picture_in_two_formats_is_one_result_and_two_pictures_are_two(tmp_path: Path) -> None:
    out = tmp_path / "out"
    noise = Image.effect_noise((300, 200), 60).convert("RGB")
    picture(tmp_path / "photo.jpg", "navy")
    out.mkdir()
    noise.save(out / "a.png")
    noise.save(out / "a.jpg", quality=90)
    Image.new("L", (300, 200), 255).save(out / "mask.png")
    noise.resize((150, 100)).save(out / "small.jpg")
    page = rendered(tmp_path, Job(str(tmp_path / "photo.jpg"), files=["a.jpg", "a.png", "mask.png", "small.jpg"]))
    assert [image["title"] for image in page.all("img") if "title" in image] == [
        "photo.jpg", "a.jpg", "mask.png", "small.jpg"
    ]  # fmt: skip
    assert len(page.blocks[0]["small"]) == 4
    assert all(small.startswith("data:image/webp;base64,") for small in page.blocks[0]["small"])


def test_files_are_linked_and_what_is_not_one_is_named(tmp_path: Path) -> None:
    photo = picture(tmp_path / "in" / "a b#?.jpg")
    out = tmp_path / "out"
    picture(out / "sub" / "a%.png")
    (out / "b.png").write_text("no picture")
    (out / "c.svg").write_text("<svg onload='pwned()'/>")
    (out / "d.html").write_text("<script>pwned()</script>")
    (out / "e.txt").write_text("words")
    page = rendered(
        tmp_path, Job(str(photo), files=["sub/a%.png"]), Job("", files=["b.png", "c.svg", "d.html", "e.txt"])
    )
    links = page.links
    assert links[:4] == [photo.as_uri(), "sub/a%25.png", "sub/", "b.png"]
    assert links[4:] == ["e.txt", "./"]
    assert [block["record"] for block in page.blocks[:2]] == ["0.json", "1.json"]
    assert "b.png" in page.texts and len([1 for image in page.all("img") if "title" in image]) == 2


def test_a_page_elsewhere_names_files_where_they_are(tmp_path: Path) -> None:
    out = batch_folder(tmp_path / "out", [Job("", files=["a.png"])])
    picture(out / "a.png")
    page = Parsed(report(out, tmp_path / "mail" / "page.html"))
    assert page.links[0] == (out / "a.png").as_uri()


@pytest.mark.parametrize(
    "photo", ["//evil/share/a.png", "\\\\evil\\share\\a.png", "/etc/passwd", "a.png", "/x/../a.png"]
)
def test_no_link_to_other_computers_or_to_what_is_no_photo(tmp_path: Path, photo: str) -> None:
    page = rendered(tmp_path, Job(photo, error="x"))
    assert page.links == []


def test_a_result_that_a_link_leads_out_is_neither_shown_nor_linked(tmp_path: Path) -> None:
    secret = picture(tmp_path / "secret.png", "red")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(secret)
    page = rendered(tmp_path, Job("", files=["a.png"]))
    assert "a.png" in page.texts
    assert page.links == []
    assert page.blocks[0]["small"] == [""]


def test_no_picture_of_this_computer_is_shown_because_a_ledger_names_it(tmp_path: Path) -> None:
    """A results folder may be somebody's, and the page is passed on: what a photo holds must have been known."""
    secret = str(picture(tmp_path / "private" / "passport.png", "red"))
    own, swapped = (str(picture(tmp_path / "in" / f"{name}.png", "blue")) for name in ("own", "swapped"))
    picture(tmp_path / "out" / "a.png", "yellow")

    def earlier(photo: str, digest: str) -> Job:
        return Job(photo, files=["a.png"], record={"batch": {}, "images": [{"sha256": digest}]})

    unseen = [
        Job(secret),
        Job(secret, files=["a.png"], knows_photo=False),
        Job(secret, error="x", knows_photo=False),
        earlier(secret, ""),
        earlier(secret, "0" * 64),
        Job(swapped, error="x"),
    ]
    seen = [Job(own, files=["a.png"]), Job(own, error="x"), earlier(own, content_sha256(Path(own)))]
    out = batch_folder(tmp_path / "out", [*unseen, *seen])
    picture(Path(swapped), "red", (50, 30))
    page = Parsed(report(out))
    titles = [str(image["title"]) for image in page.all("img") if "title" in image]
    assert sorted(titles) == ["a.png"] * 5 + ["own.png"] * 3
    assert page.texts.count("passport.png") == 5  # it is named


def test_photos_that_browsers_do_not_show_are_shown_small(tmp_path: Path) -> None:
    deep = tmp_path / "deep.tiff"
    Image.new("I;16", (60, 40), 30_000).save(deep)
    heic = tmp_path / "phone.heic"
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 48), "teal")).save(heic)
    page = rendered(tmp_path, Job(str(deep), error="x"), Job(str(heic), error="x"))
    assert sorted(str(image["title"]) for image in page.all("img") if "title" in image) == ["deep.tiff", "phone.heic"]
    assert not any("data-full" in button for button in page.all("button"))
    assert len(page.links) == 2


def test_what_there_is_of_a_damaged_photo_is_shown(tmp_path: Path) -> None:
    photo = tmp_path / "cut_off.jpg"
    Image.effect_noise((400, 300), 60).save(photo)
    photo.write_bytes(photo.read_bytes()[:20_000])
    page = rendered(tmp_path, Job(str(photo), error="the picture is damaged"))
    assert page.blocks[0]["small"][0].startswith("data:image/webp")
    with pytest.raises(OSError, match="truncated"), Image.open(photo) as opened:
        opened.load()  # nobody else reads it


# text of others


def harmless(page: Parsed) -> None:
    """No tag, attribute or address that the page's own code does not write, and no character that hides."""
    assert {tag for tag, _ in page.tags} <= TAGS
    assert [attributes.get("type") for attributes in page.all("script")].count(None) == 1
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on") or key == "style"]
    addresses = [attributes.get(key) or "" for _, attributes in page.tags for key in ("href", "data-full", "src")]
    addresses += [block["record"] for block in page.blocks[:-1]]
    for address in map(urlsplit, addresses):
        assert address.scheme in ("", "file") and not address.netloc
        assert ".." not in unquote(address.path).split("/")
    assert not HIDDEN.search(page.source)
    assert not HIDDEN.search("".join(map(everything, page.blocks)))


def everything(value: Any) -> str:
    """All text in a value."""
    if isinstance(value, dict):
        return "".join(everything(key) + everything(item) for key, item in value.items())
    return "".join(map(everything, value)) if isinstance(value, list) else str(value)


texts = st.one_of(st.text(max_size=30), st.sampled_from(EVIL)).map(lambda text: text.replace("\0", ""))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(texts, inside, max_size=4),
    max_leaves=15,
)
keys = st.sampled_from(["reports", "images", "files", "models", "inputs", "timings", "licences", "seed", "workflow"])
reports = st.dictionaries(st.sampled_from(["rules", "passed", "reasons", "title", "confidence", "x"]), values)
records = st.dictionaries(
    keys | texts, values | st.dictionaries(texts, reports | st.lists(reports, max_size=2), max_size=2)
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(texts, texts, texts, st.booleans(), records), min_size=1, max_size=4))
def test_no_text_of_a_batch_becomes_anything_but_text(told: list[tuple[str, str, str, bool, Any]]) -> None:
    jobs = [
        Job(photo, group=group, error=words, metrics={DECLINED: words})
        if failed and words.strip()
        else Job(photo, group=group, files=["a.png", "gone.png"], warnings=[words], record=record)
        for photo, group, words, failed, record in told
    ]
    with tempfile.TemporaryDirectory() as folder:
        picture(Path(folder) / "out" / "a.png")
        page = rendered(Path(folder), *jobs)
    harmless(page)
    assert len(page.cards) == len(jobs) == len(page.names)
    assert page.names == [spreadsheet.cell(name) for name in page.names]  # nothing a spreadsheet would calculate


def test_hostile_names_of_files(tmp_path: Path) -> None:
    names = [name for name in EVIL if "/" not in name] + [os.fsdecode(b"caf\xe9")]
    for name in names:
        picture(tmp_path / f"{name}.png")
    out = batch_folder(tmp_path / "out", [Job(str(tmp_path / f"{name}.png"), error=name) for name in names])
    page = Parsed(report(out))
    harmless(page)
    assert len(page.links) == len(names)
    for link in page.links:
        assert Path(unquote(urlsplit(link).path, errors="surrogateescape")).is_file()
    assert next(name for name in page.names if "HYPERLINK" in name).startswith("'=")


@settings(max_examples=60, deadline=None)
@given(records)
def test_any_record_is_a_table_of_bounded_size(record: Any) -> None:
    from runner.batch.entries import Entry, JobState
    from runner.batch.plan import BatchJob
    from runner.report.record import MOST_ROWS, sections

    job = BatchJob("", Path("a"), {"x": 1})
    entry = Entry(1, "k", job, JobState.DONE, "a", None, (), None, None, None, None, (), (), None, None, {})
    for section in sections(entry, json.loads(json.dumps(record))):
        assert 0 < len(section.rows) <= MOST_ROWS
        assert all(isinstance(part, str) and len(part) < 500 for row in section.rows for part in row)


def test_the_table_has_the_rules_with_their_marks(tmp_path: Path) -> None:
    rules = ["pass  pixels: 2000×2000 (asked: 500)", "FAIL  border: grey (asked: white)", "note  text: not checked"]
    record = {
        "workflow": "packshot.v5",
        "inputs": {"channel": "amazon", "hint": ""},
        "reports": {
            "output: packshot": {"title": "Amazon", "passed": False, "rules": rules, "reasons": ["border: grey"]}
        },
        "files": [{"file": "a.png", "output": "packshot", "bytes": 1_500_000}],
    }
    picture(tmp_path / "out" / "a.png")
    made = dict(rendered(tmp_path, Job("", files=["a.png"], record=record)).blocks[0]["made"])
    assert made["Amazon"] == [
        ["pixels", "2000×2000 (asked: 500)", "passed"],
        ["border", "grey (asked: white)", "failed"],
        ["text", "not checked", "note"],
    ]
    assert ["channel", "amazon", ""] in made["Settings"] and not any(row[0] == "hint" for row in made["Settings"])
    assert ["packshot", "a.png, 1.50 MB", ""] in made["What was made"]


def test_a_folder_without_a_batch(tmp_path: Path) -> None:
    run = command("report", str(tmp_path), folder=tmp_path)
    assert run.code == 2
    assert "holds no batch" in run.err
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_one_photo_are_told_apart_by_their_shops() -> None:
    assert _told_apart(["bag_shopify.jpg", "bag_etsy.jpg", "bag_ebay.jpg"]) == ["shopify", "etsy", "ebay"]
    assert _told_apart(["big_bag_ebay.jpg", "big_bag_etsy.png"]) == ["ebay", "etsy"]
    assert _told_apart(["bag.jpg"]) == _told_apart(["bag.jpg", "bag.png"]) == _told_apart(["bag.jpg", "jar.jpg"]) == []
