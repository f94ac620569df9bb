"""Where everything of one installation lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from installer import pythons
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

    def open(self, keep_open: int | None) -> None:
        """Read the journal; called with the lock held (`keep_open`: its descriptor, which pip inherits)."""
        journal = self.state / "journal.json"
        self.journal_was_there = journal.is_file()
        self.journal = Journal(journal)
        self.pip = Pip(self.python, self.log, self.scratch, keep_open)

    @property
    def environment_id(self) -> str:
        """Changes when `.venv` is made again, so that everything inside it is, too."""
        return str((self.journal.facts.get("environment") or {}).get("id"))

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
