"""A check that did not pass is not forgotten: not with the ledger, nor by a crash between the result and its note."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from runner.batch.ledger import Ledger
from runner.batch.recover import tidy
from runner.batch.store import LEDGER_FILE
from runner.execution.outputs import not_passed
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Run, command, copying

FAILS = '{"title": "Shop", "passed": false, "reasons": ["too small", "too\\u0000grey"]}'
NO_NUMBER = '{"title": "Colours", "passed": true, "delta_e00_mean": NaN}'


def batch(tmp_path: Path, server: HostileComfy, report: str) -> Run:
    def job() -> Said:
        if server.prompt_id not in server.prompt_ids:
            return Said({"error": "Job not found"}, 404)
        files = [{"filename": server.filename, "subfolder": "", "type": "output"}]
        outputs = {"2": {"images": files, "text": [report]}}
        return Said({"id": server.prompt_id, "status": "completed", "outputs": outputs})

    server.lies = {"GET /api/jobs/": job}
    photos, workflow = tmp_path / "photos", tmp_path / "w.json"
    photos.mkdir(exist_ok=True)
    (photos / "a.png").write_bytes(server.picture)
    workflow.write_text(json.dumps(copying()))
    words = ["batch", str(workflow), str(photos), "--out", str(tmp_path / "out"), "--server", server.url, "--strict"]
    return command(*words, "--timeout", "60", folder=tmp_path / "out")


@pytest.mark.parametrize("report", [FAILS, NO_NUMBER])
def test_what_is_known_by_its_files_keeps_its_verdict(tmp_path: Path, obliging: HostileComfy, report: str) -> None:
    obliging.forget()
    first = batch(tmp_path, obliging, report)
    assert first.code == 7, first.err
    with contextlib.closing(Ledger(tmp_path / "out")) as ledger:
        before = [entry.warnings for entry in ledger.entries()]
    shutil.rmtree((tmp_path / "out" / LEDGER_FILE).parent)
    again = batch(tmp_path, obliging, report)
    assert again.code == 7 and "1 of 1 product does not meet the rules" in again.err, again.err
    assert len(again.pictures) == len(first.pictures), "nothing is made again"
    with contextlib.closing(Ledger(tmp_path / "out")) as ledger:
        assert [entry.warnings for entry in ledger.entries()] == before != [()]
    assert batch(tmp_path, obliging, report).code == 7


def test_what_a_crash_left_saved_keeps_its_verdict(tmp_path: Path, obliging: HostileComfy) -> None:
    obliging.forget()
    assert batch(tmp_path, obliging, FAILS).code == 7
    with contextlib.closing(sqlite3.connect(tmp_path / "out" / LEDGER_FILE)) as db:
        db.execute("UPDATE jobs SET state = 'waiting', sidecar = NULL, files = '[]', warnings = '[]', ended_at = NULL")
        db.commit()
    again = batch(tmp_path, obliging, FAILS)
    assert again.code == 7 and "not passed: Shop: too small" in again.err, again.err
    assert len(list((tmp_path / "out").glob("*.png"))) == 1, "it is not made again"


def test_records_of_earlier_versions_and_of_others_are_judged_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    record = {
        "prompt_id": "p",
        "files": [{"file": "a.png"}],
        "reports": {"Check": {"passed": False, "reasons": ["red"]}},
    }
    (tmp_path / "a.json").write_text(json.dumps(record))
    left = tidy(tmp_path / "a", "p")
    assert left is not None and left.warnings == ("Check: red",)
    odds: list[Any] = [None, 5, [], {"a": [1, None, {}]}, {"a": {"passed": False, "reasons": 5}}]
    for odd in odds:
        not_passed({"reports": odd, "not_passed": odd})
