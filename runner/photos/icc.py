"""Colour profiles (ICC): recognise sRGB, convert anything else to it, and build the one profile cameras only name.

Little CMS (through Pillow) does the conversions, but only at 8 bits a channel. 16-bit pictures are most often in wide
spaces (ProPhoto, Adobe RGB, Display P3) where 8 bits are too coarse, and those profiles are a matrix and three
curves, so `MatrixProfile` evaluates them here at full depth. Layout of the tags: ICC.1:2010 (profile version 4.3),
sections 7.2, 10.5 (curveType) and 10.15 (parametricCurveType).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_CHUNK_ROWS = 256
"""Rows that are floats at a time: a photo of 200 megapixels would be 2.4 GB of them."""
# sRGB's colorants (IEC 61966-2-1 primaries, Bradford-adapted to D50, the profile connection space)
_SRGB_D50 = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
# Adobe RGB (1998) in the same terms; its curve is 2 + 51/256
_ADOBE_RGB_D50 = np.array(
    [[0.6097559, 0.2052401, 0.1492240], [0.3111242, 0.6256560, 0.0632197], [0.0194811, 0.0608902, 0.7448387]]
)
_D50 = (0.9642, 1.0, 0.8249)
"""XYZ of the profile connection space (ICC.1)."""

FloatArray = npt.NDArray[np.float32]


class ProfileError(ValueError):
    """The embedded profile is damaged or not meant for this kind of picture."""


@dataclass(frozen=True)
class MatrixProfile:
    """An RGB profile made of three curves and a matrix. Curves: 65 536 samples, encoded value → linear light."""

    curves: tuple[FloatArray, FloatArray, FloatArray]
    to_srgb_linear: FloatArray

    @classmethod
    def parse(cls, icc: bytes) -> MatrixProfile | None:
        """The profile, or None if it works otherwise (lookup tables, gray, CMYK), is damaged, or has a lifted black.

        A lifted black needs black point compensation, which is left to Little CMS.
        """
        try:
            tags = _tags(icc)
            if icc[16:20] != b"RGB " or icc[20:24] != b"XYZ " or b"A2B0" in tags:
                return None
            columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
            curves = (_curve(tags[b"rTRC"]), _curve(tags[b"gTRC"]), _curve(tags[b"bTRC"]))
        except (KeyError, struct.error, IndexError, ValueError):
            return None
        if max(float(curve[0]) for curve in curves) > 1e-4:
            return None
        matrix = np.linalg.inv(_SRGB_D50) @ (np.array(columns).T / 65536.0)
        return cls(curves, matrix.astype(np.float32))

    def convert(self, pixels: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """`[H, W, 3]` 16-bit values in this profile → 8-bit sRGB, rounded once, colours outside sRGB clipped."""
        result = np.empty(pixels.shape, np.uint8)
        for top in range(0, pixels.shape[0], _CHUNK_ROWS):
            rows = pixels[top : top + _CHUNK_ROWS]
            linear = np.stack([curve[rows[..., i]] for i, curve in enumerate(self.curves)], axis=-1)
            linear = np.clip(linear @ self.to_srgb_linear.T, 0.0, 1.0)
            encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055)
            result[top : top + _CHUNK_ROWS] = np.rint(encoded * 255.0).astype(np.uint8)
        return result


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    tags = {}
    for index in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        tags[name] = icc[offset : offset + size]
    return tags


def _curve(tag: bytes) -> FloatArray:
    return np.asarray(_sampled(tag, np.linspace(0.0, 1.0, 65536)), np.float32)


def _sampled(tag: bytes, x: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        values = np.frombuffer(tag, ">u2", count, 12)
        if count == 1:
            return np.asarray(np.power(x, values[0] / 256.0))
        return np.interp(x, np.linspace(0.0, 1.0, count), values / 65535.0)
    if tag[:4] != b"para":
        raise ValueError("neither a sampled nor a parametric curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    number = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind]
    numbers: list[float] = [value / 65536.0 for value in struct.unpack_from(f">{number}i", tag, 12)]
    g, a, b, c, d, e, f = numbers + [0.0] * (7 - number)
    if kind == 0:
        return np.asarray(np.power(x, g))
    if kind in (1, 2):
        d, e, c, f = -b / a, c, 0.0, c
    base = np.power(np.clip(a * x + b, 0.0, None), g)
    return np.where(x >= d, base + e, c * x + f)


def adobe_rgb_profile() -> bytes:
    """Adobe RGB (1998) as a profile: cameras only name it, by the EXIF interoperability index `R03`."""
    return matrix_profile(_ADOBE_RGB_D50, 2 + 51 / 256, "Adobe RGB (1998) compatible")


def matrix_profile(colorants: npt.ArrayLike, curve: float | npt.NDArray[np.float64], name: str) -> bytes:
    """A version 2 display profile from D50 colorants (columns R, G, B) and one curve.

    `curve`: a gamma, or samples of encoded value → linear light, both 0..1.
    """
    columns = np.asarray(colorants, dtype=float).T
    bodies = {tag: _xyz_tag(column) for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    bodies |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve_tag(curve))
    return _written(b"RGB ", bodies, name)


def gray_profile(curve: float | npt.NDArray[np.float64], name: str) -> bytes:
    """The same for gray pictures."""
    return _written(b"GRAY", {b"kTRC": _curve_tag(curve)}, name)


def _s15f16(value: float) -> int:
    return round(value * 65536)


def _xyz_tag(values: npt.ArrayLike) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(_s15f16(float(v)) for v in np.asarray(values)))


def _curve_tag(curve: float | npt.NDArray[np.float64]) -> bytes:
    if isinstance(curve, np.ndarray):
        samples = np.rint(curve * 65535).astype(">u2")
        return b"curv\0\0\0\0" + struct.pack(">I", len(samples)) + samples.tobytes()
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(curve * 256)) + b"\0\0"


def _written(space: bytes, tags: dict[bytes, bytes], name: str) -> bytes:
    text = name.encode("ascii") + b"\0"
    bodies = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78,
        b"cprt": b"text\0\0\0\0Public domain\0",
        b"wtpt": _xyz_tag(_D50),
        **tags,
    }
    table, data = struct.pack(">I", len(bodies)), b""
    start = 128 + 4 + 12 * len(bodies)
    for tag, body in bodies.items():
        table += struct.pack(">4sII", tag, start + len(data), len(body))
        data += body + b"\0" * (-len(body) % 4)
    total = start + len(data)
    header = struct.pack(">I4sI4s4s4s", total, b"\0\0\0\0", 0x02100000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    header += struct.pack(">3i", *(_s15f16(v) for v in _D50))
    return header.ljust(128, b"\0") + table + data


def profile_name(icc: bytes) -> str:
    try:
        return ImageCms.getProfileDescription(_open(icc)).strip() or "unnamed profile"
    except (ProfileError, ImageCms.PyCMSError):
        return "unnamed profile"


def _open(icc: bytes) -> ImageCms.ImageCmsProfile:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ImageCms.PyCMSError, ValueError) as error:
        raise ProfileError("the embedded colour profile is damaged") from error


def profile_space(icc: bytes) -> str:
    """The profile's own colour space: `RGB`, `CMYK`, `GRAY`, `Lab`. ProfileError when it cannot be read."""
    return str(_open(icc).profile.xcolor_space).strip()


