"""What a picture says of itself, as XMP: where it comes from, its title, its words for those who cannot see it.

It is put into the finished file, beside the pixels and never through them: no picture is decoded and packed again.
"""

from __future__ import annotations

import re
import struct
import uuid
import zlib
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

SOURCES = (
    "humanEdits",
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicMedia",
)
"""IPTC's digital source types that are used here. By its vocabulary (cv.iptc.org/newscodes/digitalsourcetype, 2024-09):
a photo corrected by tools that generate nothing; a mix of which a part was generated; made by a trained model."""
SOURCE_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST = 1000
"""Characters of a title or of words: a JPEG's segment takes 65 kB, and no screen reader is thanked for more."""
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_KEY, _JPEG_KEY = b"XML:com.adobe.xmp", b"http://ns.adobe.com/xap/1.0/\0"
_GIF_HEADS, _GIF_KEY, _GIF_END = (b"GIF87a", b"GIF89a"), b"\x21\xff\x0bXMP DataXMP", b"\x3b"
_GIF_MAGIC = b"\x01" + bytes(range(0xFF, -1, -1)) + b"\0"
"""What follows a packet in a GIF: it stands there as it is, and whoever reads it as sub-blocks, each with its length
in front, lands somewhere in this slope and from there at the end (XMP Specification, part 3, section 1.1.2)."""
_MP4_XMP = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
"""The box of an MP4 that holds XMP (the same, section 1.2.6)."""
_AFTER_IHDR = 33
"""A PNG's signature and its first chunk."""
_WEBP_XMP, _WEBP_ALPHA = 0x04, 0x10
"""Flags of WebP's VP8X chunk."""


def packet(*, source: str = "", title: str = "", alt: str = "") -> bytes:
    """An XMP packet; what is empty is left out. `source`: one of SOURCES."""
    parts = []
    if title:
        parts.append(f"<dc:title>{_in_language(title)}</dc:title>")
    if alt:
        parts.append(f"<Iptc4xmpCore:AltTextAccessibility>{_in_language(alt)}</Iptc4xmpCore:AltTextAccessibility>")
    of_source = f" Iptc4xmpExt:DigitalSourceType={quoteattr(SOURCE_VOCABULARY + source)}" if source else ""
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" '
        f'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"{of_source}>{"".join(parts)}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
    return text.encode()


def add_xmp(path: Path, xmp: bytes) -> bool:
    """Put a packet into a PNG, JPEG, WebP, GIF or MP4 file, in place; False where it is none of
    these, or has one already."""
    data = path.read_bytes()
    if data.startswith(_PNG):
        whole = _into_png(data, xmp)
    elif data.startswith(_JPEG):
        whole = _into_jpeg(data, xmp)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        whole = _into_webp(data, xmp)
    elif data[:6] in _GIF_HEADS:
        whole = _into_gif(data, xmp)
    elif data[4:8] == b"ftyp":
        whole = _into_mp4(data, xmp)
    else:
        whole = None
    if whole is None:
        return False
    path.write_bytes(whole)
    return True


def _in_language(text: str) -> str:
    words = escape(_NO_XML.sub(" ", text)[:_LONGEST])
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{words}</rdf:li></rdf:Alt>'


def _into_png(data: bytes, xmp: bytes) -> bytes | None:
    if _PNG_KEY in data[: data.find(b"IDAT")]:
        return None
    body = b"iTXt" + _PNG_KEY + b"\0\0\0\0\0" + xmp
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_AFTER_IHDR] + chunk + data[_AFTER_IHDR:]


def _into_jpeg(data: bytes, xmp: bytes) -> bytes | None:
    """Behind the segments that must come first: JFIF's and EXIF's."""
    position = len(_JPEG)
    behind = position
    while data[position : position + 1] == b"\xff" and 0xE0 <= data[position + 1] <= 0xEF:
        length = struct.unpack_from(">H", data, position + 2)[0]
        content = data[position + 4 : position + 2 + length]
        if content.startswith(_JPEG_KEY):
            return None
        position += 2 + length
        if content.startswith((b"JFIF\0", b"Exif\0")):
            behind = position
    content = _JPEG_KEY + xmp
    return data[:behind] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + data[behind:]


def _into_gif(data: bytes, xmp: bytes) -> bytes | None:
    """As an application extension before the trailer, in the words of GIF89a."""
    if _GIF_KEY in data or not data.endswith(_GIF_END):
        return None
    return b"GIF89a" + data[6:-1] + _GIF_KEY + xmp + _GIF_MAGIC + _GIF_END


def _into_mp4(data: bytes, xmp: bytes) -> bytes | None:
    """As the last box, so that nothing that others point to is moved."""
    position = 0
    while position < len(data):
        if len(data) < position + 8:
            return None
        size, kind = struct.unpack_from(">I4s", data, position)
        if size == 1 and len(data) >= position + 16:
            size = struct.unpack_from(">Q", data, position + 8)[0]
        is_xmp = kind == b"uuid" and data[position + 8 : position + 24] == _MP4_XMP
        if is_xmp or size < 8:  # 0: it reaches to the end of the file, and so would what came behind it
            return None
        position += size
    return data + struct.pack(">I4s", 24 + len(xmp), b"uuid") + _MP4_XMP + xmp if position == len(data) else None


def _into_webp(data: bytes, xmp: bytes) -> bytes | None:
    chunks = data[12 : 8 + struct.unpack_from("<I", data, 4)[0]]
    kind = chunks[:4]
    if kind == b"VP8X":
        if chunks[8] & _WEBP_XMP:
            return None
        head = chunks[:8] + bytes([chunks[8] | _WEBP_XMP]) + chunks[9:18]
        rest = chunks[18:]
    else:
        size = _size_of_webp(kind, chunks[8:18])
        if size is None:
            return None
        width, height, flags = size
        head = b"VP8X" + struct.pack("<I", 10) + bytes([flags | _WEBP_XMP, 0, 0, 0])
        head += struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        rest = chunks
    body = b"WEBP" + head + rest + b"XMP " + struct.pack("<I", len(xmp)) + xmp + b"\0" * (len(xmp) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _size_of_webp(kind: bytes, head: bytes) -> tuple[int, int, int] | None:
    """(width, height, flags) of a file that has nothing but its pixels."""
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 6)
        return width & 0x3FFF, height & 0x3FFF, 0
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 1)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, _WEBP_ALPHA if bits >> 28 & 1 else 0
    return None
