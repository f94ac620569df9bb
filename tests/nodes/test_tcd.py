"""TCD Sampler on a model whose answer is known, on a real server."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from runner.local_server.process import Installation
from tests.support.comfy import REPO

_IN_COMFYUI = """
import json, sys, types
import comfy.options
sys.argv = ["main.py", "--cpu"]
comfy.options.enable_args_parsing()
import comfy.model_sampling, comfy.supported_models_base, torch
sys.path.insert(0, PACK)
from prodgen_nodes.nodes.tcd import between, sample_tcd

class Sampling(comfy.model_sampling.ModelSamplingDiscrete, comfy.model_sampling.EPS):
    pass

sampling = Sampling()
patcher = types.SimpleNamespace(get_model_object=lambda name: sampling)
clean = torch.linspace(-1, 1, 4096).reshape(1, 1, 64, 64)

class Model:
    inner_model = types.SimpleNamespace(model_patcher=patcher)
    seen = []
    def __call__(self, x, sigma, **_):
        self.seen.append([float(sigma[0]), float((x - clean).std())])
        return clean

times = torch.tensor([999.0, 749.0, 499.0, 249.0])
sigmas = torch.cat([sampling.sigma(times), torch.zeros(1)])
noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
found = {}
for randomness in (0.0, 0.3, 1.0):
    Model.seen = []
    end = sample_tcd(Model(), clean + noise * sigmas[0], sigmas, {"seed": 1}, None, True, randomness)
    found[str(randomness)] = {
        "levels": Model.seen,
        "end": float((end - clean).abs().max()),
        "low": [between(float(s), randomness, sampling.timestep, sampling.sigma) for s in sigmas[1:]],
        "wanted": [float(sampling.sigma((1 - randomness) * t)) for t in times[1:]],
        "next": [float(s) for s in sigmas[1:]],
    }
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(comfy_installation: Installation) -> dict[str, Any]:
    code = _IN_COMFYUI.replace("PACK", repr(str(REPO / "custom_nodes")))
    command = [str(comfy_installation.python), "-c", code]
    done = subprocess.run(command, cwd=comfy_installation.comfyui, capture_output=True, text=True, check=False)
    assert "FOUND" in done.stdout, done.stderr[-2000:]
    return dict(json.loads(done.stdout.partition("FOUND")[2]))


@pytest.mark.parametrize("randomness", ["0.0", "0.3", "1.0"])
def test_every_step_has_the_noise_of_its_level(randomness: str, found: dict[str, Any]) -> None:
    for sigma, spread in found[randomness]["levels"]:
        assert spread == pytest.approx(sigma, rel=0.06)
    assert found[randomness]["end"] < 1e-4


def test_it_goes_down_to_the_share_of_the_time_that_is_left(found: dict[str, Any]) -> None:
    plain, some = found["0.0"], found["0.3"]
    assert plain["low"] == plain["next"]
    assert some["low"][:3] == pytest.approx(some["wanted"], rel=0.02)
    assert some["low"][3] == 0