def is_srgb(icc: bytes) -> bool:
    """True when converting through this profile changes no 8-bit value by more than its rounding."""
    if profile_space(icc) != "RGB":
        return False
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    probe = np.concatenate([grid, ramp])[None]
    converted = np.asarray(to_srgb(Image.fromarray(probe), icc))
    return int(np.abs(converted.astype(int) - probe.astype(int)).max()) <= 1


def to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Convert an RGB, RGBA, L, CMYK or LAB picture from this profile to sRGB (RGB, or RGBA where alpha was).

    Relative colorimetric with black point compensation: colours both spaces have stay what they are, and the
    darkest ink becomes black. RGB pictures are converted in place. Raises ProfileError.
    """
    target = ImageCms.createProfile("sRGB")
    out_mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        transform = ImageCms.buildTransform(
            _open(icc),
            target,
            image.mode,
            out_mode,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        in_place = image.mode == out_mode and not getattr(image, "readonly", 0)
        converted = ImageCms.applyTransform(image, transform, inPlace=in_place)
    except ImageCms.PyCMSError as error:
        raise ProfileError(f"the embedded colour profile does not fit the picture ({error})") from error
    return image if converted is None else converted


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """CIELAB (D50, as TIFF stores it) → sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return to_srgb(image, profile.tobytes())
