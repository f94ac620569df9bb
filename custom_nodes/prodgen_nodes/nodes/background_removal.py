"""Load Background Removal Model (ONNX): ISNet, U²-Net and their kind on core's background-removal wire."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import comfy.model_management
import folder_paths
from comfy_api.latest import io
from torch import Tensor

from ..background_removal import (
    FITS,
    Architecture,
    ModelFileError,
    OnnxBackgroundRemoval,
    by_rank,
    explain_missing,
    is_available,
    recognise,
)
from . import segment_anything
from .common import CATEGORY, output
from .stand_in import StandIn

_FOLDER = "background_removal"
_NONE = "none installed"
HOW_TO_INSTALL = (
    "In prodgen's folder: python -m runner models download --default. Or put isnet-general-use.onnx or u2netp.onnx "
    "into models/background_removal of ComfyUI."
)


class ManagedBackgroundRemoval(OnnxBackgroundRemoval):
    """A network that ComfyUI unloads with its other models: under memory pressure, and by `POST /free`."""

    def __init__(self, path: Path, *, name: str, fit: str) -> None:
        device = comfy.model_management.get_torch_device()
        super().__init__(path, name=name, device=device, fit=fit)
        self._stand_in = StandIn(path.stat().st_size, device, self.close)

    def open(self) -> None:
        if self.is_open:
            return
        logging.info("Loading background removal model %s", self.name)
        self._stand_in.load()
        super().open()

    def _mask(self, picture: Tensor) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        return super()._mask(picture)


_Identity = tuple[str, int, int]
_loaded: dict[tuple[_Identity, str], ManagedBackgroundRemoval] = {}
"""By file (path, size, time) and fit."""


def _files() -> dict[str, int]:
    """Name (with its sub-folder) and size of every .onnx file; core's own list leaves this kind out."""
    sizes: dict[str, int] = {}
    for folder in folder_paths.get_folder_paths(_FOLDER):
        for name in folder_paths.recursive_search(folder, excluded_dir_names=[".git"])[0]:
            path = Path(folder, name)
            if path.suffix.lower() == ".onnx" and path.is_file():
                sizes.setdefault(name, path.stat().st_size)
    return sizes


def installed() -> list[str]:
    """The installed ONNX models, best first; files that are not recognised come last."""
    return by_rank(_files())


def load(name: str, fit: str = "squash") -> OnnxBackgroundRemoval:
    """The model of this file name, ready to use; the same object as long as the file stays the same.

    Raises ModelFileError where onnxruntime is missing, there is no such file, or it is no such model.
    """
    if not is_available():
        raise ModelFileError(explain_missing())
    path = folder_paths.get_full_path(_FOLDER, name)
    if path is None:
        what = "No background-removal model of the ONNX kind is" if name == _NONE else f"{name} is not"
        raise ModelFileError(f"{what} installed. {HOW_TO_INSTALL}")
    file = _identity(path)
    for old in [key for key in _loaded if key[0][0] == path and key[0] != file]:
        _loaded.pop(old).close()  # the file was replaced
    model = _loaded.get((file, fit))
    if model is None:
        model = ManagedBackgroundRemoval(Path(path), name=name, fit=fit)
        model.open()
        _loaded[(file, fit)] = model
    return model


def best() -> OnnxBackgroundRemoval | None:
    """The best installed model of those that are recognised; None where there is none, or no onnxruntime.

    Raises ModelFileError where that model's file is damaged.
    """
    name = _chosen()[0] if is_available() else None
    return None if name is None else load(name)


def second() -> OnnxBackgroundRemoval | None:
    """The quickest installed model of another kind than `best`, to be asked where that one hesitates; None where there
    is none.

    Raises ModelFileError where that model's file is damaged.
    """
    name = _chosen()[1] if is_available() else None
    return None if name is None else load(name)


def third() -> OnnxBackgroundRemoval | None:
    """The best installed model of another kind than `best` and `second`, that reads as few pixels as the latter: asked
    where the cut-out is doubted; None where there is none.

    Raises ModelFileError where that model's file is damaged.
    """
    name = _chosen()[2] if is_available() else None
    return None if name is None else load(name)


