"""The head of a safetensors file: what it says of itself, and whether the file is as long as it says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.files.reading import open_file
from runner.untrusted import items, mapping, number, text

_LARGEST_HEAD = 100_000_000
"""Bytes: the format's own limit."""


def read_head(path: Path) -> Mapping[str, Any] | None:
    """Names of tensors and what is said of each; None where it is no whole safetensors file."""
    try:
        with open_file(path) as stream:
            length = int.from_bytes(stream.read(8), "little")
            size = os.fstat(stream.fileno()).st_size
            if not 2 <= length <= min(size - 8, _LARGEST_HEAD):
                return None
            head = mapping(json.loads(stream.read(length)))
    except (OSError, ValueError, RecursionError):
        return None
    ends = [items(mapping(one).get("data_offsets"))[1:] for name, one in head.items() if name != "__metadata__"]
    numbers = [number(end[0]) for end in ends if end]
    whole = len(numbers) == len(ends) > 0 and max(-1 if one is None else one for one in numbers) == size - 8 - length
    return head if whole else None


def is_whole(path: Path) -> bool:
    """Whether a file is a safetensors file, and as long as its head says."""
    return read_head(path) is not None


def said_of(path: Path, name: str) -> str:
    """What its metadata says under a name; "" where it says nothing, or is no whole safetensors file."""
    head = read_head(path)
    return "" if head is None else text(mapping(head.get("__metadata__")).get(name))
