"""Everything that is measured on a GPU, in one run: the CUDA tests, the nodes beside the CPU, whole workflows.

python benchmarks/cuda_all.py [--parts tests,nodes,graphs] [--json FILE] [--seconds 480]
python benchmarks/cuda_all.py --device cpu --dry          (tries the script itself: small pictures, smoke weights)

tests   the tests that skip without a GPU
nodes   each node's maths on CUDA and on the CPU (cuda_nodes.py): seconds, ratio, and the greatest difference in 1/255
graphs  seconds and the most memory in use, cold and warm, on made-up weights in full size (full_size.py): the grips at
        832×1216, and relighting in one pass at ProdGen's three sizes beside its own figures. Needs a ComfyUI of this
        machine: install.py's, or $PRODGEN_COMFYUI and $PRODGEN_COMFYUI_PYTHON

What cannot run here, or not within --seconds, is a line that says why; it never counts as measured.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

if TYPE_CHECKING:
    from runner.execution.session import Session

Row = dict[str, Any]
PRODGEN = {(1300, 2000): (50, 14.5), (1200, 1200): (21, 10.0), (700, 700): (5, 8.5)}
"""What ProdGen's author measured on an RTX 3090: seconds and GB, 30 steps."""
GRIPS = ("grip_sdxl", "grip_sdxl_fast", "grip_sdxl.v2", "grip_sdxl.v1")
"""By worth; a name without a version is its newest."""
TOLERANCE = 1.0
SLOW = 1.0
"""What takes longer, in seconds, is timed once more and not three times."""
PLAIN_MEMORY = ["--disable-dynamic-vram", "--disable-cuda-malloc"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", default="tests,nodes,graphs")
    parser.add_argument("--sizes", default="1024,2048")
    parser.add_argument("--only", default="", help="of the nodes and workflows, those whose name has this in it")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing after this")
    parser.add_argument("--graph-seconds", type=float, default=90.0, help="the most that one run may take")
    parser.add_argument("--dry", action="store_true", help="small pictures, smoke weights")
    parser.add_argument("--full-weights", action="store_true", help="with --dry: the weights in full size all the same")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("NOT RUN: this torch finds no CUDA device. Try the script itself with --device cpu --dry")
        return 2
    options.end = time.monotonic() + options.seconds
    name = torch.cuda.get_device_name() if options.device == "cuda" else "CPU against itself: no figures to keep"
    print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
    rows: list[Row] = []
    parts: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {"nodes": nodes, "graphs": graphs, "tests": tests}
    for part in options.parts.split(","):
        for row in parts[part](options):
            rows.append({"part": part, **row})
            print(json.dumps(rows[-1]), flush=True)
            if options.json:  # after every row: what a time limit cuts off is lost, nothing else
                options.json.write_text(json.dumps({"device": name, "rows": rows}, indent=1), encoding="utf-8")
    return int(any(row.get("failed") for row in rows))


def late(options: argparse.Namespace) -> bool:
    return time.monotonic() > options.end


# -- the tests that need a GPU ----------------------------------------------------------------------------------------


def tests(options: argparse.Namespace) -> Iterator[Row]:
    """The files in which a test is marked `gpu` or named after CUDA; the others need not even be importable here."""
    wanted = re.compile(r"mark\.gpu\b|def test_\w*cuda")
    every = sorted((ROOT / "tests").rglob("test_*.py"))
    files = [str(path.relative_to(ROOT)) for path in every if wanted.search(path.read_text(encoding="utf-8"))]
    for file in files:
        command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-rs", "-m", "gpu", "-p", "no:cacheprovider", file]
        start = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        said = [line for line in done.stdout.splitlines() if line.strip()]
        row: Row = {"file": file, "tests": said[-1] if said else done.stderr.strip()[-300:]}
        row["seconds"] = round(time.monotonic() - start, 1)
        skipped = options.device == "cpu" and "skipped" in row["tests"]
        yield row | ({} if done.returncode == 0 or skipped else {"failed": "\n".join(said[-25:])})


# -- the nodes' maths ---------------------------------------------------------------------------------------------


def nodes(options: argparse.Namespace) -> Iterator[Row]:
    from benchmarks.cuda_nodes import a_scene, works

    sides = [256] if options.dry else [int(side) for side in options.sizes.split(",")]
    for side in sides:
        scene, placement = a_scene(side)
        there = scene.to(torch.device(options.device))
        for name, work in works(placement):
            if options.only not in name:
                continue
            row: Row = {"node": name, "side": side}
            if late(options):
                yield row | {"not_run": "the time was up"}
                continue
            try:
                cpu, expected = timed(lambda work=work, scene=scene: work(scene), options.runs)  # type: ignore[misc]
                own, found = timed(lambda work=work, there=there: work(there), options.runs)  # type: ignore[misc]
            except Exception as error:
                yield row | {"failed": f"{type(error).__name__}: {error}"}
                continue
            row |= {"cpu_s": round(cpu, 4), "device_s": round(own, 4), "ratio": round(own / cpu, 3)}
            yield row | difference(expected, found)


def difference(expected: tuple[Tensor, ...], found: tuple[Tensor, ...]) -> Row:
    """The greatest difference in 1/255, and the share of the values that differ by more than is tolerated."""
    apart = torch.cat([(a - b.to(a)).abs().flatten() for a, b in zip(expected, found, strict=True)]) * 255
    most, beyond = float(apart.max()), float((apart > TOLERANCE).float().mean())
    row: Row = {"apart_255": round(most, 3), "share_beyond": round(beyond, 7)}
    return row if most <= TOLERANCE else row | {"failed": "differs by more than 1/255"}


def timed(work: Callable[[], tuple[Tensor, ...]], runs: int) -> tuple[float, tuple[Tensor, ...]]:
    """The median seconds of `runs` runs (of one where it is slow) after one that is not counted, and the result."""
    first, result = _once(work)
    seconds = [_once(work)[0] for _ in range(1 if first > SLOW else runs)]
    return sorted(seconds)[len(seconds) // 2], result


def _once(work: Callable[[], tuple[Tensor, ...]]) -> tuple[float, tuple[Tensor, ...]]:
    _wait()
    start = time.perf_counter()
    result = work()
    _wait()
    return time.perf_counter() - start, result


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


# -- whole workflows ----------------------------------------------------------------------------------------------


def graphs(options: argparse.Namespace) -> Iterator[Row]:
    from tests.support.comfy import find_installation

    if find_installation() is None:
        yield {"graph": "all", "not_run": "no ComfyUI on this machine (install.py, or $PRODGEN_COMFYUI)"}
        return
    with server_of(options) as (server, said):
        yield said
        photo = server.upload(ROOT / "examples" / "handbag.jpg")
        for name, values, beside in asked(options):
            row: Row = {"graph": name, **values}
            if late(options):
                yield row | {"not_run": "the time was up"}
                continue
            found = attempted(server, name, photo, values, options.graph_seconds)
            yield row | found | {"beside": beside}
            if found.get("memory") and not server.arguments:
                server.arguments = PLAIN_MEMORY
                server.kill()
                server.start()
                again = attempted(server, name, photo, values, options.graph_seconds)
                yield row | {"with": " ".join(PLAIN_MEMORY)} | again | {"beside": beside}


def attempted(server: Any, name: str, photo: str, values: dict[str, Any], limit: float) -> Row:
    """What `measured` finds, or what went wrong; `memory`: the GPU's memory may be why. The server runs afterwards."""
    from tests.support.comfy import GraphError, ServerFailed

    try:
        return measured(server, name, photo, values, limit)
    except GraphError as error:
        said = str(error)
        return {"not_run": said.splitlines()[0][:300], "memory": "CUDA" in said or "aimdo" in said}
    except ServerFailed as error:
        what, _, log = str(error).partition("\n")
        died = server.process is None or server.process.poll() is not None
        server.kill()
        server.start()
        return {"failed": f"{what}\n{log[-2000:]}", "memory": died}


def asked(options: argparse.Namespace) -> list[tuple[str, dict[str, Any], str]]:
    """Workflow, inputs, and what to compare with; by worth."""
    from runner.workflow.load import available_workflows

    newest = {name: f"{name}.v{max(versions)}" for name, versions in available_workflows().items()}
    # Made-up weights paint noise: a product that is to be found again in it must not end the run.
    small = {"width": 256, "height": 384, "steps": 2, "hand_size": 192, "max_hands": 1, "min_confidence": 0.0}
    full = {"width": 832, "height": 1216, "min_confidence": 0.0}
    grips = [(newest.get(name, name), small if options.dry else full, "") for name in GRIPS]
    relit = []
    for (width, height), (seconds, gigabytes) in PRODGEN.items():
        size = {"width": 192, "height": 256, "steps": 2} if options.dry else {"width": width, "height": height}
        beside = f"ProdGen, RTX 3090: {seconds} s, {gigabytes} GB"
        relit.append((newest["relight_iclight"], {**size, "prodgen": True, "steps": size.get("steps", 30)}, beside))
    return [one for one in [grips[0], *relit, *grips[1:]] if options.only in one[0]]


@contextmanager
def server_of(options: argparse.Namespace) -> Iterator[tuple[Any, Row]]:
    """A ComfyUI with smoke models, those of the painters in full size; and what is to be said about it."""
    from tests.support.comfy import ComfyServer, find_installation
    from tests.support.smoke import fill_with_smoke

    installation = find_installation()
    assert installation is not None
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        server = ComfyServer(installation, Path(folder))
        server.cpu = options.device == "cpu"
        fill_with_smoke(server)
        if options.full_weights or not options.dry:
            maker = ROOT / "benchmarks" / "full_size.py"
            command = [str(installation.python), str(maker), str(installation.comfyui), str(server.models_dir)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        said: Row = {"graph": "server", "models_s": round(time.monotonic() - start, 1)}
        try:
            said["start"] = started(server)
            yield server, said | {"seconds": round(time.monotonic() - start, 1)}
        finally:
            server.stop()
            if options.json:
                options.json.with_suffix(".server.log").write_bytes(server.log_path.read_bytes())


def started(server: Any) -> str:
    """Start it as users do; where this machine's driver does not let it, with the plain way of taking memory."""
    from runner.errors import RunnerError
    from tests.support.comfy import ServerFailed

    try:
        server.start()
    except (RunnerError, ServerFailed) as error:
        server.arguments = PLAIN_MEMORY
        server.start()
        return f"only with {' '.join(PLAIN_MEMORY)}: {str(error)[-1500:]}"
    return "as users start it"


def measured(server: Any, name: str, photo: str, values: dict[str, Any], limit: float) -> Row:
    """Seconds of a first and of a second run (another seed, models loaded), and the most memory in use."""
    from runner.server.client import ComfyClient
    from runner.smoke.trial import Peak
    from tests.workflows import published
    from tests.workflows.smoke_runs import on_smoke_models

    graph = published.load(name)
    known = published.inputs_of(graph)
    given = {key: value for key, value in values.items() if key in known}
    row: Row = {}
    client = ComfyClient(server.url)
    client.free()
    with Peak(cast("Session", SimpleNamespace(client=client))) as peak:  # it asks the client and nothing else
        for seed, run in enumerate(("cold_s", "warm_s")):
            ready = on_smoke_models(published.with_values(graph, **given, seed=seed, image=photo))
            for node in ready.values():  # made-up weights see no product
                if node["class_type"] == "ProdgenSegmentProduct":
                    node["inputs"]["min_confidence"] = 0.0
            start = time.monotonic()
            server.run(ready, limit)
            row[run] = round(time.monotonic() - start, 1)
    row["peak_gb"] = round((peak.bytes or 0) / 1e9, 1)
    return row


if __name__ == "__main__":
    sys.exit(main())
