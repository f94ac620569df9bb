"""A recipe in the words of kohya's sd-scripts, of musubi-tuner and of ai-toolkit."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

from runner.training.recipes import Recipe

_PROMPT = "{tag}, {kind}, stylish, studio photography, product photography, ultra realistic"


@dataclass(frozen=True)
class Order:
    """What is to be trained."""

    name: str
    tag: str
    kind: str
    chosen: str
    recipe: Recipe
    seed: int
    photos: tuple[int, ...]
    """How many in each bucket."""


@dataclass(frozen=True)
class Settings:
    """Configuration files by name, the commands that start the training, and what to know before."""

    toml: dict[str, Any] = field(default_factory=dict)
    yaml: dict[str, Any] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _command(*words: str) -> str:
    return " ".join(word if word.startswith('"$') else shlex.quote(word) for word in words)


def _memory(recipe: Recipe, way_out: str) -> tuple[str, ...]:
    """What a base with 20 billion weights of two bytes each takes."""
    return (f"Its base alone takes about 41 GB of GPU memory in bf16; {way_out}.",) if recipe.base == "qwen" else ()


def kohya(order: Order) -> Settings:
    """sd-scripts 0.10: `--config_file` takes every flag of the command line by its name."""
    recipe = order.recipe
    dataset = {
        "general": {
            "enable_bucket": True,
            "caption_extension": ".txt",
            "shuffle_caption": recipe.shuffle and not recipe.cache_text,
            "keep_tokens": max(recipe.keep_tokens, 1),
        },
        "datasets": [
            {
                "resolution": recipe.resolution,
                "batch_size": recipe.batch,
                "min_bucket_reso": recipe.least_side,
                "max_bucket_reso": recipe.most_side,
                "bucket_reso_steps": recipe.side_step,
                "bucket_no_upscale": not recipe.upscale,
                "subsets": [
                    {
                        "image_dir": "images",
                        "num_repeats": recipe.repeats,
                        "class_tokens": f"{order.tag}, {order.kind}",
                        "alpha_mask": True,
                    }
                ],
            }
        ],
    }
    script = "sdxl_train_network.py" if recipe.base == "sdxl" else "train_network.py"
    start = _command("accelerate", "launch", "--num_cpu_threads_per_process", "1")
    return Settings(
        toml={"dataset.toml": dataset, "config.toml": _kohya_flags(order)},
        commands=(
            f'{start} "${{SD_SCRIPTS:?the folder of sd-scripts}}/{script}" --config_file config.toml '
            '--pretrained_model_name_or_path "${BASE:?the checkpoint file}"',
        ),
        notes=(
            "Needs kohya-ss/sd-scripts 0.10 and the checkpoint: SD_SCRIPTS=/where/it/is BASE=/path/model.safetensors.",
            "alpha_mask: only what is opaque in images/*.png is learnt; no other flag is needed for it.",
            "max_train_epochs overrides max_train_steps there, so steps are not given.",
        ),
    )


def _kohya_flags(order: Order) -> dict[str, Any]:
    recipe = order.recipe
    flags: dict[str, Any] = {
        "dataset_config": "dataset.toml",
        "output_dir": "output",
        "output_name": order.name,
        "save_model_as": "safetensors",
        "save_precision": "fp16" if recipe.precision == "fp16" else "bf16",
        "save_every_n_epochs": recipe.save_every_epochs,
        "max_train_epochs": recipe.epochs,
        "network_module": "networks.lora",
        "network_dim": recipe.rank,
        "network_alpha": recipe.alpha,
        "network_train_unet_only": not recipe.train_text,
        "unet_lr": recipe.unet_lr,
        "text_encoder_lr": recipe.text_lr,
        "optimizer_type": recipe.optimizer,
        "lr_scheduler": recipe.schedule,
        "lr_scheduler_num_cycles": recipe.cycles,
        "lr_warmup_steps": recipe.warmup,
        "gradient_accumulation_steps": recipe.accumulation,
        "gradient_checkpointing": True,
        "mixed_precision": recipe.precision,
        "noise_offset": recipe.noise_offset,
        "cache_latents": True,
        "sdpa": True,
        "seed": order.seed,
    }
    if recipe.optimizer == "Adafactor":  # or it would choose its own rate, and no cosine
        flags["optimizer_args"] = ["scale_parameter=False", "relative_step=False", "warmup_init=False"]
    if recipe.dropout:
        flags["network_dropout"] = recipe.dropout
    if recipe.min_snr:
        flags["min_snr_gamma"] = recipe.min_snr
    if recipe.fp8_base:
        flags["fp8_base"] = True
    if recipe.base == "sdxl":
        flags["no_half_vae"] = recipe.no_half_vae
        flags["cache_text_encoder_outputs"] = recipe.cache_text
    return flags


_MUSUBI = {
    "klein": ("flux_2", "networks.lora_flux_2", "klein-base-4b", ("--timestep_sampling", "flux2_shift")),
    "qwen": (
        "qwen_image",
        "networks.lora_qwen_image",
        "edit-2511",
        ("--timestep_sampling", "shift", "--discrete_flow_shift", "2.2"),
    ),
}
"""Base → start of its scripts' names, its network, its version there, what its page recommends."""
_MUSUBI_NOTES = {
    "klein": "DIT is the base klein (FLUX.2-klein-base-4B); the LoRA serves the fast one, too.",
    "qwen": "control/: the product alone on white is what it learns to start from.",
}
_MUSUBI_OPTIMIZERS = {"AdamW8bit": "adamw8bit", "AdamW": "AdamW", "Adafactor": "adafactor"}


