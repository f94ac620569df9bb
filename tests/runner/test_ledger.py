"""The ledger by itself: who may write what, who counts as gone, and what a damaged one ends with. No server needed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.batch import process
from runner.batch.entries import Incompatibility, JobState
from runner.batch.ledger import Ledger
from runner.batch.order import BatchOrder
from runner.batch.plan import BatchJob
from runner.batch.setup import prepare
from runner.batch.store import LEDGER_FILE, LedgerError, in_words
from runner.errors import RunnerError, UsageError
from tests.support.comfy import REPO
from tests.support.runs import command, inverting, node
from tests.support.speed import HANG_S


@pytest.mark.first(1)
@pytest.mark.parametrize("ahead", [60.0, -60.0, 0.0, 1e6])
def test_on_another_machine_only_a_heartbeat_that_stands_still_tells(tmp_path: Path, ahead: float) -> None:
    """A clock 60 s ahead took a living runner for a dead one, and repeated its work."""
    mine, elsewhere = Ledger(tmp_path, stale_s=3.0), Ledger(tmp_path)
    mine.runners.beat()

    def beat() -> None:
        elsewhere.runners.beat()
        with sqlite3.connect(tmp_path / LEDGER_FILE) as db:
            change = "UPDATE runners SET host = 'elsewhere', beat = beat + ? WHERE owner = ?"
            db.execute(change, (ahead, elsewhere.runners.owner))

    beat()
    mine.add([BatchJob("", Path("a"), {})])
    assert elsewhere.claim() is not None
    for _ in range(8):  # for longer in all than a runner may be silent
        assert mine.claim() is None
        time.sleep(0.5)
        beat()
    assert mine.claim() is None
    deadline = time.monotonic() + HANG_S
    while mine.claim() is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_living_process_of_this_machine_is_never_taken_for_gone(tmp_path: Path) -> None:
    """A laptop that slept for 40 s, a process that was stopped: its heartbeat stands still, and it is there."""
    mine, held_up = Ledger(tmp_path, stale_s=0.0), Ledger(tmp_path)
    for ledger in (mine, held_up):
        ledger.runners.beat()
    mine.add([BatchJob("", Path("a"), {})])
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        assert held_up.claim() is not None
        known = (sleeper.pid, process.identity(sleeper.pid), held_up.runners.owner)
        with sqlite3.connect(tmp_path / LEDGER_FILE) as db:
            db.execute("UPDATE runners SET pid = ?, beat = beat - 900 WHERE owner = ?", (known[0], known[2]))
            db.execute("UPDATE processes SET started = ? WHERE owner = ?", known[1:])
        sleeper.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        assert mine.claim() is None
    finally:
        sleeper.kill()
        sleeper.wait()
    assert mine.claim() is not None


def test_a_later_process_of_the_same_number_is_another(tmp_path: Path) -> None:
    known = process.identity(os.getpid())
    assert process.lives(os.getpid(), known)
    boot, namespace, start = known.split(" ", 2)
    assert process.lives(os.getpid(), f"{boot} {namespace} {int(start) - 1}") is False
    assert process.lives(os.getpid(), f"another-boot {namespace} {start}") is False
    assert process.lives(os.getpid(), f"{boot} pid:[1] {start}") is None  # another container of this host
    assert process.lives(os.getpid(), "") is True


def test_only_the_runner_that_holds_a_job_writes_what_happens_to_it(tmp_path: Path) -> None:
    """A runner that woke up overwrote `done` and made the job again."""
    slept, other = Ledger(tmp_path), Ledger(tmp_path, stale_s=0.0)
    for ledger in (slept, other):
        ledger.runners.beat()
    slept.add([BatchJob("", Path("a"), {})])
    entry = slept.claim()
    assert entry is not None
    assert slept.submitted(entry.id, "first", (), "http://a")
    with sqlite3.connect(tmp_path / LEDGER_FILE) as db:
        db.execute("UPDATE runners SET host = 'elsewhere' WHERE owner = ?", (slept.runners.owner,))
    other.claim()
    time.sleep(0.01)
    assert other.claim() is not None  # its heartbeat stood still
    assert other.submitted(entry.id, "second", ("first",), "http://a")
    assert other.done(entry.id, "a.json", ["a.png"], [], {})
    assert not slept.moved(entry.id, JobState.SAVING)
    assert not slept.done(entry.id, "a_2.json", ["a_2.png"], [], {})
    assert not slept.failed(entry.id, "gone", 5)
    assert not slept.submitted(entry.id, "third", (), "http://a")
    assert slept.pass_on(entry.id, "http://a", Incompatibility("a", "memory", 5))
    slept.give_back()
    after = other.entry(entry.id)
    assert (after.state, after.prompt_id, after.files) == ("done", "second", ("a.png",))


def test_a_ledger_from_before_names_counted_is_gone_on_with(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    named = [BatchJob("", Path(name), {"n": 1}, name=name) for name in ("front", "back")]
    assert ledger.add([BatchJob("", Path("front"), {"n": 1})]) == 1  # as it was entered then
    assert ledger.add(named) == 1
    assert [entry.key for entry in ledger.entries()] == [job.key for job in named]
    assert ledger.add(named) == 0


# damaged, foreign, read-only, locked, full

ROW = {
    "key": "k", "stem": "a", "title": "a.png", "grp": "", "category": "", "vals": "{}", "images": "{}", "seed": 1,
    "state": "done", "prompt_id": "p", "replaces": "[]", "server": "s", "exit_code": None, "error": None,
    "sidecar": "a.json", "files": '["a.png"]', "warnings": "[]", "submitted_at": 1.0, "ended_at": 2.0, "metrics": "{}",
}  # fmt: skip


def made(folder: Path) -> Path:
    """A folder with a finished batch of one job, made without a server."""
    ledger = Ledger(folder / "out")
    ledger.bind({"workflow": "w"})
    ledger.add([BatchJob("", Path("a"), {"n": 1})])
    ledger.close()
    return folder / "out"


def both_commands(folder: Path, out: Path) -> list[Any]:
    workflow = folder / "w.json"
    workflow.write_text(json.dumps(inverting()))
    table = folder / "jobs.jsonl"
    table.write_text('{"1.image": "x.png"}')
    batch = ["batch", str(workflow), "--jobs", str(table), "--out", str(out), "--resume"]
    return [command(*batch, "--server", "http://127.0.0.1:9", folder=out), command("report", str(out), folder=out)]


def damage(kind: str, path: Path) -> None:
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:4096])
    elif kind == "text":
        path.write_text("this is no database, but somebody's notes" * 40)
    elif kind == "garbage":
        path.write_bytes(path.read_bytes()[:100] + os.urandom(20_000))
    elif kind == "foreign":
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, what TEXT)")
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@pytest.mark.parametrize("kind", ["truncated", "text", "garbage", "foreign", "folder", "pipe"])
def test_a_damaged_ledger_is_said_with_a_way_to_go_on(tmp_path: Path, kind: str) -> None:
    out = made(tmp_path)
    damage(kind, out / LEDGER_FILE)
    for run in both_commands(tmp_path, out):
        assert run.code == 2, run.err
        assert "Traceback" not in run.err and "disk is full" not in run.err
        assert str(out / LEDGER_FILE) in run.err or "holds no batch" in run.err


def test_a_ledger_that_another_program_holds(tmp_path: Path) -> None:
    ledger = Ledger(made(tmp_path), wait_s=0.2)
    with sqlite3.connect(tmp_path / "out" / LEDGER_FILE) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"), in_words(tmp_path / "out"):
            ledger.runners.beat()


@pytest.mark.parametrize("option", ["--out", "--metrics"])
def test_what_cannot_be_written_is_known_before_the_work(tmp_path: Path, option: str) -> None:
    workflow = tmp_path / "w.json"
    workflow.write_text(json.dumps(inverting()))
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text('{"1.image": "x.png"}')
    (tmp_path / "file").write_text("")
    for place in ("/proc/x/y.csv", str(tmp_path / "file" / "x.csv"), "/sys/x.csv"):
        arguments = ["batch", str(workflow), "--jobs", str(jobs), "--server", "http://127.0.0.1:9", option, place]
        run = command(*arguments, *(() if option == "--out" else ("--out", str(tmp_path / "o"))), folder=tmp_path)
        assert run.code == 2, run.err
        assert option in run.err


def test_two_figures_that_are_no_numbers_are_reported(tmp_path: Path) -> None:
    out = made(tmp_path)
    with sqlite3.connect(out / LEDGER_FILE) as db:
        db.execute("DELETE FROM jobs")
        for number in range(2):
            row = {**ROW, "key": f"k{number}", "stem": f"s{number}"}
            row["metrics"] = '{"delta_e00_mean": NaN, "seconds": Infinity}'
            db.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    run = command("report", str(out), folder=out)
    assert run.code == 0, run.err


def test_a_state_that_does_not_exist_is_a_damaged_ledger(tmp_path: Path) -> None:
    """No runner took such a job, and every --resume said that a server was missing."""
    out = made(tmp_path)
    with sqlite3.connect(out / LEDGER_FILE) as db:
        db.execute("UPDATE jobs SET state = 'asleep'")
    for run in both_commands(tmp_path, out):
        assert run.code == 2, run.err
        assert "'asleep'" in run.err


def test_any_text_and_any_seed_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.runners.beat()
    photo = b"/in/caf\xe9.jpg".decode("utf-8", "surrogateescape")
    ledger.add([BatchJob("", Path("a"), {"seed": 2**64 - 1}, {"image": photo}, 2**64 - 1, "g\ud800")])
    entry = ledger.claim()
    assert entry is not None
    assert (entry.job.images["image"], entry.job.seed) == (photo, 2**64 - 1)
    assert ledger.failed(entry.id, "half \udc80 of one", 5)
    assert ledger.entry(entry.id).error == "half \ufffd of one"


def test_a_batch_whose_results_are_put_together_goes_on_with_the_same_options_only(tmp_path: Path) -> None:
    """With other ones every picture was cut out again, and each object was there twice."""
    photo, out = tmp_path / "a.png", tmp_path / "out"
    Image.new("RGB", (8, 8)).save(photo)

    def options(*values: str, alike: bool = True) -> dict[str, str]:
        return prepare(BatchOrder("cutouts", out, [str(photo)], set=list(values), alike=alike)).facts()

    ledger = Ledger(out)
    ledger.bind(options("min_area=0.003", "overlap=split"))
    ledger.bind(options("overlap=split", "min_area=0.003"))
    ledger.bind(options("min_area=0.5", alike=False))
    ledger.bind(options("overlap=split", "cutout_confidence=0", "min_area=0.003"))
    with pytest.raises(UsageError, match=r"other options \(min_area=0.003, overlap=split, now none\)") as refused:
        ledger.bind(options())
    assert refused.value.advice == f"Name another folder: --out {out}_2"
    ledger.close()
    older = Ledger(tmp_path / "older")  # whose options hold how sure a cut-out must be
    older.bind({"options": "cutout_confidence=0, min_area=0.003, overlap=split"})
    older.bind({"options": options("min_area=0.003", "overlap=split")["options"]})
    older.close()


def test_a_new_ledger_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    """The first photos of a studio's new folder come on several threads; one of 180 was told "database is locked"."""

    def opened(out: Path, together: threading.Barrier) -> bool:
        together.wait(60)
        Ledger(out).close()
        return True

    with ThreadPoolExecutor(6) as pool:
        for number in range(40):
            barrier = threading.Barrier(6)
            waiting = [pool.submit(opened, tmp_path / str(number), barrier) for _ in range(6)]
            assert all(one.result(120) for one in waiting)


