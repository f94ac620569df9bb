"""Texts and lists without an end, of a server: read in time that grows with their length, and told in a few lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import console
from runner.execution.doubts import doubts
from runner.execution.outputs import failed_checks
from runner.redaction import hidden
from runner.sightings.checks import NOT_FOUND, found_in
from runner.untrusted import LONGEST_LINE, MOST_LINES, cut, told
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, Run, flat

_MOST = 200_000
"""Characters that one picture may have said of it, on both streams: no screen has more, and a server sent millions."""
BEGINNINGS = {
    "C1 string": "\x9d",
    "C1 device control": "\x90",
    "escaped string": "\x1b]",
    "escaped sequence": "\x1b[",
    "C1 sequence": "\x9b",
    "escape": "\x1b",
    "several": "\x90\x98\x9d\x1bP",
    "an address": "http://a",
    "a part of an address": "://",
    "a secret's name": "token-",
    "an assignment": "a=",
    "a name": "a-",
}


def seconds(work: Callable[[str], str], text: str) -> float:
    began = time.process_time()
    work(text)
    return time.process_time() - began


@pytest.mark.parametrize("work", [console.clean, hidden], ids=["console", "log"])
@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_text_is_read_in_a_time_that_grows_with_its_length_alone(work: Callable[[str], str], beginning: str) -> None:
    """Sixteen times the length took 256 times as long where every character began another search to the end."""
    short, long = beginning * 5_000, beginning * 80_000
    assert seconds(work, long) < 60 * max(seconds(work, short), 0.002)


def test_what_begins_a_control_string_ends_the_one_before() -> None:
    assert console.clean("a\x9dtitle\x07b") == "ab"
    assert console.clean("a\x1b]0;title\x1b\\b") == "ab"
    assert "title" not in console.clean("a\x9d\x9d\x90title\x9cb")
    assert "\x9d" not in console.clean("a\x9dfirst\x9dsecond")


def test_lines_are_cut_and_counted() -> None:
    assert told(["a", "b"]) == ["a", "b"]
    assert told(map(str, range(300_000)))[-2:] == [str(MOST_LINES - 1), f"… and {300_000 - MOST_LINES} more"]
    assert cut("x" * LONGEST_LINE) == "x" * LONGEST_LINE
    assert cut("x" * 300_000).endswith(f"x … ({300_000 - LONGEST_LINE} more characters)")


REPORTS: dict[str, Any] = {
    "many reasons": {"passed": False, "reasons": ["too small"] * 300_000},
    "a long reason": {"passed": False, "reasons": ["\x9d" * 300_000]},
    "many rules": {"passed": False, "failed": ["a"], "rules": ["FAIL  a: b"] * 50_000},
    "a mapping": {"passed": False, "reasons": {str(number): 1 for number in range(50_000)}},
    "no numbers": {"score": [float("nan")] * 50_000},
    "a long title": {"passed": False, "title": "x" * 300_000, "reasons": ["a"] * 99},
    "many doubts": {"passed": True, "doubts": [f"{number} " * 200 for number in range(9_000)]},
    "an endless doubt": {"rules": ["note  whole product: not checked: " + "x" * 300_000]},
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_an_endless_report_is_told_in_a_few_lines(report: dict[str, Any]) -> None:
    lines = [*failed_checks({"Check": report, "Other": report}), *doubts({"reports": {"Check": report}})]
    assert lines and sum(map(len, lines)) < _MOST
    assert any("more" in line for line in lines)


def test_an_endless_check_is_told_in_a_few_lines() -> None:
    found = found_in([{"verdict": NOT_FOUND, "reasons": ["a"] * 90_000, "notes": ["b" * 90_000] * 90_000}])
    assert found is not None
    assert len(found.reasons) == len(found.notes) == MOST_LINES + 1
    assert len(found.event("a.png", None).describe()) < _MOST


def endless(server: HostileComfy, kind: str) -> None:
    """What is said of a job goes on and on: in what failed, in the files, on the socket."""
    name, words = "n" * 300_000, "word " * 400_000
    files = [{"filename": f"x{number}.png", "subfolder": "", "type": "output"} for number in range(60)]
    error = {"node_id": name, "exception_message": words, "exception_type": words, "traceback": [words] * 3}
    text = json.dumps({"passed": False, "title": name, "reasons": ["too small"] * 300_000})
    outputs: dict[str, Any] = {"2": {"images": files[:1]}, "1": {"text": [text]}}
    if kind == "failed":
        server.lies["GET /api/jobs/"] = lambda: Said(
            {"id": server.prompt_id, "status": "failed", "execution_error": error}
        )
        return
    if kind == "files":
        outputs["2"]["images"] = files
        server.lies["GET /view"] = Said(b"", 404)
    server.lies["GET /api/jobs/"] = lambda: Said({"id": server.prompt_id, "status": "completed", "outputs": outputs})
    server.messages = [
        {"type": "executing", "data": {"prompt_id": "$ID", "node": name}},
        {"type": "progress", "data": {"prompt_id": "$ID", "node": name, "value": 1, "max": 2}},
        {"type": "execution_success", "data": {"prompt_id": "$ID"}},
    ]


@pytest.mark.parametrize("kind", ["failed", "reports"])
def test_an_endless_server_fills_no_screen(liar: HostileComfy, tmp_path: Path, kind: str) -> None:
    desk = Desk(tmp_path, liar.url)
    for more in ([], ["--json"], ["--verbose"]):
        liar.forget()
        endless(liar, kind)
        run: Run = desk.submit(flat(1), *more)
        assert run.code == (5 if kind == "failed" else 0), run.err[:2000]
        assert len(run.out) + len(run.err) < _MOST
        assert "more" in run.out + run.err
    liar.forget()


def test_files_that_are_all_gone_are_named_in_a_line(liar: HostileComfy, tmp_path: Path) -> None:
    desk = Desk(tmp_path, liar.url)
    liar.forget()
    endless(liar, "files")
    run = desk.submit(flat(1))
    assert run.code == 5
    assert "and 50 more" in run.err
    assert len(run.err) < _MOST
    liar.forget()
