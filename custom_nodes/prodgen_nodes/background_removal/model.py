"""One background-removal network from an ONNX file: a picture in, a soft mask out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..imaging.tensors import check_choice, split_alpha
from . import runtime
from .architectures import Architecture, guess, recognise
from .errors import ModelFileError
from .pixels import enlarge, prepare, stretch, unfit

FITS = ("squash", "letterbox")
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_SLACK = 0.01
"""How far beyond 0..1 a mask may be by rounding (half precision, 8 bits)."""


class OnnxBackgroundRemoval:
    """A network in an ONNX file, with the interface of ComfyUI's own background-removal models (`encode_image`).

    The file is opened on first use; `close` gives its memory back, and the next use opens it again.
    """

    def __init__(
        self, path: Path, *, name: str | None = None, device: torch.device | None = None, fit: str = "squash"
    ) -> None:
        """`fit`: how a picture becomes the network's square: `squash`, as all were trained, or `letterbox`."""
        check_choice(fit, FITS, "fit")
        self.path = path
        self.name = name or path.name
        self.fit = fit
        self._device = device or torch.device("cpu")
        self._session: Any = None
        self._shape: _Shape | None = None

    # -- the session -------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._session is not None

    def open(self) -> None:
        """Read the file, unless it is open already. Raises ModelFileError where it is no such model."""
        if self.is_open:
            return
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise ModelFileError(f"{self.name} is not there any more ({self.path}).") from error
        network = recognise(self.name, size)
        try:
            session = runtime.open_session(self.path, self._device)
        except ModelFileError as error:
            if network is not None and network.bytes != size:
                raise ModelFileError(
                    f"{self.name} is incomplete or another file: {size:,} bytes instead of {network.bytes:,}. Delete "
                    "it and fetch it again."
                ) from error
            raise
        self._shape = _Shape.of(session, self.name, network.architecture if network else None)
        self._session = session

    def close(self) -> None:
        """Give the network's memory back."""
        self._session = None

    @property
    def on_gpu(self) -> bool:
        """Whether it is open and runs on the GPU."""
        return self.is_open and runtime.CUDA in self._session.get_providers()

    # -- what it is --------------------------------------------------------------------------------------------------

    def _opened(self) -> _Shape:
        if self._shape is None:
            self.open()
        assert self._shape is not None  # noqa: S101 - for the type checker: `open` sets it or raises
        return self._shape

    @property
    def kind(self) -> str:
        """`isnet`, `u2net` or `u2netp`."""
        return self._opened().architecture.kind

    @property
    def image_size(self) -> int:
        """The side of the square that the network reads."""
        return self._opened().side

    # -- what it does ------------------------------------------------------------------------------------------------

    def encode_image(self, image: Tensor) -> Tensor:
        """The masks `[B,H,W]` float32 0..1 (1 = product) of pictures `[B,H,W,C]`, at their size and on their device."""
        rgb, _ = split_alpha(image)
        height, width = rgb.shape[1:3]
        masks = rgb.new_empty(rgb.shape[:3])
        for index in range(rgb.shape[0]):
            masks[index] = enlarge(self._mask(rgb[index : index + 1]), height, width)[0]
        return masks

    def raw(self, image: Tensor) -> Tensor:
        """The same masks at the network's own resolution, `[B,h,w]`."""
        rgb, _ = split_alpha(image)
        return torch.cat([self._mask(rgb[index : index + 1]) for index in range(rgb.shape[0])])

    def _mask(self, picture: Tensor) -> Tensor:
        """The network's mask `[1,h,w]` of one picture `[1,H,W,3]`."""
        self.open()
        shape = self._opened()
        planes, box = prepare(picture, shape.architecture, shape.side, squash=self.fit == "squash")
        feed = {shape.input: planes.cpu().numpy().astype(shape.dtype, copy=False)}
        given = torch.from_numpy(runtime.run(self._session, feed, shape.output, self.name).astype(np.float32))
        mask = given.reshape(1, *given.shape[-2:]) if given.numel() == given.shape[-2] * given.shape[-1] else None
        if mask is None:
            raise ModelFileError(f"{self.name} gives {tuple(given.shape)}, which is no mask of one picture.")
        if not bool(torch.isfinite(mask).all()):
            raise ModelFileError(
                f"{self.name} gives values that are no numbers for this picture: the file is damaged, or its precision "
                "does not suffice. Take another model."
            )
        low, high = (float(value) for value in torch.aminmax(mask))
        if low < -_SLACK or high > 1 + _SLACK:
            raise ModelFileError(
                f"{self.name} gives values from {low:.2f} to {high:.2f}, which is no mask of 0 to 1: it is a kind of "
                "model that this node does not know. Take ISNet or U²-Net."
            )
        mask = stretch(mask) if shape.architecture.stretched else mask
        return unfit(mask.clamp(0.0, 1.0), box).to(picture.device)


class _Shape:
    """Names, sizes and types of a session's input and output."""

    def __init__(self, architecture: Architecture, side: int, names: tuple[str, str], dtype: Any) -> None:
        self.architecture, self.side, self.dtype = architecture, side, dtype
        self.input, self.output = names

    @classmethod
    def of(cls, session: Any, name: str, architecture: Architecture | None) -> _Shape:
        """Read from an open session. Raises ModelFileError where they are not those of a background-removal model."""
        inputs, outputs = session.get_inputs(), session.get_outputs()
        form = inputs[0].shape if len(inputs) == 1 else []
        if len(form) != 4 or inputs[0].type not in _DTYPES or (isinstance(form[1], int) and form[1] != 3):
            shapes = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
            raise ModelFileError(
                f"{name} is no background-removal model: it should read one RGB picture, not {shapes}."
            )
        sides = {side for side in form[2:] if isinstance(side, int)}
        if len(sides) > 1:
            raise ModelFileError(f"{name} reads pictures of {form[3]}×{form[2]}; only square inputs are known here.")
        side = next(iter(sides), None)
        architecture = architecture or guess(name, side)
        if architecture is None:
            raise ModelFileError(
                f"{name} is a kind of model that is not known here (input {form}). Take ISNet or U²-Net; a file of "
                "these under another name is known by 'isnet' or 'u2net' in its name."
            )
        return cls(architecture, side or architecture.side, (inputs[0].name, outputs[0].name), _DTYPES[inputs[0].type])
