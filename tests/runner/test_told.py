"""How much is said and where: few lines a job in a log, one last line, `--quiet`, `--verbose`, `--log`, `--open`."""

from __future__ import annotations

import json
import re
import stat
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.execution.doubts import doubts
from runner.redaction import HIDDEN, hidden
from runner.words import counted, duration
from tests.support.runs import Desk, command, flat, inverting, node

SECRET = "s3cr3t-of-a-door"


def many_nodes(count: int = 12) -> dict[str, dict[str, object]]:
    """Photo in, turned over and over, photo out."""
    graph = inverting()
    for number in range(10, 10 + count):
        graph[str(number)] = node("ImageInvert", image=[str(number - 1) if number > 10 else "1", 0])
    graph["2"]["inputs"]["image"] = [str(9 + count), 0]
    return graph


def test_without_a_terminal_a_job_is_few_lines_and_the_last_says_what_was_made(desk: Desk) -> None:
    run = desk.submit(many_nodes(), "--image", desk.photo("red bag.png"))
    assert run.code == 0, run.err
    lines = run.err.splitlines()
    assert len(lines) <= 3, run.err
    assert re.fullmatch(rf"done in [\d.]+ s; 1 file in {re.escape(str(desk.out))}: red bag_job\.png", lines[-1])
    assert not re.search(r"node|Invert|\[\d+/\d+\]|[0-9a-f]{8}-", run.err), run.err


def test_quiet_and_verbose(desk: Desk) -> None:
    quiet = desk.submit(many_nodes(), "--image", desk.photo(), "--quiet")
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == f"{desk.out / 'photo_job.png'}\n"
    verbose = desk.submit(many_nodes(), "--image", desk.photo(seed=2), "--verbose")
    assert len(re.findall(r"\[\d+/15\]", verbose.err)) > 5, verbose.err
    refused = desk.submit(flat(0x000000), "--quiet")
    assert refused.code == 5 and "black" in refused.err
    assert command("submit", "cutout", "--quiet", "--verbose", folder=desk.out).code == 2


def test_a_log_holds_everything_and_no_secret(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFYUI_TOKEN", SECRET)
    monkeypatch.setenv("COMFYUI_HEADERS", f"X-API-Key: {SECRET}-2")
    log = desk.folder / "logs" / "run.log"
    prompt = f"red \x1b[31mbag {SECRET}"
    for arguments in (("--quiet",), ("--json",), ("--set", f"hint={SECRET}")):
        desk.submit("cutout", "--image", desk.photo(), "--name", prompt.replace("\x1b", ""), "--log", log, *arguments)
    text = log.read_text(encoding="utf-8")
    assert SECRET not in text and HIDDEN in text
    assert "\x1b" not in text
    assert '"event": "node"' in text and "event " in text and "error: " in text
    assert len(re.findall(r"^\d{4}-\d\d-\d\d [\d:.]{12} prodgen ", text, re.M)) == 3


def test_a_log_that_cannot_be_written_is_told_before_the_work(desk: Desk) -> None:
    run = desk.submit(inverting(), "--image", desk.photo(), "--log", desk.folder)
    assert run.code == 2 and "--log" in run.err and not desk.out.exists()


@given(st.text(min_size=6).map(str.strip).filter(lambda text: len(text) >= 6), st.text(), st.text())
def test_no_secret_of_the_environment_is_kept(secret: str, before: str, after: str) -> None:
    said = hidden(f"{before}{secret}{after}", {"FARM_TOKEN": secret})
    assert secret not in said.replace(HIDDEN, "")


@pytest.mark.parametrize(
    "text",
    ["http://me:pass-word@host/x", "https://host/?token=pass-word", "api_key=pass-word", "Authorization: pass-word",
     "wss://pass-word@host"],
)  # fmt: skip
def test_what_looks_like_a_secret_is_none_of_a_log(text: str) -> None:
    assert "pass-word" not in hidden(f"asked {text} and went on", {})


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the viewer")
def test_open_shows_the_result_and_never_fails_the_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, seen = desk.folder / "viewer.sh", desk.folder / "seen.txt"
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {seen}\n')
    viewer.chmod(viewer.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PRODGEN_VIEWER", str(viewer))
    assert desk.submit(inverting(), "--image", desk.photo(), "--open").code == 0
    end = time.monotonic() + 20
    while not seen.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert seen.read_text().strip() == str(desk.out / "photo_job.png")
    for nothing in ("/nowhere/at-all", "none"):
        monkeypatch.setenv("PRODGEN_VIEWER", nothing)
        assert desk.submit(inverting(), "--image", desk.photo(), "--open").code == 0


def test_a_text_is_printed_and_saved_and_a_tensor_is_no_report(desk: Desk) -> None:
    graph = {
        "1": node("PrimitiveString", value="a person in\na red coat"),
        "2": node("PreviewAny", "output: prompt", source=["1", 0]),
        **{f"1{key}": value for key, value in flat(0x778899).items()},
        "30": node("PreviewAny", source=["11", 0]),
    }
    graph["12"]["inputs"]["images"] = ["11", 0]
    run = desk.submit(graph, "--name", "words")
    assert run.code == 0, run.err
    assert "prompt: a person in\n    a red coat" in run.err
    assert (desk.out / "words.txt").read_text() == "a person in\na red coat\n"
    (record,) = run.sidecars
    assert "tensor(" not in str(record["reports"]), record["reports"]


def test_strict_gates_on_what_did_not_pass(desk: Desk) -> None:
    graph = flat(0x777777)
    graph["8"] = node("PrimitiveString", value='{"passed": false, "reasons": ["too grey"]}')
    graph["9"] = node("PreviewAny", "Fidelity", source=["8", 0])
    assert desk.submit(graph).code == 0
    strict = desk.submit(graph, "--strict")
    assert strict.code == 7 and "too grey" in strict.err and len(strict.pictures) == 2


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (11.4, "11 s"), (60, "1 min"), (185, "3 min 5 s"), (7500, "2 h 5 min")]
)
def test_times_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said
    assert (counted(1, "photo"), counted(0, "photo"), counted(2, "job is", "jobs are")) == (
        "1 photo", "0 photos", "2 jobs are"
    )  # fmt: skip


def test_what_passed_and_is_doubted_is_said_by_a_single_run_too(desk: Desk) -> None:
    """As a batch warns of it: an unsure cut-out, and a product of which nobody saw whether it is whole."""
    unsure = {"confidence": 0.6, "passed": True, "rules": ["note: whole product: not checked: too small"]}
    for report, told in ((unsure, True), ({"confidence": 0.75, "passed": True}, False)):
        graph = inverting()
        graph["8"] = node("PrimitiveString", value=json.dumps(report))
        graph["9"] = node("PreviewAny", "Cut-out", source=["8", 0])
        run = desk.submit(graph, "--image", desk.photo())
        assert run.code == 0, run.err
        assert ("warning: cut out with a certainty of 60%, below 75%; look at it\n" in run.err) is told, run.err
        assert ("warning: whether the product is whole could not be checked (too small)" in run.err) is told
        assert ("warning" in desk.submit(graph, "--image", desk.photo(), "--quiet").err) is told
    (done,) = desk.submit(graph, "--image", desk.photo(), "--json").of("done")
    assert done["doubts"] == []


def test_no_doubt_is_shown_as_the_limit_itself() -> None:
    assert "of 74%, below 75%" in doubts({"reports": {"a": {"confidence": 0.7499}}})[0]
    assert doubts({"reports": {"a": {"confidence": 0.75}, "b": "x"}}) == ()
    assert doubts({}) == ()
