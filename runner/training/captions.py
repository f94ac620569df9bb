"""Captions as trainers read them: `<stem>.txt` beside the photo, in the form `tag, class, rest`."""

from __future__ import annotations

import re
from functools import lru_cache
from math import ceil
from pathlib import Path

from runner.errors import UsageError
from runner.files.reading import read_text
from runner.training.beside_photos import beside

MOST_TOKENS = 75
"""What CLIP reads of a caption; the rest is cut off by most trainers."""
_LARGEST = 1 << 20
"""Bytes of a caption: a thousand times what trainers read of it."""
<<<<<<< HEAD
_TAG = re.compile(r"\w[^\s,|{}%()=\\\"\x00-\x1f\x7f]{1,39}")
"""One word that begins with a letter or a digit: a comma would end it, parentheses weigh it in a prompt, the others are
wildcards of a batch or the beginning of a formula."""
_KIND = re.compile(r"\w[^,|{}%=\x00-\x1f\x7f]{0,79}")
"""A few words; likewise."""
=======
UNREADABLE = "\ufffd"
"""What stands for bytes that are no text."""
_TAG = re.compile(r"[^\s,|{}%]{2,40}")
"""One word: a comma would end it, and the others are wildcards of a batch."""
>>>>>>> rest15
_WORDS = re.compile(r"[A-Za-z]+|[0-9]|[^\sA-Za-z0-9]")
_A_TOKEN = 7
"""Letters of a word that CLIP reads as one token, on the whole; longer words are more."""


def check_tag(tag: str | None, kind: str | None) -> None:
    """Raises UsageError where tag or class cannot be the start of a caption; None: there is none to be checked."""
    if tag is not None and not _TAG.fullmatch(tag):
        raise UsageError(
            f"--tag {tag!r} is not one word of 2 to 40 letters or digits, without spaces, commas, = ( ) | {{ }} %.",
            advice="Invent one that nobody uses: --tag ohwx-bag.",
        )
    if kind is not None and not _KIND.fullmatch(kind.strip()):
        raise UsageError(
            f"--class {kind!r} is not what a product is called.", advice='Say what it is: --class "hand bag".'
        )


def is_common(tag: str) -> bool:
    """Whether every part of a tag is a word that models know already, so that they would mix it with the product."""
    parts = [part for part in re.split(r"[^a-z]+", tag.lower()) if part]
    return bool(parts) and all(len(part) < 3 or part in common_words() for part in parts)


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """The words of `common_words.txt`."""
    text = (Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def read_caption(photo: Path) -> str | None:
    """The caption beside a photo, on one line; None where there is none. What in it is no UTF-8 is `UNREADABLE`.

    Raises UsageError where it cannot be read, or is no small text file of the photo's folder.
    """
    path = beside(photo.with_suffix(".txt"), "caption")
    if path is None:
        return None
    try:
        return " ".join(read_text(path, largest=_LARGEST, errors="replace").split())
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"{path}: the caption cannot be read ({why}).", advice="Write a line of words.") from error


def standard_caption(tag: str, kind: str) -> str:
    """What a photo without a caption is trained with."""
    return f"{tag}, {kind}"


def rest_of(caption: str, tag: str, kind: str) -> str | None:
    """What a caption says beside `tag, class`; None where it does not begin so."""
    first, _, after = (part.strip() for part in caption.partition(","))
    second, _, rest = (part.strip() for part in after.partition(","))
    if first.lower() != tag.lower() or _bare(second) != _bare(kind):
        return None
    return rest


def _bare(text: str) -> str:
    """Without article, case and what stands between the words: `a hand-bag` is `hand bag` and `handbag`."""
    return re.sub(r"[\s_-]+", "", re.sub(r"^(an?|the)\s+", "", text.strip().lower()))


def about_tokens(caption: str) -> int:
    """About how many tokens CLIP reads a caption as: words of up to seven letters are one, signs and digits too."""
    return sum(ceil(len(word) / _A_TOKEN) for word in _WORDS.findall(caption))
