"""Train Product LoRA: a LoRA of what the masks show, saved as it goes, and gone on with after a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_api.latest import io
from torch import Tensor

from ...imaging.errors import ParameterError, ShapeError
from ...training.files import Places, identity, read_weights, sound, write_weights
from ...training.layers import LAYERS
from ...training.masked import LOSSES, latent_mask
from ...training.progress import Progress
from ...training.schedule import SCHEDULES
from ..common import CATEGORY, output
from . import trainer
from .sources import file_hash, sources

_OPTIMIZERS = ("AdamW", "Adam", "SGD", "RMSprop")
_BASES = ("checkpoints", "diffusion_models")
LoraModel = io.Custom("LORA_MODEL")
SETTINGS = (
    "recipe", "base", "tag", "steps", "batch", "accumulation", "learning_rate", "schedule", "warmup", "cycles", "rank",
    "alpha", "min_snr", "optimizer", "loss", "seed", "masked", "training_dtype", "lora_dtype",
)  # fmt: skip
"""What makes a training another one, beside its pictures, masks and captions."""
_LOSS = "prodgen.loss"
"""In a save's metadata: what its last losses were on average."""
_LAST = 100
"""So many losses of single steps, which jump, make a mean that can be compared."""


class ProdgenTrainLora(io.ComfyNode):
    """ComfyUI's trainer with masked loss, schedule, seeds, saves and resumption."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenTrainLora",
            display_name="Train Product LoRA",
            category=CATEGORY,
            description=(
                "Trains a LoRA of the product that the masks show, by ComfyUI's own trainer: its backdrop weighs "
                "nothing. The same seed makes the same file. It is saved every few steps into output/loras, where "
                "it can be loaded at once, and a training that was broken off goes on where it was."
            ),
            is_input_list=True,
            is_output_node=True,
            search_aliases=["train lora", "dreambooth", "fine-tune", "masked loss", "product lora"],
            inputs=_inputs(),
            outputs=[
                LoraModel.Output(display_name="lora", tooltip="For 'Load LoRA Model'."),
                io.String.Output(display_name="lora_name", tooltip="The saved file, as LoRA loaders list it."),
                io.String.Output(display_name="report", tooltip="JSON: steps, losses, saved files, notes."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        """Always run: what has been saved says how much is left to do."""
        return float("nan")

    @classmethod
    def execute(
        cls, model: list[Any], vae: list[Any], clip: list[Any], images: list[Tensor], masks: list[Tensor],
        captions: list[str], **settings: list[Any],
    ) -> io.NodeOutput:  # fmt: skip
        one = {name: values[0] for name, values in settings.items()}
        if not len(images) == len(masks) == len(captions):
            raise ShapeError(f"{len(images)} images, {len(masks)} masks, {len(captions)} captions; one each is needed.")
        base_hash = _base_hash(one["base"])
        told = {name: one[name] for name in SETTINGS} | {"base_sha256": base_hash}
        made = sources(None if cls.hidden is None else cls.hidden.prompt)
        mark = identity({**told, "sources": made, "layers": LAYERS}, [*images, *masks], captions)
        output_folder = Path(folder_paths.get_output_directory())
        places = Places(output_folder / "loras", output_folder / "training", one["name"].strip(), mark)
        stop = min(one["stop_at"] or one["steps"], one["steps"])
        run = _Stretch(places, told, one, stop)
        if not run.is_done():
            run.train(model[0], _dataset(vae[0], clip[0], images, masks, captions, masked=one["masked"]))
        weights, kept = read_weights(places.checkpoint(stop))
        report = run.report(len(images), kept)
        return output(weights, places.checkpoint(stop).name, report=report, cls=cls)


def _inputs() -> list[Any]:
    return [
        io.Model.Input("model", tooltip="The base that is trained on; it stays as it is."),
        io.Vae.Input("vae", tooltip="The VAE of the base."),
        io.Clip.Input("clip", tooltip="Its text encoder, which reads the captions and is not trained."),
        io.Image.Input("images", tooltip="From 'Load Training Photos'."),
        io.Mask.Input("masks", tooltip="1 = product, of each image. Only this is learnt."),
        io.String.Input("captions", force_input=True, tooltip="Of each image: tag, class, what else is to be seen."),
        io.String.Input("name", default="product", tooltip="What the files in output/loras begin with."),
        io.String.Input("base", default="", tooltip="The base's file, for its hash in the LoRA's metadata."),
        io.String.Input("tag", default="", tooltip="The made-up word that means the product, for the metadata."),
        io.String.Input("recipe", default="", tooltip="What the settings are called, for the metadata."),
        io.Int.Input("steps", default=1000, min=1, max=100000, tooltip="Steps of the whole training."),
        io.Int.Input(
            "stop_at", default=0, min=0, max=100000, tooltip="Train so far and go on the next time; 0 = to the end."
        ),
        io.Int.Input("save_every", default=100, min=1, max=100000, tooltip="Save a LoRA every so many steps."),
        io.Int.Input("batch", default=1, min=1, max=64, tooltip="Pictures at a time, all of one size."),
        io.Int.Input("accumulation", default=1, min=1, max=1024, tooltip="Batches that make one step."),
        io.Float.Input(
            "learning_rate", default=1e-4, min=1e-7, max=1.0, step=1e-7, tooltip="The most that the rate reaches."
        ),
        io.Combo.Input("schedule", options=list(SCHEDULES), default="cosine", tooltip="How the learning rate falls."),
        io.Float.Input("warmup", default=0.05, min=0.0, max=0.9, step=0.01, tooltip="Share of steps it rises over."),
        io.Int.Input("cycles", default=1, min=1, max=100, tooltip="How often cosine_with_restarts begins anew."),
        io.Int.Input("rank", default=16, min=1, max=128, tooltip="How much the LoRA can hold."),
        io.Float.Input("alpha", default=8.0, min=0.01, max=1024.0, step=0.01, tooltip="Its scale times the rank."),
        io.Float.Input(
            "min_snr",
            default=0.0,
            min=0.0,
            max=100.0,
            step=0.1,
            tooltip="\N{GREEK SMALL LETTER GAMMA} of min-SNR; 0 = none.",
        ),
        io.Combo.Input("optimizer", options=list(_OPTIMIZERS), default="AdamW", tooltip="As in 'Train LoRA'."),
        io.Combo.Input("loss", options=list(LOSSES), default="MSE", tooltip="As in 'Train LoRA'."),
        io.Int.Input("seed", default=0, min=0, max=2**48, tooltip="The same seed makes the same file."),
        io.Boolean.Input("masked", default=True, tooltip="Learn what the masks show; off: whole pictures."),
        io.Combo.Input("training_dtype", options=["bf16", "fp32"], default="bf16", tooltip="Precision of the maths."),
        io.Combo.Input("lora_dtype", options=["fp32", "bf16"], default="fp32", tooltip="Precision of the file."),
        io.Boolean.Input(
            "gradient_checkpointing", default=True, optional=True, tooltip="Less memory for more time."
        ),
        io.Int.Input(
            "checkpoint_depth", default=2, min=1, max=5, optional=True,
            tooltip="How deep gradient checkpointing cuts: 1 takes the whole network as one and saves nothing.",
        ),
    ]  # fmt: skip


def _base_hash(base: str) -> str:
    """The sha256 of the base's file; "" where none is named. Raises ParameterError where it is not there."""
    if not base.strip():
        return ""
    for kind in _BASES:
        path = folder_paths.get_full_path(kind, base)
        if path is not None:
            return file_hash(Path(path))
    raise ParameterError(f"base {base!r} is neither in models/checkpoints nor in models/diffusion_models.")


