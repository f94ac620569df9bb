"""What a training has to remember to go on as if nothing had been: weights, optimizer, losses, the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .files import read_weights, write_weights

_WEIGHT, _OPTIMIZER, _LOSSES = "weight.", "optimizer.", "losses"


@dataclass
class Progress:
    """How far a training is."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    """The optimizer's own state of each weight, by its place."""

    def save(self, path: Path, identity: str) -> None:
        tensors = {f"{_WEIGHT}{name}": one for name, one in self.weights.items()}
        for place, state in self.optimizer.items():
            tensors |= {f"{_OPTIMIZER}{place}.{key}": value for key, value in state.items()}
        tensors[_LOSSES] = torch.tensor(self.losses, dtype=torch.float64)
        write_weights(path, tensors, {"identity": identity, "step": str(self.step)})

    @classmethod
    def load(cls, path: Path, identity: str) -> Progress | None:
        """None where there is none, or it is damaged, or another training's: then training begins at the start."""
        try:
            tensors, metadata = read_weights(path)
            if metadata.get("identity") != identity:
                return None
            progress = cls(int(metadata["step"]), tensors.pop(_LOSSES).tolist())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        for name, tensor in tensors.items():
            if name.startswith(_WEIGHT):
                progress.weights[name.removeprefix(_WEIGHT)] = tensor
            else:
                place, _, key = name.removeprefix(_OPTIMIZER).partition(".")
                progress.optimizer.setdefault(int(place), {})[key] = tensor
        return progress

    def put_into(self, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
        """Set weights and optimizer to what they were.

        The tensors are copied: a node loads them in inference mode, and such ones cannot be trained on.
        """
        with torch.no_grad():
            for name, tensor in self.weights.items():
                weights[name].copy_(tensor)
        whole = optimizer.state_dict()
        whole["state"] = {
            place: {key: value.clone() for key, value in state.items()} for place, state in self.optimizer.items()
        }
        optimizer.load_state_dict(whole)

    @classmethod
    def of(
        cls, step: int, losses: list[float], weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
    ) -> Progress:
        """How far it is now."""
        states: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
        kept = {
            place: {
                key: value if isinstance(value, Tensor) else torch.tensor(float(value)) for key, value in one.items()
            }
            for place, one in states.items()
        }
        return cls(step, list(losses), dict(weights), kept)
