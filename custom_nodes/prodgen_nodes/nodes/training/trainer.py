"""ComfyUI's trainer, run with what it lacks: masked loss, a schedule, seeds, a fixed alpha, saves, going on.

Core's `TrainLoraNode` does the training. Its function is run with four of the names it uses bound to ours: nothing of
core is changed, and nobody else's training sees it. Those names are private to core, so `unfit` compares them first
with what they were in ComfyUI 0.30; where they differ, `plain` trains with the node as it is.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import comfy.model_management
import comfy_extras.nodes_custom_sampler
import comfy_extras.nodes_train as core
import torch
from comfy.utils import ProgressBar
from comfy.weight_adapter import adapter_maps
from torch import Tensor

from ...imaging.errors import ParameterError
from ...training.layers import adapted
from ...training.masked import BatchLoss, min_snr_weights
from ...training.out_of_place import out_of_place
from ...training.progress import Progress
from ...training.schedule import draw_seed, rate_factor

_SIGNATURES: dict[str, tuple[str, ...]] = {
    "TrainSampler.__init__": (
        "self", "loss_fn", "optimizer", "loss_callback", "batch_size", "grad_acc", "total_steps", "seed",
        "training_dtype", "real_dataset", "bucket_latents", "use_grad_scaler",
    ),
    "TrainSampler.fwd_bwd": (
        "self", "model_wrap", "batch_sigmas", "batch_noise", "batch_latent", "cond", "indicies", "extra_args",
        "dataset_size", "bwd",
    ),
    "TrainSampler._train_step_bucket_mode": (
        "self", "model_wrap", "cond", "extra_args", "noisegen", "latent_image", "pbar",
    ),
    "TrainSampler.sample": (
        "self", "model_wrap", "sigmas", "extra_args", "callback", "noise", "latent_image", "denoise_mask",
        "disable_pbar",
    ),
    "_setup_lora_adapters": ("mp", "existing_weights", "algorithm", "lora_dtype", "rank"),
    "_create_optimizer": ("optimizer_name", "parameters", "learning_rate"),
    "_create_loss_function": ("loss_function_name",),
    "TrainLoraNode.execute": (
        "model", "latents", "positive", "batch_size", "steps", "grad_accumulation_steps", "learning_rate", "rank",
        "optimizer", "loss_function", "seed", "training_dtype", "lora_dtype", "quantized_backward", "algorithm",
        "gradient_checkpointing", "checkpoint_depth", "offloading", "existing_lora", "bucket_mode", "bypass_mode",
    ),
}  # fmt: skip
"""What is leant on, and which arguments it takes in ComfyUI 0.30."""


@dataclass(frozen=True)
class Plan:
    """One stretch of a training: from `start` steps to `stop` of `steps`."""

    start: int
    stop: int
    steps: int
    save_every: int
    batch: int
    accumulation: int
    rate: float
    schedule: str
    warmup: float
    cycles: int
    rank: int
    alpha: float
    seed: int
    min_snr: float
    optimizer: str
    loss: str
    training_dtype: str
    lora_dtype: str
    gradient_checkpointing: bool
    checkpoint_depth: int

    def saves_at(self, step: int) -> bool:
        return step % self.save_every == 0 or step == self.stop


@dataclass(frozen=True)
class Dataset:
    """Latents `[B,C,…,H,W]` of each bucket, the conditionings of each, and a mask `[h,w]` for every picture in turn."""

    latents: Sequence[Tensor]
    positive: Sequence[Any]
    masks: Sequence[Tensor] | None


def until(plan: Plan, stop: int) -> Plan:
    """The same plan, up to here."""
    return replace(plan, stop=stop)


Saving = Callable[[Progress], None]
"""Is handed how far it is at every save, and when it is interrupted."""


def unfit() -> list[str]:
    """What of core is not as it was in ComfyUI 0.30, each in a few words; empty: it can be leant on."""
    wrong = []
    for name, wanted in _SIGNATURES.items():
        thing: Any = core
        for part in name.split("."):
            thing = getattr(thing, part, None)
        if thing is None:
            wrong.append(f"{name} is gone")
        elif tuple(inspect.signature(thing).parameters) != wanted:
            wrong.append(f"{name} takes other arguments")
    return wrong


def train(model: Any, data: Dataset, plan: Plan, before: Progress | None, save: Saving) -> Progress:
    """Train `plan.start` to `plan.stop`, going on from `before`; returns how far it is then.

    An interruption is passed on once `save` has had what was learnt until the last whole step.
    """
    run = _Run(data, plan, before, save)
    bound = {
        "_setup_lora_adapters": run.adapters,
        "_create_optimizer": run.make_optimizer,
        "_create_loss_function": lambda _name: BatchLoss(data.masks, plan.loss),
        "TrainSampler": partial(_Sampler, run),
    }
    original = core.TrainLoraNode.execute.__func__
    code = types.FunctionType(
        original.__code__, {**vars(core), **bound}, original.__name__, original.__defaults__, original.__closure__
    )
    try:
        with run.trained:
            code(core.TrainLoraNode, **_arguments(model, data, plan))
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        raise ParameterError(
            "This base cannot be trained here: its network changes values in place that training needs, in a way that "
            "is not known. Train it elsewhere: `python -m runner train … --export` writes the folder."
        ) from error
    return run.progress


def plain(model: Any, data: Dataset, plan: Plan, existing: str) -> tuple[dict[str, Tensor], list[float]]:
    """The weights and losses of a stretch that core trains as it is, from `existing` (a LoRA's name, or `[None]`)."""
    parameters = inspect.signature(core.TrainLoraNode.execute).parameters
    wanted = _arguments(model, data, plan) | {"existing_lora": [existing], "steps": [plan.stop - plan.start]}
    result = core.TrainLoraNode.execute(**{name: value for name, value in wanted.items() if name in parameters})
    weights, losses = result.args[:2]
    return weights, [float(loss) for loss in losses.get("loss", ())]


def _arguments(model: Any, data: Dataset, plan: Plan) -> dict[str, Any]:
    """As the node is called: every input is a list."""
    single = {
        "model": model,
        "batch_size": plan.batch,
        "grad_accumulation_steps": plan.accumulation,
        "steps": plan.steps,
        "learning_rate": plan.rate,
        "rank": plan.rank,
        "optimizer": plan.optimizer,
        "loss_function": plan.loss,
        "seed": plan.seed,
        "training_dtype": plan.training_dtype,
        "lora_dtype": plan.lora_dtype,
        "quantized_backward": False,
        "algorithm": next(name for name in adapter_maps if name.lower() == "lora"),
        "gradient_checkpointing": plan.gradient_checkpointing,
        "checkpoint_depth": plan.checkpoint_depth,
        "offloading": False,
        "existing_lora": "[None]",
        "bucket_mode": True,
        "bypass_mode": False,
    }
    lists = {"latents": [{"samples": one} for one in data.latents], "positive": list(data.positive)}
    return {name: [value] for name, value in single.items()} | lists


class _Run:
    """What the bound names share during one run."""

    def __init__(self, data: Dataset, plan: Plan, before: Progress | None, save: Saving) -> None:
        self.data, self.plan, self.before, self.save = data, plan, before, save
        self.weights: dict[str, Tensor] = {}
        self.optimizer: torch.optim.Optimizer | None = None
        self.progress = before or Progress()
        self.trained = ExitStack()
        """What is to be undone on the model that core trains, which is a copy of its own."""

    def adapters(self, mp: Any, _existing: Any, algorithm: str, lora_dtype: Any, rank: int) -> tuple[Any, list[Any]]:
        """As core's, but seeded, with alpha as asked for and fixed, and for weights alone (no norms, no biases) of the
        layers that `adapted` names."""
        made = []
        self.trained.enter_context(out_of_place(mp.model.diffusion_model))
        with _own_draws():
            torch.manual_seed(draw_seed(self.plan.seed, -1))
            weights = {
                name: module.weight
                for name, module in mp.model.named_modules()
                if hasattr(module, "weight_function") and getattr(module, "weight", None) is not None
            }
            for name in adapted(name for name, weight in weights.items() if weight.ndim >= 2):
                weight = weights[name]
                adapter = adapter_maps[algorithm].create_train(weight, rank=rank, alpha=self.plan.alpha)
                adapter = adapter.to(lora_dtype).train().requires_grad_(True)
                for key, parameter in adapter.named_parameters():
                    parameter.requires_grad_("alpha" not in key)
                    self.weights[f"{name}.{key}"] = parameter
                mp.add_weight_wrapper(f"{name}.weight", adapter)
                made.append(adapter)
        return self.weights, made

    def make_optimizer(self, name: str, _parameters: Any, rate: float) -> torch.optim.Optimizer:
        """Core's, for what is trained; as it was where training goes on."""
        taught = [one for one in self.weights.values() if one.requires_grad]
        self.optimizer = core._create_optimizer(name, taught, rate)
        if self.before is not None:
            self.before.put_into(self.weights, self.optimizer)
        return self.optimizer

    def now(self, step: int, losses: list[float]) -> Progress:
        assert self.optimizer is not None  # noqa: S101 - core makes it before it trains
        self.progress = Progress.of(step, losses, self.weights, self.optimizer)
        return self.progress


class _Sampler(core.TrainSampler):
    """Core's training loop, which starts anywhere, draws by the step, follows a schedule and saves."""

    def __init__(self, run: _Run, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run = run

    def fwd_bwd(
        self, model_wrap: Any, batch_sigmas: Tensor, batch_noise: Tensor, batch_latent: Tensor, cond: Any,
        indicies: Sequence[int], *rest: Any, **more: Any,
    ) -> Tensor:  # fmt: skip
        sampling = model_wrap.inner_model.model_sampling
        flows = type(sampling).noise_scaling is _flow_scaling()
        self.loss_fn.now(indicies, None if flows else min_snr_weights(batch_sigmas.detach(), self.run.plan.min_snr))
        loss: Tensor = super().fwd_bwd(
            model_wrap, batch_sigmas, batch_noise, batch_latent, cond, indicies, *rest, **more
        )
        return loss

    def sample(
        self, model_wrap: Any, sigmas: Any, extra_args: Any, callback: Any, noise: Any,  # noqa: ARG002 - core's names
        latent_image: Any = None, denoise_mask: Any = None, disable_pbar: bool = False,  # noqa: ARG002
    ) -> Tensor:  # fmt: skip
        plan = self.run.plan
        model_wrap.conds = core.process_cond_list(model_wrap.conds)
        cond = model_wrap.conds["positive"]  # core's steps put those of their batch in its place
        losses = list(self.run.progress.losses)
        self.loss_callback = losses.append
        bar = ProgressBar(plan.steps)
        step = plan.start
        saved = step
        with _own_draws():
            try:
                for step in range(plan.start, plan.stop):
                    self._step(step, model_wrap, cond, extra_args, latent_image)
                    bar.update_absolute(step + 1, plan.steps)
                    if plan.saves_at(step + 1):
                        self.run.save(self.run.now(step + 1, losses))
                        saved = step + 1
                self.run.now(plan.stop, losses)
            except comfy.model_management.InterruptProcessingException:
                if step > saved:
                    self.run.save(self.run.now(step, losses[: step * self.grad_acc]))
                raise
        return torch.zeros_like(latent_image)

    def _step(self, step: int, model_wrap: Any, cond: Any, extra_args: Any, latent_image: Any) -> None:
        plan = self.run.plan
        factor = rate_factor(step, plan.steps, plan.schedule, plan.warmup, plan.cycles)
        for group in self.optimizer.param_groups:
            group["lr"] = plan.rate * factor
        for micro in range(self.grad_acc):
            comfy.model_management.throw_exception_if_processing_interrupted()
            at = step * self.grad_acc + micro
            torch.manual_seed(draw_seed(plan.seed, at))
            noises = comfy_extras.nodes_custom_sampler.Noise_RandomNoise(plan.seed + at * 1000)
            self._train_step_bucket_mode(model_wrap, cond, extra_args, noises, latent_image, _NoBar())
        self.optimizer.step()
        self.optimizer.zero_grad()


class _NoBar:
    """Core tells its text bar of every step."""

    def set_postfix(self, _said: Any) -> None:
        pass


def _flow_scaling() -> Any:
    import comfy.model_sampling

    return comfy.model_sampling.CONST.noise_scaling


def _own_draws() -> Any:
    """Random numbers that are drawn inside change nothing outside."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    return torch.random.fork_rng(devices=devices)
