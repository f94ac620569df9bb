"""What a server or a node says in several lines begins none that could be taken for one of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.events import Failed, Output
from runner.events.readable import readable
from runner.words import hanging, others_lines
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import command, copying

FORGED = "no\r\nerror: lied\n\ndone in 1 s; lied\n  not passed: lied\n - lied\u2028lied"


def job_fails(server: HostileComfy) -> dict[str, Any]:
    error = {
        "node_id": "2", "node_type": "SaveImage", "exception_message": FORGED, "exception_type": "X",
        "traceback": [FORGED],
    }  # fmt: skip
    return {"GET /api/jobs/": lambda: Said({"id": server.prompt_id, "status": "failed", "execution_error": error})}


def refuses(_: HostileComfy) -> dict[str, Any]:
    fault = {"type": "x", "message": FORGED, "details": FORGED}
    answer = {"error": {"message": FORGED}, "node_errors": {"1": {"errors": [fault]}}}
    return {"POST /prompt": Said(answer, 400)}


def refuses_whole(_: HostileComfy) -> dict[str, Any]:
    return {"POST /prompt": Said({"error": {"message": FORGED, "details": FORGED}}, 400)}


def breaks(_: HostileComfy) -> dict[str, Any]:
    return {"POST /prompt": Said(FORGED.encode(), 500, {"Content-Type": "text/plain"}), "GET /view": Said(b"", 404)}


def tells(server: HostileComfy) -> dict[str, Any]:
    def job() -> Said:
        if server.prompt_id not in server.prompt_ids:
            return Said({"error": "Job not found"}, 404)
        report = json.dumps({"title": FORGED, "passed": False, "reasons": [FORGED], "doubts": [FORGED]})
        outputs = {"2": {"images": [{"filename": server.filename, "type": "output"}], "text": [report]}}
        return Said({"id": server.prompt_id, "status": "completed", "outputs": outputs})

    return {"GET /api/jobs/": job}


@pytest.mark.parametrize("lies", [job_fails, refuses, refuses_whole, breaks, tells])
@pytest.mark.parametrize("words", [("batch",), ("submit",), ("submit", "--verbose")])
def test_no_line_is_forged(
    tmp_path: Path, obliging: HostileComfy, lies: Callable[[HostileComfy], dict[str, Any]], words: tuple[str, ...]
) -> None:
    obliging.forget()
    obliging.lies = lies(obliging)
    photo, workflow = tmp_path / "a.png", tmp_path / "w.json"
    photo.write_bytes(obliging.picture)
    workflow.write_text(json.dumps(copying()))
    line = [words[0], str(workflow), str(photo), *words[1:], "--out", str(tmp_path / "out"), "--server", obliging.url]
    run = command(*line, "--timeout", "60", folder=tmp_path / "out")
    assert "lied" in run.err, run.err
    for shown in run.err.splitlines():
        assert not shown.startswith(("error: lied", "done in 1 s; lied", "  not passed: lied", " - lied")), run.err
        assert "lied" not in shown or shown.startswith((" " * 4, "  - ", "failed: ", "error: ", "a.png: ", "[1/1] ",
                                                          "  not passed: no", "  warning: no")), run.err  # fmt: skip


@given(st.text())
def test_further_lines_are_set_in(text: str) -> None:
    for shown in (hanging(text), hanging(others_lines(text))):
        assert all(line == "" or line.startswith((" ", "\t")) for line in shown.split("\n")[1:])
    assert all(line.startswith("    ") for line in hanging(others_lines(text)).split("\n")[1:])
    assert "".join(hanging(text).split()) == "".join(text.split())


def test_lists_of_ours_stay_as_they_are() -> None:
    ours = "The batch cannot start:\n  - one\n  - two\n\n  and so on"
    assert hanging(ours) == ours
    failed = readable(Failed(1, None, message="bad:\n  - one\nerror: x", advice="a\nb"))
    assert failed.describe() == "failed: bad:\n  - one\n    error: x\n  a\n    b"
    shown = readable(Output(1, None, text="a\nb"))
    assert shown.describe() == "a\n    b"
