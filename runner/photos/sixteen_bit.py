"""Pictures with 16 bits a channel, read at full depth.

Pillow opens 16-bit RGB but keeps only the high byte of each value, which darkens the picture by half a level. Its
decoders can also be asked for the low byte, by naming the opposite byte order; the two halves make the whole.
numpy, a third of a command's start, is imported for such pictures only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Uint16 = npt.NDArray[np.uint16]

_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
"""Tags of TIFF."""
GRAY_STEPS = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies the values of a gray PNG with that has fewer than 8 bits: 3 and 15 become 255."""
_EXACT = ("RGB;16", "RGBA;16", "RGBX;16")


def raw_mode(image: Image.Image) -> str:
    """How the decoder is told the pixels lie in the file, e.g. `RGB;16B`."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    args = tiles[0].args
    return str(args if isinstance(args, str) else args[0] if args else "")


def is_deep(image: Image.Image) -> bool:
    """16 bits a channel? To be asked before the image is loaded: afterwards only the mode is left to tell."""
    tags = getattr(image, "tag_v2", None)
    bits = tags.get(_BITS_PER_SAMPLE, ()) if tags is not None else ()
    return image.mode.startswith("I;16") or ";16" in raw_mode(image) or 16 in bits


def read_deep(reopen: Callable[[], Image.Image]) -> Uint16 | None:
    """`[H, W, C]` values of a 16-bit picture (C = 1, 2, 3 or 4); None where the layout cannot be read exactly.

    `reopen` gives a fresh, not yet decoded image each time.
    """
    import numpy as np

    image = reopen()
    layout = raw_mode(image)
    if image.mode.startswith("I;16"):
        gray: Uint16 = np.asarray(image).astype(np.uint16)
        # TIFF photometric 0: white is zero, which Pillow leaves to the reader at this depth
        tags = getattr(image, "tag_v2", None)
        if tags is not None and tags.get(_PHOTOMETRIC) == 0:
            gray = np.invert(gray)
        return gray[..., None]
    if layout == "LA;16B":  # gray and alpha: four bytes a pixel, as RGBA has
        halves = np.asarray(_with_layout(image, "RGBA"))
        return _joined(halves[..., 0::2], halves[..., 1::2])
    if not layout.startswith(_EXACT) or layout[-1] not in _OTHER_BYTE:
        return None
    low = np.asarray(_with_layout(reopen(), layout[:-1] + _OTHER_BYTE[layout[-1]]))
    high = np.asarray(image)
    return _joined(high, low)


def _joined(high: npt.NDArray[np.uint8], low: npt.NDArray[np.uint8]) -> Uint16:
    import numpy as np

    values: Uint16 = high.astype(np.uint16)
    values <<= 8
    values |= low
    return values


def _with_layout(image: Image.Image, layout: str) -> Image.Image:
    tiles = []
    for tile in image.tile:  # type: ignore[attr-defined] # every file-backed image has it
        args = layout if isinstance(tile.args, str) else (layout, *tile.args[1:])
        tiles.append(tile._replace(args=args))
    image.tile = tiles  # type: ignore[attr-defined]
    image.load()
    return image


def to_8_bit(values: Uint16) -> npt.NDArray[np.uint8]:
    """65535 → 255 with rounding (v / 257), a few rows at a time."""
    import numpy as np

    result = np.empty(values.shape, np.uint8)
    for top in range(0, values.shape[0], 256):
        result[top : top + 256] = (values[top : top + 256].astype(np.uint32) * 255 + 32767) // 65535
    return result
