"""A caption put together, no longer than the text encoder reads, and whether its tag is a rare word."""

from __future__ import annotations

from typing import Protocol

MOST_TOKENS = 75
"""What CLIP reads of a text at once."""
_COMMON = 30_000
"""Of CLIP's 49 408 pieces, ordered by how often they occur, the last third are rare words and halves of names."""


class Tokens(Protocol):
    """What cuts a text into the numbers of its pieces, without those of its beginning and end."""

    def __call__(self, text: str, /) -> list[int]: ...


def captioned(tag: str, class_name: str, rest: str, tokens: Tokens) -> tuple[str, int, bool]:
    """`tag, class, rest`, how many tokens that is, and whether words of the rest had to go to fit into 75."""
    head = [part for part in (_part(tag), _part(class_name)) if part]
    words = rest.split()
    kept = len(words)
    while True:
        caption = ", ".join([*head, *([" ".join(words[:kept]).rstrip(" ,")] if kept else [])])
        count = len(tokens(caption))
        if count <= MOST_TOKENS or not kept:
            return caption, count, kept < len(words)
        kept = max(0, min(kept - 1, kept - (count - MOST_TOKENS) // 2))


def _part(text: str) -> str:
    """One part of a caption: commas in it would make two."""
    return " ".join(text.replace(",", " ").split())


def is_common(tag: str, tokens: Tokens) -> bool:
    """Whether every word of a tag is one that the model knows well: then it is learnt on top of what that means."""
    words = tag.replace("-", " ").replace("_", " ").split()
    pieces = [tokens(word) for word in words]
    return bool(words) and all(len(numbers) == 1 and numbers[0] < _COMMON for numbers in pieces)
