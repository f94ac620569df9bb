"""The graph that trains one stretch and paints a sample with what was learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.training.recipes import Recipe

_PROMPT = "{tag}, {kind}, stylish, studio photography, product photography, ultra realistic"
NEGATIVE = "low quality, blurry, deformed, watermark, text"


@dataclass(frozen=True)
class Files:
    """The model files of a base, as the server lists them. `model` is a checkpoint where the others are empty."""

    model: str
    clip: str = ""
    vae: str = ""


FILES: dict[str, Files] = {
    "sd15": Files("v1-5-pruned-emaonly-fp16.safetensors"),
    "sdxl": Files("sd_xl_base_1.0.safetensors"),
    "klein": Files("flux-2-klein-4b-fp8.safetensors", "qwen_3_4b.safetensors", "flux2-vae.safetensors"),
}
"""What a base is trained on where nothing else is named; klein's fast model where the base klein is not installed."""
KLEIN_BASES = ("flux-2-klein-base-4b.safetensors", "flux-2-klein-base-4b-fp8.safetensors")
KLEIN_BASE_ID = "flux2-klein-base-4b"
"""The first of them in `models_manifest.yaml`."""


_OWN_SCHEDULE = ""
"""FLUX.2's own scheduler, which goes by the picture's size."""


@dataclass(frozen=True)
class Sampling:
    """How a sample is painted."""

    steps: int
    cfg: float
    sampler: str
    scheduler: str


SAMPLING: dict[str, Sampling] = {
    "sd15": Sampling(30, 7.0, "dpmpp_2m", "karras"),
    "sdxl": Sampling(30, 7.0, "dpmpp_2m", "karras"),
    "klein": Sampling(4, 1.0, "euler", _OWN_SCHEDULE),
}
_KLEIN_BASE = Sampling(20, 5.0, "euler", _OWN_SCHEDULE)
"""The base klein is distilled neither to few steps nor to no guidance: its makers' figures, as ComfyUI's template
`image_flux2_klein_image_edit_4b_base` has them."""


@dataclass(frozen=True)
class Training:
    """Everything that a stretch needs but where it stops."""

    name: str
    tag: str
    kind: str
    chosen: str
    recipe: Recipe
    photos: tuple[int, ...]
    """How many in each bucket."""
    folder: str
    seed: int
    prompt: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    precision: str = "bf16"

    @property
    def steps(self) -> int:
        return self.recipe.steps(*self.photos)

    @property
    def save_every(self) -> int:
        return self.recipe.steps_of_epoch(*self.photos) * self.recipe.save_every_epochs

    @property
    def stops(self) -> list[int]:
        """The steps at which it is saved and a sample is painted."""
        return [*range(self.save_every, self.steps, self.save_every), self.steps]

    @property
    def sample_prompt(self) -> str:
        return self.prompt or _PROMPT.format(tag=self.tag, kind=self.kind)


def models_of(recipe: Recipe, named: Mapping[str, str]) -> Files:
    """The files that are used: those that were named, else the base's own."""
    own = FILES[recipe.base]
    return Files(
        named.get("model") or own.model,
        own.clip and (named.get("clip") or own.clip),
        own.vae and (named.get("vae") or own.vae),
    )


def stretch(training: Training, stop: int) -> dict[str, Any]:
    """Train until `stop`, then paint the sample."""
    recipe, files = training.recipe, models_of(training.recipe, training.files)
    graph = _loaders(recipe.base, files)
    graph["photos"] = node("ProdgenTrainingPhotos", "Photos", folder=training.folder)
    graph["train"] = node(
        "ProdgenTrainLora",
        "output: training",
        model=["model", 0],
        clip=["clip", 0] if files.clip else ["model", 1],
        vae=["vae", 0] if files.vae else ["model", 2],
        images=["photos", 0],
        masks=["photos", 1],
        captions=["photos", 2],
        **_settings(training, files.model, stop),
    )
    graph["learnt"] = node(
        "LoraModelLoader",
        "With what was learnt",
        model=["model", 0],
        lora=["train", 0],
        strength_model=1.0,
        bypass=False,
    )
    return graph | _sample(training, files, training.sample_prompt)


def trial(training: Training, lora: str, strength: float, prompt: str, output: str) -> dict[str, Any]:
    """Paint with a saved LoRA (`sample`), or cut the product out of what was painted (`cutout`)."""
    files = models_of(training.recipe, training.files)
    graph = _loaders(training.recipe.base, files)
    graph["learnt"] = node(
        "LoraLoaderModelOnly", "With a save", model=["model", 0], lora_name=lora, strength_model=strength
    )
    graph |= _sample(training, files, prompt)
    if output == "sample":
        return graph
    del graph["sample"]
    graph["segment"] = node("ProdgenSegmentProduct", "Product", image=["decode", 0], method="auto", min_confidence=0.0)
    graph["cutout"] = node(
        "ProdgenSaveCutout", "output: cutout", product=["segment", 0], mask=["segment", 1], filename_prefix="trial",
        save_mask=False,
    )  # fmt: skip
    return graph