def test_a_file_that_somebody_holds_is_said_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / LEDGER_FILE
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Ledger(tmp_path, wait_s=0.3)


def test_a_deleted_folder_ends_the_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "out")
    ledger.runners.beat()
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(RunnerError, match="deleted while the batch ran"):
        ledger.runners.beat()


def test_a_folder_that_went_for_a_while_is_waited_for_where_that_is_asked_for(tmp_path: Path) -> None:
    """A share drops out between a result and its note: the job is done all the same, and the night goes on."""
    told: list[str] = []
    went = threading.Event()

    def gone(where: str) -> None:
        told.append(where)
        went.set()

    ledger = Ledger(tmp_path / "out", on_gone=gone)
    ledger.runners.beat()
    ledger.add([BatchJob("", Path("a"), {})])
    entry = ledger.claim()
    assert entry is not None
    shutil.move(tmp_path / "out", tmp_path / "away")
    noted: list[bool] = []
    thread = threading.Thread(target=lambda: noted.append(ledger.failed(entry.id, "no", 5)), daemon=True)
    thread.start()
    assert went.wait(60)
    assert not (tmp_path / "out").exists(), "nothing is made where the share was"
    shutil.move(tmp_path / "away", tmp_path / "out")
    thread.join(60)
    assert (noted, told) == ([True], [str(tmp_path / "out")])

    shutil.move(tmp_path / "out", tmp_path / "away")
    ledger.store.stop_waiting()
    with pytest.raises(RunnerError, match="is not there any more"):
        ledger.runners.beat()


