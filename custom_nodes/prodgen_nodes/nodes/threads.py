"""Threads that do not hold the cores while they wait.

OpenMP's threads spin for some milliseconds whenever they have nothing to do, so as to be there at once. On a machine
whose cores are busy with something else each spinning thread keeps a working one from its core, and a picture takes
several times as long. `OMP_WAIT_POLICY=PASSIVE` ends that, but GNU's OpenMP reads it when torch is loaded, which is
before any node pack is. It spins a three-thousandth of the time once there are more of its threads than cores
(`GOMP_SPINCOUNT` in libgomp's manual): so a thread of ours calls some together once, and they sleep from then on.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import torch
from comfy import model_management

_CHOSEN_BY = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_ENOUGH_FOR_ALL = 1 << 20
"""Numbers that torch shares out among all of its threads."""


def spare_the_cores() -> None:
    """Called once, at the start. On a GPU, or where somebody has chosen how threads wait, nothing is changed."""
    if any(os.environ.get(name) for name in _CHOSEN_BY) or model_management.get_torch_device().type != "cpu":
        return
    if torch.get_num_threads() < 2:
        return
    if _is_gnu_openmp():
        for _ in range(_teams_needed()):
            gathered = threading.Event()
            threading.Thread(target=_gather_and_rest, args=(gathered,), name="prodgen-rest", daemon=True).start()
            gathered.wait()
        logging.info("prodgen: threads that wait give up their core; OMP_WAIT_POLICY=ACTIVE leaves them spinning.")
    else:
        logging.info("prodgen: on a computer that is busy, start ComfyUI with OMP_WAIT_POLICY=PASSIVE: it is faster.")


def _is_gnu_openmp() -> bool:
    try:
        return "libgomp" in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _teams_needed() -> int:
    """So many that they and the one that works are more threads than there are cores."""
    helpers = torch.get_num_threads() - 1
    return max(1, -(-len(os.sched_getaffinity(0)) // helpers) - 1)


def _gather_and_rest(gathered: threading.Event) -> None:
    try:
        torch.ones(_ENOUGH_FOR_ALL).add_(1.0)
    finally:
        gathered.set()
    threading.Event().wait()
