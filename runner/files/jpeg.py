"""Whether a JPEG has all its parts, told without decoding it: from its first marker to its last (ITU-T T.81, B.1)."""

from __future__ import annotations

import re
import struct

_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
"""What ends coded pixels: any marker but a restart, and no byte 0xFF of theirs, behind which a zero stands."""
_HUFFMAN = frozenset((0xC0, 0xC1, 0xC2))
"""Frames coded with Huffman's codes: there no block takes less than a bit."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length."""
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_SIDE = 8
"""Of a block, in pixels."""
_LENGTH, _SHORTEST_FRAME = 2, 8
"""Bytes: of a length, which counts itself; of what a frame says before its channels."""


def is_whole_jpeg(data: memoryview) -> bool:
    """Whether it has a frame, scans with enough in them for its size, and its end marker."""
    if bytes(data[:2]) != bytes((0xFF, _START)):
        return False
    at, coded, fewest = 2, -1, -1
    while (marker := _MARKER.match(data, at)) is not None:
        kind, at = marker[1][0], marker.end()
        if kind == _END:
            return fewest >= 0 and coded >= 0 and coded * 8 >= fewest
        if kind in _ALONE:
            continue
        segment = _segment(data, at)
        if segment is None:
            return False
        at += len(segment)
        if kind in _FRAMES and len(segment) >= _SHORTEST_FRAME:
            height, width = struct.unpack_from(">HH", segment, 3)
            fewest = -(-width // _SIDE) * -(-height // _SIDE) if kind in _HUFFMAN else 0
        if kind == _SCAN:
            after = _MARKER.search(data, at)
            if after is None:
                return False
            coded, at = max(coded, 0) + after.start() - at, after.start()
    return False


def _segment(data: memoryview, at: int) -> memoryview | None:
    """What belongs to a marker, its length included; None where it ends early."""
    length = int.from_bytes(data[at : at + 2], "big")
    segment = data[at : at + length]
    return segment if length >= _LENGTH and len(segment) == length else None