def test_a_report_on_a_full_disk_says_so(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a full disk: only root may mount a small file system (run as root, or in a container)")
    try:
        with contextlib.suppress(OSError), (disk / "full").open("wb", buffering=0) as stream:
            while stream.write(b"x" * 1000):
                pass
        run = command("report", str(made(tmp_path)), "--html", str(disk / "report.html"), folder=tmp_path)
        assert run.code == 2, run.err
        assert "No space left" in run.err
        assert [path.name for path in disk.iterdir()] == ["full"]
    finally:
        subprocess.run(["umount", str(disk)], check=False)


# where the work comes from


def photos_of(folder: Path, where: Path) -> Any:
    workflow = folder / "w.json"
    workflow.write_text(json.dumps(inverting()))
    return command("batch", str(workflow), "--images", str(where), "--dry-run", folder=folder)


def test_links_in_a_folder_of_photos_are_followed_once_and_dead_ones_named(tmp_path: Path) -> None:
    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    for folder in (photos, elsewhere / "deep"):
        folder.mkdir(parents=True)
    (photos / "a.png").write_bytes(b"x")
    (elsewhere / "deep" / "b.png").write_bytes(b"x")
    (photos / "inner").mkdir()
    (photos / "inner" / "c.png").write_bytes(b"x")
    (photos / "inner" / "round").symlink_to(photos)
    (photos / "more").symlink_to(elsewhere)
    run = photos_of(tmp_path, photos)
    assert "a  <-" in run.out
    assert "inner/c  <-" in run.out
    assert "2 jobs" in run.out
    assert "b  <-" not in run.out
    assert "1 link to a folder elsewhere (more)" in run.out + run.err
    (photos / "gone.png").symlink_to(tmp_path / "nothing.png")
    refused = photos_of(tmp_path, photos)
    assert refused.code == 2
    assert "gone.png is a link to nothing" in refused.err


@pytest.mark.parametrize("images", ["{0}", "{0}/**/*.png", "{0}/*/*.png"])
def test_a_folder_that_cannot_be_read_is_named(images: str) -> None:
    """Its photos were left out without a word."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("a folder that may not be read: only root can become another user (run as root, or in a container)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "photos" / "closed").mkdir(parents=True)
        (folder / "photos" / "a.png").write_bytes(b"x")
        (folder / "photos" / "closed" / "b.png").write_bytes(b"x")
        (folder / "photos" / "closed").chmod(0o700)
        (folder / "w.json").write_text(json.dumps(inverting()))
        arguments = ["batch", str(folder / "w.json"), "--images", images.format(folder / "photos"), "--dry-run"]
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        arguments += ["--out", str(folder / "out")]
        other = [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.executable, "-m", "runner"]
        run = subprocess.run([*other, *arguments], cwd=REPO, capture_output=True, text=True, check=False)
    assert run.returncode == 2, run.stderr
    assert f"{folder}/photos/closed cannot be read" in run.stderr


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("jobs.csv", "image,prompt,Prompt\nx.png,a,b\n", "'prompt'"),
        ("jobs.csv", "image;image\nx.png;y.png\n", "'image'"),
        ("jobs.jsonl", '{"prompt": "a", "prompt": "b"}', "twice"),
        ("jobs.jsonl", '{"prompt": "a", "PROMPT": "b"}', "twice"),
        ("jobs.yaml", "- prompt: a\n  prompt: b\n", "twice"),
    ],
)
def test_what_a_table_says_twice_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    """The last one won, without a word."""
    (tmp_path / name).write_text(text)
    (tmp_path / "x.png").write_bytes(b"x")
    workflow = tmp_path / "w.json"
    graph = inverting(words=node("PrimitiveString", "input: prompt", value=""))
    workflow.write_text(json.dumps(graph))
    run = command("batch", str(workflow), "--jobs", str(tmp_path / name), "--dry-run", folder=tmp_path)
    assert run.code == 2, run.out
    assert said in run.err
