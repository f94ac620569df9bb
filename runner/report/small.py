"""Small copies of pictures, as they stand in the page."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from runner.files.reading import open_file

if TYPE_CHECKING:
    from PIL import Image

SIDE = 440
"""Longest side in pixels: sharp beside its photo on a wide screen, some 15 kB. Of many in one place: `SIDE_OF_MANY`."""
SIDE_OF_MANY = 220
_LOOK = 24
_ALIKE = 4.0
"""Of 255, on average over the channels of `_LOOK`² places: JPEG stays below 2."""
_LARGEST_PROFILE = 4096
"""Bytes: those of cameras and of sRGB are below; a printer's would outweigh the small picture many times."""


@dataclass(frozen=True)
class Small:
    """A small copy: its `address` (`data:`), its size, that of the picture, and how it looks, by which it is told from
    others."""

    address: str
    width: int
    height: int
    full: tuple[int, int]
    is_cut_out: bool
    look: bytes

    def shows_the_same_as(self, other: Small) -> bool:
        """Whether the two are one picture, saved twice."""
        if self.full != other.full:
            return False
        return sum(abs(a - b) for a, b in zip(self.look, other.look, strict=True)) <= _ALIKE * len(self.look)


@contextmanager
def any_picture() -> Iterator[None]:
    """Within, what there is of a picture that is cut off is read: a seller knows the product by it. One that is very
    large is no news: it is made small."""
    from PIL import Image, ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def small_copy(path: Path, side: int = SIDE) -> Small | None:
    """None where the file shows nothing: it is no picture, or not there."""
    try:
        return _small(_opened(path, side), side)
    except Exception:  # whatever a file that is no picture makes Pillow raise: it is named instead
        return None


def _opened(path: Path, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """The picture, upright and perhaps smaller already, and its own size. What Pillow alone does not read, or only
    clipped (HEIC, 16 bits a channel), as it is prepared for a server."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    from runner.photos.prepare import prepare_photo

    def read(stream: IO[bytes]) -> tuple[Image.Image, tuple[int, int]]:
        with Image.open(stream) as opened:
            full = opened.size
            opened.draft("RGB", (side, side))
            turned = ImageOps.exif_transpose(opened)
            return turned, full if (turned.width > turned.height) == (full[0] > full[1]) else (full[1], full[0])

    try:
        with open_file(path) as stream:
            picture, full = read(stream)
        if not picture.mode.startswith(("I", "F")):
            return picture, full
    except UnidentifiedImageError:
        pass
    return read(io.BytesIO(prepare_photo(path).data))


def _small(opened: tuple[Image.Image, tuple[int, int]], side: int) -> Small:
    from PIL import Image

    picture, full = opened
    profile = picture.info.get("icc_profile") if picture.mode in ("RGB", "RGBA") else None
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((side, side), reducing_gap=2.0)
    flat = picture
    if picture.mode == "RGBA":
        flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        if min(picture.getchannel("A").tobytes()) > 250:
            picture = flat
    written = io.BytesIO()
    profile = profile if isinstance(profile, bytes) and len(profile) <= _LARGEST_PROFILE else None
    picture.save(written, "WEBP", quality=80, method=2, icc_profile=profile or b"")
    return Small(
        f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode('ascii')}",
        *picture.size,
        full,
        picture.mode == "RGBA",
        flat.resize((_LOOK, _LOOK), Image.Resampling.BOX).tobytes(),
    )
