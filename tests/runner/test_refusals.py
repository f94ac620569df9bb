"""A refusal reads like a sentence wherever it is read: which photo, why, what to try; a line each, the same text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runner.batch.entries import JobState
from runner.batch.ledger import Ledger
from runner.execution.failures import NodeExecutionError, node_failure
from runner.server.advice import read_refusal
from runner.server.node_report import ERRORS, code_of
from tests.support.runs import Desk, command, node

OLD = (
    "the product could not be cut out reliably (confidence 0.00, needed 0.50): no product was found. What to try: "
    "paint roughly over the product and use that as the hint - on the canvas in the mask editor of 'Load Image', on "
    "the command line --set hint=FILE (white = product); or a plain backdrop of another colour, with some room around "
    "the product. To take the guess: min_confidence 0, on the command line --set cutout_confidence=0."
)
GRAPH_WORDS = re.compile(r"\bnode\b|input: |ProdgenSegment|canvas|mask editor|Traceback|File \"|min_confidence", re.I)
_PARTS = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1).map(str.strip).filter(bool)


def without_heads(text: str) -> bool:
    return not re.match("what to try|on the ca|on the co", text, re.I) and "what to try:" not in text.casefold()


@given(_PARTS.filter(without_heads), _PARTS, _PARTS, _PARTS)
def test_a_line_for_the_canvas_is_for_the_canvas(why: str, advice: str, canvas: str, typed: str) -> None:
    said = read_refusal(f"{why}\nWhat to try: {advice}\nOn the canvas: {canvas}\nOn the command line: {typed}")
    assert said.why == why
    assert said.advice.casefold() == f"{advice} {typed}".casefold()


@given(st.text())
def test_any_message_is_read(message: str) -> None:
    said = read_refusal(message)
    assert "\n" not in said.why


def test_an_older_pack_is_read_too() -> None:
    said = read_refusal(OLD)
    assert said.why.endswith("no product was found.")
    assert said.advice == (
        "paint roughly over the product and use that as the hint: --set hint=FILE (white = product); or a plain "
        "backdrop of another colour, with some room around the product. To take the guess: --set cutout_confidence=0."
    )


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_kind_has_a_code_of_its_own_and_no_graph_jargon(name: str) -> None:
    kind = f"custom_nodes.prodgen_nodes.imaging.errors.{name}"
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code_of(kind))
    assert len({code_of(f"x.errors.{each}") for each in ERRORS}) == len(ERRORS)
    said = {"node_id": "7", "exception_type": kind, "exception_message": OLD, "traceback": ['  File "x.py"\n']}
    error = node_failure(said, {"7": node("ProdgenSegmentProduct", "input: cutout = method")})
    assert isinstance(error, NodeExecutionError)
    assert not GRAPH_WORDS.search(str(error)), str(error)
    assert error.code == code_of(kind)
    assert len(str(error.saying(error.message, ("bag.jpg",))).splitlines()) == 3


def test_what_breaks_is_no_refusal() -> None:
    said = {"node_id": "7", "exception_type": "ValueError", "exception_message": "boom", "traceback": ['  File "x.py"']}
    error = node_failure(said, {"7": node("ProdgenSegmentProduct", "input: cutout = method")})
    assert error.code == "node_failed"
    assert str(error).startswith("Segment Product failed: boom\n  ")
    assert "x.py" not in str(error)


def test_the_same_text_on_the_command_line_in_json_in_a_batch_and_in_its_ledger(desk: Desk) -> None:
    photo = desk.folder / "photos" / "flat grey.png"
    photo.parent.mkdir()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(photo)
    plain = desk.submit("cutout", "--image", photo)
    head, why, advice = plain.err[plain.err.index("failed: ") :].splitlines()[:3]
    assert head == "failed: flat grey.png"
    assert not GRAPH_WORDS.search(plain.err), plain.err
    (failed,) = desk.submit("cutout", "--image", photo, "--json").of("failed")
    assert (failed["photos"], failed["message"], failed["advice"]) == (["flat grey.png"], why.strip(), advice.strip())
    assert (failed["code"], failed["exit_code"]) == ("untrusted_cutout", 5)
    out = desk.folder / "shop"
    arguments = ("--images", str(photo.parent), "--server", desk.url, "--out", str(out))
    batch = command("batch", "cutout", *arguments, folder=out)
    assert batch.code == 5
    head, _, mask = advice.partition(" Give a rough mask")
    alone = f"{head}\n  For this photo alone, give a rough mask{mask.partition(': --set')[0]}:\n    "
    assert f"flat grey.png: failed: {why.strip()}\n{alone}" in batch.err
    again = command("batch", "cutout", *arguments, "--resume", "--json", folder=out).of("failed")
    assert [(one["photos"], one["message"], one["code"]) for one in again] == [
        (["flat grey.png"], why.strip(), "untrusted_cutout")
    ]
    (entry,) = Ledger(out).entries(JobState.FAILED)
    assert (entry.error or "").startswith(f"{why.strip()}\n{alone}")
    assert "Traceback" not in json.dumps(failed["message"])


def test_a_missing_model_is_told_without_the_graph(desk: Desk, tmp_path: Path) -> None:
    run = desk.submit("cutout_birefnet", "--image", desk.photo())
    assert run.code == 4
    assert "birefnet.safetensors" in run.err and "models download birefnet" in run.err
    assert "node 8" not in run.err and "LoadBackgroundRemovalModel" not in run.err
