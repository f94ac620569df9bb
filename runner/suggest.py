"""Nearest matches for a mistyped name, in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_LOOKED_UP = 100
"""Different names that one `Suggestions` compares; what is all wrong was not mistyped."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name most like this one (case does not count), or None."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    match = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[match[0]] if match else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    return _words(nearest(name, names))


class Suggestions:
    """The same for a whole file of names: each is compared once, and no more than `MOST_LOOKED_UP` of them.

    `scope` tells one set of known names from another; `names` may be a generator, read only where needed.
    """

    def __init__(self) -> None:
        self._matches: dict[tuple[object, str], str | None] = {}

    def nearest(self, name: str, names: Iterable[str], scope: object = None) -> str | None:
        if (scope, name) not in self._matches and len(self._matches) < MOST_LOOKED_UP:
            self._matches[scope, name] = nearest(name, names)
        return self._matches.get((scope, name))

    def did_you_mean(self, name: str, names: Iterable[str], scope: object = None) -> str:
        return _words(self.nearest(name, names, scope))


def look_alike(path: Path, suggestions: Suggestions | None = None) -> str:
    """Asks whether a neighbour of a file that is not there was meant."""
    try:
        return (suggestions or Suggestions()).did_you_mean(path.name, _names_in(path.parent), path.parent)
    except (OSError, ValueError):
        return ""


def _names_in(folder: Path) -> Iterator[str]:
    """Listed when the first is asked for."""
    for entry in folder.iterdir():
        yield entry.name


def _words(match: str | None) -> str:
    return f" Did you mean {match!r}?" if match else ""
