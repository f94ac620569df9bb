"""Secrets taken out of text that is kept: those of the environment, and those that an address holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

HIDDEN = "***"
_NAMES = re.compile(r"TOKEN|SECRET|PASS|AUTH|HEADERS|(?:^|_)KEY$|API_?KEY|CREDENTIAL", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^\s/@]*@")
_QUERY = re.compile(r"(https?://[^\s?#]+\?)[^\s#]+", re.IGNORECASE)
_NAMED = re.compile(
    r"\b([\w-]*(?:token|secret|password|passwd|api[-_]?key|authorization)[\w-]*\s*[=:]\s*)[^\s&,;]+", re.I
)
_SHORTEST = 6
"""Characters of a value that is taken out wherever it stands: shorter ones are words of other texts."""


def hidden(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text with `***` for what must not be kept."""
    for secret in sorted(_secrets(environment), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _QUERY.sub(rf"\1{HIDDEN}", _LOGIN.sub(f"{HIDDEN}@", text))
    return _NAMED.sub(rf"\1{HIDDEN}", text)


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that are called like secrets, and the parts of those that hold several."""
    for name, value in environment.items():
        if _NAMES.search(name):
            parts = [value, *re.split(r"[:\s\"{},]+", value)]
            yield from (part for part in {part.strip() for part in parts} if len(part) >= _SHORTEST)
