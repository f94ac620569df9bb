"""`--recipe brand.yaml`: one look for all products. What a brand settles once, put on whatever inputs a workflow has.

A recipe may come from anybody, as a folder's `prodgen.toml` may: no value of it names a file outside of its own folder,
and it says nothing of servers or of where results go. (`train --recipe` is another thing: how a LoRA is trained.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from runner.data import located, parse_yaml
from runner.errors import UsageError
from runner.files.declared import Declared, DeclaredError, fault, read
from runner.files.reading import read_text
from runner.invocation import spell
from runner.suggest import did_you_mean, look_alike

_LARGEST = 1 << 16
"""Bytes. A recipe is a page of text; a larger file is another file."""
_INPUTS: Mapping[str, tuple[str, ...]] = {
    "backdrop": ("backdrop", "background"),
    "light": ("light",),
    "shadow": ("shadow", "contact_shadow"),
    "fill": ("fill",),
    "style": ("style",),
    "prompt": ("prompt",),
    "seed": ("seed",),
    "lora": ("lora",),
    "lora_strength": ("lora_strength",),
}
"""A recipe's word → the inputs that take it; the first that a workflow has."""


def _shops(given: Any) -> Any:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise fault(f"channels: {given!r} is no list of shops ([amazon, ebay]).")
    return [name.strip() for name in names]


def _colour(given: Any, info: ValidationInfo) -> Any:
    """YAML takes what follows a # for a remark: `backdrop: #ffffff` is an empty value."""
    if given is None:
        word = "backdrop" if info.field_name == "backdrop" else f"light.{info.field_name}"
        raise fault(
            f"{word}: it is empty. A colour stands in quotes, {_EXAMPLE} (to YAML, what follows a # is a remark)."
        )
    return given


_EXAMPLE = '"#f4f1ec"'


class Light(Declared):
    """One light; the words are those of the inputs `light`, `light_from`, …"""

    kind: str | None = None
    from_: float | None = Field(None, alias="from")
    height: float | None = None
    temperature: float | None = None
    color: Annotated[str | None, BeforeValidator(_colour)] = None
    spread: float | None = None
    intensity: float | None = None
    brightness: float | None = None

    def inputs(self) -> dict[str, Any]:
        given = self.model_dump(exclude_none=True)
        return {"light" if key == "kind" else f"light_{key.rstrip('_')}": value for key, value in given.items()}


def _one_word(given: Any) -> Any:
    return {"kind": given} if isinstance(given, str) else given


class Look(Declared):
    """What a recipe may say."""

    backdrop: Annotated[str | None, BeforeValidator(_colour)] = None
    light: Annotated[Light, BeforeValidator(_one_word)] | None = None
    shadow: float | None = None
    fill: float | None = None
    style: str | None = None
    prompt: str | None = None
    seed: int | None = Field(None, ge=0)
    lora: str | None = None
    lora_strength: float | None = None
    channels: Annotated[list[str], BeforeValidator(_shops)] = Field(default_factory=list)
    name: str | None = Field(None, min_length=1)
    set: dict[str, Any] = Field(default_factory=dict)
    """Inputs of all workflows that have them; a mapping: of the workflow of that name."""


@dataclass(frozen=True)
class Recipe:
    """A recipe as it was read."""

    path: Path
    look: Look

    def values(self, inputs: Collection[str]) -> Iterator[tuple[str, str, Any]]:
        """(the recipe's word, the input of these that takes it, its value); an input "" where none does."""
        have = {name.casefold(): name for name in inputs}
        look = self.look.model_dump(exclude_none=True, exclude={"channels", "name", "set", "light"})
        words = [(word, _INPUTS[word], value) for word, value in look.items()]
        more = {} if self.look.light is None else self.look.light.inputs()
        words += [(name.replace("light_", "light.", 1), (name,), value) for name, value in more.items()]
        for word, takers, value in words:
            yield word, next((have[taker] for taker in takers if taker in have), ""), value

    def of_all(self) -> dict[str, Any]:
        """Of `set`: the inputs of all workflows."""
        return {name: value for name, value in self.look.set.items() if not isinstance(value, dict)}

    def of_workflows(self) -> dict[str, dict[str, Any]]:
        """Of `set`: the inputs of single ones, by their names."""
        return {name: value for name, value in self.look.set.items() if isinstance(value, dict)}


def read_recipe(path: Path) -> Recipe:
    """Raises UsageError with everything that is wrong with it."""
    try:
        data = parse_yaml(read_text(path, largest=_LARGEST, named=True))
    except FileNotFoundError:
        raise UsageError(f"--recipe {path}: there is no such file.{look_alike(path)}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--recipe {path}: this is no text.", advice=_help()) from None
    except OSError as error:
        raise UsageError(f"--recipe {path}: cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise UsageError(f"--recipe {path}: this is not valid YAML: {located(error)}.", advice=_help()) from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise UsageError(f"--recipe {path}: this is no set of `word: value` lines.", advice=_help())
    try:
        recipe = Recipe(path, read(Look, data, _unknown))
    except DeclaredError as error:
        raise UsageError("\n".join(f"--recipe {path}: {words}" for words in error.faults), advice=_help()) from error
    for name, value in [*recipe.of_all().items(), *_pairs(recipe.of_workflows())]:
        if not isinstance(value, (str, int, float, bool)):
            raise UsageError(f"--recipe {path}: {name} is no text, no number and not true or false.", advice=_help())
    return recipe


def _unknown(name: str) -> str:
    meant = next((word for word, takers in _INPUTS.items() if name.casefold() in takers), "")
    if meant:  # what inputs of workflows are called, a recipe has its own word for
        return f"there is no {name!r} in a recipe. Did you mean {meant!r}?"
    of_light = [f"light.{field.alias or own}" for own, field in Light.model_fields.items()]
    words = of_light if name.startswith("light.") else [*Look.model_fields]
    return f"there is no {name!r} in a recipe.{did_you_mean(name, words)}"


def _pairs(sections: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Any]]:
    return [pair for values in sections.values() for pair in values.items()]


def _help() -> str:
    return f"`{spell('help', 'recipes')}` shows what can stand in it."
