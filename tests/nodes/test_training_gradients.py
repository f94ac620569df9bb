"""What training on ComfyUI's own networks learns: its gradients against finite differences and a reference.

The networks are core's, tiny and of made-up weights. The reference knows the two places of FLUX that matter and copies
what they would change; it shares nothing with `out_of_place`.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from runner.local_server.process import Installation
from tests.support.comfy import REPO

_SCRIPT = '''
import copy, json, sys
import comfy.options
sys.argv = ["main.py", "--cpu"]
comfy.options.enable_args_parsing()
sys.path[:0] = [PACK, REPO]
import torch
import comfy.model_management
import comfy.ops
import comfy_extras.nodes_train as core
from comfy.ldm.flux.model import Flux
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from prodgen_nodes.training.out_of_place import out_of_place
from runner.smoke.flux import FLUX1, KLEIN

comfy.model_management.in_training = True
OPS, KIND = comfy.ops.disable_weight_init, torch.float64
UNET = dict(image_size=8, in_channels=4, out_channels=4, model_channels=32, num_res_blocks=[1, 1], num_heads=2,
    num_head_channels=-1, use_spatial_transformer=True, transformer_depth=[1, 1], transformer_depth_output=[1] * 4,
    transformer_depth_middle=1, channel_mult=(1, 2), context_dim=16, dtype=KIND, operations=OPS, device="cpu")
SDXL = dict(num_classes="sequential", adm_in_channels=24, use_linear_in_transformer=True)
SMALL = dict(hidden_size=128, context_in_dim=16, depth=2, depth_single_blocks=2, dtype=KIND, operations=OPS)


def network(name):
    torch.manual_seed(3)
    if name in ("sd15", "sdxl"):
        made = UNetModel(**UNET, **(SDXL if name == "sdxl" else {}))
        given = {"x": torch.randn(2, 4, 8, 8), "context": torch.randn(2, 5, 16)}
        if name == "sdxl":
            given["y"] = torch.randn(2, 24)
    else:
        made = Flux(**{**(KLEIN if name == "klein" else {**FLUX1, "vec_in_dim": 16}), **SMALL}, device="cpu")
        channels = made.in_channels if name == "klein" else 16
        given = {"x": torch.randn(2, channels, 4, 4), "context": torch.randn(2, 5, 16)}
        if name == "flux1":
            given |= {"y": torch.randn(2, 16), "guidance": torch.rand(2)}
    for parameter in made.parameters():
        parameter.data = torch.randn(parameter.shape, dtype=KIND) * 0.1 + (1.0 if parameter.ndim == 1 else 0.0)
    given = {key: value.to(KIND) for key, value in given.items()}
    given["timesteps" if name.startswith("sd") else "timestep"] = torch.tensor([0.3, 0.8], dtype=KIND)
    return made.train(), given


def loss(made, given):
    return (made(**given, transformer_options={}) ** 2).mean()


def gradients(made, given, depth):
    taught = [one for one in made.parameters() if one.ndim > 1]
    for one in made.parameters():
        one.requires_grad_(one.ndim > 1)
    patched = core.find_modules_at_depth(made, depth=depth) if depth else []
    for one in patched:
        core.patch(one)
    try:
        return torch.autograd.grad(loss(made, given), taught, allow_unused=True)
    finally:
        for one in patched:
            core.unpatch(one)


def copies(made):
    """The reference: blocks and norms are given copies, so what they change is nobody else's."""
    def copied(_module, args, kwargs):
        fresh = lambda one: one.clone() if torch.is_tensor(one) and one.is_floating_point() else one
        return tuple(map(fresh, args)), {key: fresh(one) for key, one in kwargs.items()}
    for module in made.modules():
        if type(module).__name__ in ("LayerNorm", "RMSNorm", "DoubleStreamBlock", "SingleStreamBlock"):
            module.register_forward_pre_hook(copied, with_kwargs=True)
    return made


def apart(one, other):
    most = max(float(a.abs().max()) for a in one if a is not None)
    return max(float((a - b).abs().max()) for a, b in zip(one, other) if a is not None) / most


def slope(made, given, found):
    """Of the loss along the gradient, by finite differences, over what the gradient says it is."""
    taught = [one for one in made.parameters() if one.ndim > 1]
    found = [torch.zeros_like(one) if grad is None else grad for one, grad in zip(taught, found)]
    length = sum(float((grad ** 2).sum()) for grad in found) ** 0.5
    values = []
    with torch.no_grad():
        for sign in (1, -1):
            for one, grad in zip(taught, found):
                one += sign * 1e-3 * grad / length
            values.append(float(loss(made, given)))
            for one, grad in zip(taught, found):
                one -= sign * 1e-3 * grad / length
    return (values[0] - values[1]) / 2e-3 / length


said = {}
for name in ("sd15", "sdxl", "flux1", "klein"):
    made, given = network(name)
    reference = gradients(copies(copy.deepcopy(made)), given, 0)
    result = {"slope": slope(made, given, reference)}
    try:
        result["core"] = [apart(reference, gradients(made, given, depth)) for depth in (1, 2, 3)]
        result["core_without"] = apart(reference, gradients(made, given, 0))
    except RuntimeError as error:
        result["refused"] = "inplace operation" in str(error)
    with out_of_place(made):
        result["ours"] = [apart(reference, gradients(made, given, depth)) for depth in (0, 1, 2, 3)]
        with torch.no_grad():
            result["same_picture"] = float(loss(made, given))
    with torch.no_grad():
        result["same_picture"] -= float(loss(made, given))
    own = lambda one: getattr(one.forward, "__func__", None) is type(one).forward
    result["left"] = [key for key, one in made.named_modules() if not own(one)]
    said[name] = result
print("SAID", json.dumps(said))
'''


@pytest.fixture(scope="module")
def said(comfy_installation: Installation) -> dict[str, dict[str, Any]]:
    code = _SCRIPT.replace("PACK, REPO]", f"{str(REPO / 'custom_nodes')!r}, {str(REPO)!r}]")
    command = [str(comfy_installation.python), "-c", code]
    done = subprocess.run(command, cwd=comfy_installation.comfyui, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("SAID ")]
    found: dict[str, dict[str, Any]] = json.loads(line.removeprefix("SAID "))
    return found


NETWORKS = ("sd15", "sdxl", "flux1", "klein")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_is_what_finite_differences_say(said: dict[str, dict[str, Any]], name: str) -> None:
    assert said[name]["slope"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_exact_without_checkpointing_and_at_every_depth(
    said: dict[str, dict[str, Any]], name: str
) -> None:
    assert max(said[name]["ours"]) < 1e-9, said[name]
    assert said[name]["same_picture"] == 0, "it paints something else"
    assert said[name]["left"] == [], "modules are not as they were"


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_those_of_core_are_exact_on_stable_diffusion(said: dict[str, dict[str, Any]], name: str) -> None:
    assert max(*said[name]["core"], said[name]["core_without"]) < 1e-9


@pytest.mark.parametrize("name", ["flux1", "klein"])
def test_those_of_core_are_not_on_flux(said: dict[str, dict[str, Any]], name: str) -> None:
    """Should this fail, core has mended it, and `out_of_place` can go."""
    assert said[name]["refused"] and max(said[name]["core"]) > 1e-3
