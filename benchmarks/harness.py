"""Times two ways of doing the same work in turn, so that a drifting machine treats both alike, and reports the ratio.

Every benchmark of this folder prints one table and, with `--json FILE`, writes the same rows for later comparison.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Row:
    """Median seconds of our way and of the peer's on the same work in the same run; ratio < 1 means ours is faster."""

    work: str
    size: str
    seconds: float
    peer: str
    peer_seconds: float
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.seconds / self.peer_seconds


def _once(call: Callable[[], object]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(
    work: str,
    size: str,
    ours: Callable[[], object],
    peer: str,
    theirs: Callable[[], object],
    *,
    runs: int = 5,
    note: str = "",
) -> Row:
    """Run both once unmeasured, then `runs` times in turn; medians."""
    _once(ours)
    _once(theirs)
    pairs = [(_once(ours), _once(theirs)) for _ in range(runs)]
    row = Row(work, size, statistics.median(a for a, _ in pairs), peer, statistics.median(b for _, b in pairs), note)
    print(
        f"{row.work:32} {row.size:>12} {row.seconds * 1e3:10.1f} ms   {row.peer:32} {row.peer_seconds * 1e3:10.1f} ms"
        f"   ratio {row.ratio:6.2f}  {row.note}",
        flush=True,
    )
    return row


def arguments(description: str) -> argparse.Namespace:
    """The options all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--sizes", default="1024,2048,4096", help="square sides in pixels, comma separated")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


def import_core(device: str) -> None:
    """Make ComfyUI's own modules importable, outside its server: the one the tests use."""
    from tests.support.comfy import find_installation

    installation = find_installation()
    if installation is None:
        raise SystemExit("no ComfyUI: run install.py, or set PRODGEN_COMFYUI and PRODGEN_COMFYUI_PYTHON")
    sys.path.insert(0, str(installation.comfyui))
    import comfy.cli_args

    comfy.cli_args.args.cpu = device == "cpu"


def write(rows: list[Row], path: Path | None) -> None:
    """Write rows and the machine's description as JSON."""
    if path is None:
        return
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    body = {"machine": machine, "rows": [{**asdict(row), "ratio": round(row.ratio, 3)} for row in rows]}
    path.write_text(json.dumps(body, indent=2), encoding="utf-8")
