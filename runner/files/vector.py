"""Is an SVG a picture and nothing more? A browser that a double click opens runs what is written in it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.parsers import expat

_RUNS = frozenset({"script", "handler", "listener", "foreignobject", "iframe", "object", "embed", "audio", "video"})
"""Elements that run code, or hold a page of another kind."""
_ELSEWHERE = re.compile(r"@import|url\(\s*[\"']?\s*(?!#|[\"']|data:image/|\s)|expression\(|javascript:", re.IGNORECASE)
"""In a style or an attribute: what is fetched from elsewhere, or run."""
_ESCAPED = re.compile(r"\\")
"""In a style: letters may be written as numbers, so that no pattern finds them."""
_HERE = re.compile(r"\s*(#|data:image/(png|jpe?g|webp|gif|avif)[;,])", re.IGNORECASE)
"""What a link may lead to: a part of the same file, or pixels in it."""


class _ActiveError(Exception):
    """It is more than a picture."""


def is_passive_svg(path: Path) -> bool:
    """Whether a file is an SVG that neither runs anything nor fetches anything."""
    parser = expat.ParserCreate()
    style: list[str] = []
    inside: list[str] = []

    def refuse(*_: object) -> None:
        raise _ActiveError

    def begins(name: str, attributes: dict[str, str]) -> None:
        inside.append(_local(name))
        if inside[-1] in _RUNS or (len(inside) == 1 and inside[-1] != "svg"):
            raise _ActiveError
        for key, value in attributes.items():
            if not _is_harmless(_local(key), value):
                raise _ActiveError

    def ends(_: str) -> None:
        if inside.pop() == "style":
            _check_style("".join(style))
            style.clear()

    def says(text: str) -> None:
        if inside[-1:] == ["style"]:
            style.append(text)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begins, ends, says
    parser.EntityDeclHandler = parser.ProcessingInstructionHandler = refuse
    try:
        with path.open("rb") as stream:
            parser.ParseFile(stream)
    except (_ActiveError, expat.ExpatError, ValueError, LookupError):  # the latter two: an encoding that is none
        return False
    return True


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _is_harmless(name: str, value: str) -> bool:
    if name.startswith("on") or (name == "attributename" and _local(value.strip()) in {"href", "src"}):
        return False
    if name in {"href", "src"}:
        return _HERE.match(value) is not None
    if name == "style":
        _check_style(value)
    return name == "d" or _ELSEWHERE.search(value) is None


def _check_style(text: str) -> None:
    if _ELSEWHERE.search(text) or _ESCAPED.search(text):
        raise _ActiveError
