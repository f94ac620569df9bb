"""onnxruntime: found, told how many threads to use, and its failures put into words."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch

from .errors import ModelFileError

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


def is_available() -> bool:
    """Whether onnxruntime is installed in this Python (it is not imported to find out)."""
    return importlib.util.find_spec("onnxruntime") is not None


def explain_missing() -> str:
    """What to do where it is not."""
    return (
        "Background-removal models of the ONNX kind run on the package onnxruntime, which is not installed in the "
        f"Python of this ComfyUI. Install it and restart: {sys.executable} -m pip install onnxruntime"
    )


def _import() -> Any:
    if not is_available():
        raise ModelFileError(explain_missing())
    try:
        import onnxruntime
    except ImportError as error:  # a library of the system that it needs is missing
        raise ModelFileError(f"onnxruntime is installed but does not load ({error}). Install it again.") from error
    return onnxruntime


def providers(device: torch.device) -> list[Any]:
    """CUDA first where `device` is a CUDA device and this onnxruntime has it; the processor always."""
    accelerated = []
    if device.type == "cuda" and CUDA in _import().get_available_providers():
        accelerated.append((CUDA, {"device_id": device.index or 0, "arena_extend_strategy": "kSameAsRequested"}))
    return [*accelerated, CPU]


def open_session(path: Path, device: torch.device) -> Any:
    """An onnxruntime session for the file.

    It uses as many threads as torch does, one after the other with torch's: threads that spin while they wait would
    take the cores from it.

    Raises ModelFileError where onnxruntime is missing, or the file cannot be read as a model.
    """
    runtime = _import()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # with the shrinking below: a third less memory at the same speed
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return runtime.InferenceSession(str(path), options, providers=providers(device))
    except Exception as error:  # its exceptions share no base class
        raise ModelFileError(
            f"{path.name} cannot be read as a model: it is damaged, incomplete or of another kind "
            f"({_first_line(error)}). Delete it and fetch it again."
        ) from error


def run(session: Any, feed: dict[str, Any], output: str, name: str) -> Any:
    """The one named output, as a numpy array. What the network needed in between is given back: over a gigabyte.

    Raises ModelFileError that says why where the network fails.
    """
    options = _import().RunOptions()
    options.log_severity_level = 3
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    try:
        return session.run([output], feed, options)[0]
    except Exception as error:  # its exceptions share no base class
        raise ModelFileError(f"{name} cannot be run on this picture ({_first_line(error)}).") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
