"""Made-up weights that are tiny on disk: views into one block of random numbers, which `torch.save` stores once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

Weights = dict[str, torch.Tensor]

STD = 0.02
"""What transformers are initialised with, so that activations stay finite in half precision."""
_BLOCK = 600_000  # the longest single row is that of Depth Anything's places: 1370 × 384
_FLAT = 1 << 16
_STRIDE_OF_OFFSETS = 104_729
"""A prime: weights that are taken one after the other begin at different places of the block."""


class Pool:
    """Hands out weights of any shape. The same seed gives the same numbers in the same order.

    Matrices and kernels are views into one block of N(0, std²); a weight larger than the block has rows that overlap,
    each shifted against the one before. One-dimensional weights are the scales of norms (1), biases are 0.
    """

    def __init__(self, seed: int, *, std: float = STD, dtype: torch.dtype = torch.float16) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._block = (torch.randn(_BLOCK, generator=generator) * std).to(dtype)
        self._ones, self._zeros = torch.ones(_FLAT, dtype=dtype), torch.zeros(_FLAT, dtype=dtype)
        self._taken = 0

    def random(self, shape: Iterable[int]) -> torch.Tensor:
        """N(0, std²)."""
        rows, *rest = sizes = tuple(shape)
        width = math.prod(rest)
        step = width if rows * width <= _BLOCK else (_BLOCK - width) // (rows - 1)
        free = _BLOCK - (rows - 1) * step - width
        offset = self._taken * _STRIDE_OF_OFFSETS % (free + 1)
        self._taken += 1
        inner = [math.prod(rest[place + 1 :]) for place in range(len(rest))]
        return torch.as_strided(self._block, sizes, (step, *inner), offset)

    def ones(self, shape: Iterable[int]) -> torch.Tensor:
        return _shaped(self._ones, tuple(shape))

    def zeros(self, shape: Iterable[int]) -> torch.Tensor:
        return _shaped(self._zeros, tuple(shape))

    def fill(self, shapes: Mapping[str, torch.Size]) -> Weights:
        """One tensor for every name: norms 1, biases 0, everything else random."""
        return {name: self._tensor(name, shape) for name, shape in shapes.items()}

    def _tensor(self, name: str, shape: torch.Size) -> torch.Tensor:
        if name.endswith("position_ids"):
            return torch.arange(shape[-1]).expand(shape)
        if len(shape) > 1:
            return self.random(shape)
        return self.zeros(shape) if name.endswith("bias") else self.ones(shape)


def _shaped(flat: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """A view of `shape`; beyond the stored length its rows are all the same memory."""
    count = math.prod(shape)
    if count <= flat.numel():
        return flat[:count].view(shape)
    return flat[: shape[-1]].expand(shape)


def shapes_of(module: torch.nn.Module) -> dict[str, torch.Size]:
    """Name and shape of every weight of a module (built on the `meta` device, so it takes no memory)."""
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


def prefixed(prefix: str, weights: Mapping[str, torch.Tensor]) -> Weights:
    return {prefix + name: tensor for name, tensor in weights.items()}


def save(weights: Weights, path: Path) -> None:
    """Write the file in one step: a run that is broken off leaves the old file or none. The same weights give the
    same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    torch.save(weights, draft)
    draft.replace(path)
