"""Words, names and paths of others: harmless on a terminal, in a spreadsheet, in a folder."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner import console, events
from runner.batch.ledger import Ledger
from runner.batch.metrics import table
from runner.batch.plan import BatchJob
from runner.batch.recover import tidy
from runner.errors import ManifestError
from runner.events.bars import LiveBars
from runner.events.lines import Lines
from runner.events.reporter import PlainReporter, TerminalReporter
from runner.execution.job import Attempt, JobSpec
from runner.execution.translate import hear
from runner.files.naming import below, leads_out, safe_suffix
from runner.files.spreadsheet import cell
from runner.models.manifest import load_manifest
from runner.server.websocket import ServerMessage
from tests.support.comfy import REPO
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, command, flat, node

BAD = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202egnp.exe\u2066\x00\x7f\u0085"
HARMFUL = {"Cc", "Cs"}
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def harmless(text: str) -> bool:
    return not any(
        (unicodedata.category(character) in HARMFUL and character not in "\n\t") or character in BIDI
        for character in text
    )


ODD_TEXT = st.text(st.characters() | st.sampled_from("\x1b\x9b\x9d[];0m\x07\\\r\n\u202e\ud800"), max_size=60)


@given(ODD_TEXT)
@example(BAD)
@example("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\")
@example("\x1bP" + "x" * 50)
@example("\x1b" * 9)
def test_no_text_moves_the_cursor_or_hides_a_part_of_itself(text: str) -> None:
    cleaned = console.clean(text)
    assert harmless(cleaned)
    assert console.clean(cleaned) == cleaned
    assert "\n" not in console.clean_line(text)
    line = console.json_text({"text": text, text: [float("nan"), float("inf")]})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["text"] == text or "\\u" in line


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=40))
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert console.clean(text) == text


def every_event() -> list[events.Event]:
    return [
        events.Queued(1, BAD, BAD, 1, None, BAD),
        events.Queued(1, BAD, BAD, 1, 3),
        events.Started(1, BAD),
        events.NodeStarted(1, BAD, BAD, BAD, 0, 2),
        events.Progress(1, BAD, BAD, BAD, 2, 2),
        events.Preview(1, BAD, BAD, BAD, BAD),
        events.Candidate(1, BAD, 1, 2, 3, BAD, 1.0, (BAD, BAD), (BAD,)),
        events.Done(1, BAD, (BAD,), BAD, 1.0, (BAD,)),
        events.Failed(1, BAD, BAD, 5, BAD, BAD),
    ]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_event_is_harmless_in_plain_lines_and_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    reporter = PlainReporter(out=out, err=err)
    for event in every_event():
        reporter.event(event)
    reporter.notice(BAD)
    assert harmless(err.getvalue() + out.getvalue())
    assert "owned" not in err.getvalue()
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    live = TerminalReporter()
    for event in every_event():
        live.event(event)
    live.notice(BAD)
    live.close()
    shown = screen.getvalue()  # it moves the cursor itself; what is not its own is not in it
    assert not any(part in shown for part in ("\x1b]0", "\x1b[2J\r", "\x9b", "\u202e", "\u2066", "\x00", "\x7f"))


NUMBERS = st.sampled_from([0, 1, -1, 1e308, 5e-324, 1e12, 2**63, float("inf"), float("nan"), True, "1", None, []])


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_no_step_count_ends_a_display(steps: list[tuple[Any, Any]]) -> None:
    attempt = Attempt(JobSpec(1, "x", flat(1), {}, Path("x")))
    bars = LiveBars(io.StringIO(), Lines(1))
    bars.event(events.Queued(1, "p", "x"))
    try:
        for value, top in steps:
            data = {"prompt_id": "p", "node": "1", "value": value, "max": top}
            for event in hear(attempt, ServerMessage("progress", data)):
                bars.event(event)
                PlainReporter(out=io.StringIO(), err=io.StringIO()).event(event)
    finally:
        bars.close()


def test_a_servers_words_are_harmless_whatever_they_are_in(tmp_path: Path) -> None:
    with HostileComfy() as server:
        graph = {**flat(1), "1": {**flat(1)["1"], "_meta": {"title": BAD}}}
        desk = Desk(tmp_path, server.url)
        server.lies["POST /prompt"] = Said({"error": {"message": BAD, "details": BAD}, "node_errors": {"1": {"errors": [
            {"message": BAD, "details": BAD}]}}}, 400)  # fmt: skip
        runs = [desk.submit(graph), desk.submit(flat(1), "--json")]
        server.lies = {"GET /api/jobs/": lambda: Said({"id": server.prompt_id, "status": "failed", "execution_error": {
            "node_id": "1", "exception_message": BAD, "exception_type": BAD, "traceback": [f"  {BAD}"]}})}  # fmt: skip
        runs += [desk.submit(flat(1)), desk.submit(flat(1), "--json")]
        server.lies = {
            "GET /system_stats": Said({"system": {"comfyui_version": BAD}, "devices": [{"name": BAD, "vram_free": 1}]}),
            "GET /queue": Said({"queue_running": [[1, BAD, {}, {"prodgen": {"workflow": BAD}}]]}),
            "GET /object_info/EmptyImage": Said(
                {"EmptyImage": {"input": {"required": {BAD: [[BAD], {"tooltip": BAD}]}}}}
            ),
        }
        flow = desk.workflow(flat(1))
        for words in (("status",), ("status", "--json"), ("validate", flow), ("inputs", flow, "--all")):
            runs.append(command(*words, "--server", server.url, folder=tmp_path))
    for run in runs:
        assert harmless(run.out + run.err), (run.out, run.err)
        assert "owned" not in run.err


def test_only_one_module_writes_to_the_console() -> None:
    """Where text is cleaned once, nobody can forget to."""
    elsewhere = [
        path.relative_to(REPO).as_posix()
        for path in (REPO / "runner").rglob("*.py")
        if any(f"sys.{stream}.write" in path.read_text(encoding="utf-8") for stream in ("stdout", "stderr"))
    ]
    assert elsewhere == ["runner/smoke/generate.py"]  # in ComfyUI's process: JSON that the runner reads


def test_a_console_without_the_character_ends_nothing(tmp_path: Path) -> None:
    """Windows' cp1252 has no arrow; a pipe there has it as its encoding, too."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252:strict", "PYTHONUTF8": "0"}
    script = (
        "import sys; from runner import console; console.prepare(); "
        "console.show('a → b \\u202e \\ud800'); console.tell('é →'); console.result('x→.png'); console.redraw('→')"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=REPO, env=environment, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    assert b"a \\u2192 b" in run.stdout
    assert run.stderr.startswith(b"\xe9 \\u2192")
    listed = [sys.executable, "-m", "runner", "models", "list"]
    assert subprocess.run(listed, cwd=REPO, env=environment, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes there")
def test_a_path_that_is_not_utf8_leaves_as_the_bytes_it_is() -> None:
    script = "from runner import console; console.prepare(); console.result('a\\udcff.png')"
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    run = subprocess.run([sys.executable, "-c", script], cwd=REPO, env=environment, capture_output=True, check=True)
    assert run.stdout == b"a\xff.png\n"


# spreadsheets


FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\uff1d1",
    '=HYPERLINK("http://evil")',
    "-cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{console.clean(text)}"


@pytest.mark.parametrize("value", [-1, -1.5, 0, None, True, "-1.5", "+3", "-2e-3", "a=b", "name", "", "2-3"])
def test_numbers_and_words_stay_what_they_are(value: Any) -> None:
    assert cell(value) == value


@given(ODD_TEXT | st.sampled_from(FORMULAS))
def test_no_text_becomes_a_formula_on_its_way_through_a_csv(text: str) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerow([cell(text)])
    stream.getvalue().encode("utf-8")
    begin = cell(text).lstrip()[:1]
    assert not begin or begin not in "=+@" or cell(text).replace(".", "").lstrip("+-").isalnum()


def test_the_metrics_of_a_batch_hold_no_formula(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    photos = {"image": "/in/=cmd.png"}
    ledger.add(
        [BatchJob("x", Path(stem), {}, photos, seed, "=group", "@category") for stem, seed in (("a", -5), ("b", -6))]
    )
    done, failed = ledger.claim(), ledger.claim()
    assert done is not None and failed is not None
    ledger.done(done.id, "a.json", ["a.png"], (), {"seconds": -1.5, "delta_e00_mean": -2})
    ledger.failed(failed.id, "=1+1", 5)
    row, other = csv.DictReader(io.StringIO(table(ledger.entries())))
    ledger.close()
    assert (row["group"], row["category"], other["reason"]) == ("'=group", "'@category", "'=1+1")
    assert row["seed"] == "-5"


# files the server names


@pytest.mark.parametrize(
    "name",
    [
        "a.png",
        "a.JPG",
        "a.webp",
        "a.gif",
        "a.mp4",
        "a.webm",
        "a.flac",
        "a.mp3",
        "a.opus",
        "a.wav",
        "a.txt",
        "a.glb",
        "a.latent",
    ],
)
def test_what_nodes_make_keeps_its_kind(name: str) -> None:
    assert safe_suffix(name) == f".{name.rpartition('.')[2].lower()}"


@pytest.mark.parametrize(
    "suffix",
    [
        "exe", "desktop", "html", "htm", "part", "bat", "cmd", "sh", "ps1", "lnk", "url", "scr", "com", "js", "vbs",
        "py", "app", "jar", "msi", "hta", "xhtml", "php", "dll", "so", "pif", "reg", "inf", "zip", "docm", "xlsm",
        "sqlite", "db", "tmp", "crdownload", "partial", "json.part", "xyz",
    ],
)  # fmt: skip
def test_what_a_double_click_might_run_is_saved_as_data(suffix: str) -> None:
    for name in (f"a.{suffix}", f"a.png.{suffix}", f"a.{suffix.upper()}"):
        assert safe_suffix(name) == ".bin"


def test_a_file_the_server_calls_a_program_is_saved_as_data(tmp_path: Path) -> None:
    for suffix in ("exe", "desktop", "html", "part"):
        with HostileComfy() as server:
            server.filename, server.picture = f"a_00001_.{suffix}", b"MZ not a picture"
            run = Desk(tmp_path, server.url).submit(flat(1), out=tmp_path / suffix)
        assert run.code == 0, run.err
        assert [path.suffix for path in run.pictures] == [".bin"]


# a results folder from somebody else


LEADING_OUT = [
    "../x", "a/../../x", "/etc/x", "C:\\x", "C:x", "c:/x", "..\\x", "a\\..\\..\\x", "con", "a/NUL", "com1.txt",
    "\\\\host\\x", "", ".", "a//b", "a/.", "x\0y", "a:b", "a/",
]  # fmt: skip


@pytest.mark.parametrize("name", LEADING_OUT)
def test_a_path_that_leads_out_is_known(tmp_path: Path, name: str) -> None:
    assert leads_out(name)
    assert below(tmp_path, name) is None


@given(st.text(max_size=20))
def test_what_is_inside_is_inside(name: str) -> None:
    path = below(Path("/tmp/results"), name)
    assert path is None or path.resolve().is_relative_to(Path("/tmp/results").resolve())


@pytest.mark.parametrize("column", ["stem", "sidecar", "files"])
@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside", "C:\\outside", "sub/../../outside"])
def test_a_ledger_from_somebody_else_reads_and_writes_nothing_outside(tmp_path: Path, column: str, name: str) -> None:
    out = tmp_path / "deep" / "out"
    with HostileComfy() as server:
        desk = Desk(tmp_path, server.url)
        photos = tmp_path / "in"
        photos.mkdir()
        desk.photo("in/a.png")
        graph = {
            "1": node("LoadImage", "input: image", image="none.png"),
            "2": node("SaveImage", "output: result", images=["1", 0], filename_prefix="copied"),
        }
        words = ["batch", desk.workflow(graph), "--images", str(photos), "--out", str(out), "--server", server.url]
        assert command(*words, folder=out).code == 0
        with sqlite3.connect(out / ".prodgen" / "ledger.sqlite") as db:
            value = json.dumps([name]) if column == "files" else name
            db.execute(f"UPDATE jobs SET {column} = ?, state = 'waiting', prompt_id = NULL", (value,))
        db.close()
        before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(out)}
        resumed = command(*words, "--resume", folder=out)
        reported = command("report", str(out), folder=out)
    for run in (resumed, reported):
        assert run.code == 2, run.err
        assert "outside of its folder" in run.err
        assert "Traceback" not in run.err
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(out)} == before


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    (out / "sub").symlink_to(outside)
    assert below(out, "sub/a.png") is None
    assert below(out, "a.png") == out / "a.png"


@pytest.mark.parametrize("file", ["../secret.png", "/etc/passwd", "sub/x.png", "..\\x.png", 5, None, {"a": 1}, ["x"]])
def test_a_sidecar_from_somebody_else_moves_no_file(tmp_path: Path, file: Any) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "secret.png.part").write_bytes(b"theirs")
    for record in (
        {"prompt_id": "p", "files": [{"file": file}]},
        {"prompt_id": "p", "files": file},
        {"prompt_id": "p", "files": [file]},
    ):
        (out / "a.json").write_text(json.dumps(record))
        left = tidy(out / "a", "p")
        assert left is None or left.files == ()
        assert (tmp_path / "secret.png.part").exists()


# a manifest from somebody else


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.example/x", "http://localhost.evil.example/x", "http://127.0.0.1@evil.example/x",
        "http://localhost:80@evil.example/", "http://evil.example", "ftp://127.0.0.1/x", "http://", "https://", "https:///x",
        "file:///etc/passwd", "https://user:pw@host/x", "http://127.0.0.1:99999/x", "https://[::1", "http://127.0.0.1\\@evil/x",
    ],
)  # fmt: skip
def test_a_model_comes_encrypted_or_from_this_machine(tmp_path: Path, url: str) -> None:
    def written(address: str) -> Path:
        path = tmp_path / f"manifest{len(list(tmp_path.iterdir()))}.yaml"  # what is read once is remembered
        model = {"id": "a", "purpose": "p", "folder": "vae", "file": "a.safetensors", "licence": "MIT", "url": address}
        path.write_text(json.dumps({"models": [model]}))
        return path

    with pytest.raises(ManifestError, match="https"):
        load_manifest(written(url))
    for fine in ("https://host.example/x", "http://127.0.0.1:8000/x", "http://localhost/x", "http://[::1]:8/x"):
        assert load_manifest(written(fine)).models[0].url == fine
