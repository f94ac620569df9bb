"""MobileSAM from models/sams, held as ComfyUI holds its other models."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import folder_paths
import torch
from torch import Tensor

from ..segment_anything import FILE, MobileSam, Seen, SegmentAnythingError, explain_missing, is_available
from ..segment_anything.network import Parts

FOLDER = "sams"
"""Where packs that run Segment Anything keep its weights."""


class ManagedMobileSam(MobileSam):
    """The network, moved to the GPU and off it again by ComfyUI, and freed by `POST /free`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, device=comfy.model_management.get_torch_device())
        self._patcher: Any = None

    def open(self) -> Parts:
        if self._parts is None:
            logging.info("Loading %s", self.path.name)
            self._parts = self.read()
            self._patcher = comfy.model_patcher.ModelPatcher(self._parts, self._device, torch.device("cpu"))
            self._patcher.add_callback(comfy.patcher_extension.CallbacksMP.ON_DETACH, self._detached)
        comfy.model_management.load_models_gpu([self._patcher])
        return self._parts

    def _detached(self, _patcher: Any, unpatch_all: bool) -> None:
        if unpatch_all:
            self.close()


_loaded: dict[tuple[str, int, int], ManagedMobileSam] = {}
"""By path, size and time of the file."""


def identity() -> str:
    """What changes when `see` would take another file, or the same one in another version; "" where there is none."""
    path = _path()
    return "" if path is None or not is_available() else repr(_facts(path))


def see(picture: Tensor) -> Seen | None:
    """A picture `[1,H,W,3]` as the installed network sees it; None where none is installed, or it is damaged: it only
    helps."""
    path = _path()
    if path is None:
        return None
    if not is_available():
        logging.warning("%s It is not asked.", explain_missing())
        return None
    facts = _facts(path)
    for old in [key for key in _loaded if key != facts]:
        _loaded.pop(old).close()  # the file was replaced
    comfy.model_management.throw_exception_if_processing_interrupted()
    try:
        return _loaded.setdefault(facts, ManagedMobileSam(Path(path))).see(picture)
    except SegmentAnythingError as error:
        logging.warning("%s It is not asked.", error)
        return None


def _path() -> str | None:
    """The file, in ComfyUI's folders for such weights where it has some, or in models/sams."""
    if FOLDER in folder_paths.folder_names_and_paths:
        found = folder_paths.get_full_path(FOLDER, FILE)
        if found is not None:
            return str(found)
    beside = Path(folder_paths.models_dir, FOLDER, FILE)
    return str(beside) if beside.is_file() else None


def _facts(path: str) -> tuple[str, int, int]:
    facts = Path(path).stat()
    return (path, facts.st_size, facts.st_mtime_ns)
