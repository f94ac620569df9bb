"""Events as people may read them: without what could do harm on a terminal."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from runner import console
from runner.events import Event
from runner.words import hanging


def readable(event: Event) -> Event:
    """An event as people may read it. Only messages have more than one line."""
    values = {item.name: getattr(event, item.name) for item in fields(event)}
    read = {name: _read(name, value) for name, value in values.items()}
    changed = {name: value for name, value in read.items() if value != values[name]}
    return replace(event, **changed) if changed else event


def _read(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(console.clean_line(item) if isinstance(item, str) else item for item in value)
    if isinstance(value, str):
        if name in ("message", "advice", "trace", "text"):
            return hanging(console.clean(value))
        return console.clean_line(value)
    return value
