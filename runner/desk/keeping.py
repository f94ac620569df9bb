"""Photos that were handed in, kept below the desk's folder: checked before they are, under names of our own choice."""

from __future__ import annotations

import hashlib
import io
import tempfile
import warnings
from pathlib import Path, PurePosixPath

from runner.batch.photo_folder import PHOTO_SUFFIXES
from runner.errors import PhotoError
from runner.files.naming import safe_name
from runner.files.whole import written_whole
from runner.photos.prepare import prepare_photo

LARGEST = 200 << 20
"""Bytes of a photo that is handed in: a large scan as TIFF; cameras' and phones' are a tenth of it."""
_HASH = 12
"""Hexadecimal digits: among ten thousand photos two are the same by chance once in five million."""
_STEM = 80
"""Characters of a photo's name that are kept."""
_SHORT = {"jpeg": "jpg", "mpo": "jpg", "tiff": "tif", "jpeg2000": "jp2"}
"""What Pillow calls a format, and how its files end; every other is called as its files end."""


def kept_photo(out: Path, name: str, data: bytes, *, is_mask: bool = False) -> Path:
    """The file of a photo (or a mask) that was handed in; the same one twice is one file. Nothing of `name` but a part
    that is safe in a file's name is used.

    Raises PhotoError, with what to do, where it is no usable photo: nothing is kept then.
    """
    if len(data) > LARGEST:
        raise PhotoError(f"{_shown(name)} is larger than {LARGEST >> 20} MB.", advice="Export it as a JPEG.")
    given = PurePosixPath(name.replace("\\", "/"))
    suffix = given.suffix.lower() if given.suffix.lower() in PHOTO_SUFFIXES else _suffix_of(data)
    digest = hashlib.sha256(data).hexdigest()[:_HASH]
    path = out / ("masks" if is_mask else "photos") / digest / f"{safe_name(given.stem, limit=_STEM)}{suffix}"
    if path.is_file():
        return path
    with tempfile.TemporaryDirectory(prefix="prodgen-") as scratch:
        tried = Path(scratch, path.name)
        tried.write_bytes(data)
        try:
            prepare_photo(tried, is_mask=is_mask)
        except PhotoError as error:
            message = error.message.replace(str(tried), _shown(name))
            raise PhotoError(message, advice=error.advice.replace(str(tried), _shown(name))) from None
    with written_whole(path, "wb") as stream:
        stream.write(data)
    return path


def _suffix_of(data: bytes) -> str:
    """How a photo's name ends by what is in it, where its own name does not say so."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whether it may be taken is looked at afterwards
            with Image.open(io.BytesIO(data)) as picture:
                kind = (picture.format or "").lower()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        kind = ""
    suffix = f".{_SHORT.get(kind, kind)}"
    return suffix if suffix in PHOTO_SUFFIXES else ".photo"


def _shown(name: str) -> str:
    return safe_name(PurePosixPath(name.replace("\\", "/")).name, limit=_STEM)
