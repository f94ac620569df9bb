"""`submit` against comfy-cli's `run` and comfy_api_simplified on one warm server, in one run, on the same work.

    python benchmarks/runner.py [--server URL] [--jobs 50] [--starts 5] [--json FILE]

The work: load a 1024² PNG of about 220 kB, invert it, save it – so little that what remains is the client. Each job
has its own photo. The measures: what a job costs beyond the server's own execution time, how long the server stands
idle between two jobs, the client's CPU time per job, and for the commands the CPU time until the job is submitted and
the time until the first sign of progress. comfy-cli neither uploads nor downloads; it gets photos that are on the
server already. Only the runner looks at what it sends and what it gets: a photo or a result that is cut short or
black is noticed.

The overhead is given twice. Every ten seconds ComfyUI collects garbage between two jobs, for 0.3 to 0.8 s: that is the
server's time and no client's, but it is part of what a run takes. `overhead/job` leaves gaps of more than 250 ms
between two jobs out, `with all gaps` leaves nothing out.
Needs the extra `bench` (comfy-cli, comfy-api-simplified); a client that is not installed is reported as not run.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from tests.support.comfy import ComfyServer, find_installation  # noqa: E402 - the repository is not installed

Row = dict[str, Any]


def graph(image: str) -> dict[str, Any]:
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": image}, "_meta": {"title": "input: image"}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}, "_meta": {"title": "Invert"}},
        "3": {
            "class_type": "SaveImage",
            "inputs": {"images": ["2", 0], "filename_prefix": f"bench_{Path(image).stem}"},
            "_meta": {"title": "output: result"},
        },
    }


def make_photos(folder: Path, count: int, first: int) -> list[Path]:
    """Smooth gradients with a noisy patch: PNGs of some 220 kB."""
    paths = []
    ramp = np.linspace(0, 200, 1024, dtype=np.float32)
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        picture = (ramp[None, :, None] * 0.5 + ramp[:, None, None] * rng.uniform(0.2, 0.5, 3)).astype(np.uint8)
        picture[300:530, 300:530] = rng.integers(0, 256, (230, 230, 3), dtype=np.uint8)
        paths.append(folder / f"photo_{number}.png")
        Image.fromarray(picture).save(paths[-1])
    return paths


# the clients that run many jobs in one process; each is started as a child, so that its CPU time is its own


def many_ours(url: str, photos: list[Path], out: Path) -> dict[str, Any]:
    from runner.events.reporter import Reporter
    from runner.execution.job import JobSpec
    from runner.execution.session import Session
    from runner.photos.prepare import prepare_photo
    from runner.workflow.graph import Workflow
    from runner.workflow.load import patch_workflow

    first_progress: list[float] = []
    queued: dict[str | None, float] = {}

    class Silent(Reporter):
        def event(self, event: Any) -> None:
            if event.kind == "queued":
                queued.setdefault(event.prompt_id, time.perf_counter())
            elif event.kind == "node" and event.job == 1 and not first_progress:
                first_progress.append(time.perf_counter() - queued[event.prompt_id])

    workflow = Workflow("bench", None, Path("bench.json"), graph("x.png"))

    def specs() -> Iterator[JobSpec]:
        for index, path in enumerate(photos, 1):
            photo = prepare_photo(path)
            name = session.client.upload_image(photo.data, photo.upload_name)
            patched = patch_workflow(workflow, {}, [name])
            yield JobSpec(index, "bench", patched, {"3": "result"}, Path(path.stem))

    with Session(url, out, Silent(), workflow="bench") as session:
        begin, cpu = time.perf_counter(), time.process_time()
        results = session.run(specs())
        wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    assert all(result.saved for result in results), [result.error for result in results]
    return {"wall": wall, "cpu": cpu, "first_progress": first_progress[0]}


def many_simplified(url: str, photos: list[Path], out: Path) -> dict[str, Any]:
    from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper

    api = ComfyApiWrapper(url)
    begin, cpu = time.perf_counter(), time.process_time()
    for path in photos:
        uploaded = api.upload_image(str(path))
        workflow = ComfyWorkflowWrapper(graph(f"{uploaded['subfolder']}/{uploaded['name']}".lstrip("/")))
        for name, data in api.queue_and_wait_images(workflow, "output: result").items():
            (out / name).write_bytes(data)
    return {"wall": time.perf_counter() - begin, "cpu": time.process_time() - cpu, "first_progress": None}


MANY: dict[str, Callable[[str, list[Path], Path], dict[str, Any]]] = {
    "runner, two in the queue": many_ours,
    "comfy_api_simplified": many_simplified,
}


def execution_times(url: str, known: set[str]) -> list[tuple[int, int]]:
    """(start, end) in ms of every job the server has run since, in order, by its own clock."""
    spans = []
    for prompt_id, entry in requests.get(f"{url}/history", timeout=60).json().items():
        if prompt_id not in known:
            said = {name: data["timestamp"] for name, data in entry["status"]["messages"] if "timestamp" in data}
            spans.append((said["execution_start"], said["execution_success"]))
    return sorted(spans)


def known_jobs(url: str) -> set[str]:
    return set(requests.get(f"{url}/history", timeout=60).json())


def idle_times(spans: list[tuple[int, int]]) -> list[int]:
    return [after[0] - before[1] for before, after in itertools.pairwise(spans)]


def collecting(spans: list[tuple[int, int]]) -> float:
    """Seconds in gaps of more than 250 ms, in which the server collects garbage."""
    return sum(idle for idle in idle_times(spans) if idle > 250) / 1000


def measure_many(name: str, url: str, folder: Path, jobs: int, first: int) -> Row:
    photos, out = make_photos(folder, jobs, first), folder / f"out{first}"
    out.mkdir()
    before = known_jobs(url)
    command = [sys.executable, __file__, "--child", name, "--server", url, "--out", str(out), *map(str, photos)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPO)
    if answer.returncode != 0:
        sys.exit(answer.stderr)
    measured = json.loads(answer.stdout.splitlines()[-1])
    spans = execution_times(url, before)
    assert len(spans) == jobs, f"{name}: {len(spans)} of {jobs} jobs ran"
    assert len([path for path in out.iterdir() if path.suffix == ".png"]) == jobs
    beyond = measured["wall"] - sum(end - start for start, end in spans) / 1000
    return {
        "client": name,
        "jobs": jobs,
        "overhead_ms": 1000 * (beyond - collecting(spans)) / jobs,
        "overhead_all_gaps_ms": 1000 * beyond / jobs,
        "idle_ms": statistics.median(idle_times(spans)),
        "cpu_per_job_ms": 1000 * measured["cpu"] / jobs,
        "first_progress_ms": None if measured["first_progress"] is None else 1000 * measured["first_progress"],
        "cpu_to_submission_ms": None,
    }


# the commands: one process per job


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_command(command: list[str], submitted: str, progress: str) -> dict[str, float | None]:
    """Wall and CPU seconds of one command, and when its lines first hold `submitted` and `progress`."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    seen: dict[str, float | None] = {"cpu_to_submission": None, "submitted": None, "progress": None}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPO) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if submitted in line and seen["submitted"] is None:
                seen["submitted"] = time.perf_counter() - begin
                seen["cpu_to_submission"] = cpu_of(process.pid)
            if progress in line and seen["progress"] is None:
                seen["progress"] = time.perf_counter() - begin
        process.wait()
    seen["wall"] = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seen["cpu"] = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    assert process.returncode == 0, command
    return seen


