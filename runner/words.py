"""Numbers, times and sentences for people."""

from __future__ import annotations

import re

_FURTHER = " " * 4
"""Set in further than the lines of a list."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its own end."""
    return _SENTENCE.split(text)


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 photo`, `2 photos`, `2 pictures of`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def shortened(text: str, most: int) -> str:
    """At most so many letters, cut between words, where it ends with `…`."""
    if len(text) <= most:
        return text
    begin = text[: most - 1]
    whole = begin.rpartition(" ")[0].rstrip(" ,;:-")
    return f"{whole} …" if whole else f"{begin}…"


def hanging(text: str) -> str:
    """The same, its further lines set in as far as they are not: what another says begins no line like one of ours."""
    first, *more = text.split("\n")
    return "\n".join(
        [first, *(line if line.startswith((" ", "\t")) or not line else f"{_FURTHER}{line}" for line in more)]
    )


def set_in(text: str) -> str:
    """All its lines set in, each as far as it was more: a traceback."""
    return "\n".join(f"{_FURTHER}{line}" for line in text.split("\n"))


def others_lines(text: str) -> str:
    """Lines that another says, none of them set in: further in than a list of ours is where `hanging` puts them."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def in_one_line(text: str) -> str:
    """What another says, where a line of a list holds it."""
    return " ".join(text.split())


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
