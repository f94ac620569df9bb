"""What objects are called: the labels that were asked for, and how one stands in a file name."""

from __future__ import annotations

import unicodedata

OBJECT = "object"
_MOST_LABELS, _MOST_LETTERS, _MOST_BYTES = 32, 60, 40
"""Of one list, more than a person asks for; letters of one label, and bytes of it in a file's name: with number and
suffix it stays within what every file system takes."""


def labels_of(text: str) -> list[str]:
    """`"bag, shoe"` as `["bag", "shoe"]`: separated by commas or lines, each once, blanks tidied.

    What cannot be seen (control characters, half a surrogate pair) is no part of a label.
    """
    labels: dict[str, str] = {}
    for part in text.replace("\n", ",").replace(";", ",").split(","):
        seen = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in part)
        label = " ".join(seen.split())[:_MOST_LETTERS].strip()
        if label:
            labels.setdefault(label.casefold(), label)
    return list(labels.values())[:_MOST_LABELS]


def file_label(label: str) -> str:
    """A label as a part of a file name, whatever it is: letters and digits of any script, `_` between them."""
    plain = unicodedata.normalize("NFC", label)
    kept = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in plain)
    name = "_".join(kept.split()).encode("utf-8", "ignore")[:_MOST_BYTES].decode("utf-8", "ignore").strip("_")
    return name or OBJECT
