"""What a batch costs beside the server: the ledger at 10 to 10 000 jobs, and the client over thousands of small jobs.

    python benchmarks/batch.py [--sizes 10,100,1000,10000] [--jobs 5000] [--server URL] [--json FILE]

Ledger, for each size, in CPU time of one process: from the command's arguments to the ledger being ready (`start`), the
same again when every job is known (`resume`), and what one job's five entries cost (claimed, submitted, running,
saving, done) with all others waiting (`first`) and with all others done (`last`). Both must not grow with the size.

Client: `batch` in a process of its own on a real server (a CPU server is started where none is named), on jobs of one
flat 32² picture each: CPU time per job, and the memory the process holds as the jobs go by. With --jobs 0 it is left
out; 5 000 jobs take about ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from runner.batch.entries import JobState  # noqa: E402 - the repository is not installed
from runner.batch.ledger import Ledger  # noqa: E402 - the repository is not installed
from runner.batch.setup import prepare  # noqa: E402
from runner.cli.parser import build_parser  # noqa: E402
from tests.support.comfy import ComfyServer, find_installation  # noqa: E402

Row = dict[str, Any]
GRAPH = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 32, "height": 32, "batch_size": 1, "color": 0},
        "_meta": {"title": "input: seed = color"},
    },
    "2": {
        "class_type": "SaveImage",
        "inputs": {"images": ["1", 0], "filename_prefix": "bench"},
        "_meta": {"title": "output: result"},
    },
}
_TIMED = 100


def command(folder: Path, count: int, server: str) -> list[str]:
    """A table of `count` jobs, and the command that runs it."""
    (folder / "flat.json").write_text(json.dumps(GRAPH), encoding="utf-8")
    first = int(time.time()) % 1_000_000
    lines = [json.dumps({"name": f"job{number:05}", "seeds": first + number}) for number in range(count)]
    (folder / "jobs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return [
        *("batch", str(folder / "flat.json"), "--jobs", str(folder / "jobs.jsonl"), "--out", str(folder / "out")),
        *("--server", server, "--resume"),
    ]


def ledger_costs(size: int) -> Row:
    with tempfile.TemporaryDirectory() as scratch:
        words = command(Path(scratch), size, "http://127.0.0.1:9")
        began = time.process_time()
        ledger = opened(words)
        start = time.process_time() - began
        timed = min(_TIMED, size // 2)
        first = per_job(ledger, timed)
        ledger.store.in_transaction(lambda: finish(ledger, timed))
        last = per_job(ledger, timed)
        ledger.close()
        began = time.process_time()
        opened(words).close()
        resume = time.process_time() - began
    return {
        "jobs": size, "start_s": start, "start_ms_per_job": 1000 * start / size, "resume_s": resume,
        "first_ms": 1000 * first, "last_ms": 1000 * last,
    }  # fmt: skip


def opened(words: list[str]) -> Ledger:
    """As `batch` does it before it speaks to a server about the first job."""
    args = build_parser(words).parse_args(words)
    setup = prepare(args)
    ledger = Ledger(args.out)
    ledger.runners.beat()
    ledger.bind(setup.facts())
    ledger.add(setup.jobs)
    ledger.runners.add_worker("http://127.0.0.1:9")
    return ledger


def finish(ledger: Ledger, left: int) -> None:
    """All jobs but the last `left` are done."""
    for entry in ledger.entries(JobState.WAITING)[:-left]:
        ledger.done(entry.id, "a.json", ["a.png"], [], {"seconds": 1.0})


def per_job(ledger: Ledger, count: int) -> float:
    """CPU seconds for one job's way through the ledger."""
    began = time.process_time()
    for _ in range(count):
        ledger.waiting()
        entry = ledger.claim("http://127.0.0.1:9")
        assert entry is not None
        ledger.submitted(entry.id, f"id-{entry.id}", (), "http://127.0.0.1:9")
        ledger.moved(entry.id, JobState.RUNNING)
        ledger.moved(entry.id, JobState.SAVING)
        ledger.done(entry.id, "a.json", ["a.png"], [], {"seconds": 1.0})
    return (time.process_time() - began) / count


def client_costs(count: int, server: str) -> Row:
    """One run of `count` jobs: CPU and memory of the client."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        began = time.monotonic()
        with (folder / "said.txt").open("w") as said:
            client = subprocess.Popen(
                [sys.executable, "-m", "runner", *command(folder, count, server)],
                cwd=REPO, stdout=subprocess.DEVNULL, stderr=said,
            )  # fmt: skip
            looks: list[tuple[int, float, float]] = []
            while client.poll() is None:
                looks.append((_done(folder / "out"), _resident(client.pid), _cpu(client.pid)))
                time.sleep(2.0)
        seconds = time.monotonic() - began
        done = _done(folder / "out")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        if client.returncode != 0:
            raise SystemExit((folder / "said.txt").read_text(encoding="utf-8")[-2000:])
    at = {share: next(((jobs, mb, cpu) for jobs, mb, cpu in looks if jobs >= count * share / 100), looks[-1])
          for share in (5, 25, 50, 75, 95)}  # fmt: skip
    quarters = {
        f"{one}-{two} %": 1000 * (at[two][2] - at[one][2]) / max(1, at[two][0] - at[one][0])
        for one, two in ((5, 25), (25, 50), (50, 75), (75, 95))
    }
    return {
        "jobs": done, "seconds": seconds, "cpu_ms_per_job": 1000 * (used.ru_utime + used.ru_stime) / count,
        "cpu_ms_per_job_at": quarters, "memory_mb_at_percent": {share: look[1] for share, look in at.items()},
        "peak_mb": used.ru_maxrss / 1024,
    }  # fmt: skip


def _done(out: Path) -> int:
    import sqlite3

    try:
        with sqlite3.connect(f"file:{out / '.prodgen' / 'ledger.sqlite'}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT COUNT(*) FROM jobs WHERE state = 'done'").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def some_server(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    installation = find_installation()
    if installation is None:
        raise SystemExit("no ComfyUI: run `python install.py`, or name one with --server")
    with tempfile.TemporaryDirectory() as scratch:
        server = ComfyServer(installation, Path(scratch)).start()
        try:
            yield server.url
        finally:
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10,100,1000,10000")
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--server")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = [ledger_costs(int(size)) for size in args.sizes.split(",")]
    print(f"{'jobs':>7} {'start':>9} {'per job':>9} {'resume':>9} {'first':>9} {'last':>9}   CPU time")
    for row in rows:
        print(
            f"{row['jobs']:>7} {row['start_s']:>7.3f} s {row['start_ms_per_job']:>6.2f} ms {row['resume_s']:>7.3f} s"
            f" {row['first_ms']:>6.2f} ms {row['last_ms']:>6.2f} ms"
        )
    found: dict[str, Any] = {"ledger": rows}
    if args.jobs:
        with some_server(args.server) as url:
            run = found["client"] = client_costs(args.jobs, url)
        held = ", ".join(f"{mb:.0f} MB at {share} %" for share, mb in run["memory_mb_at_percent"].items())
        spent = ", ".join(f"{ms:.1f} at {share}" for share, ms in run["cpu_ms_per_job_at"].items())
        print(
            f"{run['jobs']} jobs in {run['seconds']:.0f} s: client CPU {run['cpu_ms_per_job']:.1f} ms a job ({spent})"
        )
        print(f"memory: {held}; peak {run['peak_mb']:.0f} MB")
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