def measure_command(
    name: str, url: str, make: Callable[[Path], list[str]], photos: list[Path], marks: tuple[str, str]
) -> Row:
    before = known_jobs(url)
    runs = [run_command(make(photo), *marks) for photo in photos]
    spans = execution_times(url, before)
    assert len(spans) == len(photos)
    executing = [(end - start) / 1000 for start, end in spans]

    def median(values: list[float | None]) -> float | None:
        numbers = [value for value in values if value is not None]
        return 1000 * statistics.median(numbers) if numbers else None

    since_submission = [
        None if run["progress"] is None or run["submitted"] is None else run["progress"] - run["submitted"]
        for run in runs
    ]
    return {
        "client": name,
        "jobs": len(photos),
        "overhead_ms": median([(run["wall"] or 0) - spent for run, spent in zip(runs, executing, strict=True)]),
        "idle_ms": None,
        "cpu_per_job_ms": median([run["cpu"] for run in runs]),
        "first_progress_ms": median(since_submission),
        "start_to_progress_ms": median([run["progress"] for run in runs]),
        "cpu_to_submission_ms": median([run["cpu_to_submission"] for run in runs]),
    }


def our_command(url: str, folder: Path) -> Callable[[Path], list[str]]:
    workflow = folder / "bench.json"
    workflow.write_text(json.dumps(graph("x.png")))
    start = [sys.executable, "-m", "runner", "submit", str(workflow), "--server", url, "--json"]
    return lambda photo: [*start, "--out", str(folder / "out_cli"), "--image", str(photo)]