def identity_of_best(method: str = "model") -> str:
    """What changes when `best`, `second`, `third` or Segment Anything would take another file, or the same one in
    another version; "" where they take none.

    `method`: how things are cut out; those other than auto and model take none.
    """
    if method not in ("auto", "model") or not is_available():
        return ""
    names = [name for name in _chosen() if name is not None]
    paths = [folder_paths.get_full_path(_FOLDER, name) for name in names]
    return " ".join([*(repr(_identity(path)) for path in paths if path is not None), segment_anything.identity()])


def model_input() -> io.BackgroundRemoval.Input:
    """The model that a node cuts out with, where one is connected."""
    return io.BackgroundRemoval.Input(
        "bg_removal_model",
        optional=True,
        tooltip="From 'Load Background Removal Model (ONNX)', or ComfyUI's own loader for BiRefNet. "
        "Without it, the best model installed in models/background_removal is used.",
    )


def how_to_get_one() -> str:
    """What a person does so that `best` finds a model."""
    return HOW_TO_INSTALL if is_available() else explain_missing()


def _known() -> list[tuple[str, Architecture]]:
    """Name and architecture of the installed files that are recognised, best first."""
    sizes = _files()
    known = ((name, recognise(name, sizes[name])) for name in by_rank(sizes))
    return [(name, network.architecture) for name, network in known if network is not None]


def _chosen() -> tuple[str | None, str | None, str | None]:
    """Names of the models that `best`, `second` and `third` are. The quickest is the one with the fewest weights, which
    ranks last."""
    known = _known()
    coarser = [(name, kind) for name, kind in known if kind.side < known[0][1].side]
    third = next((name for name, kind in coarser if kind != coarser[-1][1]), None)
    return known[0][0] if known else None, coarser[-1][0] if coarser else None, third


def _identity(path: str) -> _Identity:
    facts = Path(path).stat()
    return (path, facts.st_size, facts.st_mtime_ns)


class ProdgenLoadBackgroundRemoval(io.ComfyNode):
    """A learned eye for products, from a file of models/background_removal."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenLoadBackgroundRemoval",
            display_name="Load Background Removal Model (ONNX)",
            category=CATEGORY,
            description=(
                "Loads a background-removal network from an ONNX file (ISNet, U²-Net, U²-Net-P) for 'Segment Product' "
                "and for ComfyUI's own 'Remove Background'. Runs on onnxruntime, on the GPU where that can."
            ),
            has_intermediate_output=True,
            search_aliases=["rembg", "isnet", "u2net", "onnx", "remove background", "background removal", "dis"],
            inputs=[
                io.Combo.Input(
                    "model",
                    options=installed() or [_NONE],
                    tooltip="A file of models/background_removal, best first. "
                    + (explain_missing() if not is_available() else "ISNet is the best, U²-Net-P the quickest."),
                ),
                io.Combo.Input(
                    "fit",
                    options=list(FITS),
                    default=FITS[0],
                    optional=True,
                    advanced=True,
                    tooltip="How a picture becomes the network's square. squash: as the networks were trained. "
                    "letterbox: its proportions are kept and its border continued.",
                ),
            ],
            outputs=[
                io.BackgroundRemoval.Output(
                    display_name="bg_model", tooltip="For Segment Product or Remove Background."
                ),
                io.String.Output(display_name="report", tooltip="JSON: file, kind, input size, where it runs."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, model: str, **_: Any) -> str:
        """A file that was put there or replaced since the last run is read again."""
        path = folder_paths.get_full_path(_FOLDER, model)
        return "" if path is None else repr(_identity(path))

    @classmethod
    def execute(cls, model: str, fit: str = FITS[0]) -> io.NodeOutput:
        loaded = load(model, fit)
        report = {
            "model": loaded.name,
            "kind": loaded.kind,
            "image_size": loaded.image_size,
            "fit": loaded.fit,
            "runs_on": "gpu" if loaded.on_gpu else "cpu",
        }
        return output(loaded, report=report)
