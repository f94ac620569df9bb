"""One page with every photo and its caption to edit, and what it saves written back.

The page needs no server. A browser that may write files (Chromium) saves into the folder that a person chooses; any
other hands over one file, `captions.json`, for `caption --apply`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from runner.batch.beside import Beside
from runner.captions.collect import write_caption
from runner.captions.dataset import Pair
from runner.console import clean
from runner.data import without_lone_surrogates
from runner.errors import UsageError
from runner.files.naming import below
from runner.files.reading import read_text
from runner.report.small import SIDE_OF_MANY, small_copy

PAGE = "review.html"
MARK = "prodgen_captions"
"""The key by which a file of the page is known."""
_HERE = Path(__file__).parent
_LONGEST_TAG = 40
"""Letters; `--tag` takes no longer one."""
_MOST_LETTERS = 4000
"""Of a caption: many times what a trainer reads; more is a mistake of pasting."""


class Applied(NamedTuple):
    """How many captions were changed, and how many of what the page saved were left out (each is told)."""

    changed: int
    left_out: int


def write_review(
    beside: Beside,
    root: Path,
    pairs: Sequence[Pair],
    faults: Mapping[Path, Sequence[str]],
    *,
    tag: str = "",
    how: str = "",
) -> Path | None:
    """Write the page; where it is. `root` is the folder that the captions lie below, `how` the command that takes what
    the page saves as a file."""
    parts = _page(root, pairs, faults, tag, how)
    return beside.write(PAGE, (clean(part).encode("utf-8", "backslashreplace") for part in parts))


def _page(root: Path, pairs: Sequence[Pair], faults: Mapping[Path, Sequence[str]], tag: str, how: str) -> Iterator[str]:
    title = html.escape(f"Captions – {root.resolve().name}")
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_asset('review.css')}</style></head><body><header><h1>{title}</h1>"
        '<input id="find" type="search" placeholder="name or word"><label><input id="bad" type="checkbox">with problems'
        '</label><button id="folder" hidden>save into the folder</button><button id="file">save as captions.json'
        '</button><span id="state"></span></header>'
        f'<main data-tag="{html.escape(tag, quote=True)}" data-root="{html.escape(str(root.resolve()), quote=True)}" '
        f'data-how="{html.escape(how, quote=True)}">'
    )
    for pair in pairs:
        place = _place(pair.file, root)
        if place is None:
            continue
        why = "; ".join(faults.get(pair.photo, ()))
        text = html.escape(pair.text or "")
        yield (
            f'<article data-file="{html.escape(place, quote=True)}" '
            f'data-photo="{html.escape(pair.photo.name, quote=True)}"><figure>{_picture(pair.photo)}</figure>'
            f'<div><h2>{html.escape(pair.photo.name)}</h2><textarea rows="5" spellcheck="true" '
            f'maxlength="{_MOST_LETTERS}">{text}</textarea><p class="why">{html.escape(why)}</p></div></article>\n'
        )
    yield f"</main><script>{_asset('review.js')}</script></body></html>"


def _picture(photo: Path) -> str:
    """A small copy as an `img` of its own; nothing where the photo shows nothing (its name stands beside it)."""
    small = small_copy(photo, SIDE_OF_MANY)
    return "" if small is None else f'<img alt="" src="{small.address}" width="{small.width}" height="{small.height}">'


def _place(file: Path, root: Path) -> str | None:
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return None


def apply_review(file: Path, root: Path, notice: Callable[[str], None]) -> Applied:
    """Write what the page saved into the captions below `root`.

    Raises UsageError for a file that is none of the page's, or that names nothing in this folder.
    """
    try:
        named = dict(json.loads(read_text(file))[MARK].items())
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{file} was not saved by the review page.") from None
    changed = matched = left_out = 0
    for name, text in named.items():
        path = below(root, name)
        is_ours = path is not None and path.suffix == ".txt" and _has_photo(path)
        matched += is_ours
        try:
            changed += _replaced(path if is_ours else None, text)
        except (OSError, ValueError) as error:
            why = f"could not be written ({error.strerror or error})" if isinstance(error, OSError) else error
            notice(f"warning: {name[:200]!r} {why}; it was left out.")
            left_out += 1
    if named and not matched:
        raise UsageError(f"{file} is about other photos than those in {root}.", advice="Name the folder of its page.")
    return Applied(changed, left_out)


def tag_of(file: Path) -> str:
    """The tag that the captions of the page were to name; "" where it says none."""
    try:
        tag = json.loads(read_text(file)).get("tag")
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""
    return tag[:_LONGEST_TAG] if isinstance(tag, str) else ""


def _replaced(caption: Path | None, text: object) -> bool:
    """Write one caption; whether it was another before. Raises ValueError for what cannot be one, and OSError."""
    if caption is None:
        raise ValueError("is no caption of a photo in this folder")
    if not isinstance(text, str):
        raise ValueError("is given something that is no text")
    words = " ".join(without_lone_surrogates(text[:_MOST_LETTERS]).split())
    if words == Pair(caption, caption).text:
        return False
    write_caption(caption, words)
    return True


def _has_photo(caption: Path) -> bool:
    from runner.batch.photo_folder import PHOTO_SUFFIXES

    try:
        beside = list(caption.parent.iterdir())
    except OSError:
        return False
    return any(path.stem == caption.stem and path.suffix.lower() in PHOTO_SUFFIXES for path in beside)


def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
