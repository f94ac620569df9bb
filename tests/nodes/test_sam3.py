"""SAM 3 as core has it, small and with made-up weights: its weights were not at hand, its classes are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runner.local_server.process import Installation
from tests.support.comfy import PACK

TRIAL = Path(__file__).with_name("sam3_trial.py")


@pytest.mark.slow
def test_cores_detector_is_asked_and_read(comfy_installation: Installation) -> None:
    command = [str(comfy_installation.python), str(TRIAL), str(comfy_installation.comfyui), str(PACK)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=TRIAL.parent)
    assert run.returncode == 0 and "finds" in run.stdout, run.stderr[-2000:]
