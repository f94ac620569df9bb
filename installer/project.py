"""Where everything of one installation lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from installer import pythons
from installer.children import Children
from installer.environment import is_ours
from installer.journal import Journal, write_atomically
from installer.pip import Pip


class Project:
    """The checkout, and what the installer makes in it: `.venv` and `.comfyui`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = pythons.environment_python(self.venv)
        self.state = root / ".comfyui"
        self.comfyui = self.state / "ComfyUI"
        self.pack = root / "custom_nodes" / "prodgen_nodes"
        self.manifest = self.state / "files.txt"
        self.install_record = self.state / "install.json"
        self.log = self.state / "install.log"
        self.scratch = self.state / "tmp"
        self.lock = self.state / "install.lock"

    def open(self, keep_open: int | None) -> None:
        """Read the journal; called with the lock held (`keep_open`: its descriptor, which every child inherits)."""
        self.journal = Journal(self.state / "journal.json")
        self.children = Children(self.log, keep_open)
        self.pip = Pip(self.python, self.children, self.scratch)

    @property
    def environment_id(self) -> str:
        """Changes when `.venv` is made again, so that everything inside it is, too."""
        return str((self.journal.facts.get("environment") or {}).get("id"))

    def owns_environment(self) -> bool:
        """Whether `.venv` was made here: its own mark says so, or the journal while it is being made.

        A finished one without the mark is a person's own, put in the place of ours.
        """
        made = self.journal.facts.get("environment") or {}
        return is_ours(self.venv) or bool(made.get("ours") and not made.get("complete", True))

    def record(self, comfyui: Path, python: Path, version: str, *, managed: bool) -> None:
        """What the runner reads to start the server. Paths inside the project are relative: it may be moved."""
        record: dict[str, Any] = {
            "comfyui": str(comfyui),
            "python": str(python),
            "version": version,
            "managed": managed,
        }
        text = json.dumps(record, indent=2) + "\n"
        if not self.install_record.is_file() or self.install_record.read_text(encoding="utf-8") != text:
            write_atomically(self.install_record, text)
