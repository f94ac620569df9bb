"""Nearest matches for a mistyped name, in words."""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

_MOST_SEEN = 2000
"""Files and folders that are looked at for one name."""
_LIKE_FILES = 0.7
"""Likeness of two files' names without their endings: `chair_left` and `chair-lft`, not `nothere` and `text`."""
_SHORTEST = 2
"""Letters of a name of which one letter is too much to be a slip."""
_UNLIKE = 5
"""How many more are looked at than are asked for: letters in common alone make no two names alike."""
_BEGUN = 4
"""Letters from which a beginning is enough."""
_DIFFERENT = 0.34
"""Share of the letters that a slip may change: `amzn` is `amazon`, `make` is not `smoke`."""
MOST_LOOKED_UP = 100
"""Different names that one `Suggestions` compares; what is all wrong was not mistyped."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name most like this one (case does not count), or None."""
    return next(iter(alike(name, names)), None)


def alike(name: str, names: Iterable[str], *, most: int = 1, likeness: float = 0.6) -> list[str]:
    """The known names that are like this one (case does not count), the likest first; `likeness`: from 0 to 1."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    name = name.casefold()
    found = difflib.get_close_matches(name, by_folded, n=most + _UNLIKE, cutoff=likeness)
    return [by_folded[match] for match in found if _may_be_meant(name, match)][:most]


def _may_be_meant(name: str, other: str) -> bool:
    """Whether so few letters differ that it may be a slip, or one goes on where the other ends."""
    if len(name) >= _BEGUN and other.startswith(name):
        return True
    return distance(name, other) <= max(1, int(max(len(name), len(other)) * _DIFFERENT))


def distance(name: str, other: str) -> int:
    """How many letters must be put in, left out, changed or swapped with the next to make one of the other."""
    before, above = list[int](), list(range(len(other) + 1))
    for row, letter in enumerate(name, 1):
        here = [row]
        for column, one in enumerate(other, 1):
            cost = min(above[column] + 1, here[-1] + 1, above[column - 1] + (letter != one))
            if row > 1 and column > 1 and letter == other[column - 2] and name[row - 2] == one:
                cost = min(cost, before[column - 2] + 1)
            here.append(cost)
        before, above = above, here
    return above[-1]


def is_near(name: str, other: str) -> bool:
    """Whether one letter more, less, or another, or two that changed places, make one name of the other."""
    name, other = name.casefold(), other.casefold()
    if abs(len(name) - len(other)) > 1:
        return False
    at = next((at for at, pair in enumerate(zip(name, other, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return True
    rest, others = name[at:], other[at:]
    swapped = rest[1::-1] + rest[2:] if len(rest) > 1 else rest
    return others in (rest[1:], swapped) or rest == others[1:] or rest[1:] == others[1:]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    return _words(nearest(name, names))


class Suggestions:
    """The same for a whole file of names: each is compared once, and no more than `MOST_LOOKED_UP` of them.

    `scope` tells one set of known names from another; `names` may be a generator, read only where needed.
    """

    def __init__(self) -> None:
        self._matches: dict[tuple[object, str], str | None] = {}
        self._below: dict[Path, dict[str, Path]] = {}

    def below(self, path: Path) -> Path | None:
        """The file of this name (case does not count) in a folder below that of `path`."""
        folder = path.parent
        if folder not in self._below and self._may_look:
            self._below[folder] = _files_below(folder)
        return self._below.get(folder, {}).get(path.name.casefold())

    def nearest(self, name: str, names: Iterable[str], scope: object = None) -> str | None:
        if (scope, name) not in self._matches and self._may_look:
            self._matches[scope, name] = nearest(name, names)
        return self._matches.get((scope, name))

    @property
    def _may_look(self) -> bool:
        return len(self._matches) + len(self._below) < MOST_LOOKED_UP

    def did_you_mean(self, name: str, names: Iterable[str], scope: object = None) -> str:
        return _words(self.nearest(name, names, scope))


def look_alike(path: Path, suggestions: Suggestions | None = None) -> str:
    """Asks whether the file of that name in a folder below was meant, or else a neighbour with a name like it."""
    known = suggestions or Suggestions()
    try:
        if (below := known.below(path)) is not None:
            return _words(str(below))
        return known.did_you_mean(path.name, _names_like(path), path.parent)
    except (OSError, ValueError):
        return ""


def _files_below(folder: Path) -> dict[str, Path]:
    """Name → file, of the folders below: the nearest first, as many as are looked through in no time."""
    files: dict[str, Path] = {}
    seen, folders = 0, deque([folder])
    while folders and seen < _MOST_SEEN:
        here = folders.popleft()
        try:
            entries = sorted(here.iterdir())[:_MOST_SEEN]
        except OSError:
            continue
        seen += len(entries)
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith("."):
                folders.append(entry)
            elif here != folder:
                files.setdefault(entry.name.casefold(), entry)
    return files


def _names_like(path: Path) -> Iterator[str]:
    """Its neighbours whose names are like it without their endings, which make any two photos alike. Listed when the
    first is asked for."""
    for entry in path.parent.iterdir():
        if entry.name == path.name:  # a link to nothing, or what is no file
            continue
        stems = path.stem.casefold(), entry.stem.casefold()
        if (is_near(*stems) and len(path.stem) > _SHORTEST) or difflib.SequenceMatcher(
            None, *stems
        ).ratio() >= _LIKE_FILES:
            yield entry.name


def _words(match: str | None) -> str:
    return f" Did you mean {match!r}?" if match else ""
