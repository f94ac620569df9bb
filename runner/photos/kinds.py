"""What a file is by its first bytes, and what it seems to be where it is no usable picture."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from runner.errors import PhotoError

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF begins, in either order of bytes, of 32 or of 64 bits."""
_BITS, _COMPRESSION, _STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _NUMBERS = 258, 259, 273, 279, 324, 325, 339
"""Tags of TIFF: bits of each channel, how pixels are packed, where they lie and how long, what kind of numbers."""
_FLOATS = 3
"""Of `_NUMBERS`: floating point."""


def is_heic(raw: bytes) -> bool:
    """By the brands of its first box; `mif1` alone may be an AVIF as well, which Pillow reads itself."""
    size = int.from_bytes(raw[:4], "big")
    brands = raw[8 : min(size, 128)]
    return raw[4:8] == b"ftyp" and brands[:4] in _HEIC and not (b"avif" in brands and b"hei" not in brands)


def read_heic_too(name: Path) -> None:
    """Teaches Pillow to read HEIC; its plug-in costs time to load, so only for such a file."""
    try:
        import pillow_heif
    except ImportError:
        raise PhotoError(
            f"{name}: HEIC pictures need the Python package pillow-heif, which is not installed.",
            advice="Run install.py again, or share the photo as JPEG.",
        ) from None
    pillow_heif.register_heif_opener(thumbnails=False)


def _other_tiff(raw: bytes) -> str:
    """What a whole TIFF is that no reader here takes; "" where it is damaged, cut off or none."""
    from PIL import TiffImagePlugin

    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(raw[: 16 if raw[2:3] == b"+" else 8])
        stream = io.BytesIO(raw)
        stream.seek(tags.next)
        tags.load(stream)
        where = tags.get(_STRIPS) or tags.get(_TILES) or ()
        sizes = tags.get(_STRIP_BYTES) or tags.get(_TILE_BYTES) or ()
        if not where or any(at + size > len(raw) for at, size in zip(where, sizes, strict=True)):
            return ""
        bits, numbers = max(tags.get(_BITS, (1,))), set(tags.get(_NUMBERS, (1,)))
        packed = int(tags.get(_COMPRESSION, 1))
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error, OverflowError):
        return ""
    if _FLOATS in numbers:
        return (
            f"the pixels of this TIFF are floating-point numbers of {bits} bits, whose black and white are not defined"
        )
    if bits not in (1, 2, 4, 8, 16):
        return f"this TIFF has {bits} bits a channel"
    return f"this TIFF is of a kind that cannot be read (its compression has the number {packed})"


def what_is_it(raw: bytes) -> str:
    """What a file that is no usable picture seems to be, by its first bytes."""
    head = raw[:64]
    if head[4:8] == b"ftyp":
        if is_heic(raw) or head[8:12] in (b"avif", b"avis"):
            return "the picture is damaged or cut off, or of a kind of HEIC or AVIF that cannot be read."
        return "this is a video, not a photo."
    if head.startswith(_TIFF) and (other := _other_tiff(raw)):
        return f"{other}: export it with 8 or 16 bits a channel."
    kinds = (
        ((b"%PDF",), "this is a PDF."),
        ((b"8BPS",), "this is a Photoshop file."),
        ((b"<svg", b"<?xml"), "this is a drawing (SVG) or other XML."),
        ((b"<!DOCTYPE", b"<html", b"<!doctype"), "this is a web page, not the picture: the download went wrong."),
        ((b"PK\x03\x04",), "this is a ZIP archive."),
        ((b"\xff\xd8\xff", b"\x89PNG", b"RIFF", *_TIFF, b"GIF8"), "the picture is damaged or cut off."),
    )
    return next((text for heads, text in kinds if head.startswith(heads)), "this is not a picture that can be read.")