def _dataset(
    vae: Any, clip: Any, images: Sequence[Tensor], masks: Sequence[Tensor], captions: Sequence[str], *, masked: bool
) -> trainer.Dataset:
    """Everything encoded, pictures of one size together, in the order in which sizes first come."""
    buckets: dict[tuple[int, ...], list[tuple[Tensor, Any, Tensor]]] = {}
    for image, mask, caption in zip(images, masks, captions, strict=True):
        latent = vae.encode(image[:1, :, :, :3])
        (condition,) = clip.encode_from_tokens_scheduled(clip.tokenize(caption))[:1]
        height, width = latent.shape[-2:]
        buckets.setdefault(tuple(latent.shape), []).append((latent, condition, latent_mask(mask[0], height, width)))
    entries = list(buckets.values())
    return trainer.Dataset(
        [torch.cat([one[0] for one in members]) for members in entries],
        [[one[1] for one in members] for members in entries],
        [one[2] for members in entries for one in members] if masked else None,
    )


class _Stretch:
    """One stretch of a training: what is done of it, how it is trained, what is said of it."""

    def __init__(self, places: Places, told: Mapping[str, Any], one: Mapping[str, Any], stop: int) -> None:
        self.places, self.told, self.one, self.stop = places, told, one, stop
        self.notes: list[str] = []
        self.plain = self.damaged = False
        self.resumed_at = 0
        self.losses: list[float] = []

    def is_done(self) -> bool:
        """Whether its save is there, and whole."""
        path = self.places.checkpoints().get(self.stop)
        self.damaged = path is not None and not sound(path)
        return path is not None and not self.damaged

    def _tell_damage(self, start: int) -> None:
        if self.damaged:
            where = f"from the save at step {start}" if start else "from the start"
            self.notes.append(f"The save of step {self.stop} was damaged on the server; it was made again, {where}.")

    def train(self, model: Any, data: trainer.Dataset) -> None:
        missing = trainer.unfit()
        if missing:
            self._plain(model, data, missing)
            return
        before = Progress.load(self.places.state, self.places.mark)
        if before is not None and before.step > self.stop:
            before = None  # an earlier stretch is wanted again: its file was taken away
        self.resumed_at = 0 if before is None else before.step
        self._tell_damage(self.resumed_at)
        if before is not None and before.step == self.stop:  # its save was damaged, and what made it is there
            self._save(before)
            return
        plan = self._plan(self.resumed_at)
        progress = trainer.train(model, data, plan, before, self._save)
        self.losses = progress.losses

    def _plan(self, start: int) -> trainer.Plan:
        one = self.one
        return trainer.Plan(
            start, self.stop, one["steps"], one["save_every"], one["batch"], one["accumulation"], one["learning_rate"],
            one["schedule"], one["warmup"], one["cycles"], one["rank"], one["alpha"], one["seed"], one["min_snr"],
            one["optimizer"], one["loss"], one["training_dtype"], one["lora_dtype"],
            one.get("gradient_checkpointing", True), one.get("checkpoint_depth", 2),
        )  # fmt: skip

    def _save(self, progress: Progress) -> None:
        self._write(progress.step, progress.weights, progress.losses)
        if progress.step < self.one["steps"]:
            progress.save(self.places.state, self.places.mark)
        else:
            self.places.state.unlink(missing_ok=True)

    def _write(self, step: int, weights: Mapping[str, Tensor], losses: Sequence[float]) -> None:
        loss = _mean_of_last(losses)
        kept = {} if loss is None else {_LOSS: repr(loss)}
        write_weights(self.places.checkpoint(step), weights, {**self._metadata(step), **kept})

    def _metadata(self, step: int) -> dict[str, str]:
        told = self.told
        return {
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.title": self.places.name,
            "modelspec.trigger_phrase": told["tag"],
            "ss_sd_model_name": told["base"],
            "ss_new_sd_model_hash": told["base_sha256"],
            "ss_network_dim": str(told["rank"]),
            "ss_network_alpha": str(told["alpha"]),
            "ss_steps": str(step),
            "prodgen.training": self.places.mark,
            **{f"prodgen.{name}": str(value) for name, value in told.items()},
        }

    def _plain(self, model: Any, data: trainer.Dataset, missing: Sequence[str]) -> None:
        """On another core: its node as it is, in stretches, each from the file of the last."""
        self.plain = True
        self.notes.append(
            f"This ComfyUI's trainer is another one ({'; '.join(missing)}), so it was run as it is: without mask, "
            "schedule, seeded start and fixed alpha, and the optimizer begins anew with every stretch."
        )
        done = [step for step, path in self.places.checkpoints().items() if step < self.stop and sound(path)]
        existing, start = ("[None]", 0) if not done else (self.places.checkpoint(done[-1]).name, done[-1])
        self.resumed_at = start
        self._tell_damage(start)
        while start < self.stop:
            end = min(self.stop, start - start % self.one["save_every"] + self.one["save_every"])
            plan = self._plan(start)
            weights, losses = trainer.plain(model, data, trainer.until(plan, end), existing)
            self.losses += losses
            self._write(end, weights, self.losses)
            existing, start = self.places.checkpoint(end).name, end

    def report(self, pictures: int, kept: Mapping[str, str]) -> dict[str, Any]:
        """`kept`: the metadata of the save, which has the loss also where nothing was left to train."""
        return {
            "title": "training",
            "pictures": pictures,
            "step": self.stop,
            "steps": self.one["steps"],
            "resumed_at": self.resumed_at,
            "loss": _mean_of_last(self.losses) if self.losses else _number(kept.get(_LOSS)),
            "identity": self.places.mark,
            "base_sha256": self.told["base_sha256"],
            "lora": self.places.checkpoint(self.stop).name,
            "checkpoints": {str(step): path.name for step, path in self.places.checkpoints().items()},
            "plain": self.plain,
            "notes": self.notes,
        }


def _mean_of_last(losses: Sequence[float]) -> float | None:
    last = losses[-_LAST:]
    return sum(last) / len(last) if last else None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
