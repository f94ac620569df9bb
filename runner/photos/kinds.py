"""What a file is by its first bytes, and what it seems to be where it is no usable picture."""

from __future__ import annotations

from pathlib import Path

from runner.errors import PhotoError

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


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


def what_is_it(raw: bytes) -> str:
    """What a file that is no usable picture seems to be, by its first bytes."""
    head = raw[:64]
    if head[4:8] == b"ftyp":
        if is_heic(raw) or head[8:12] in (b"avif", b"avis"):
            return "the picture is damaged or cut off, or of a kind of HEIC or AVIF that cannot be read."
        return "this is a video, not a photo."
    kinds = (
        ((b"%PDF",), "this is a PDF."),
        ((b"8BPS",), "this is a Photoshop file."),
        ((b"<svg", b"<?xml"), "this is a drawing (SVG) or other XML."),
        ((b"<!DOCTYPE", b"<html", b"<!doctype"), "this is a web page, not the picture: the download went wrong."),
        ((b"PK\x03\x04",), "this is a ZIP archive."),
        ((b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"II*\0", b"MM\0*", b"GIF8"), "the picture is damaged or cut off."),
    )
    return next((text for heads, text in kinds if head.startswith(heads)), "this is not a picture that can be read.")
