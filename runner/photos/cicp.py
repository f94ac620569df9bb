"""Colours named by code points (ITU-T H.273): PNG's `cICP` chunk, HEIC's and AVIF's `nclx` box, as ICC profiles."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.photos import icc

_D65, _DCI, _C = (0.3127, 0.3290), (0.314, 0.351), (0.310, 0.316)
"""CIE x, y of the white points."""
# ISO: red, green, blue, white as x, y; H.273 table 2.
_PRIMARIES = {
    1: ("BT.709", (0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: ("BT.470 M", (0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ("BT.601 625", (0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ("BT.601 525", (0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ("SMPTE 240M", (0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    9: ("BT.2020", (0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ("DCI-P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ("EBU 3213", (0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
_UNSPECIFIED, _SRGB = 2, 13
"""Codes of H.273: transfer characteristics that nobody gave, those of sRGB, and those of video."""
_VIDEO = (1, 6, 14, 15)
"""BT.709 and what has the same curve: BT.601 and both of BT.2020."""
_HDR = {16: "PQ", 18: "HLG"}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50_XYZ = np.array([0.9642, 1.0, 0.8249])
_SAMPLES = 4096
"""Points of a profile's curve, one a step of 12 bits."""


class HdrError(ValueError):
    """The picture's brightness has no place in an 8-bit sRGB picture."""


class UnknownCodeError(ValueError):
    """Code points that H.273 reserves, or that no still picture should have."""


@dataclass(frozen=True)
class CodePoints:
    """What a file names: the primaries, the transfer curve, and whether black and white are 0 and 255."""

    primaries: int
    transfer: int
    full_range: bool = True

    @classmethod
    def of_png(cls, chunk: bytes) -> CodePoints | None:
        """The content of a `cICP` chunk; None where it says nothing. UnknownCodeError where it makes no sense."""
        if len(chunk) != 4 or chunk[2] != 0 or chunk[3] > 1:
            raise UnknownCodeError("a PNG holds RGB: its cICP must have four bytes and no matrix")
        return cls(chunk[0], chunk[1], chunk[3] == 1)._specified()

    @classmethod
    def of_still(cls, primaries: int, transfer: int) -> CodePoints | None:
        """An `nclx` box of a HEIC or AVIF, whose decoder already made full-range RGB of it.

        Encoders of stills write the curves of video beside sRGB pictures, and viewers show those as sRGB.
        """
        return cls(primaries, _SRGB if transfer in _VIDEO else transfer)._specified()

    def _specified(self) -> CodePoints | None:
        return None if _UNSPECIFIED in (self.primaries, self.transfer) else self

    @property
    def name(self) -> str:
        name = str(_PRIMARIES[self.primaries][0]) if self.primaries in _PRIMARIES else f"primaries {self.primaries}"
        return f"linear {name}" if self.transfer == 8 else name

    @property
    def is_srgb(self) -> bool:
        return (self.primaries, self.transfer, self.full_range) == (1, _SRGB, True)

    def profile(self, *, gray: bool) -> bytes:
        """An ICC profile of the same colours. Raises HdrError and UnknownCodeError."""
        if self.transfer in _HDR:
            raise HdrError(_HDR[self.transfer])
        if self.primaries not in _PRIMARIES:
            raise UnknownCodeError(f"primaries {self.primaries}")
        x = np.linspace(0.0, 1.0, _SAMPLES)
        if not self.full_range:
            x = np.clip((x * 255.0 - 16.0) / 219.0, 0.0, 1.0)
        curve = _linear(x, self.transfer)
        if gray:
            return icc.gray_profile(curve, self.name)
        return icc.matrix_profile(_colorants(self.primaries), curve, self.name)


def _linear(x: npt.NDArray[np.float64], transfer: int) -> npt.NDArray[np.float64]:
    """Encoded 0..1 → linear light, H.273 table 3."""
    if transfer in _VIDEO:
        return np.where(x < 4.5 * 0.018, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45))
    if transfer == _SRGB:
        return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    powers = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
    if transfer not in powers:
        raise UnknownCodeError(f"transfer {transfer}")
    return np.asarray(x ** powers[transfer])


def _colorants(primaries: int) -> npt.NDArray[np.float64]:
    """Columns R, G, B in XYZ, adapted to D50 by Bradford."""
    _, red, green, blue, white = _PRIMARIES[primaries]
    columns = np.array([_xyz(red), _xyz(green), _xyz(blue)]).T
    at_white = columns * np.linalg.solve(columns, _xyz(white))
    cones = _BRADFORD @ _xyz(white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50_XYZ) / cones) @ _BRADFORD
    return np.asarray(adapted @ at_white)


def _xyz(chromaticity: tuple[float, float]) -> npt.NDArray[np.float64]:
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])


def code_points_of_avif(raw: bytes) -> CodePoints | None:
    """What the first `nclx` box of a HEIF container names; Pillow's AVIF reader does not say."""
    try:
        for box in (b"meta", b"iprp", b"ipco"):
            start = 4 if box == b"meta" else 0
            raw = next(content for kind, content in _boxes(raw) if kind == box)[start:]
        named = next(content for kind, content in _boxes(raw) if kind == b"colr" and content[:4] == b"nclx")
        return CodePoints.of_still(*struct.unpack(">HH", named[4:8]))
    except (StopIteration, struct.error):
        return None


def _boxes(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each box of an ISO base media file."""
    at = 0
    while at + 8 <= len(raw):
        size, kind = struct.unpack_from(">I4s", raw, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", raw, at + 8)
            head = 16
        elif size == 0:
            size = len(raw) - at
        if size < head:
            return
        yield kind, raw[at + head : at + size]
        at += size
