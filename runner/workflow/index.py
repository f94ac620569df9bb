"""`workflows/index.yaml`: what each published workflow is for, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from runner.data import parse_yaml
from runner.files.reading import read_text
from runner.untrusted import items, mapping, text
from runner.workflow.load import WORKFLOWS_DIR


@dataclass(frozen=True)
class Index:
    """`titles`: name → what comes out, in a few words; the others by label (`packshot.v4`)."""

    titles: Mapping[str, str] = field(default_factory=dict)
    purposes: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    listing: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name → where its pictures come from (`source`), and what they show around the product (`shows`)."""


@cache
def read_index(folder: Path = WORKFLOWS_DIR) -> Index:
    """The index of this folder; empty where there is none that can be read."""
    try:
        data: Any = parse_yaml(read_text(folder / "index.yaml"), own=folder == WORKFLOWS_DIR)
    except (OSError, ValueError):
        return Index()
    entries = [mapping(entry) for entry in items(mapping(data).get("workflows"))]
    return Index(
        {name: text(mapping(one).get("title")) for name, one in mapping(mapping(data).get("templates")).items()},
        {text(entry.get("name")): text(entry.get("purpose")) for entry in entries},
        {text(entry.get("name")): mapping(entry.get("inputs")) for entry in entries},
        {name: mapping(one) for name, one in mapping(mapping(data).get("listing")).items()},
    )