def musubi(order: Order) -> Settings:
    """musubi-tuner: latents and text encodings are cached by scripts of their own, first."""
    recipe = order.recipe
    scripts, network, version, timesteps = _MUSUBI[recipe.base]
    entry: dict[str, Any] = {"image_directory": "images", "cache_directory": "cache", "num_repeats": recipe.repeats}
    if recipe.base == "qwen":
        entry["control_directory"] = "control"
    dataset = {
        "general": {
            "resolution": [recipe.resolution, recipe.resolution],
            "caption_extension": ".txt",
            "batch_size": recipe.batch,
            "enable_bucket": True,
            "bucket_no_upscale": not recipe.upscale,
        },
        "datasets": [entry],
    }
    src = '"${MUSUBI:?the folder of musubi-tuner}/src/musubi_tuner/' + scripts
    common = _command("--dataset_config", "dataset.toml", "--model_version", version)
    vae, text = '--vae "${VAE:?the VAE file}"', '--text_encoder "${TEXT_ENCODER:?the text encoder file}"'
    train = _command(
        "--sdpa", "--mixed_precision", "bf16", *timesteps, "--weighting_scheme", "none",
        "--optimizer_type", _MUSUBI_OPTIMIZERS[recipe.optimizer], "--learning_rate", f"{recipe.unet_lr:g}",
        "--lr_scheduler", recipe.schedule, "--lr_scheduler_num_cycles", str(recipe.cycles),
        "--lr_warmup_steps", f"{recipe.warmup:g}",
        "--gradient_checkpointing", "--gradient_accumulation_steps", str(recipe.accumulation),
        "--network_module", network, "--network_dim", str(recipe.rank), "--network_alpha", f"{recipe.alpha:g}",
        "--max_train_epochs", str(recipe.epochs), "--save_every_n_epochs", str(recipe.save_every_epochs),
        "--seed", str(order.seed), "--output_dir", "output", "--output_name", order.name,
    )  # fmt: skip
    launch = _command("accelerate", "launch", "--num_cpu_threads_per_process", "1", "--mixed_precision", "bf16")
    return Settings(
        toml={"dataset.toml": dataset},
        commands=(
            f'python {src}_cache_latents.py" {common} {vae}',
            f'python {src}_cache_text_encoder_outputs.py" {common} {text} --batch_size 1',
            f'{launch} {src}_train_network.py" {common} --dit "${{DIT:?the model file}}" {vae} {text} {train}',
        ),
        notes=(
            "Needs kohya-ss/musubi-tuner and the model's files: MUSUBI, DIT, VAE, TEXT_ENCODER.",
            _MUSUBI_NOTES[recipe.base],
            *_memory(recipe, "--fp8_base --fp8_scaled, or --blocks_to_swap, halves it"),
            "Its own documents name no masked loss: masks/ is for a version that has one. Without it the backdrop "
            "is learnt, too, so let the captions name it.",
        ),
    )


