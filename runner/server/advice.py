"""What a refusal of the pack says, for whoever reads it on the command line: why, and what to try there.

`docs/node-reports.md` says how its lines begin. An older pack says all of it in one paragraph.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.words import sentences

_LINE = re.compile(r"^(What to try|On the canvas|On the command line): *", re.IGNORECASE)
_CANVAS = "on the canvas"
_OLD = re.compile(r"\s*\bWhat to try: *", re.IGNORECASE)
_OLD_CHOICE = re.compile(r"\s*[-–:,] on the canvas\b[^;]*?, on the command line ", re.IGNORECASE)
_OPTION = re.compile(r"(?<![\w-])--[a-z]")
_HINT = re.compile(r"a rough mask\b[^;.]*?: --set hint=FILE(?: \([^()]*\))?")
"""A mask that is named as a file, where whoever reads it has a brush."""
_OLD_SETTING = re.compile(r"(?<=: )min_confidence \d+, on the command line |\bmethod auto, on the command line ")


@dataclass(frozen=True)
class Refusal:
    """`why`: what is wrong; `advice`: what to try, without what can only be done on the canvas. Both may be empty."""

    why: str
    advice: str


def read_refusal(message: str) -> Refusal:
    """The parts of a node's message."""
    sections: dict[str, list[str]] = {"": []}
    head = ""
    for line in message.strip().splitlines():
        if match := _LINE.match(line):
            head = match[1].casefold()
        sections.setdefault(head, []).append(line[match.end() :].strip() if match else line.strip())
    if len(sections) == 1:
        return _of_an_older_pack(" ".join(sections[""]))
    why = " ".join(sections.pop(""))
    tried = [" ".join(lines) for head, lines in sections.items() if head != _CANVAS]
    first, *more = [text for text in tried if text] or [""]
    return Refusal(why, " ".join([first, *map(_sentence, more)]))


def without_options(advice: str) -> str:
    """Advice for who sits before a page and types no command: what needs an option is left out, and the mask of a hint
    is something that is painted there."""
    lines = []
    for line in advice.splitlines():
        kept = [_clauses(sentence) for sentence in sentences(line)]
        lines.append(" ".join(text for text in kept if text))
    return "\n".join(text for text in lines if text)


def _clauses(sentence: str) -> str:
    """The parts of a sentence, divided by semicolons, that name no option."""
    parts = [_HINT.sub("a rough mask: paint over the product", part.strip()) for part in sentence.split(";")]
    kept = [part for part in parts if part and not _OPTION.search(part)]
    whole = "; ".join(kept).removeprefix("or ").rstrip(":,")
    ends = whole if not whole or whole.endswith((".", "!", "?")) else f"{whole}."
    return ends[:1].upper() + ends[1:]


def _of_an_older_pack(text: str) -> Refusal:
    why, *rest = _OLD.split(text, maxsplit=1)
    advice = _OLD_SETTING.sub("", _OLD_CHOICE.sub(": ", " ".join(rest)))
    return Refusal(why.strip(), advice.strip())


def _sentence(text: str) -> str:
    """With a capital, unless it begins with an option."""
    return text[:1].upper() + text[1:]
