"""A folder of somebody else: pipes, devices and links where files should be; and what a killed runner of ours left."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.execution.save import Abort
from runner.files.drafts import new_draft, remove_left_drafts
from runner.files.lock import HeldError, hold
from runner.files.reading import read_text
from runner.files.whole import written_whole
from tests.support.comfy import REPO
from tests.support.hostile import HostileComfy, Said, png
from tests.support.runs import Desk, command, copying, flat, start_command

pytestmark = [
    pytest.mark.usefixtures("clean_surroundings"),
    pytest.mark.skipif(os.name != "posix", reason="pipes, devices and free links are a matter of POSIX"),
]
ESCAPES = "\x1b]0;pwned\x07\x1b[31m\x9b31m\u202e"


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


# what is read


@pytest.mark.parametrize("make", [pipe, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()])
def test_what_is_no_file_is_neither_waited_for_nor_read_for_ever(tmp_path: Path, make: object) -> None:
    make(tmp_path / "it")  # type: ignore[operator]
    with pytest.raises(OSError):
        read_text(tmp_path / "it")


def test_a_text_beyond_the_limit_is_refused_and_one_at_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes("\ufeffä\r\nb\rc".encode())
    assert read_text(tmp_path / "it", largest=10) == "ä\nb\nc"
    with pytest.raises(OSError, match="larger"):
        read_text(tmp_path / "it", largest=9)


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "job.json", "--object-info", "PIPE"), ("submit", "job.json", "--ca-file", "PIPE"),
        ("batch", "job.json", "--jobs", "PIPE.csv"), ("batch", "job.json", "--jobs", "PIPE.yaml"),
        ("batch", "job.json", "--servers", "PIPE.yaml", "--images", "."), ("submit", "PIPE.json"),
        ("submit", "PIPE.png"), ("inputs", "PIPE.webp"), ("submit", "copy.json", "--image", "PIPE.png"),
        ("vary", "PIPE.png", "finalize"), ("report", "PIPE"),
    ],
)  # fmt: skip
def test_a_pipe_in_place_of_a_file_ends_a_command_with_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    with HostileComfy() as server:
        desk = Desk(tmp_path, server.url)
        desk.workflow(flat(1))
        desk.workflow(copying(), "copy")
        args = [str(tmp_path / word) if word.endswith("json") else word for word in words]
        args = [str(pipe(tmp_path / word)) if word.startswith("PIPE") else word for word in args]
        more = [] if words[0] in ("inputs", "report", "validate") or "--servers" in words else ["--server", server.url]
        run = command(*args, *more, folder=tmp_path)
    assert run.code == 2, run.err
    assert "Traceback" not in run.err
    assert "Did you mean 'PIPE" not in run.err


def test_pipes_devices_and_links_among_results_hold_nobody_up(tmp_path: Path) -> None:
    """The ledger is gone, so that every `.json` of the folder is looked at; and the report looks at every photo."""
    with HostileComfy() as server:
        desk = Desk(tmp_path, server.url)
        photos = tmp_path / "photos"
        photos.mkdir()
        (photos / "a.png").write_bytes(png())
        words = ["batch", desk.workflow(copying()), "--images", str(photos), "--out", str(desk.out)]
        words += ["--server", server.url]
        assert command(*words, folder=desk.out).code == 0
        for path in (desk.out / ".prodgen").iterdir():
            path.unlink()
        pipe(desk.out / "pipe.json")
        (desk.out / "endless.json").symlink_to("/dev/zero")
        (desk.out / "circle.json").symlink_to(desk.out / "circle.json")
        run = command(*words, "--resume", folder=desk.out)
        assert run.code == 0, run.err
        assert "1 job is known to be done" in run.err
        (photos / "a.png").unlink()
        pipe(photos / "a.png")
        (desk.out / "a.json").unlink()
        pipe(desk.out / "a.json")
        assert command("report", str(desk.out), folder=desk.out).code == 0


# what is written


def test_a_link_where_a_draft_belongs_is_taken_away_and_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("theirs")
    for name in ("report.html", "figures.csv", "contact_sheet.jpg", "server.json"):
        (tmp_path / f"{name}.part").symlink_to(theirs)
        with written_whole(tmp_path / name) as stream:
            stream.write("ours")
        assert (tmp_path / name).read_text() == "ours"
        (tmp_path / name).unlink()
        (tmp_path / name).symlink_to(theirs)
        with written_whole(tmp_path / name) as stream:
            stream.write("ours")
        assert not (tmp_path / name).is_symlink()
    assert theirs.read_text() == "theirs"
    with pytest.raises(ZeroDivisionError), written_whole(tmp_path / "new.txt"):
        raise ZeroDivisionError
    assert not list(tmp_path.glob("new.txt*"))


def test_a_report_and_figures_overwrite_nothing_outside(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("theirs")
    with HostileComfy() as server:
        desk = Desk(tmp_path, server.url)
        (tmp_path / "jobs.jsonl").write_text('{"1.color": 1, "name": "a"}\n')
        words = ["batch", desk.workflow(flat(1)), "--jobs", str(tmp_path / "jobs.jsonl"), "--out", str(desk.out)]
        words += ["--server", server.url, "--metrics", str(desk.out / "figures.csv"), "--resume"]
        assert command(*words, folder=desk.out).code == 0
        for name in ("report.html", "report.html.part", "figures.csv", "figures.csv.part"):
            (desk.out / name).unlink(missing_ok=True)
            (desk.out / name).symlink_to(theirs)
        assert command(*words, folder=desk.out).code == 2  # a name that the user typed is a link: said, not replaced
        (desk.out / "figures.csv").unlink()
        assert command(*words, folder=desk.out).code == 0
        assert command("report", str(desk.out), folder=desk.out).code == 0
    assert theirs.read_text() == "theirs"
    assert "a.png" in (desk.out / "figures.csv").read_text()


@pytest.mark.parametrize(
    "name", [".prodgen", ".prodgen/ledger.sqlite", ".prodgen/ledger.sqlite-wal", ".prodgen/ledger.sqlite-shm"]
)
@pytest.mark.parametrize("theirs", ["a database", "a text", "nothing"])
def test_a_ledger_that_a_link_leads_out_is_not_written(tmp_path: Path, name: str, theirs: str) -> None:
    """SQLite followed it: it made its tables in a database of somebody else."""
    elsewhere, out = tmp_path / "theirs", tmp_path / "out"
    elsewhere.mkdir()
    (tmp_path / "jobs.jsonl").write_text('{"1.color": 1, "name": "a"}\n')
    with HostileComfy() as server:
        words = ["batch", Desk(tmp_path, server.url).workflow(flat(1)), "--jobs", str(tmp_path / "jobs.jsonl")]
        words += ["--out", str(out), "--server", server.url, "--resume"]
        assert command(*words, folder=out).code == 0
        target = elsewhere / Path(name).name.removeprefix(".")
        if theirs != "nothing":
            target = target / "ledger.sqlite" if name == ".prodgen" else target
            target.parent.mkdir(exist_ok=True)
            with contextlib.closing(sqlite3.connect(target)) as made:
                made.execute("CREATE TABLE notes (text)")
            if theirs == "a text":
                target.write_text("a person's own")
        shutil.rmtree(out / name) if name == ".prodgen" else (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(elsewhere / Path(name).name.removeprefix("."))
        before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
        runs = [command(*words, folder=out), command("report", str(out), folder=out)]
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before
    for run in runs:
        assert "Traceback" not in run.err
        assert run.code == 2
        assert "link" in run.err


def test_reports_tables_and_complaints_hold_no_escape(tmp_path: Path) -> None:
    said = {"passed": False, "title": f"T{ESCAPES}", "reasons": [f"r{ESCAPES}"], f"k{ESCAPES}": 1}
    with HostileComfy() as server:
        files = [{"filename": "a.png", "subfolder": "", "type": "output"}]
        server.lies["GET /api/jobs"] = lambda: Said(
            {
                "id": server.prompt_id,
                "status": "completed",
                "outputs": {"2": {"images": files, "text": [json.dumps(said)]}},
            }
        )
        desk = Desk(tmp_path, server.url)
        (tmp_path / "jobs.jsonl").write_text(json.dumps({"1.color": 1, "name": "a", "group": f"g{ESCAPES}"}))
        words = ["batch", desk.workflow(flat(1)), "--jobs", str(tmp_path / "jobs.jsonl"), "--out", str(desk.out)]
        command(*words, "--server", server.url, "--metrics", str(desk.out / "figures.csv"), folder=desk.out)
        command("report", str(desk.out), folder=desk.out)
    wrong = command("submit", f"--bogus{ESCAPES}", folder=tmp_path)
    assert wrong.code == 2
    read = {"complaint": wrong.err}
    read |= {name: (desk.out / name).read_text(encoding="utf-8") for name in ("figures.csv", "report.html")}
    for where, text in read.items():
        assert not set(text) & set("\x1b\x07\x9b\u202e"), where


# what a killed runner left


def test_a_killed_submit_leaves_nothing_for_good(tmp_path: Path) -> None:
    fetching, go_on = threading.Event(), threading.Event()

    def held_back() -> Said:
        fetching.set()
        go_on.wait(30)
        return Said(png())

    with HostileComfy() as server:
        server.lies["GET /view"] = held_back
        desk = Desk(tmp_path, server.url)
        process = start_command(*desk.arguments(flat(1)))
        try:
            assert fetching.wait(60)
            left = list(desk.out.glob("*.part"))
            assert len(left) == 1
            theirs = [desk.out / name for name in ("film.1.part", "film.1-1.part", "film.aaaaaaaa-0.part")]
            for path in theirs:
                path.write_text("a person's own")
            server.lies = {}
            assert desk.submit(flat(2)).code == 0
            assert left[0].exists(), "its runner lives"
            process.send_signal(signal.SIGKILL)
            process.wait(20)
        finally:
            process.kill()
            process.communicate()
            go_on.set()
        assert left[0].exists()
        assert desk.submit(flat(3)).code == 0
    assert sorted(desk.out.glob("*.part")) == sorted(theirs)


def test_a_draft_of_a_held_up_runner_is_left_alone(tmp_path: Path) -> None:
    """Its process is stopped, as by a lid that is closed; it goes on later."""
    code = (
        "import sys, time, pathlib; from runner.files.lock import hold\n"
        "lock = hold(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )

    draft, lock = new_draft(tmp_path / "a")
    assert lock is not None
    lock.close()
    with subprocess.Popen([sys.executable, "-c", code, str(draft)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        other.send_signal(signal.SIGSTOP)
        remove_left_drafts(tmp_path)
        assert draft.exists()
        with pytest.raises(HeldError):
            hold(draft)
        other.kill()
        other.wait()
    end = time.monotonic() + 20
    while draft.exists() and time.monotonic() < end:
        remove_left_drafts(tmp_path)
    assert not draft.exists()


def before_the_first_lock(act: Callable[[], None]) -> None:
    """Have `act` called once, in between: when the next lock is asked for."""
    waits = [act]

    def hook(event: str, _: object) -> None:
        if event == "fcntl.flock" and waits:
            waits.pop()()

    sys.addaudithook(hook)  # for good: there is no way to take one back


def test_a_draft_that_is_just_being_tidied_up_is_not_taken(tmp_path: Path) -> None:
    """However long that takes: it was taken for a folder without locks after half a second, and the draft was gone."""
    seen: list[Path] = []

    def tidier_is_faster() -> None:
        (made,) = tmp_path.iterdir()
        seen.append(made)
        held = hold(made)
        assert held is not None

        def tidy() -> None:
            made.unlink()
            held.close()

        threading.Timer(1.5, tidy).start()

    before_the_first_lock(tidier_is_faster)
    draft, lock = new_draft(tmp_path / "a")
    assert draft.exists() and not seen[0].exists()
    assert lock is not None
    lock.close()


def test_of_a_draft_that_was_tidied_up_nothing_is_taken_away_later(tmp_path: Path) -> None:
    """Its name is free: another run's draft may be called so by then, and was lost when the first one ended."""
    one, another = Abort(), Abort()
    others: list[Path] = []

    def another_takes_its_name() -> None:
        (made,) = tmp_path.iterdir()
        made.unlink()
        others.append(another.new_draft(tmp_path / "a"))
        assert others == [made]

    before_the_first_lock(another_takes_its_name)
    draft = one.new_draft(tmp_path / "a")
    assert [draft] != others
    one.remove_parts()
    assert others[0].exists() and not draft.exists()
    another.remove_parts()
    assert list(tmp_path.iterdir()) == []


def test_no_draft_is_made_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        new_draft(tmp_path / "gone" / "a")


def test_a_draft_is_never_a_link(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("theirs")
    draft, lock = new_draft(tmp_path / "a")
    assert lock is not None
    lock.close()
    draft.unlink()
    draft.symlink_to(theirs)
    remove_left_drafts(tmp_path)
    assert draft.is_symlink() and theirs.read_text() == "theirs"


def test_what_a_shell_reads_from_is_no_pipe_in_a_folder() -> None:
    """`--object-info <(...)` works: the shell names it."""
    words = shlex.join([sys.executable, "-m", "runner", "validate", "workflows/cutout.v1.json", "--object-info"])
    made = subprocess.run(
        ["bash", "-c", f"{words} <(cat workflows/object_info.json)"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
