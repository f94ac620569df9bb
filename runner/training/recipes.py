"""The recipes of `recipes.yaml`: how a LoRA is trained, whatever trains it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from runner.data import parse_yaml
from runner.errors import UsageError
from runner.files.declared import Declared, DeclaredError, read
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


class Recipe(Declared):
    """One way to train. Rates are for one step of the optimizer; sides and resolution are pixels."""

    about: str
    source: str
    base: Base
    resolution: int = Field(512, ge=64, le=4096)
    least_side: int = Field(256, ge=32)
    most_side: int = Field(1024, le=8192)
    side_step: int = Field(64, ge=8)
    upscale: bool = False
    rank: int = Field(4, ge=1, le=128)
    alpha: float = Field(1.0, gt=0)
    optimizer: Literal["AdamW8bit", "AdamW", "Adafactor"] = "AdamW"
    schedule: Literal["constant", "cosine", "cosine_with_restarts"] = "constant"
    cycles: int = Field(1, ge=1)
    warmup: float = Field(0.0, ge=0, lt=1)
    """Share of the steps over which the rate rises."""
    unet_lr: float = Field(1e-4, gt=0)
    text_lr: float = Field(0.0, ge=0)
    train_text: bool = False
    batch: int = Field(1, ge=1)
    accumulation: int = Field(1, ge=1)
    epochs: int = Field(1, ge=1)
    repeats: int = Field(1, ge=1)
    save_every_epochs: int = Field(1, ge=1)
    precision: Literal["bf16", "fp16"] = "bf16"
    dropout: float = Field(0.0, ge=0, lt=1)
    noise_offset: float = 0.0
    min_snr: float = Field(0.0, ge=0)
    """γ of min-SNR weighting; 0: none."""
    shuffle: bool = False
    keep_tokens: int = 0
    cache_text: bool = False
    no_half_vae: bool = False
    fp8_base: bool = False

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
    entries = parse_yaml(read_text(RECIPES_PATH), distinct=False)
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
    read_as = parse_yaml(value) if value.strip() else ""
    if field is not None and field.annotation is float and type(read_as) in (int, str):
        with suppress(ValueError):
            read_as = float(read_as)  # `1e-4` is text to YAML
    return name.strip(), read_as
