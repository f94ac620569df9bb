"""Is a result a picture at all? Servers report success for black frames and for files cut short."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from runner.errors import NodeFailedError
from runner.files.jpeg import is_whole_jpeg
from runner.files.png import SIGNATURE, read_structure, surely_not_black
from runner.files.vector import is_passive_svg

_SUFFIXES = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
}
"""What files of each kind of picture are called, the usual suffix first."""
PICTURES = frozenset(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
_BLACK_8_BIT = 1
_BLACK_16_BIT = 257
"""The last level that still counts as black: one of 255, the rounding of a decoder; the same in 16 bits."""
_AFTER_HEADER = 8 + 25
"""A PNG's signature and its first chunk, IHDR."""
_BLOCK = 1 << 20
"""Bytes moved at a time."""
_ADVICE_BLACK = (
    "Black pictures come from NaN in half precision (start ComfyUI with --fp32-vae, or use another VAE), from a safety "
    "filter, or from an empty mask."
)
_NOT_LOOKED_AT = (
    "its picture is larger than 178 megapixels: that it is whole was checked, and not whether it is black; look at it"
)
_NOT_CHECKED = "its picture is larger than 178 megapixels: whether it is whole, or black, was not checked; look at it"
_TRANSPARENT = "wholly transparent"
_ADVICE_TRANSPARENT = "Its mask is empty: look at the picture it was cut out of, or give a mask of your own."


def true_suffix(path: Path, suffix: str) -> str:
    """The suffix that a file which is called a picture should have: another where it is something else.

    A shop or an editor that is given a JPEG as `.png` refuses it, or shows nothing. An SVG that is more than a picture
    is kept as the text that it is: opened by a double click it would run.
    """
    if suffix == ".svg":
        return suffix if is_passive_svg(path) else ".txt"
    if suffix not in PICTURES:
        return suffix
    with path.open("rb") as stream:
        kind = _kind(stream.read(16))
    return suffix if kind is None or suffix in _SUFFIXES[kind] else _SUFFIXES[kind][0]


def _kind(head: bytes) -> str | None:
    """The kind of picture by its first bytes; None for anything else."""
    starts = {"PNG": (SIGNATURE,), "JPEG": (b"\xff\xd8\xff",), "GIF": (b"GIF87a", b"GIF89a"), "BMP": (b"BM",)}
    starts["TIFF"] = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "AVIF"
    return next((kind for kind, start in starts.items() if head.startswith(start)), None)


def check_picture(path: Path, suffix: str, node: str) -> str:
    """Refuse what no node meant to deliver. Decodes the whole picture where nothing less gives the same certainty.

    Returns what could not be looked at, in words: a picture can be larger than what is decoded. "" where all was.

    Black means every pixel of every frame ≤ 1 of 255 (that is also what NaN becomes in a file). A picture with
    transparency is judged by its alpha: it fails when nothing of it is visible, or when all of it is opaque and black;
    a black product on a transparent ground is a picture. White, or any other flat colour, is a picture.

    Raises NodeFailedError where it cannot be decoded, or is black or wholly transparent.
    """
    if suffix.lower() not in PICTURES or (suffix.lower() == ".png" and _is_good_png(path)):
        return ""
    from PIL import Image, ImageSequence

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we asked for this picture, however large
            with Image.open(path) as picture:
                fault = ""
                for frame in ImageSequence.Iterator(picture):
                    fault = _fault(frame)
                    if not fault:
                        break
    except Image.DecompressionBombError as error:  # beyond 178 megapixels Pillow will not open it
        is_whole = _is_whole(path)
        if is_whole is False:
            why = "it is larger than 178 megapixels, and parts of it are missing"
            raise NodeFailedError(f"{node} delivered a file that is not a readable picture: {why}.") from error
        return _NOT_LOOKED_AT if is_whole else _NOT_CHECKED
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error, struct.error) as error:
        raise NodeFailedError(f"{node} delivered a file that is not a readable picture: {error}.") from error
    if fault == _TRANSPARENT:
        raise NodeFailedError(
            f"{node} delivered a picture that is {fault}: nothing in it was taken for the product.",
            advice=_ADVICE_TRANSPARENT,
        )
    if fault:
        raise NodeFailedError(f"{node} delivered a picture that is {fault}.", advice=_ADVICE_BLACK)
    return ""


def _is_good_png(path: Path) -> bool:
    """Whole and not black, without decoding it. False: not known."""
    with _opened(path) as data:
        structure = read_structure(data)
        return structure is not None and surely_not_black(data, structure)


def _is_whole(path: Path) -> bool | None:
    """Whether a picture too large to be decoded has all its parts, and enough in them for its size. None: not known."""
    with _opened(path) as data:
        kind = _kind(bytes(data[:16]))
        if kind == "PNG":
            return read_structure(data) is not None
        return is_whole_jpeg(data) if kind == "JPEG" else None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[memoryview]:
    """A file's bytes, without reading them: a server may send gigabytes."""
    if not path.stat().st_size:
        yield memoryview(b"")
        return
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as data,
    ):
        yield data


def _fault(frame: Any) -> str:
    if frame.mode in ("P", "PA"):
        frame = frame.convert("RGBA")
    elif frame.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        frame = frame.convert("RGB")
    extrema = frame.getextrema()
    channels = extrema if isinstance(extrema[0], tuple) else (extrema,)
    limit: float = _BLACK_16_BIT if frame.mode.startswith("I") else _BLACK_8_BIT
    if frame.mode == "F":
        limit = _BLACK_8_BIT / 255
    if frame.mode in ("RGBA", "LA"):
        *colour, (lowest, highest) = channels
        if highest <= _BLACK_8_BIT:
            return _TRANSPARENT
        if lowest < 255 - _BLACK_8_BIT:
            return ""
        channels = tuple(colour)
    return "" if any(high > limit for _, high in channels) else "black"  # no number is more than nothing


def png_has_graph(path: Path) -> bool:
    """Whether the PNG carries the graph that made it (text chunk `prompt`), as ComfyUI's SaveImage writes it."""
    with path.open("rb") as stream:
        if stream.read(8) != SIGNATURE:
            return True  # a file of another kind under this name: nothing of ours belongs into it
        while header := stream.read(8):
            length, kind = struct.unpack(">I4s", header)
            if kind in (b"IDAT", b"IEND"):
                return False
            if kind in (b"tEXt", b"iTXt", b"zTXt") and stream.read(min(length, 7)) == b"prompt\0":
                return True
            stream.seek(length + 4 - (min(length, 7) if kind in (b"tEXt", b"iTXt", b"zTXt") else 0), 1)
    return True


def add_graph_to_png(path: Path, graph: Mapping[str, Any]) -> None:
    """Write the graph into a PNG whose server was told not to (`--disable-metadata`); the pixels are not touched."""
    text = json.dumps(graph).encode("ascii")
    body = b"tEXtprompt\0" + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    with path.open("r+b") as stream:
        _insert(stream, _AFTER_HEADER, chunk)


def _insert(stream: BinaryIO, position: int, new: bytes) -> None:
    """Put `new` into a file: what stands behind it moves on, block by block from the end."""
    end = stream.seek(0, os.SEEK_END)
    while end > position:
        start = max(position, end - _BLOCK)
        stream.seek(start)
        block = stream.read(end - start)
        stream.seek(start + len(new))
        stream.write(block)
        end = start
    stream.seek(position)
    stream.write(new)
