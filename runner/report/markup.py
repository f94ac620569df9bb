"""HTML that cannot be broken out of: text becomes markup here, escaped and without control or bidirectional marks."""

from __future__ import annotations

import html
import json
from typing import Any

from runner.console import clean

_VOID = frozenset(("img", "input", "meta"))


class Markup(str):
    """Text that is markup already. Only this module makes it of other text, and `Markup(…)` of a constant."""

    __slots__ = ()


def element(name: str, /, *children: str | None, **attributes: str | float | bool | None) -> Markup:
    """`<name attributes>children</name>`; None is left out, as is an attribute that is False.

    In the names of attributes `_` stands for `-`, and one at the end for nothing (`class_`).
    """
    pairs = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{_escaped(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{pairs}>")
    return Markup(f"<{name}{pairs}>{join(*children)}</{name}>")


def join(*parts: str | None) -> Markup:
    """The parts one after the other: markup as it is, text escaped."""
    return Markup("".join(part if isinstance(part, Markup) else _escaped(part) for part in parts if part is not None))


def data_block(value: Any) -> Markup:
    """`value` as JSON that a script of the page reads; no browser runs it, and nothing in it ends the block."""
    text = json.dumps(_cleaned(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/json">{text}</script>')


def _escaped(text: str) -> str:
    return html.escape(clean(text), quote=True)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, (list, tuple)) else value
