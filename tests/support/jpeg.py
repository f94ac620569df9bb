"""What is left of a picture that was saved as a JPEG."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor


def coded(picture: NDArray[np.floating[Any]], quality: int) -> NDArray[np.float64]:
    """`[H,W,3]` sRGB 0..1, as a JPEG of this quality with a colour for each two by two pixels."""
    stream = io.BytesIO()
    pixels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(stream), dtype=np.float64) / 255


def as_jpeg(picture: Tensor, quality: int = 88) -> Tensor:
    """The same of a tensor `[H,W,3]`."""
    return torch.from_numpy(coded(picture.numpy(), quality)).to(picture)
