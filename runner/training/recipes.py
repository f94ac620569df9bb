"""The recipes of `recipes.yaml`: how a LoRA is trained, whatever trains it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from runner.data import parse_yaml
from runner.errors import UsageError
from runner.files.declared import Declared, DeclaredError, fault, read
from runner.files.reading import read_text
from runner.suggest import did_you_mean
from runner.training.buckets import Buckets
from runner.words import counted

RECIPES_PATH = Path(__file__).with_name("recipes.yaml")
Base = Literal["sd15", "sdxl", "klein", "qwen"]
DEFAULTS: dict[str, str] = {
    "sd15": "product_sd15",
    "sdxl": "product_sdxl",
    "klein": "product_klein",
    "qwen": "product_qwen",
}
"""Base → the recipe where none is named."""


Side = Annotated[int, Field(ge=32, le=8192)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Many = Annotated[int, Field(ge=1, le=10_000)]
"""A side in pixels; a learning rate (at 1 nothing is learnt any more); how many of something. What lies beyond is a
slip of the hand: ComfyUI's own trainer takes at most as much."""


class Recipe(Declared):
    """One way to train. Rates are for one step of the optimizer; sides and resolution are pixels."""

    about: str
    source: str
    base: Base
    resolution: int = Field(512, ge=64, le=4096)
    least_side: Side = 256
    most_side: Side = 1024
    side_step: int = Field(64, ge=16, le=512, multiple_of=16)
    """Sixteen pixels are one cell of FLUX.2's latents, and two of Stable Diffusion's."""
    upscale: bool = False
    rank: int = Field(4, ge=1, le=128)
    alpha: float = Field(1.0, ge=0.01, le=1024, allow_inf_nan=False)
    optimizer: Literal["AdamW8bit", "AdamW", "Adafactor"] = "AdamW"
    schedule: Literal["constant", "cosine", "cosine_with_restarts"] = "constant"
    cycles: int = Field(1, ge=1, le=100)
    warmup: float = Field(0.0, ge=0, le=0.9, allow_inf_nan=False)
    """Share of the steps over which the rate rises."""
    unet_lr: Annotated[Rate, Field(ge=1e-7)] = 1e-4
    text_lr: Rate = 0.0
    train_text: bool = False
    batch: int = Field(1, ge=1, le=64)
    accumulation: int = Field(1, ge=1, le=1024)
    epochs: Many = 1
    repeats: Many = 1
    save_every_epochs: Many = 1
    precision: Literal["bf16", "fp16"] = "bf16"
    dropout: float = Field(0.0, ge=0, lt=1, allow_inf_nan=False)
    noise_offset: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)
    min_snr: float = Field(0.0, ge=0, le=100, allow_inf_nan=False)
    """γ of min-SNR weighting; 0: none."""
    shuffle: bool = False
    keep_tokens: int = Field(0, ge=0, le=75)
    """At most what CLIP reads."""
    cache_text: bool = False
    no_half_vae: bool = False
    fp8_base: bool = False

    @model_validator(mode="after")
    def _sides_fit(self) -> Recipe:
        """Raises what says that no bucket is left between the sides."""
        if not self.least_side <= self.resolution <= self.most_side:
            raise fault(
                f"least_side ({self.least_side}), resolution ({self.resolution}) and most_side ({self.most_side}) have "
                "to rise in this order."
            )
        if self.side_step > self.resolution:
            raise fault(f"side_step ({self.side_step}) is more than the resolution ({self.resolution}).")
        return self

    @property
    def buckets(self) -> Buckets:
        return Buckets(self.resolution, self.least_side, self.most_side, self.side_step, self.upscale)

    def steps_of_epoch(self, *buckets: int) -> int:
        """Steps of the optimizer that one epoch takes, of so many photos in each bucket: a batch is of one bucket."""
        return ceil(self._batches(buckets) / self.accumulation)

    def steps(self, *buckets: int) -> int:
        return self.steps_of_epoch(*buckets) * self.epochs

    def _batches(self, buckets: Iterable[int]) -> int:
        return sum(ceil(photos * self.repeats / self.batch) for photos in buckets)

    def arithmetic(self, *buckets: int) -> str:
        """How its number of steps comes about, in words."""
        photos, epoch = sum(buckets), self.steps_of_epoch(*buckets)
        each = f", each of one of {len(buckets)} buckets" if self.batch > 1 and len(buckets) > 1 else ""
        accumulated = "" if self.accumulation == 1 else f", {self.accumulation} batches a step"
        return (
            f"{counted(photos, 'photo')} × {counted(self.repeats, 'repeat')} in batches of {self.batch}{each}"
            f"{accumulated}: {counted(epoch, 'step')} an epoch × {counted(self.epochs, 'epoch')} = "
            f"{counted(epoch * self.epochs, 'step')}"
        )


@cache
def recipes() -> dict[str, Recipe]:
    """Every recipe by its name."""
    entries = parse_yaml(read_text(RECIPES_PATH), distinct=False, own=True)
    return {name: read(Recipe, entry) for name, entry in entries.items()}


def recipe_for(base: str | None, name: str | None, changes: Iterable[str] = ()) -> tuple[str, Recipe]:
    """(name, recipe) of what was asked for: `changes` are `FIELD=VALUE`. Raises UsageError, with what there is."""
    by_name = recipes()
    if name is not None and name not in by_name:
        raise UsageError(
            f"there is no recipe {name!r}.{did_you_mean(name, list(by_name))}",
            advice=f"There are: {', '.join(by_name)}.",
        )
    chosen = name or DEFAULTS[base or "klein"]
    recipe = by_name[chosen]
    if base is not None and base != recipe.base:
        fitting = [each for each, one in by_name.items() if one.base == base]
        raise UsageError(
            f"the recipe {chosen} is for {recipe.base}, not for {base}.", advice=f"For {base}: {', '.join(fitting)}."
        )
    values = dict(_change(text) for text in changes)
    if not values:
        return chosen, recipe
    if "base" in values:
        raise UsageError("--set base=…: the base is chosen with --base or --recipe.")
    try:
        return chosen, read(Recipe, {**recipe.model_dump(), **values})
    except DeclaredError as error:
        raise UsageError(f"--set: {error}", advice=f"Fields: {', '.join(Recipe.model_fields)}.") from error


def _change(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise UsageError(f"--set {text!r}: expected FIELD=VALUE, like epochs=5.")
    field = Recipe.model_fields.get(name.strip())
    try:
        read_as = parse_yaml(value) if value.strip() else ""
    except ValueError as error:
        raise UsageError(f"--set {text!r}: this is no value ({' '.join(str(error).split())}).") from error
    if field is not None and field.annotation is float and type(read_as) in (int, str):
        with suppress(ValueError):
            read_as = float(read_as)  # `1e-4` is text to YAML
    return name.strip(), read_as
