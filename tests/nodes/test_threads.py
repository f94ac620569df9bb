"""A ComfyUI started by hand, without a word on how its threads wait, does not burn the cores while they do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from runner.local_server.process import Installation
from tests.support.comfy import PACK

PROGRAM = """
import logging, sys, time
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
sys.argv[1:] = ["--cpu"]
sys.path[:0] = [{comfyui!r}, {custom_nodes!r}]
import comfy.options
comfy.options.enable_args_parsing()
import threading, torch
import comfy.model_management
torch.set_num_threads(max(2, torch.get_num_threads()))
from prodgen_nodes.nodes.threads import spare_the_cores
if {spared}:
    spare_the_cores()

def work():
    picture = torch.ones(1 << 20)
    picture.add_(1.0)
    begin = time.process_time()
    for _ in range(150):
        picture.add_(1.0)
        time.sleep(0.01)
    print(time.process_time() - begin)

worker = threading.Thread(target=work)  # ComfyUI works on another thread than the one that loads the nodes
worker.start()
worker.join()
"""


def run(comfyui: Installation, spared: bool, **environment: str) -> tuple[float, str]:
    program = PROGRAM.format(comfyui=str(comfyui.comfyui), custom_nodes=str(PACK.parent), spared=spared)
    chosen = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS")
    clean = {name: value for name, value in os.environ.items() if name not in chosen}
    done = subprocess.run(
        [str(comfyui.python), "-c", program], env={**clean, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1]), done.stderr


@pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="threads of GNU's OpenMP")
def test_threads_that_wait_sleep(comfy_installation: Installation) -> None:
    """Processor time, not time on the wall: how busy the machine is makes no difference."""
    spinning, _ = run(comfy_installation, spared=False)
    resting, said = run(comfy_installation, spared=True)
    assert "prodgen: threads that wait" in said
    assert resting < 0.7 * spinning


@pytest.mark.skipif(sys.platform != "linux", reason="threads of GNU's OpenMP")
def test_what_somebody_has_chosen_stays(comfy_installation: Installation) -> None:
    _, said = run(comfy_installation, spared=True, OMP_WAIT_POLICY="ACTIVE", GOMP_SPINCOUNT="1000")
    assert "prodgen" not in said
