"""Secrets taken out of text that is kept: those of the environment, and those that an address holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

HIDDEN = "***"
_NAMES = re.compile(r"TOKEN|SECRET|PASS|AUTH|HEADERS|(?:^|_)KEY$|API_?KEY|CREDENTIAL", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^\s/@]*@")
_QUERY = re.compile(r"(https?://(?:(?!https?://)[^\s?#])+\?)[^\s#]+", re.IGNORECASE)
_NAMED = re.compile(r"(?<![\w-])([\w-]+)\s*[=:]\s*")
_VALUE = re.compile(r"(?:(?:bearer|basic)\s+)?[^\s&,;]*", re.IGNORECASE)
"""A name, and what it is set to. A name begins where none goes on: each is read once, however long it is."""
_SECRET_NAME = re.compile(r"token|secret|password|passwd|api[-_]?key|authorization", re.IGNORECASE)
_SHORTEST = 6
"""Characters of a value that is taken out wherever it stands: shorter ones are words of other texts."""


def hidden(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text with `***` for what must not be kept."""
    for secret in sorted(_secrets(environment), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _QUERY.sub(rf"\1{HIDDEN}", _LOGIN.sub(f"{HIDDEN}@", text))
    return "".join(_without_values(text))


def _without_values(text: str) -> Iterator[str]:
    """The text in pieces, with `***` for what stands behind a name that is a secret's."""
    at = 0
    for named in _NAMED.finditer(text):
        if named.start() < at or not _SECRET_NAME.search(named[1]):
            continue
        value = _VALUE.match(text, named.end())
        if value is None or not value[0]:
            continue
        yield text[at : named.end()]
        yield HIDDEN
        at = value.end()
    yield text[at:]


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that are called like secrets, and the parts of those that hold several."""
    for name, value in environment.items():
        if _NAMES.search(name):
            parts = [value, *re.split(r"[:\s\"{},]+", value)]
            yield from (part for part in {part.strip() for part in parts} if len(part) >= _SHORTEST)
