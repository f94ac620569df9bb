"""What is written into a ledger or beside a result can be read again, whatever a server, a table or an error says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.batch.entries import Incompatibility, JobState
from runner.batch.ledger import Ledger
from runner.batch.order import BatchOrder
from runner.batch.plan import BatchJob, Seeds, expand
from runner.batch.recover import read_record
from runner.batch.rows import Row
from runner.batch.setup import prepare
from runner.data import parse_answer, parse_report, to_json
from runner.errors import UsageError
from runner.execution.outputs import failed_checks
from runner.workflow.load import load_workflow
from tests.support.runs import copying
from tests.support.spaces import any_json

HARD = st.sampled_from(
    ["\0", "a\0b", "\ud800", "\udcff", "a\nb", "\x1b[31m", "", " ", "..", "/", "con", "a" * 5000, "#5"]
)
TEXT = st.text(max_size=20) | st.text(st.characters(), max_size=8) | HARD
PATH = TEXT.filter(lambda name: "\0" not in name)  # what no file can be called is refused when it is named
NUMBER = st.floats() | st.integers(-(2**64), 2**64) | st.booleans() | st.none()
VALUES = st.dictionaries(TEXT, TEXT | NUMBER | st.lists(TEXT, max_size=2), max_size=3)
SEED = st.none() | st.integers(-(2**63), 2**64)
ROW = st.fixed_dictionaries({"group": TEXT, "category": TEXT, "name": TEXT, "folder": PATH})


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("w") / "w.json"
    path.write_text(json.dumps(copying()))
    return str(path)


def read_again(ledger: Ledger, jobs: int) -> None:
    entries = ledger.entries()
    assert len(entries) == jobs
    ledger.facts(), ledger.formers(), ledger.done_keys()


any_job = given(values=VALUES, images=st.dictionaries(TEXT, PATH, max_size=2), seed=SEED, row=ROW, said=TEXT,
       texts=st.lists(TEXT), metrics=VALUES, code=st.integers(0, 130))  # fmt: skip


@settings(max_examples=40)
@any_job
@example(values={}, images={}, seed=None, row={"group": "x\0y", "category": "", "name": "", "folder": ""}, said="a\0b",
         texts=["too\0small"], metrics={"device": "\0"}, code=5)  # fmt: skip
def test_whatever_becomes_of_a_job_it_can_be_read_again(
    tmp_path_factory: pytest.TempPathFactory, workflow: str, **drawn: Any
) -> None:
    check_read_again(tmp_path_factory, workflow, **drawn)


@pytest.mark.slow
@settings(max_examples=160)
@any_job
def test_whatever_becomes_of_a_job_it_can_be_read_again_hundreds_of_times(
    tmp_path_factory: pytest.TempPathFactory, workflow: str, **drawn: Any
) -> None:
    check_read_again(tmp_path_factory, workflow, **drawn)


def check_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    workflow: str,
    values: Mapping[str, Any],
    images: Mapping[str, str],
    seed: int | None,
    row: Mapping[str, str],
    said: str,
    texts: list[str],
    metrics: Mapping[str, Any],
    code: int,
) -> None:
    loaded = load_workflow(workflow)
    asked = Row("here", {}, {}, row["name"], Path(row["folder"]), row["group"], row["category"])
    (planned,) = expand(loaded, [asked], (), Seeds(), None)
    jobs = [
        BatchJob("here", planned.stem, values, images, seed, row["group"], row["category"]),
        BatchJob("here", Path("second"), {"n": "second"}),
        BatchJob("here", Path("third"), {"n": "third"}),
    ]
    out = tmp_path_factory.mktemp("out")
    with contextlib.closing(Ledger(out)) as ledger:
        for _ in range(2):  # the same facts are the same batch
            ledger.bind({"workflow": said, "options": said})
        ledger.runners.beat()
        assert ledger.add(jobs) == 3 and ledger.add(jobs) == 0
        read_again(ledger, 3)
        ledger.runners.add_worker(said)
        for _ in jobs:
            entry = ledger.claim(said, (), [said])
            if entry is None:
                break
            assert entry.job.seed == (seed if entry.id == 1 else None)
            assert ledger.submitted(entry.id, said, texts, said)
            assert ledger.moved(entry.id, JobState.RUNNING, said)
            ledger.cannot_run(said, {entry.id: Incompatibility(said, said, code)})
            if entry.id == 1:
                assert ledger.done(entry.id, "a.json", ["a.png"], texts, metrics)
            elif entry.id == 2:
                assert ledger.failed(entry.id, said, code, metrics)
            read_again(ledger, 3)
            assert [one.why for one in ledger.incompatibilities(entry.id)] != []
        ledger.give_back(note=said)
        read_again(ledger, 3)
    with contextlib.closing(Ledger(out)) as ledger:
        ledger.bind({"workflow": said, "options": said})
        read_again(ledger, 3)


@settings(max_examples=150)
@given(report=any_json(["passed", "reasons", "title"]), inputs=VALUES)
def test_a_record_beside_a_result_can_be_read_again(
    tmp_path_factory: pytest.TempPathFactory, report: Any, inputs: Mapping[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("r") / "a.json"
    try:
        report = parse_report(to_json(report))
    except ValueError:  # kept as the text that it is
        report = to_json(report)
    path.write_text(to_json({"inputs": inputs, "reports": {"Check": report}}, indent=2), encoding="utf-8")
    assert read_record(path) is not None
    parse_answer(path.read_bytes(), is_record=True)
    failed_checks({"Check": report})


@pytest.mark.parametrize("depth", [50, 96, 97, 98, 99])
def test_the_deepest_report_that_is_taken_can_be_read_again(tmp_path: Path, depth: int) -> None:
    report = parse_report("[" * depth + "]" * depth)
    parse_answer(to_json({"reports": {"Check": [report]}}), is_record=True)


def test_a_group_with_a_character_that_is_none_is_refused_with_its_line(workflow: str, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    table = tmp_path / "jobs.csv"
    table.write_text("image,group\na.png,x\0y\n")
    with pytest.raises(UsageError, match=r"jobs\.csv line 2: group: "):
        prepare(BatchOrder(workflow, tmp_path / "out", jobs=table))
