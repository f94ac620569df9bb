"""A folder that is ready to start in another trainer: pictures in their buckets, captions, masks, configuration.

What the trainers read is written down where it is checked (tests/runner/test_training_export.py names each source).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from runner.errors import UsageError
from runner.training.export_settings import Order, Settings, ai_toolkit, kohya, musubi
from runner.training.own_files import OwnFiles
from runner.training.pictures import Ready, png
from runner.training.recipes import Recipe

IMAGES, MASKS, CONTROL = "images", "masks", "control"
START, NOTES = "train.sh", "README.txt"


TRAINERS: dict[str, tuple[Callable[[Order], Settings], frozenset[str]]] = {
    "kohya": (kohya, frozenset({"sd15", "sdxl"})),
    "musubi": (musubi, frozenset({"klein", "qwen"})),
    "ai-toolkit": (ai_toolkit, frozenset({"sd15", "sdxl", "klein", "qwen"})),
}
"""Trainer → who writes its settings, and the bases it trains."""


def check_trainer(trainer: str, recipe: Recipe) -> None:
    """Raises UsageError where this trainer does not train the recipe's base."""
    bases = TRAINERS[trainer][1]
    if recipe.base not in bases:
        others = [name for name, (_, taken) in TRAINERS.items() if recipe.base in taken]
        raise UsageError(
            f"{trainer} trains {', '.join(sorted(bases))}, not {recipe.base}.",
            advice=f"For {recipe.base}: --export {' or --export '.join(others)}.",
        )


def export(trainer: str, pictures: Iterable[Ready], order: Order, folder: Path) -> list[Path]:
    """Write the folder; the files beside the pictures. What an earlier export left there is replaced.

    Raises UsageError, and writes nothing, where a file of somebody else would be lost, or one that was changed since.
    """
    settings = TRAINERS[trainer][0](order)
    beside = {name: toml(value) for name, value in settings.toml.items()}
    beside |= {name: yaml.safe_dump(value, sort_keys=False) for name, value in settings.yaml.items()}
    own, old = OwnFiles(folder), list(_pictures_in(folder))
    own.check([*(folder / name for name in (*beside, START, NOTES)), *old], "--export")
    for path in old:
        path.unlink()
    unmasked = []
    for one in pictures:
        own.write(folder / IMAGES / f"{one.name}.png", png(one.with_alpha() if trainer == "kohya" else one.picture))
        own.write(folder / IMAGES / f"{one.name}.txt", f"{one.caption}\n".encode())
        if one.mask is None:
            unmasked.append(one.name)
            continue
        own.write(folder / MASKS / f"{one.name}.png", png(one.mask))
        if order.recipe.base == "qwen":
            own.write(folder / CONTROL / f"{one.name}.png", png(one.on_white()))
    beside |= {START: _script(settings.commands), NOTES: _notes(trainer, order, settings, unmasked)}
    for name, text in beside.items():
        own.write(folder / name, text.encode())
    own.finish()
    (folder / START).chmod(0o755)
    return [folder / name for name in beside]


def _pictures_in(folder: Path) -> Iterator[Path]:
    """What of pictures a trainer would read there."""
    for part in (folder / name for name in (IMAGES, MASKS, CONTROL)):
        for path in sorted(part.glob("*")) if part.is_dir() else ():
            if path.suffix in (".png", ".txt"):
                yield path


def _script(commands: Iterable[str]) -> str:
    lines = ["#!/bin/sh", "# What it needs is said in README.txt.", "set -eu", 'cd "$(dirname "$0")"']
    return "\n".join([*lines, *commands]) + "\n"


def _notes(trainer: str, order: Order, settings: Settings, unmasked: list[str]) -> str:
    recipe = order.recipe
    lines = [
        f"{order.name}: a LoRA of {order.tag} ({order.kind}) for {trainer}, by the recipe {order.chosen}.",
        f"Recipe: {recipe.about} Source: {recipe.source}.",
        recipe.arithmetic(*order.photos) + ".",
        "",
        *settings.notes,
        "",
        "Start it: sh train.sh",
        "The pictures lie in their buckets' sizes already; images/<name>.txt are captions, masks/<name>.png the masks "
        "(white is product).",
    ]
    if unmasked:
        lines.append(f"Without a mask, so trained as a whole: {', '.join(unmasked)}.")
    return "\n".join(lines) + "\n"


def toml(value: Mapping[str, Any]) -> str:
    """A mapping as TOML: plain values first, then tables, then lists of tables."""
    return "\n".join(_toml(value, "")).strip() + "\n"


def _value(one: Any) -> str:
    """JSON's words are TOML's, but for what TOML wants escaped, and JSON's escapes of an emoji."""
    return json.dumps(one, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(value: Mapping[str, Any], prefix: str) -> Iterable[str]:
    tables = {key: one for key, one in value.items() if isinstance(one, Mapping)}
    arrays = {key: one for key, one in value.items() if isinstance(one, list) and one and isinstance(one[0], Mapping)}
    for key, one in value.items():
        if key not in tables and key not in arrays:
            yield f"{key} = {_value(one)}"
    for key, one in tables.items():
        yield f"\n[{prefix}{key}]"
        yield from _toml(one, f"{prefix}{key}.")
    for key, entries in arrays.items():
        for one in entries:
            yield f"\n[[{prefix}{key}]]"
            yield from _toml(one, f"{prefix}{key}.")
