"""Everything that is measured on a GPU, in one run: the nodes beside the CPU, whole workflows, the CUDA tests.

python benchmarks/cuda_all.py [--parts nodes,graphs,tests] [--json FILE]
python benchmarks/cuda_all.py --device cpu --dry          (tries the script itself: small pictures, smoke weights)

nodes   each node's maths on CUDA and on the CPU: seconds, ratio, and the greatest difference in 1/255
graphs  seconds and the most memory in use, cold and warm, on made-up weights in full size (full_size.py): the grips at
        832×1216, and relighting in one pass at ProdGen's three sizes beside its own figures. Needs a ComfyUI of this
        machine: install.py's, or $PRODGEN_COMFYUI and $PRODGEN_COMFYUI_PYTHON
tests   the tests that skip without a GPU

What cannot run here is a line that says why; it never counts as measured.
"""

from __future__ import annotations

import argparse
import json
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
GRIPS = ("grip_sdxl", "grip_sdxl.v2", "grip_sdxl.v1", "grip_sdxl_fast")
CUDA_TESTS = ("test_segmentation.py", "test_compositing.py", "test_ground.py")
TOLERANCE = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", default="nodes,graphs,tests")
    parser.add_argument("--sizes", default="1024,2048")
    parser.add_argument("--only", default="", help="of the workflows, those whose name has this in it")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("NOT RUN: this torch finds no CUDA device. Try the script itself with --device cpu --dry")
        return 2
    name = torch.cuda.get_device_name() if options.device == "cuda" else "CPU against itself: no figures to keep"
    print(f"{name}, torch {torch.__version__}", flush=True)
    rows: list[Row] = []
    parts: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {"nodes": nodes, "graphs": graphs, "tests": tests}
    for part in options.parts.split(","):
        for row in parts[part](options):
            rows.append({"part": part, **row})
            print(json.dumps(rows[-1]), flush=True)
            if options.json:  # after every row: what a time limit cuts off is lost, nothing else
                options.json.write_text(json.dumps({"device": name, "rows": rows}, indent=1), encoding="utf-8")
    return int(any(row.get("failed") for row in rows))


# -- the nodes' maths ---------------------------------------------------------------------------------------------


def nodes(options: argparse.Namespace) -> Iterator[Row]:
    from benchmarks.cuda_nodes import a_scene, works

    sides = [256] if options.dry else [int(side) for side in options.sizes.split(",")]
    for side in sides:
        scene, placement = a_scene(side)
        there = scene.to(torch.device(options.device))
        for name, work in works(placement):
            try:
                cpu, expected = timed(lambda work=work, scene=scene: work(scene), options.runs)  # type: ignore[misc]
                own, found = timed(lambda work=work, there=there: work(there), options.runs)  # type: ignore[misc]
            except Exception as error:
                yield {"node": name, "side": side, "failed": f"{type(error).__name__}: {error}"}
                continue
            pairs = zip(expected, found, strict=True)
            apart = max(float((a.float() - b.float().cpu()).abs().max()) * 255 for a, b in pairs)
            row = {"node": name, "side": side, "cpu_s": round(cpu, 4), "device_s": round(own, 4)}
            row |= {"ratio": round(own / cpu, 3), "apart_255": round(apart, 3)}
            yield row | ({"failed": "differs by more than 1/255"} if apart > TOLERANCE else {})


def timed(work: Callable[[], tuple[Tensor, ...]], runs: int) -> tuple[float, tuple[Tensor, ...]]:
    """The median seconds of `runs` runs after one that is not counted, and the result."""
    result, seconds = work(), []
    for _ in range(runs):
        _wait()
        start = time.perf_counter()
        result = work()
        _wait()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2], result


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


# -- whole workflows ----------------------------------------------------------------------------------------------


def graphs(options: argparse.Namespace) -> Iterator[Row]:
    from runner.workflow.load import available_workflows
    from tests.support.comfy import GraphError, find_installation

    if find_installation() is None:
        yield {"graph": "all", "not_run": "no ComfyUI on this machine (install.py, or $PRODGEN_COMFYUI)"}
        return
    newest = {name: f"{name}.v{max(versions)}" for name, versions in available_workflows().items()}
    small = {"width": 256, "height": 384, "steps": 2, "hand_size": 192, "max_hands": 1}
    asked: list[tuple[str, dict[str, Any], str]] = []
    for name in GRIPS:
        asked.append((newest.get(name, name), small if options.dry else {"width": 832, "height": 1216}, ""))
    for (width, height), (seconds, gigabytes) in PRODGEN.items():
        size = {"width": 192, "height": 256, "steps": 2} if options.dry else {"width": width, "height": height}
        beside = f"ProdGen, RTX 3090: {seconds} s, {gigabytes} GB"
        asked.append((newest["relight_iclight"], {**size, "prodgen": True, "steps": size.get("steps", 30)}, beside))
    asked = [one for one in asked if options.only in one[0]]
    with server_of(options) as server:
        photo = server.upload(ROOT / "examples" / "handbag.jpg")
        for name, values, beside in asked:
            try:
                yield {"graph": name, **values, **measured(server, name, photo, values), "beside": beside}
            except GraphError as error:
                yield {"graph": name, **values, "not_run": str(error).splitlines()[0][:300]}


@contextmanager
def server_of(options: argparse.Namespace) -> Iterator[Any]:
    """A ComfyUI with smoke models, those of the painters in full size."""
    from tests.support.comfy import ComfyServer, find_installation
    from tests.support.smoke import fill_with_smoke

    installation = find_installation()
    assert installation is not None
    with tempfile.TemporaryDirectory() as folder:
        server = ComfyServer(installation, Path(folder))
        fill_with_smoke(server)
        if not options.dry:
            maker = ROOT / "benchmarks" / "full_size.py"
            command = [str(installation.python), str(maker), str(installation.comfyui), str(server.models_dir)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        try:
            yield server.start()
        finally:
            server.stop()


def measured(server: Any, name: str, photo: str, values: dict[str, Any]) -> Row:
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
            start = time.monotonic()
            server.run(ready, 600.0)
            row[run] = round(time.monotonic() - start, 1)
    row["peak_gb"] = round((peak.bytes or 0) / 1e9, 1)
    return row


# -- the tests that need a GPU ----------------------------------------------------------------------------------------


def tests(options: argparse.Namespace) -> Iterator[Row]:
    files = [str(ROOT / "tests" / "imaging" / name) for name in CUDA_TESTS]
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-rs", "-k", "cuda", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if line.strip()]
    row: Row = {"tests": said[-1] if said else done.stderr.strip()[-300:]}
    skipped = options.device == "cpu" and "skipped" in row["tests"]
    yield row | ({} if done.returncode == 0 or skipped else {"failed": "see above"})


if __name__ == "__main__":
    sys.exit(main())
