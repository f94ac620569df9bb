"""Decode any picture to 8-bit sRGB, RGB or RGBA, rounding once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from runner.errors import PhotoError
from runner.files.png import foreign_gamma
from runner.photos import icc, sixteen_bit

_BAD_PROFILE = "its colour profile is damaged and was ignored; colours are taken as sRGB"
_KEYED = "its transparent colour became transparency"
_KEY_LOST = "its transparent colour could not be read, and nothing of it is transparent"
_TIFF_PLANES = 284
"""Tag `PlanarConfiguration`: 2 is a plane a channel."""


class PixelReader:
    """Decodes one opened picture; `notes` collects what was done, in words. A mask's gamma is not applied."""

    def __init__(
        self, name: str, reopen: Callable[[], Image.Image], notes: list[str], *, is_mask: bool = False
    ) -> None:
        self.name, self.reopen, self.notes, self.is_mask = name, reopen, notes, is_mask

    def read(self, image: Image.Image, profile: bytes | None, *, is_deep: bool) -> Image.Image:
        """RGB or RGBA in sRGB. `profile` is the one to convert from; None means that the values are sRGB."""
        gamma = 0.0 if profile is not None or self.is_mask else foreign_gamma(image)
        picture = self._read_deep(image, profile) if is_deep else self._read_shallow(image, profile)
        if gamma:
            self.notes.append(f"its PNG gamma of {gamma:.3g} was converted to sRGB")
            return _apply_gamma(picture, gamma)
        return picture

    def _read_shallow(self, image: Image.Image, profile: bytes | None) -> Image.Image:
        step = sixteen_bit.GRAY_STEPS.get(sixteen_bit.raw_mode(image), 1)
        image.load()
        keyed = "transparency" in image.info
        if step > 1 and isinstance(image.info.get("transparency"), int):  # Pillow spreads the pixels, and not their key
            image.info["transparency"] *= step
        if image.mode == "P":
            self.notes.append("its palette was written out as colours")
            image = image.convert("RGBA" if keyed else "RGB")
        elif keyed and image.mode in ("RGB", "L", "1"):
            self.notes.append(_KEYED)
            image = image.convert("RGBA" if image.mode == "RGB" else "LA")
        elif image.mode in ("I", "F"):
            kind = "32-bit integers" if image.mode == "I" else "floating-point numbers"
            raise PhotoError(
                f"{self.name}: its pixels are {kind}, whose black and white are not defined.",
                advice="Export it as 8-bit or 16-bit PNG, TIFF or JPEG.",
            )
        converted = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA", "1": "L", "YCbCr": "RGB", "RGBX": "RGB"}.get(image.mode)
        return self._to_srgb(image.convert(converted) if converted else image, profile)

    def _to_srgb(self, image: Image.Image, profile: bytes | None) -> Image.Image:
        """RGB, RGBA, L, LA, CMYK or LAB → RGB or RGBA in sRGB."""
        if image.mode == "LAB" and profile is None:
            self.notes.append("converted from CIELAB to sRGB")
            return icc.lab_to_srgb(image)
        if image.mode == "CMYK" and profile is None:
            self.notes.append("CMYK without a colour profile: its colours are a guess; export it as sRGB to be sure")
        alpha = image.getchannel("A") if image.mode == "LA" else None
        if image.mode in ("L", "LA"):
            self.notes.append("gray was written as RGB")
            image = image if alpha is None else image.getchannel("L")
        if profile is not None:
            try:
                image = icc.to_srgb(image, profile)
            except icc.ProfileError:
                self.notes[:] = [note for note in self.notes if "its colour profile" not in note]
                self.notes.append(_BAD_PROFILE)
        if image.mode not in ("RGB", "RGBA"):
            image = image.convert("RGB")
        if alpha is not None:
            image.putalpha(alpha)
        return image

    def _read_deep(self, image: Image.Image, profile: bytes | None) -> Image.Image:
        tags = getattr(image, "tag_v2", None)
        if tags is not None and tags.get(_TIFF_PLANES) == 2 and not image.mode.startswith("I;16"):
            raise PhotoError(
                f"{self.name}: a 16-bit TIFF with separate colour planes cannot be read.",
                advice="Export it with interleaved channels (the usual setting), or as PNG.",
            )
        key = image.info.get("transparency")
        values = sixteen_bit.read_deep(self.reopen)
        if values is None:
            self.notes.append("16 bits a channel were cut to 8")
            self.notes += [_KEY_LOST] * (key is not None)
            image.load()
            return self._to_srgb(image, profile)
        self.notes.append("16 bits a channel were rounded to 8")
        has_alpha = values.shape[2] == 2 or (values.shape[2] == 4 and image.mode == "RGBA")
        colour = values[..., : 1 if values.shape[2] <= 2 else 3]
        matrix = icc.MatrixProfile.parse(profile) if profile is not None and colour.shape[2] == 3 else None
        if matrix is not None:
            picture = Image.fromarray(matrix.convert(colour))
        else:
            eight = sixteen_bit.to_8_bit(colour)
            picture = self._to_srgb(Image.fromarray(eight[..., 0] if eight.shape[2] == 1 else eight), profile)
        if has_alpha:
            picture.putalpha(Image.fromarray(sixteen_bit.to_8_bit(values[..., -1:])[..., 0]))
        elif key is not None:
            self._key_out(picture, colour, key)
        return picture

    def _key_out(self, picture: Image.Image, colour: sixteen_bit.Uint16, key: object) -> None:
        """Make what has the one colour that a PNG calls transparent (chunk `tRNS`) so, all 16 bits compared."""
        wanted = np.atleast_1d(np.asarray(key))
        if wanted.dtype.kind not in "iu" or wanted.shape != colour.shape[2:]:
            self.notes.append(_KEY_LOST)
            return
        opaque = (colour != wanted).any(axis=2)
        picture.putalpha(Image.fromarray(opaque.astype(np.uint8) * 255))
        self.notes.append(_KEYED)


def _apply_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """stored = light ** gamma → sRGB's own curve."""
    light = np.power(np.arange(256) / 255.0, 1.0 / gamma)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    curve = [int(value) for value in np.rint(encoded * 255.0)]
    return image.point(curve * 3 + (list(range(256)) if image.mode == "RGBA" else []))
