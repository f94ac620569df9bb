"""Whatever a server says, at any endpoint: an exit code of the contract, no traceback, no hang, nothing lost."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.events.reporter import JsonReporter
from runner.execution.job import JobSpec, Submission
from runner.execution.session import Session
from tests.support.answers import ENDPOINTS, LIES, MESSAGES, RAW, STATUSES, Lies
from tests.support.hostile import HostileComfy, Said
from tests.support.lied import CONTRACT, LIMITS, check_any_answer, check_run, in_parts, told
from tests.support.runs import Desk, command, flat
from tests.support.spaces import kept_to_the_contract

any_answer = given(
    lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES, messages=MESSAGES, photo=st.booleans()
)  # most of them one lie at a time: two could hide each other


@settings(max_examples=100, derandomize=True)
@any_answer
def test_any_json_anywhere(
    liar: HostileComfy, lied_desk: Desk, lies: Lies, status: int, messages: list[Any], photo: bool
) -> None:
    check_any_answer(liar, lied_desk, lies, status, messages, photo)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=1500)
@any_answer
def test_any_json_anywhere_thousands_of_times(
    liar: HostileComfy, lied_desk: Desk, part: int, lies: Lies, status: int, messages: list[Any], photo: bool
) -> None:
    check_any_answer(liar, lied_desk, lies, status, messages, photo)


@pytest.mark.parametrize(
    "said",
    [
        {"type": "progress", "data": {"prompt_id": "$ID", "node": "1", "value": 3, "max": 9}},
        {"type": "execution_success", "data": {"prompt_id": "$ID"}},
        {"type": "executing", "data": {"prompt_id": "$ID", "node": "1"}},
    ],
    ids=["progress", "success", "executing"],
)
def test_a_socket_that_never_stops_talking_keeps_no_job_from_its_end(
    liar: HostileComfy, lied_desk: Desk, said: dict[str, Any]
) -> None:
    told(liar, [], 200, [said])
    liar.chatters = True
    assert check_run(lied_desk, photo=False) == 0
    assert liar.seen("GET", "/api/jobs/")
    liar.forget()


def test_what_earlier_runs_took_back_is_no_loss_of_the_servers(liar: HostileComfy, lied_desk: Desk) -> None:
    """A batch that was stopped six times ended with "The server lost the job 4 times"."""
    liar.forget()
    before = tuple(f"stopped-{number}" for number in range(9))
    spec = JobSpec(
        1,
        "flat",
        flat(0xFF0000),
        {"2": "result"},
        Path("again"),
        submission=Submission("taken-back", before, resumed=True),
    )
    with (
        JsonReporter(out=io.StringIO(), err=io.StringIO()) as reporter,
        Session(liar.url, lied_desk.out, reporter, workflow="flat", limits=LIMITS) as session,
    ):
        (result,) = session.run([spec])
    assert result.saved is not None, result.error


# a batch that was lied to


def check_lied_to_batch(liar: HostileComfy, lied_desk: Desk, lies: Lies, status: int) -> None:
    """Whatever became of the jobs, the next run finishes them: nothing is lost, and no job stands in its way."""
    out = lied_desk.folder / "batch"
    shutil.rmtree(out, ignore_errors=True)
    table = lied_desk.folder / "colours.jsonl"
    table.write_text('{"1.color": 255}\n{"1.color": 65280}\n')
    words = [
        "batch",
        str(lied_desk.folder / "flat.json"),
        "--jobs",
        str(table),
        "--out",
        str(out),
        "--server",
        liar.url,
    ]
    liar.announces = True
    told(liar, lies, status, [])
    kept_to_the_contract(command(*words, "--timeout", "1", folder=out), *CONTRACT)
    told(liar, [], 200, [])
    kept_to_the_contract(command(*words, "--timeout", "60", "--resume", folder=out), 0)
    liar.announces = False
    made = [path for path in out.rglob("*") if path.is_file() and path.suffix in (".png", ".json")]
    assert len({path.stem for path in made if path.suffix == ".json"}) >= 2
    for path in made:
        if path.suffix == ".json":
            assert all((path.parent / file["file"]).is_file() for file in json.loads(path.read_bytes())["files"])


lied_to = given(lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES)


@settings(max_examples=8, derandomize=True)
@lied_to
def test_a_batch_that_was_lied_to_is_finished_by_the_next_run(
    liar: HostileComfy, lied_desk: Desk, lies: Lies, status: int
) -> None:
    check_lied_to_batch(liar, lied_desk, lies, status)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=100)
@lied_to
def test_a_batch_that_was_lied_to_is_finished_by_the_next_run_hundreds_of_times(
    liar: HostileComfy, lied_desk: Desk, part: int, lies: Lies, status: int
) -> None:
    check_lied_to_batch(liar, lied_desk, lies, status)


# bytes instead of HTTP, and what JSON can be at its worst

any_bytes = given(endpoint=st.sampled_from(ENDPOINTS), raw=RAW, photo=st.booleans())


@settings(max_examples=30, derandomize=True)
@any_bytes
def test_any_bytes_anywhere(liar: HostileComfy, lied_desk: Desk, endpoint: str, raw: bytes, photo: bool) -> None:
    check_any_answer(liar, lied_desk, [(endpoint, Said(raw=raw))], 200, [], photo)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=350)
@any_bytes
def test_any_bytes_anywhere_thousands_of_times(
    liar: HostileComfy, lied_desk: Desk, part: int, endpoint: str, raw: bytes, photo: bool
) -> None:
    check_any_answer(liar, lied_desk, [(endpoint, Said(raw=raw))], 200, [], photo)


WORST = {
    "deep": b"[" * 100_000,
    "deep and closed": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "a number of 5000 digits": b'{"max_upload_size": ' + b"9" * 5000 + b"}",
    "a number beyond every float": b'{"max_upload_size": 1e999, "status": "completed"}',
    "NaN": b'{"max_upload_size": NaN, "status": "completed", "outputs": NaN}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"system": {"comfyui_version": "1"}}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "half a surrogate": b'{"name": "\\ud800", "prompt_id": "\\udfff"}',
    "nothing": b"",
    "two objects": b"{}{}",
    "a page": b"<html><title>Log in</title></html>",
}


@pytest.mark.each_once
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", WORST)
def test_the_worst_json_everywhere(liar: HostileComfy, lied_desk: Desk, kind: str, endpoint: str) -> None:
    for photo in (False, True) if endpoint in ("GET /features", "POST /upload/image") else (False,):
        check_any_answer(liar, lied_desk, [(endpoint, Said(WORST[kind]))], 200, [], photo)


COMMANDS = (("status",), ("cancel",), ("validate", "FLAT"), ("inputs", "FLAT"))


@settings(max_examples=120, derandomize=True)
@given(
    lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES, words=st.sampled_from(COMMANDS), as_json=st.booleans()
)
def test_any_json_to_the_other_commands(
    liar: HostileComfy, lied_desk: Desk, lies: Lies, status: int, words: tuple[str, ...], as_json: bool
) -> None:
    told(liar, lies, status, [])
    said = [str(lied_desk.folder / "flat.json") if word == "FLAT" else word for word in words]
    if as_json and words != ("cancel",):
        said.append("--json")
    run = command(*said, "--server", liar.url, folder=lied_desk.out)
    assert run.code in CONTRACT, run.err
    assert "Traceback" not in run.err
    assert not any(ord(character) < 32 and character not in "\n\t" for character in run.out + run.err)
    if "--json" in said:
        assert all(isinstance(event, dict) for event in run.events)
