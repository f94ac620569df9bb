"""A network that helps where its file is in ComfyUI's models, held as ComfyUI holds its other models."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Generic, TypeVar

import comfy.model_management
import folder_paths

from ..weights_file import FileNetwork, WeightsFileError
from .stand_in import StandIn

N = TypeVar("N", bound=FileNetwork[Any])


class InstalledNetwork(Generic[N]):
    """The network of `kind`, in ComfyUI's folders of the name `folder` where it has some, or in models/`folder`."""

    def __init__(self, kind: type[N], folder: str) -> None:
        self._kind, self._folder = kind, folder
        self._opened: tuple[tuple[str, int, int], N] | None = None
        """With path, size and time of its file."""

    def identity(self) -> str:
        """What changes when another file would be used, or the same one in another version; "" where there is none."""
        facts = self._facts()
        return "" if facts is None or not self._kind.is_available() else repr(facts)

    def get(self) -> N | None:
        """The network, ready for use; None where none is installed, or it is damaged: it only helps."""
        facts = self._facts()
        if facts is None:
            return None
        if not self._kind.is_available():
            logging.warning("%s It is not asked.", self._kind.explain_missing())
            return None
        if self._opened is not None and self._opened[0] != facts:  # the file was replaced
            self._opened[1].close()
            self._opened = None
        comfy.model_management.throw_exception_if_processing_interrupted()
        if self._opened is None:
            self._opened = facts, self._managed(Path(facts[0]), facts[1])
        network = self._opened[1]
        if not network.is_open:
            logging.info("Loading %s", network.path.name)
        try:
            network.open()
        except WeightsFileError as error:
            logging.warning("%s It is not asked.", error)
            return None
        return network

    def _managed(self, path: Path, size: int) -> N:
        """The network of a file of so many bytes, which ComfyUI unloads with its other models."""
        device = comfy.model_management.get_torch_device()
        network = self._kind(path, device=device)
        network.make_room = StandIn(size, device, network.close).load
        return network

    def _facts(self) -> tuple[str, int, int] | None:
        """Path, size and time of the file; None where there is none, or it has just gone."""
        path = self._path()
        try:
            facts = None if path is None else Path(path).stat()
        except OSError:
            return None
        return None if path is None or facts is None else (path, facts.st_size, facts.st_mtime_ns)

    def _path(self) -> str | None:
        if self._folder in folder_paths.folder_names_and_paths:
            found = folder_paths.get_full_path(self._folder, self._kind.FILE)
            if found is not None:
                return str(found)
        beside = Path(folder_paths.models_dir, self._folder, self._kind.FILE)
        return str(beside) if beside.is_file() else None
