"""TCD Sampler: the few-step sampling that LoRAs of trajectory consistency distillation were made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from comfy.k_diffusion.sampling import default_noise_sampler
from comfy.samplers import KSAMPLER
from comfy_api.latest import io
from torch import Tensor

from .common import CATEGORY, output


def between(
    next_sigma: float, randomness: float, timestep: Callable[[Tensor], Tensor], sigma: Callable[..., Any]
) -> float:
    """Noise level that a step goes down to before it is noised again to `next_sigma`: that of (1 - gamma)·t."""
    if next_sigma == 0.0 or randomness == 0.0:
        return next_sigma
    time = timestep(torch.tensor(next_sigma)).float()
    return min(next_sigma, float(sigma((1.0 - randomness) * time)))


def sample_tcd(
    model: Any,
    x: Tensor,
    sigmas: Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callable[[dict[str, Any]], None] | None = None,
    disable: bool | None = None,  # noqa: ARG001 - ComfyUI gives it to every sampler: whether to draw no bar
    randomness: float = 0.0,
) -> Tensor:
    """Strategic stochastic sampling: down along the trajectory to (1 - gamma)·t, then up again to t by fresh noise.

    Zheng et al., "Trajectory consistency distillation", arXiv 2402.19159, algorithm 4, in ComfyUI's units (`x` is the
    clean picture plus `sigma` times noise). gamma = 0 adds no noise of its own.

    Args:
        model: ComfyUI's denoiser; `x` `[B,…]`; `sigmas` falling noise levels, the last usually 0.
        randomness: gamma, 0..1.
    """
    given = extra_args or {}
    sampling = model.inner_model.model_patcher.get_model_object("model_sampling")
    fresh = default_noise_sampler(x, seed=given.get("seed"))  # never the noise that the seed started from
    ones = x.new_ones([x.shape[0]])
    for step in range(len(sigmas) - 1):
        now, target = sigmas[step], float(sigmas[step + 1])
        denoised = model(x, now * ones, **given)
        if callback is not None:
            callback({"x": x, "i": step, "sigma": now, "sigma_hat": now, "denoised": denoised})
        low = between(target, randomness, sampling.timestep, sampling.sigma)
        x = denoised + (x - denoised) / now * low
        if low < target:
            x = x + fresh(now, sigmas[step + 1]) * (target**2 - low**2) ** 0.5
    return x


class ProdgenTCDSampler(io.ComfyNode):
    """A sampler for SamplerCustomAdvanced."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenTCDSampler",
            display_name="TCD Sampler",
            category=CATEGORY,
            description=(
                "The sampler that TCD LoRAs were trained for (trajectory consistency distillation). Connect it to the "
                "sampler of Sampler Custom Advanced, with the scheduler sgm_uniform and a cfg of 1 to 2."
            ),
            has_intermediate_output=True,
            search_aliases=["tcd", "lcm", "few steps", "trajectory consistency distillation", "fast sampler"],
            inputs=[
                io.Float.Input(
                    "randomness",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="\N{GREEK SMALL LETTER GAMMA}: fresh noise at every step. 0 adds none, which keeps tiles "
                    "without seams; 0.3 for a whole picture in few steps, more with many steps.",
                )
            ],
            outputs=[io.Sampler.Output(display_name="sampler"), io.String.Output(display_name="report")],
        )

    @classmethod
    def execute(cls, randomness: float) -> io.NodeOutput:
        sampler = KSAMPLER(sample_tcd, {"randomness": randomness})
        return output(sampler, report={"sampler": "tcd", "randomness": randomness})
