"""What has been finished, so that an interrupted installation goes on where it stopped.

A step is recorded with a fingerprint of everything it depended on, after it is complete. A step whose fingerprint is
still the recorded one is not done again; anything else is simply done again, and every step can be.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any


def write_atomically(path: Path, text: str) -> None:
    """Replace a small file so that a reader finds the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


class Journal:
    """`.comfyui/journal.json`: finished steps by name, and what else must be remembered (`facts`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.steps: dict[str, str] = {}
        self.facts: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
            saved = json.loads(path.read_text(encoding="utf-8"))
            self.steps = {str(name): str(value) for name, value in saved["steps"].items()}
            self.facts = dict(saved["facts"])

    def save(self) -> None:
        write_atomically(self.path, json.dumps({"steps": self.steps, "facts": self.facts}, indent=2) + "\n")

    def is_done(self, step: str, fingerprint: str) -> bool:
        return self.steps.get(step) == fingerprint

    def done(self, step: str, fingerprint: str) -> None:
        self.steps[step] = fingerprint
        self.save()

    def forget(self, *steps: str) -> None:
        for step in steps:
            self.steps.pop(step, None)
        self.save()

    def remember(self, **facts: Any) -> None:
        self.facts.update(facts)
        self.save()


def fingerprint(*parts: object) -> str:
    """A short name for everything a step depends on."""
    return hashlib.sha256("\x00".join(str(part) for part in parts).encode()).hexdigest()[:16]