_AI_TOOLKIT = {
    "sd15": ("sd15", "stable-diffusion-v1-5/stable-diffusion-v1-5", "ddpm"),
    "sdxl": ("sdxl", "stabilityai/stable-diffusion-xl-base-1.0", "ddpm"),
    "klein": ("flux2_klein_4b", "black-forest-labs/FLUX.2-klein-base-4B", "flowmatch"),
    "qwen": ("qwen_image_edit_plus:2511", "Qwen/Qwen-Image-Edit-2511", "flowmatch"),
}
"""Base → its arch there, the model on Hugging Face, its noise schedule."""


def ai_toolkit(order: Order) -> Settings:
    """ai-toolkit: one YAML file; it resumes by itself."""
    recipe = order.recipe
    arch, model, scheduler = _AI_TOOLKIT[recipe.base]
    every = recipe.steps_of_epoch(*order.photos) * recipe.save_every_epochs
    process = {
        "type": "sd_trainer",
        "training_folder": "output",
        "device": "cuda:0",
        "trigger_word": order.tag,
        "network": {
            "type": "lora",
            "linear": recipe.rank,
            "linear_alpha": recipe.alpha,
            **({"dropout": recipe.dropout} if recipe.dropout else {}),
        },
        "save": {"dtype": "float16", "save_every": every, "max_step_saves_to_keep": 20},
        "datasets": [_ai_toolkit_dataset(recipe)],
        "train": {
            "batch_size": recipe.batch,
            "steps": recipe.steps(*order.photos),
            "gradient_accumulation": recipe.accumulation,  # of `…_steps` each batch would count as one of `steps`
            "train_unet": True,
            "train_text_encoder": recipe.train_text,
            "gradient_checkpointing": True,
            "noise_scheduler": scheduler,
            "optimizer": recipe.optimizer.lower(),
            "lr": recipe.unet_lr,
            **({"unet_lr": recipe.unet_lr, "text_encoder_lr": recipe.text_lr} if recipe.train_text else {}),
            "lr_scheduler": recipe.schedule,
            "dtype": recipe.precision,
            **({"min_snr_gamma": recipe.min_snr} if recipe.min_snr else {}),
        },
        "model": {"name_or_path": model, "arch": arch},
        "sample": {
            "sampler": scheduler,
            "sample_every": every,
            "width": recipe.resolution,
            "height": recipe.resolution,
            "prompts": [_PROMPT.format(tag=order.tag, kind=order.kind)],
            "seed": order.seed,
            "sample_steps": 30,
            "guidance_scale": 4 if scheduler == "flowmatch" else 7,
        },
    }
    config = {"job": "extension", "config": {"name": order.name, "process": [process]}, "meta": {"name": "[name]"}}
    return Settings(
        yaml={"config.yaml": config},
        commands=('python "${AI_TOOLKIT:?the folder of ai-toolkit}/run.py" "$PWD/config.yaml"',),
        notes=(
            "Needs ostris/ai-toolkit: AI_TOOLKIT=/where/it/is. The base is fetched from Hugging Face by its name.",
            "mask_path: only what is white in masks/*.png is learnt (mask_min_value 0).",
            *_memory(recipe, "quantize and low_vram under model: in config.yaml halve it"),
            "Not the recipe's: there is no warm-up, and cosine_with_restarts there is one cosine over all steps.",
        ),
    )


def _ai_toolkit_dataset(recipe: Recipe) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "folder_path": "images",
        "mask_path": "masks",
        "mask_min_value": 0.0,
        "caption_ext": "txt",
        "caption_dropout_rate": 0.0,
        "shuffle_tokens": recipe.shuffle and not recipe.cache_text,
        "keep_tokens": max(recipe.keep_tokens, 1),  # the tag stays in front
        "cache_latents_to_disk": True,
        "num_repeats": recipe.repeats,
        "resolution": [recipe.resolution],
    }
    if recipe.base == "qwen":
        entry["control_path"] = "control"
    return entry
