"""A folder of photos with a caption beside each, as trainers read it: `bag.jpg` and `bag.txt`."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.files.paths import is_within
from runner.files.reading import decoded, open_file
from runner.training.captions import MOST_TOKENS, about_tokens

_NAMED = 2
"""Of the photos with one and the same caption, how many are called by name: the table has the others."""
LARGEST = 16 << 10
"""Bytes of a caption's file: many times what a trainer reads; more is another file."""


@dataclass(frozen=True)
class Pair:
    """A photo and its caption's file. `source`: description, rules or kept; `tokens` None: not counted; `refused`: why
    its caption could not be put there, in words."""

    photo: Path
    file: Path
    source: str = "kept"
    tokens: int | None = None
    common_tag: bool = False
    refused: str = ""

    @property
    def text(self) -> str | None:
        """The caption; None where there is none, or none that can be read."""
        try:
            return None if self.refused else read_caption(self.file)
        except OSError:
            return None

    @property
    def fault(self) -> str:
        """Why the caption that should be there is not, in words; "" where it is, or nobody wrote one."""
        if self.refused:
            return self.refused
        try:
            read_caption(self.file)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"has a caption that was not read ({self.file}: {error.strerror or error})"
        return ""


def read_caption(file: Path) -> str:
    """A caption, on one line. A folder of photos may come from somebody: only a small file of that folder is one.

    Raises OSError whose `strerror` says why it is none: a link leads out of its folder, it is a pipe or device, larger
    than `LARGEST`, or no text.
    """
    if not is_within(file, file.parent):
        raise OSError(errno.EPERM, "it is a link that leads out of its folder", str(file))
    with open_file(file) as stream:
        data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST >> 10} kB", str(file))
    try:
        return " ".join(decoded(data).split())
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, "it is no UTF-8 text: save it as that", str(file)) from error


def caption_of(photo: Path) -> Path:
    """Where the caption of a photo is, or would be."""
    return photo.with_suffix(".txt")


def problems(pairs: Sequence[Pair], tag: str) -> dict[Path, list[str]]:
    """What is wrong with the caption of each photo, in words; photos whose captions are good are left out."""
    texts = {pair.photo: pair.text for pair in pairs}
    alike: dict[str, list[Path]] = {}
    for photo, text in texts.items():
        if text:
            alike.setdefault(text.casefold(), []).append(photo)
    by_photo: dict[Path, list[str]] = {}
    for pair in pairs:
        text = texts[pair.photo]
        faults = []
        if fault := pair.fault:
            faults.append(fault)
        elif not text:
            faults.append("has no caption")
        else:
            if others := [photo.name for photo in alike[text.casefold()] if photo != pair.photo]:
                more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
                faults.append(f"has the same caption as {', '.join(others[:_NAMED])}{more}")
            tokens = pair.tokens or about_tokens(text)
            if tokens > MOST_TOKENS:
                about = "" if pair.tokens else "about "
                faults.append(f"has a caption of {about}{tokens} tokens, and CLIP reads {MOST_TOKENS}")
            if tag and tag.casefold() not in text.casefold():
                faults.append(f"does not name the tag {tag}")
        if faults:
            by_photo[pair.photo] = faults
    return by_photo