def comfy_cli_command(url: str, folder: Path) -> Callable[[Path], list[str]]:
    host, _, port = url.rpartition("/")[2].partition(":")

    def make(photo: Path) -> list[str]:
        with photo.open("rb") as stream:  # it cannot upload: done for it, outside the measured time
            requests.post(f"{url}/upload/image", files={"image": (photo.name, stream)}, timeout=60).raise_for_status()
        workflow = folder / f"{photo.stem}.json"
        workflow.write_text(json.dumps(graph(photo.name)))
        comfy = shutil.which("comfy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        options = [
            "--skip-prompt",
            "--no-enable-telemetry",
            "--json-stream",
            "run",
            "--workflow",
            str(workflow),
            "--wait",
        ]
        return [str(comfy), *options, "--host", host, "--port", port]

    return make


def report(rows: list[Row]) -> None:
    columns = {
        "overhead_ms": "overhead/job",
        "overhead_all_gaps_ms": "with all gaps",
        "idle_ms": "server idle",
        "cpu_per_job_ms": "CPU/job",
        "first_progress_ms": "submit→progress",
        "start_to_progress_ms": "start→progress",
        "cpu_to_submission_ms": "CPU→submission",
    }
    print(f"{'client (ms)':28}{'jobs':>6}" + "".join(f"{title:>17}" for title in columns.values()))
    for row in rows:
        cells = ["–" if row.get(key) is None else f"{row[key]:.1f}" for key in columns]
        print(f"{row['client']:28}{row['jobs']:6}" + "".join(f"{cell:>17}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description="submit against comfy-cli and comfy_api_simplified")
    parser.add_argument("--server")
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--starts", type=int, default=5, help="how often each command is started")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", choices=list(MANY), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("photos", nargs="*", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(MANY[args.child](args.server, args.photos, args.out)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = None
        if args.server is None:
            found = find_installation()
            if found is None:
                sys.exit("no ComfyUI: run `python install.py`, or name one with --server")
            server = ComfyServer(found, folder / "comfy").start()
        try:
            rows = measure(args.server or server.url, folder, args.jobs, args.starts)  # type: ignore[union-attr]
        finally:
            if server is not None:
                server.stop()
    report(rows)
    if args.json is not None:
        args.json.write_text(json.dumps({"unit": "ms", "rows": rows}, indent=2) + "\n")


def measure(url: str, folder: Path, jobs: int, starts: int) -> list[Row]:
    photos = make_photos(folder, 2 * starts + 4, 100_000)
    measure_many("runner, two in the queue", url, folder, 3, 90_000)  # warms the server
    rows = [measure_many("runner, two in the queue", url, folder, jobs, 0)]
    if importlib.util.find_spec("comfy_api_simplified") is not None:
        rows.append(measure_many("comfy_api_simplified", url, folder, jobs, jobs))
    else:
        print("comfy_api_simplified: not installed, not run")
    ours = our_command(url, folder)
    run_command(ours(photos[-1]), "queued", '"node"')
    rows.append(measure_command("runner submit", url, ours, photos[:starts], ('"queued"', '"event": "node"')))
    if shutil.which("comfy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"):
        theirs = comfy_cli_command(url, folder)
        marks = ('"queued"', '"executing"')
        rows.append(measure_command("comfy-cli run --wait", url, theirs, photos[starts : 2 * starts], marks))
    else:
        print("comfy-cli: not installed, not run")
    return rows


if __name__ == "__main__":
    main()
