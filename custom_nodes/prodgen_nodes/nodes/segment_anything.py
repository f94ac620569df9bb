"""MobileSAM from models/sams, held as ComfyUI holds its other models."""

from __future__ import annotations

import logging
from pathlib import Path

import comfy.model_management
import folder_paths
from torch import Tensor

from ..segment_anything import FILE, MobileSam, Seen, SegmentAnythingError, explain_missing, is_available
from ..segment_anything.network import Parts
from .stand_in import StandIn

FOLDER = "sams"
"""Where packs that run Segment Anything keep its weights."""


class ManagedMobileSam(MobileSam):
    """The network, which ComfyUI unloads with its other models."""

    def __init__(self, path: Path) -> None:
        device = comfy.model_management.get_torch_device()
        super().__init__(path, device=device)
        self._stand_in = StandIn(path.stat().st_size, device, self.close)

    def open(self) -> Parts:
        if not self.is_open:
            logging.info("Loading %s", self.path.name)
        self._stand_in.load()
        return super().open()


_loaded: dict[tuple[str, int, int], ManagedMobileSam] = {}
"""By path, size and time of the file."""


def identity() -> str:
    """What changes when `see` would take another file, or the same one in another version; "" where there is none."""
    facts = _facts()
    return "" if facts is None or not is_available() else repr(facts)


def see(picture: Tensor) -> Seen | None:
    """A picture `[1,H,W,3]` as the installed network sees it; None where none is installed, or it is damaged: it only
    helps."""
    facts = _facts()
    if facts is None:
        return None
    if not is_available():
        logging.warning("%s It is not asked.", explain_missing())
        return None
    for old in [key for key in _loaded if key != facts]:
        _loaded.pop(old).close()  # the file was replaced
    comfy.model_management.throw_exception_if_processing_interrupted()
    if facts not in _loaded:
        _loaded[facts] = ManagedMobileSam(Path(facts[0]))
    try:
        return _loaded[facts].see(picture)
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


def _facts() -> tuple[str, int, int] | None:
    """Path, size and time of the file; None where there is none, or it has just gone."""
    path = _path()
    try:
        facts = None if path is None else Path(path).stat()
    except OSError:
        return None
    return None if path is None or facts is None else (path, facts.st_size, facts.st_mtime_ns)
