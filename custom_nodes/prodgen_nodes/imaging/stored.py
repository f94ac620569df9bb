"""Weights of the pack's own small networks, which are kept in half precision beside the code that uses them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor


def stored_weights(path: Path, device: torch.device) -> dict[str, Tensor]:
    """Every tensor of the safetensors file by its name, in single precision on `device`."""
    return {name: value.float() for name, value in load_file(str(path), device=str(device)).items()}
