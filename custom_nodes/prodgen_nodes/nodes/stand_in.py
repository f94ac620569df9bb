"""Networks that are none of ComfyUI's own, in its list of loaded models: room is made for them, and they are freed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import torch


class StandIn:
    """An empty module in the place of a network of so many `size` bytes on a `device`; `close` is called when ComfyUI
    unloads it: under memory pressure, and by `POST /free`."""

    def __init__(self, size: int, device: torch.device, close: Callable[[], None]) -> None:
        self._close = close
        known = size if device.type == "cuda" else 1
        self._patcher = comfy.model_patcher.ModelPatcher(torch.nn.Identity(), device, torch.device("cpu"), size=known)
        self._patcher.add_callback(comfy.patcher_extension.CallbacksMP.ON_DETACH, self._detached)

    def load(self) -> None:
        """Make room, and stand there as the model that was used last."""
        comfy.model_management.load_models_gpu([self._patcher])

    def _detached(self, _patcher: Any, unpatch_all: bool) -> None:
        if unpatch_all:
            self._close()
