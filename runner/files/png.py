"""What a PNG says without its pixels being decoded: whether it is whole, and often that it is not black.

Every chunk of a PNG carries a checksum of its bytes. A file whose chunks all fit theirs, from the header to the end
mark, is what its writer wrote; decoding it as well would cost fifty times as much and find only a writer's own fault.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_METADATA = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})
_GRAY, _RGB = 0, 2
_CHANNELS = {_GRAY: 1, _RGB: 3, 3: 1, 4: 2, 6: 4}
"""Colour types of the PNG standard, and how many values a pixel of each has."""
_SRGB_GAMMA = 1 / 2.2
"""What PNG says of sRGB in a `gAMA` chunk."""
_MOST_PACKED = 1032
"""Bytes that one byte of deflated data unpacks to, at most (RFC 1951: 258 from two bits)."""
_WINDOW = 1 << 16
"""Bytes unpacked at a time: few rows are needed in most pictures."""

Buffer = bytes | memoryview


@dataclass(frozen=True)
class Structure:
    """A whole PNG's chunks. `pixels`: where its compressed pixel data lies, as (start, end)."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    pixels: tuple[tuple[int, int], ...]
    kinds: frozenset[bytes]
    has_late_metadata: bool
    """Text or EXIF stands behind the pixels."""
    cicp: bytes | None = None
    """The code points of its colours, where they stand before the pixels."""


def read_structure(data: Buffer) -> Structure | None:
    """The structure of a PNG, or None where anything about it is not as it should be (then: decode it and see)."""
    kinds: set[bytes] = set()
    pixels: list[tuple[int, int]] = []
    late = False
    header, cicp = b"", None
    try:
        for kind, start, end in _chunks(memoryview(data)):
            if kind == b"IHDR":
                header = bytes(data[start:end])
            elif kind == b"IDAT":
                if pixels and pixels[-1][1] + 12 != start:
                    return None  # its pieces must follow one another
                pixels.append((start, end))
            elif kind == b"cICP" and cicp is None and not pixels:
                cicp = bytes(data[start:end])
            elif kind in _METADATA:
                late = late or bool(pixels)
            kinds.add(kind)
        width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    except (_DamagedError, struct.error):
        return None
    packed = sum(end - start for start, end in pixels)
    least_row = width * depth * _CHANNELS.get(colour, 1) // 8
    if not pixels or height * least_row > packed * _MOST_PACKED:
        return None
    return Structure(width, height, depth, colour, bool(interlace), tuple(pixels), frozenset(kinds), late, cicp)


def surely_not_black(data: Buffer, structure: Structure) -> bool:
    """True: some pixel of an opaque picture is brighter than 1 of 255. False: decode it to know.

    Every PNG filter predicts 0 where all pixels before are 0, so the first byte that is not 0 is itself a pixel's
    value. Few rows are unpacked in most pictures.
    """
    channels = _CHANNELS[structure.colour] if structure.colour in (_GRAY, _RGB) else None
    if channels is None or structure.interlaced or structure.depth not in (8, 16) or b"tRNS" in structure.kinds:
        return False
    row = structure.width * channels * structure.depth // 8
    left = b""
    for more in _unpacked(memoryview(data), structure.pixels):
        block = left + more
        whole = len(block) // (row + 1) * (row + 1)
        for start in range(0, whole, row + 1):
            shown = block[start + 1 : start + 1 + row].lstrip(b"\0")
            if shown:
                is_high_byte = structure.depth == 8 or (row - len(shown)) % 2 == 0
                return is_high_byte and shown[0] > 1
        left = block[whole:]
    return False


def foreign_gamma(image: Image.Image) -> float:
    """A PNG's gAMA where it is not sRGB's and nothing in the file overrules it; otherwise 0."""
    gamma = image.info.get("gamma")
    if not gamma or "srgb" in image.info or "icc_profile" in image.info:
        return 0.0
    return float(gamma) if abs(float(gamma) - _SRGB_GAMMA) > 0.01 else 0.0


class _DamagedError(Exception):
    pass


def _chunks(view: memoryview) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start and end of its content) of each chunk up to IEND, its checksum verified."""
    if view[:8] != SIGNATURE:
        raise _DamagedError
    position, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", view, position)
        start, end = position + 8, position + 8 + length
        if zlib.crc32(view[position + 4 : end]) != struct.unpack_from(">I", view, end)[0]:
            raise _DamagedError
        if (position == 8) != (kind == b"IHDR"):
            raise _DamagedError
        yield kind, start, end
        position = end + 4


def _unpacked(view: memoryview, pixels: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    try:
        for start, end in pixels:
            rest: Buffer = view[start:end]
            while rest:
                yield unpacker.decompress(rest, _WINDOW)
                rest = unpacker.unconsumed_tail
    except zlib.error:
        return
