"""Picture files of every kind a seller may hand in, made by hand where Pillow cannot write them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms


def gradient(width: int = 67, height: int = 45) -> np.ndarray:
    """`[H, W, 3]` uint8 without any symmetry, so that a wrong turn or flip always shows."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = x * 255 / (width - 1), y * 255 / (height - 1)
    blue = 255 * (0.2 * x / width + 0.8 * (y / height) ** 2)
    return np.stack([red, green, blue], -1).round().astype(np.uint8)


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **options: Any) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def png(
    path: Path, values: np.ndarray, colour_type: int, depth: int, extra: tuple[tuple[bytes, bytes], ...] = ()
) -> Path:
    """A PNG with any depth: `values` is `[H, W, C]`; `extra` are chunks put before the pixels."""
    height, width = values.shape[:2]
    kind = ">u2" if depth == 16 else ">u1"
    rows = b"".join(b"\0" + values[y].astype(kind).tobytes() for y in range(height))

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = b"".join(chunk(tag, data) for tag, data in extra)
    ending = chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + ending)
    return path


def tiff16(
    path: Path, values: np.ndarray, *, big_endian: bool = False, planar: bool = False, photometric: int | None = None
) -> Path:
    """An uncompressed 16-bit TIFF, gray (`[H, W, 1]`) or RGB."""
    height, width, channels = values.shape
    order = ">" if big_endian else "<"
    data = np.moveaxis(values, -1, 0) if planar else values
    pixels = data.astype(f"{order}u2").tobytes()
    strips = channels if planar else 1
    entries: list[tuple[int, int, list[int]]] = [
        (256, 3, [width]),
        (257, 3, [height]),
        (258, 3, [16] * channels),
        (259, 3, [1]),
        (262, 3, [photometric if photometric is not None else (2 if channels == 3 else 1)]),
        (273, 4, []),
        (277, 3, [channels]),
        (278, 3, [height]),
        (279, 4, [len(pixels) // strips] * strips),
        (284, 3, [2 if planar else 1]),
    ]
    start = 8 + 2 + 12 * len(entries) + 4
    extra = b""
    pixel_start = start + 128
    entries[5] = (273, 4, [pixel_start + i * (len(pixels) // strips) for i in range(strips)])
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, numbers in entries:
        packed = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(packed) > 4:
            directory += struct.pack(f"{order}HHII", tag, kind, len(numbers), start + len(extra))
            extra += packed
        else:
            directory += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    assert len(extra) <= 128
    head = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(f"{order}I", 8)
    path.write_bytes((head + directory + b"\0" * 4 + extra).ljust(pixel_start, b"\0") + pixels)
    return path


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cmyk_profile() -> bytes:
    """A printer profile whose inks mix ideally: A2B0 alone, a 2-point grid in CIELAB (`lut8Type`, ICC.1:2010 10.9)."""
    corners = []
    for cyan in (0, 1):
        for magenta in (0, 1):
            for yellow in (0, 1):
                for black in (0, 1):
                    rgb = [int(255 * (1 - ink) * (1 - black)) for ink in (cyan, magenta, yellow)]
                    corners.append(rgb)
    swatches = Image.fromarray(np.array([corners], np.uint8))
    lab_profile = ImageCms.createProfile("LAB")
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), lab_profile, "RGB", "LAB")
    # Pillow keeps a* and b* as signed bytes; the profile wants them offset by 128
    lab = np.asarray(ImageCms.applyTransform(swatches, transform)).copy()
    lab[..., 1:] ^= 0x80
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += ramp * 4 + lab.tobytes() + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", b"ideal inks", {b"A2B0": table})


def gray_profile(gamma: float) -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    return _profile(b"mntr", b"GRAY", b"XYZ ", b"gray", {b"kTRC": curve})


def _profile(kind: bytes, space: bytes, connection: bytes, name: bytes, tags: dict[bytes, bytes]) -> bytes:
    d50 = struct.pack(">3i", 63190, 65536, 54061)
    text = name + b"\0"
    bodies = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + d50,
        **tags,
    }
    directory, data, start = struct.pack(">I", len(bodies)), b"", 132 + 12 * len(bodies)
    for tag, body in bodies.items():
        directory += struct.pack(">4sII", tag, start + len(data), len(body))
        data += body + b"\0" * (-len(body) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), b"\0" * 4, 0x02100000, kind, space, connection)
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28 + d50
    return header.ljust(128, b"\0") + directory + data


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def exif_directory(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHHI", 1, tag, kind, count) + value.ljust(4, b"\0") + b"\0" * 4


def exif_naming_adobe_rgb() -> bytes:
    """What most cameras set to Adobe RGB write: the interoperability index R03."""
    first = exif_directory(0x8769, 4, 1, struct.pack("<I", 26))
    second = exif_directory(0xA005, 4, 1, struct.pack("<I", 44))
    third = exif_directory(1, 2, 4, b"R03\0")
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second + third


def exif_with_colour_space(number: int) -> bytes:
    first = exif_directory(0x8769, 4, 1, struct.pack("<I", 26))
    return b"Exif\0\0II*\0\x08\0\0\0" + first + exif_directory(0xA001, 3, 1, struct.pack("<H", number))


def worst(a: np.ndarray, b: np.ndarray) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def sixteen(channels: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.integers(0, 65536, (33, 41, channels), dtype=np.uint16)
