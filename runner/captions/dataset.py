"""A folder of photos with a caption beside each, as trainers read it: `bag.jpg` and `bag.txt`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.files.reading import read_text

MOST_TOKENS = 75
"""What CLIP reads of a caption."""
_PIECES = 1.3
"""Tokens a word, on average, where nobody has counted them."""


@dataclass(frozen=True)
class Pair:
    """A photo and its caption's file. `source`: description, rules or kept; `tokens` None: not counted."""

    photo: Path
    file: Path
    source: str = "kept"
    tokens: int | None = None
    common_tag: bool = False

    @property
    def text(self) -> str | None:
        """The caption; None where there is none, or none that can be read."""
        try:
            return " ".join(read_text(self.file, errors="replace").split())
        except OSError:
            return None


def caption_of(photo: Path) -> Path:
    """Where the caption of a photo is, or would be."""
    return photo.with_suffix(".txt")


def problems(pairs: Sequence[Pair], tag: str) -> dict[Path, list[str]]:
    """What is wrong with the caption of each photo, in words; photos whose captions are good are left out."""
    texts = {pair.photo: pair.text for pair in pairs}
    often = Counter(text.casefold() for text in texts.values() if text)
    by_photo: dict[Path, list[str]] = {}
    for pair in pairs:
        text = texts[pair.photo]
        faults = []
        if not text:
            faults.append("has no caption")
        else:
            if often[text.casefold()] > 1:
                faults.append(f"has the same caption as {often[text.casefold()] - 1} other photos")
            tokens = pair.tokens or round(len(text.split()) * _PIECES)
            if tokens > MOST_TOKENS:
                about = "" if pair.tokens else "about "
                faults.append(f"has a caption of {about}{tokens} tokens, and CLIP reads {MOST_TOKENS}")
            if tag and tag.casefold() not in text.casefold():
                faults.append(f"does not name the tag {tag}")
        if faults:
            by_photo[pair.photo] = faults
    return by_photo
