"""Finished files: 8-bit PNG and JPEG with the sRGB profile, from float pictures, in bounded memory."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

Bytes8 = NDArray[np.uint8]

_QUALITIES = (95, 93, 90, 87, 84, 80, 75, 70, 60, 50)
"""Of JPEG, the best first: Pillow advises against more than 95; below 50 blocks show, and a shop would rather have a
smaller picture."""
_ROOM = 1 << 14
"""Bytes of a shop's limit left for what `prodgen` puts into the finished file: title, alt text, a signature."""
_FAST = 1
"""zlib level: 1 costs half the time of 4 for 15–18 % more bytes."""
_ROWS = 512
"""Of an 8000² picture held as floats at a time: 50 MB."""
DPI = 72
"""The resolution that shops' pages name; of no consequence on a screen, but some uploads ask for one."""
_SOURCES = {
    "composite": "compositeWithTrainedAlgorithmicMedia",
    "generated": "trainedAlgorithmicMedia",
}
SOURCES = ("photo", *_SOURCES)
"""Where the picture comes from: `photo` writes no tag, the others write IPTC's DigitalSourceType."""
_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{source}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


@dataclass(frozen=True)
class Encoded:
    """One file's bytes; `quality` is the JPEG quality that was used, 0 for a PNG."""

    data: bytes
    quality: int = 0


@functools.cache
def srgb_profile() -> bytes:
    """The sRGB ICC profile, its creation date zeroed so that equal pictures make equal files."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = bytes(12)
    return bytes(data)


def source_xmp(source: str) -> bytes | None:
    """The XMP packet that says how the picture came about; None for a plain photo."""
    return _XMP.format(source=_SOURCES[source]).encode() if source in _SOURCES else None


def to_bytes(picture: Tensor) -> Bytes8:
    """8-bit values `[H,W,C]` or `[H,W]` of a float picture 0..1, rounded (not cut off), NaN as 0."""
    out = np.empty(tuple(picture.shape), dtype=np.uint8)
    # By rows: a picture of 8000² must not be held a second time as floats.
    for row in range(0, picture.shape[0], _ROWS):
        part = picture[row : row + _ROWS].detach().float().nan_to_num(0.0).clamp(0.0, 1.0).mul(255.0).round_()
        out[row : row + _ROWS] = part.byte().cpu().numpy()
    return out


def with_alpha(color: Bytes8, alpha: Bytes8) -> Bytes8:
    """Straight RGBA `[H,W,4]` of colour `[H,W,3]` and alpha `[H,W]`; fully transparent pixels become black.

    Nobody sees them, and even areas compress to nothing.
    """
    out = np.empty((*alpha.shape, 4), dtype=np.uint8)
    for row in range(0, alpha.shape[0], _ROWS):
        part = slice(row, row + _ROWS)
        out[part, :, :3] = color[part] * (alpha[part, :, None] > 0)
        out[part, :, 3] = alpha[part]
    return out


def png(picture: Bytes8, texts: Mapping[str, str] | None = None, source: str = "photo", dpi: int = DPI) -> Encoded:
    """A PNG of `[H,W,3]`, `[H,W,4]` or `[H,W]`; `texts` become text chunks (the graph that made it)."""
    info = PngInfo()
    for key, text in (texts or {}).items():
        info.add_text(key, text)
    xmp = source_xmp(source)
    if xmp is not None:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    profile = None if picture.ndim == 2 else srgb_profile()
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    image.save(buffer, "PNG", pnginfo=info, compress_level=_FAST, icc_profile=profile, dpi=(dpi, dpi))
    return Encoded(buffer.getvalue())


def jpeg(picture: Bytes8, max_bytes: int, source: str = "photo", dpi: int = DPI) -> Encoded:
    """A JPEG of `[H,W,3]` without chroma subsampling, in the best quality that fits into `max_bytes`.

    When even the lowest quality is too large the smallest file is returned; its size says so.
    """
    image = Image.fromarray(picture)
    extra: dict[str, Any] = {"icc_profile": srgb_profile(), "dpi": (dpi, dpi)}
    if source_xmp(source) is not None:
        extra["xmp"] = source_xmp(source)
    best = Encoded(b"")
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=0, **extra)
        best = Encoded(buffer.getvalue(), quality)
        if len(best.data) <= max_bytes - _ROOM:
            break
    return best
