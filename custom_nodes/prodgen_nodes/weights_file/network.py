"""A network whose weights lie in a file, as its authors publish them."""

from __future__ import annotations

import importlib.util
import sys
from abc import abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from .errors import WeightsFileError

M = TypeVar("M", bound=nn.Module)


class FileNetwork(Generic[M]):
    """A network in its authors' file, opened on first use; `close` gives its memory back."""

    TITLE: ClassVar[str]
    FILE: ClassVar[str]
    PACKAGES: ClassVar[tuple[str, ...]]
    """What it runs on beside torch."""

    def __init__(self, path: Path, *, device: torch.device | None = None) -> None:
        self.path = path
        self.make_room: Callable[[], None] | None = None
        """Called before every use, in time to free memory for it."""
        self._device = device or torch.device("cpu")
        self._module: M | None = None

    @classmethod
    def is_available(cls) -> bool:
        """Whether the packages that it runs on are installed (they are not imported to find out)."""
        return all(importlib.util.find_spec(package) is not None for package in cls.PACKAGES)

    @classmethod
    def explain_missing(cls) -> str:
        """What to do where they are not."""
        names = " and ".join(cls.PACKAGES)
        return (
            f"{cls.TITLE} runs on {names}, which the Python of this ComfyUI lacks. Install that and restart: "
            f"{sys.executable} -m pip install {' '.join(cls.PACKAGES)}"
        )

    @property
    def is_open(self) -> bool:
        return self._module is not None

    def open(self) -> M:
        """Read the file, unless it is open already. Raises WeightsFileError where it is not this network's."""
        if self.make_room is not None:
            self.make_room()
        if self._module is None:
            if not self.is_available():
                raise WeightsFileError(self.explain_missing())
            self._module = self._read().to(self._device).eval().requires_grad_(requires_grad=False)
        return self._module

    def close(self) -> None:
        """Give the network's memory back."""
        self._module = None

    @abstractmethod
    def _read(self) -> M:
        """The network of `path`. Raises WeightsFileError where it is no such network."""

    def _filled(self, module: M, weights: dict[str, Tensor], unused: Collection[str] = ()) -> M:
        """The `module` with the `weights`, but for those `unused`. Raises WeightsFileError where they do not fit."""
        name = self.path.name
        try:
            missing, unexpected = module.load_state_dict(weights, strict=False)
        except RuntimeError as error:  # other shapes
            raise WeightsFileError(f"{name} is not {self.TITLE}: its weights have other shapes.") from error
        lacking = set(missing) - set(unused)
        if lacking or unexpected:
            raise WeightsFileError(
                f"{name} is not {self.TITLE}: {len(lacking)} of its weights are missing, {len(unexpected)} are unknown."
            )
        loaded = module.state_dict().items()
        if not all(bool(torch.isfinite(value).all()) for key, value in loaded if key not in unused):
            raise WeightsFileError(f"{name} is damaged: some of its weights are no numbers. Fetch it again.")
        return module


def published_weights(path: Path) -> dict[str, Tensor]:
    """What the file holds, by its authors' names. Raises WeightsFileError where it holds no weights; runs no code."""
    try:
        published = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle fails in whatever it comes upon
        raise WeightsFileError(f"{path.name} cannot be read: delete it and fetch it again ({error}).") from error
    if not isinstance(published, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in published.items()
    ):
        raise WeightsFileError(f"{path.name} holds no network's weights.")
    return published