def _settings(training: Training, base: str, stop: int) -> dict[str, Any]:
    recipe = training.recipe
    return {
        "name": training.name,
        "base": base,
        "tag": training.tag,
        "recipe": training.chosen,
        "steps": training.steps,
        "stop_at": stop,
        "save_every": training.save_every,
        "batch": recipe.batch,
        "accumulation": recipe.accumulation,
        "learning_rate": recipe.unet_lr,
        "schedule": recipe.schedule,
        "warmup": recipe.warmup,
        "cycles": recipe.cycles,
        "rank": recipe.rank,
        "alpha": float(recipe.alpha),
        "min_snr": recipe.min_snr,
        "optimizer": "AdamW",
        "loss": "MSE",
        "seed": training.seed,
        "masked": True,
        "training_dtype": training.precision,
        "lora_dtype": "fp32",
        "gradient_checkpointing": True,
        "checkpoint_depth": 2,
    }


def _loaders(base: str, files: Files) -> dict[str, Any]:
    if base != "klein":
        return {"model": node("CheckpointLoaderSimple", "Base", ckpt_name=files.model)}
    return {
        "model": node("UNETLoader", "Base", unet_name=files.model, weight_dtype="default"),
        "clip": node("CLIPLoader", "Text encoder", clip_name=files.clip, type="flux2", device="default"),
        "vae": node("VAELoader", "VAE", vae_name=files.vae),
    }


def _sample(training: Training, files: Files, prompt: str) -> dict[str, Any]:
    recipe, how = training.recipe, sampling_of(training.recipe, files)
    clip: list[Any] = ["clip", 0] if files.clip else ["model", 1]
    vae: list[Any] = ["vae", 0] if files.vae else ["model", 2]
    empty = "EmptyFlux2LatentImage" if recipe.base == "klein" else "EmptyLatentImage"
    return {
        "prompt": node("CLIPTextEncode", "Prompt", text=prompt, clip=clip),
        "negative": node("CLIPTextEncode", "Negative prompt", text=NEGATIVE, clip=clip),
        "empty": node(empty, "Size", width=recipe.resolution, height=recipe.resolution, batch_size=1),
        **_painted(recipe, how, training.seed),
        "decode": node("VAEDecode", "Decode", samples=["sampler", 0], vae=vae),
        "sample": node("SaveImage", "output: sample", images=["decode", 0], filename_prefix="sample"),
    }  # fmt: skip


def sampling_of(recipe: Recipe, files: Files) -> Sampling:
    """How the base's makers paint with it."""
    return _KLEIN_BASE if recipe.base == "klein" and _is_klein_base(files.model) else SAMPLING[recipe.base]


def _is_klein_base(model: str) -> bool:
    name = model.replace("\\", "/").rpartition("/")[2].casefold()
    return "klein-base" in name.replace("_", "-")


def _painted(recipe: Recipe, how: Sampling, seed: int) -> dict[str, Any]:
    """The nodes from noise to the sample's latents, which `sampler` gives."""
    if how.scheduler != _OWN_SCHEDULE:
        return {
            "sampler": node(
                "KSampler", "Sample", model=["learnt", 0], positive=["prompt", 0], negative=["negative", 0],
                latent_image=["empty", 0], seed=seed, steps=how.steps, cfg=how.cfg, sampler_name=how.sampler,
                scheduler=how.scheduler, denoise=1.0,
            )
        }  # fmt: skip
    side = recipe.resolution
    return {
        "noise": node("RandomNoise", "Noise", noise_seed=seed),
        "guider": node(
            "CFGGuider", "Guider", model=["learnt", 0], positive=["prompt", 0], negative=["negative", 0], cfg=how.cfg
        ),
        "method": node("KSamplerSelect", "Method", sampler_name=how.sampler),
        "sigmas": node("Flux2Scheduler", "Steps", steps=how.steps, width=side, height=side),
        "sampler": node(
            "SamplerCustomAdvanced", "Sample", noise=["noise", 0], guider=["guider", 0], sampler=["method", 0],
            sigmas=["sigmas", 0], latent_image=["empty", 0],
        ),
    }  # fmt: skip


def node(kind: str, title: str, **inputs: Any) -> dict[str, Any]:
    """One node of a graph."""
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}
