"""How a picture was made, as a table for people; the `.json` beside the picture says all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from runner.batch.entries import Entry
from runner.data import figure
from runner.execution.outputs import is_sighting, texts_of
from runner.untrusted import items, mapping, text
from runner.words import shortened

MOST_ROWS = 60
_LONGEST = 400
_DEPTH = 3
"""Rows of a table, characters of a cell, and levels of a report that are shown: twice what a workflow of ours records.
A sidecar of somebody else may hold any number."""
_MARKS = {"pass": "passed", "FAIL": "failed", "note": "note"}
_NAMES = {
    "delta_e00_mean": "colour difference, mean (ΔE00)",
    "delta_e00_p95": "colour difference, worst 5 % (ΔE00)",
    "hue_error_deg": "hue error (degrees)",
    "ssim": "likeness (SSIM)",
    "execution_s": "seconds of work",
    "submitted_to_finished_s": "seconds until it was finished",
    "download_s": "seconds to fetch it",
    "comfyui": "ComfyUI",
    "pytorch": "PyTorch",
    "runner": "prodgen",
    "cached_nodes": "nodes that were known from before",
    "prompt_id": "job id",
}
_OF_ITS_OWN = frozenset(("inputs", "images", "batch", "models", "licences", "files", "reports", "replaces", "workflow"))
_OF_A_CHECK = frozenset(("passed", "reasons", "rules", "checks", "failed", "sources", "title", "files"))


@dataclass(frozen=True)
class Section:
    """A part of the table; a row is (what, how much, a mark: `passed`, `failed`, `note` or "")."""

    title: str
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def as_data(self) -> list[Any]:
        return [self.title, self.rows]


def sections(entry: Entry, record: Mapping[str, Any]) -> Iterator[Section]:
    """The table of one job; what of it was never written down is left out."""
    yield from _filled("What was made", _made(entry, record))
    for name, report in _reports(record):
        yield from _filled(text(report.get("title")) or name, _checks(report))
    settings = {**entry.job.values, **mapping(record.get("inputs"))}
    yield from _filled("Settings", _flat({name: value for name, value in settings.items() if value not in ("", None)}))
    yield from _filled("Photos", _photos(record))
    yield from _filled("Models", _models(record))
    yield from _filled("Licences", (("", line, "note") for line in texts_of(record.get("licences"))))
    for name, report in _reports(record):
        measured = {key: value for key, value in report.items() if key not in _OF_A_CHECK}
        yield from _filled(f"Measured: {name}", _flat(measured))
    more = {key: value for key, value in record.items() if key not in _OF_ITS_OWN}
    yield from _filled("How it ran", [("server", text(entry.server), "")] if not record else _flat(more))


def _filled(title: str, rows: Iterable[tuple[str, str, str]]) -> Iterator[Section]:
    """The section, cut to what a person reads; none where it is empty."""
    kept = [(_cut(what), _cut(value), mark) for what, value, mark in islice(rows, MOST_ROWS) if value or mark]
    if kept:
        yield Section(_cut(title), kept)


def _made(entry: Entry, record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "workflow", text(record.get("workflow")), ""
    if entry.job.seed is not None:
        yield "seed", str(entry.job.seed), ""
    yield "group", "/".join(part for part in (entry.job.group, entry.job.category) if part), ""
    for file in map(mapping, items(record.get("files"))):
        size = figure(file.get("bytes"))
        amount = "" if size is None else f"{size / 1e6:.2f} MB"
        yield text(file.get("output")) or "file", ", ".join(filter(None, (text(file.get("file")), amount))), ""


def _reports(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in mapping(record.get("reports")).items():
        for report in entry if isinstance(entry, list) else [entry]:
            yield str(name), report if isinstance(report, Mapping) else {"says": report}


def _checks(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    rules = [rule for rule in items(report.get("rules")) if isinstance(rule, str)]
    for rule in rules:
        mark, _, words = rule.partition("  ")
        name, _, measured = words.strip().partition(": ")
        yield name, measured, _MARKS.get(mark, "")
    if is_sighting(report):
        yield "", text(report.get("why")) or text(report.get("verdict")), ""
    elif not rules and isinstance(report.get("passed"), bool):
        yield ("passed", "", "passed") if report["passed"] else ("not passed", "", "failed")
        yield from (("", reason, "failed") for reason in texts_of(report.get("reasons")))


def _photos(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for photo in map(mapping, items(record.get("images"))):
        size = f"{figure(photo.get('width')) or 0:.0f} × {figure(photo.get('height')) or 0:.0f} pixels"
        yield text(photo.get("file")) or "photo", "; ".join([size, *texts_of(photo.get("notes"))]), ""


def _models(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for model in map(mapping, items(record.get("models"))):
        digest = text(model.get("sha256"))
        yield text(model.get("file")), f"sha256 {digest[:16]}…" if digest else "not in the list of models", ""


def _flat(value: Mapping[str, Any], above: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, str, str]]:
    """Rows of what may hold anything: names joined, lists of plain values in one row, the rest counted."""
    for key, entry in value.items():
        name = f"{above} · {_named(key)}" if above else _named(key)
        if isinstance(entry, Mapping):
            if depth > 1:
                yield from _flat(entry, name, depth - 1)
            else:
                yield name, f"{len(entry)} values", ""
        elif isinstance(entry, (list, tuple)):
            is_plain = len(entry) <= 12 and not any(isinstance(item, (Mapping, list, tuple)) for item in entry)
            if entry:
                yield name, ", ".join(map(_plain, entry)) if is_plain else f"{len(entry)} values", ""
        elif entry is not None:
            yield name, _plain(entry), ""


def _named(key: Any) -> str:
    return _NAMES.get(str(key)) or str(key).replace("_", " ")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)[: 2 * _LONGEST]


def _cut(words: str) -> str:
    return shortened(words, _LONGEST)
