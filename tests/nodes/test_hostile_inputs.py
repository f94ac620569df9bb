"""Whatever is wired to a node: a right result, or a refusal in words; never a fault, never a wrong picture."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from runner.local_server.process import Installation
from tests.support.comfy import REPO

TRIAL = Path(__file__).with_name("hostile_trial.py")
NEVER_DONE = {
    "an empty batch", "NaN", "infinite", "two channels", "five channels", "0 to 255", "-1 to 1", "bytes",
    "nan", "inf", "-inf", "-1000000000.0", "1000000000.0",
}  # fmt: skip
"""Nothing right can be made of these."""
NEVER_REFUSED = {"as it should be", "one channel", "four channels", "half precision", "yes and no", "three pictures"}
"""And nothing is wrong with these."""


def is_meant(call: dict[str, str]) -> bool:
    """A maximum without an end limits nothing; a camera moves over one picture."""
    no_limit = call["input"].startswith("max_") and call["given"] in ("inf", "1000000000.0")
    return no_limit or (call["node"], call["given"]) == ("ProdgenCameraMove", "three pictures")


@pytest.mark.parametrize(("every", "least"), [(4, 100), pytest.param(1, 400, marks=pytest.mark.slow)])
def test_any_input_is_worked_on_or_refused_in_words(
    comfy_installation: Installation, tmp_path: Path, every: int, least: int
) -> None:
    folders = (str(comfy_installation.comfyui), str(REPO / "custom_nodes"), str(tmp_path))
    command = [str(comfy_installation.python), str(TRIAL), *folders, str(every)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    calls = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert len({call["node"] for call in calls}) == 14 and len(calls) > least
    faults = [call for call in calls if call["end"] not in ("done", "refused") or call["wrong"]]
    judged = [call for call in calls if not is_meant(call)]
    faults += [call for call in judged if call["given"] in NEVER_DONE and call["end"] == "done"]
    faults += [call for call in judged if call["given"] in NEVER_REFUSED and call["end"] == "refused"]
    assert not faults, "\n".join(map(str, faults))
