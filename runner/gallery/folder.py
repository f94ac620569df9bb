"""A folder per prompt, named by the prompt's hash, with the prompt itself in `prompt.txt`."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from runner.errors import UsageError

PROMPT_FILE = "prompt.txt"
_DIGITS = 12
"""Of sha256: 48 bits, with a million prompts one chance in 500 that two share a folder."""


def prompt_hash(prompt: str) -> str:
    """The folder's name: the same words, the same folder, however they are spaced."""
    return hashlib.sha256(" ".join(prompt.split()).encode()).hexdigest()[:_DIGITS]


def prompt_folder(out: Path, prompt: str) -> Path:
    """The prompt's folder below `out`, made if need be, its `prompt.txt` in it. Raises UsageError."""
    folder = out / prompt_hash(prompt)
    note = folder / PROMPT_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not note.exists():
            part = folder / f".{PROMPT_FILE}.{os.getpid()}"
            try:
                part.write_text(prompt.strip() + "\n", encoding="utf-8")
                part.replace(note)
            finally:
                with contextlib.suppress(OSError):
                    part.unlink()
    except OSError as error:
        raise UsageError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}.", advice="Choose another --out."
        ) from error
    return folder


def facts(*, scale: float | None, steps: int | None, sampler: str | None, strength: float | None = None) -> str:
    """What a file name says between its time and its seed: `scale6_strength0.35_steps20_euler`. None: not known."""
    numbers = {"scale": scale, "strength": strength, "steps": steps}
    named = [f"{name}{number:g}" for name, number in numbers.items() if number is not None]
    return "_".join([*named, *([sampler] if sampler is not None else [])])
