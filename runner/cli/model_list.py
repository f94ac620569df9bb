"""`models list`: one line a model, aligned; everything that is known of those that are named one by one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from runner.cli.model_output import Output, facts
from runner.errors import EXIT_OK
from runner.invocation import spell
from runner.models.manifest import Model, human_size
from runner.models.store import ModelStore

_WORDS = (
    (r"OpenRAIL-?M|Open RAIL-M", "OpenRAIL"),
    (r"Open ?RAIL\+\+", "OpenRAIL++"),
    (r"FLUX.*Non-Commercial", "FLUX-dev"),
    (r"not stated", "unstated"),
)
"""What is in a licence's name → the word that it goes by; any other goes by its first."""
_MAY_SELL = {True: "yes", False: "no", None: "?"}


def list_models(models: Sequence[Model], optional: Sequence[Model], store: ModelStore | None, out: Output) -> int:
    """Show every model; `optional` are those that the workflow does without. Returns the exit code."""
    places = {model.id: store.find(model) if store is not None else None for model in models}
    for model in models:
        path = places[model.id]
        state = "unknown" if store is None else "present" if path is not None else "missing"
        out.event(event="model", **facts(model), state=state, file=str(path) if path else None)
    if not out.as_json:
        rows = [("model", "size", "licence", "sell", "here")]
        for model in models:
            here = _here(model, places[model.id], store, is_optional=model in optional)
            size, sell = _size(model, places[model.id]), _MAY_SELL[model.commercial]
            rows.append((model.id, size, licence_word(model.licence), sell, here))
        out.line("\n".join(_table(rows, shutil.get_terminal_size().columns)))
    for line in _totals(models, places, store):
        out.line(line)
    return EXIT_OK


def describe_models(models: Sequence[Model], store: ModelStore | None, out: Output) -> int:
    """Everything that the manifest says of each."""
    uses = {True: "its pictures may be sold", False: "its pictures must not be sold", None: "sale: see its page"}
    for model in models:
        path = store.find(model) if store is not None else None
        state = "unknown" if store is None else "present" if path is not None else "missing"
        out.event(event="model", **facts(model), state=state, file=str(path) if path else None)
        if out.as_json:
            continue
        out.line(f"{model.id}  {state if store is not None else ''}".rstrip())
        out.line(f"    {model.purpose}")
        out.line(f"    models/{model.relative_path.as_posix()}, {_size(model, path)}")
        out.line(f"    {model.licence}; {uses[model.commercial]}")
        out.line(f"    {_source(model)}")
        if model.improves:
            out.line(f"    not needed, improves {', '.join(model.improves)}")
        if model.alternatives:
            out.line(f"    instead of it: {', '.join(model.alternatives)}")
    return EXIT_OK


def licence_word(licence: str) -> str:
    """A licence in one word."""
    short = next((word for pattern, word in _WORDS if re.search(pattern, licence, re.IGNORECASE)), None)
    return short or licence.split(maxsplit=1)[0].strip(",;()")


def _table(rows: Sequence[tuple[str, str, str, str, str]], columns: int) -> list[str]:
    """Aligned; on a narrow terminal each model's name stands above what is said of it."""
    name, licence = max(len(row[0]) for row in rows), max(len(row[2]) for row in rows)
    facts = [f"{size:>7}  {word:<{licence}}  {sell:<4} {here}".rstrip() for _, size, word, sell, here in rows]
    if name + 2 + max(map(len, facts)) <= columns:
        return [f"{row[0]:<{name}}  {fact}" for row, fact in zip(rows, facts, strict=True)]
    return [line for row, fact in zip(rows, facts, strict=True) for line in (row[0], f"  {fact}")]


def _size(model: Model, path: Path | None) -> str:
    if path is not None:
        return human_size(path.stat().st_size)
    return "?" if model.bytes is None else human_size(model.bytes)


def _here(model: Model, path: Path | None, store: ModelStore | None, *, is_optional: bool) -> str:
    if store is None:
        return ""
    if path is not None:
        return "here"
    if not model.is_offered:
        return "by hand"
    return "optional" if is_optional else "-"


def _source(model: Model) -> str:
    if not model.is_offered:
        return f"not offered for download: {model.note or model.page or 'ask its author'}"
    gated = f"; its licence is accepted first, on {model.page}" if model.gated else ""
    return f"from {model.source}{gated}: {spell('models', 'download', model.id)}"


def _totals(models: Sequence[Model], places: dict[str, Path | None], store: ModelStore | None) -> list[str]:
    """How many, how much in all, and how much of it is still to be fetched."""
    measured = [model for model in models if model.bytes is not None or places[model.id] is not None]
    missing = [model for model in models if places[model.id] is None]
    whole = sum(path.stat().st_size if (path := places[m.id]) is not None else m.bytes or 0 for m in measured)
    left = sum(model.bytes or 0 for model in missing)
    unknown = len(models) - len(measured)
    beside = f" and {unknown} of unknown size" if unknown else ""
    lines = [f"{len(models)} {'model' if len(models) == 1 else 'models'}, {human_size(whole)}{beside} in all"]
    if store is None:
        lines[0] += "; no ComfyUI is installed here."
    else:
        lines[0] += f"; {len(models) - len(missing)} here, {human_size(left)} to fetch."
        lines.append(f"Here: {store.models_dir}")
    return [*lines, f"More about one: {spell('models', 'list', 'ID')}"]
