"""Turn a seller's photo into a picture every ComfyUI reads the same way: upright, sRGB, 8 bits, RGB or RGBA.

ComfyUI ignores colour profiles, and its loader is exact only for 8-bit RGB, RGBA and ordinary JPEG (gray, palette,
CMYK and 16-bit files come out a level darker, or wrong). A photo that already is such a file is sent byte for byte;
anything else is converted once and sent as PNG.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import threading
import unicodedata
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from runner.errors import PhotoError
from runner.files.paths import may_be_a_file
from runner.files.png import Structure, foreign_gamma, read_structure
from runner.photos import sixteen_bit
from runner.photos.kinds import is_heic, read_heic_too, what_is_it
from runner.photos.named_colours import code_points, profile_of
from runner.photos.transparency import LAID_ON_WHITE, has_transparency, on_white
from runner.suggest import look_alike

MAX_PIXELS = 200_000_000
"""Own limit (16 000 × 12 500): above it a server needs tens of gigabytes for one photo."""
MAX_FILE_BYTES = 2 * 1024**3
"""A photo of `MAX_PIXELS` has 1.2 GB in 16 bits without any packing."""
_HUGE = 60_000_000
"""Pixels from which on a processor is at one photo for minutes: people should know that it goes on."""
_FORMATS = (
    "JPEG",
    "PNG",
    "TIFF",
    "WEBP",
    "BMP",
    "GIF",
    "HEIF",
    "AVIF",
    "JPEG2000",
    "PPM",
)  # none that runs other programs
_ORIENTATION, _SUBFILE_TYPE = 0x0112, 254
_EXIF_IFD, _COLOUR_SPACE, _INTEROP_IFD, _INTEROP_INDEX = 0x8769, 0xA001, 0xA005, 1
"""Tags of TIFF and EXIF, and the entry of the interoperability IFD that says AdobeRGB."""
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, RuntimeError, struct.error, zlib.error
)  # fmt: skip
_ADVICE = "Use a JPEG, PNG, TIFF, WebP, HEIC or AVIF."
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_pillow_limit = threading.Lock()


@dataclass(frozen=True)
class PreparedPhoto:
    """A photo ready for `/upload/image`."""

    data: bytes = field(repr=False)
    upload_name: str
    width: int
    height: int
    notes: tuple[str, ...]
    """What was done to it, in words; empty when there is nothing to say."""
    content_type: str
    unchanged: bool
    """True: `data` is the file, byte for byte."""
    sha256: str
    """Of `data`."""
    file_sha256: str = ""
    """Of the file, as it was read."""

    @property
    def slowness(self) -> str:
        """What to say beforehand of a photo that keeps a server busy for minutes; "" for every other."""
        million = self.width * self.height / 1e6
        return f"{million:.0f} megapixels: this takes minutes." if self.width * self.height > _HUGE else ""

    @property
    def told(self) -> list[str]:
        """What people should know of it before it is worked on; nothing of most."""
        return [text for text in (self.slowness, LAID_ON_WHITE if LAID_ON_WHITE in self.notes else "") if text]


def prepare_photo(
    path: Path | str, *, max_bytes: int | None = None, is_mask: bool = False, opaque: bool = False
) -> PreparedPhoto:
    """Read, check and convert one photo. Raises PhotoError, with what to do, for anything that is no usable photo.

    `max_bytes` is the server's upload limit: a converted photo over it is packed harder before giving up.
    `is_mask`: its values are no colours and stay as they are, whatever profile or gamma the file names. `opaque`: its
    transparency would be dropped, and what happens to lie under it seen; white is laid there instead.
    """
    path = Path(path)
    return _Preparation(path, _read(path, "photo"), max_bytes, is_mask=is_mask, opaque=opaque).run()


def read_raw(path: Path) -> PreparedPhoto:
    """Sound, film or any other file for the server, byte for byte. Raises PhotoError where it cannot be read."""
    data = _read(path, "file")
    digest = hashlib.sha256(data).hexdigest()
    suffix = path.suffix.lower() if re.fullmatch(r"\.[a-z0-9]{1,10}", path.suffix.lower()) else ""
    kind = "application/octet-stream"
    return PreparedPhoto(data, upload_name(path, digest, suffix), 0, 0, (), kind, True, digest, digest)


def upload_name(path: Path, digest: str, suffix: str) -> str:
    """A name that never collides on the server: the content's hash, then the stem made safe."""
    plain = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")[:40]
    return f"{digest[:16]}_{stem or 'photo'}{suffix}"


def _read(path: Path, noun: str) -> bytes:
    try:
        if not may_be_a_file(path):
            raise PhotoError(f"{str(path)!r} is no name that a file can have.")
        if path.is_dir():
            raise PhotoError(f"{path}: this is a folder, not a {noun}.", advice="Name one file (batch takes folders).")
        state = path.stat()
        size = state.st_size
        if not stat.S_ISREG(state.st_mode):  # to read a pipe is to wait for whoever writes into it
            raise PhotoError(f"{path}: this is no file that could be read, but a pipe or device.")
        if size == 0:
            raise PhotoError(f"{path}: the file is empty (0 bytes).", advice="Copy or export it again.")
        if size > MAX_FILE_BYTES:
            advice = "Export it as a JPEG." if noun == "photo" else "Export it smaller."
            raise PhotoError(f"{path}: {size / 1e9:.1f} GB is too large for a {noun}.", advice=advice)
        return path.read_bytes()
    except FileNotFoundError:
        what = "this is a link to nothing" if path.is_symlink() else "there is no such file"
        raise PhotoError(f"{path}: {what}.{look_alike(path)}") from None
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror or error}).") from error


class _Preparation:
    """One photo on its way; collects the notes."""

    def __init__(self, path: Path, raw: bytes, max_bytes: int | None, *, is_mask: bool, opaque: bool) -> None:
        self.path, self.raw, self.max_bytes, self.is_mask, self.opaque = path, raw, max_bytes, is_mask, opaque
        self._read_as = hashlib.sha256(raw).hexdigest()
        self.notes: list[str] = []
        self.is_deep, self.layout = False, ""
        self.png: Structure | None = None
        """Of a PNG whose every chunk is as it was written."""

    def run(self) -> PreparedPhoto:
        image = self._open()
        self.png = read_structure(self.raw) if image.format == "PNG" else None
        self._check_frames(image)
        self._check_size(image)
        self.is_deep, self.layout = sixteen_bit.is_deep(image), sixteen_bit.raw_mode(image)
        orientation = self._orientation(image)
        profile = self._profile(image)
        if profile is None and orientation == 1 and self._is_plain(image) and not self._shows_through(image):
            return self._unchanged(image)
        from runner.photos.decode import PixelReader  # with numpy; most photos are sent as they are

        try:
            reader = PixelReader(str(self.path), self._open, self.notes, is_mask=self.is_mask)
            picture = reader.read(image, profile, is_deep=self.is_deep)
            if orientation != 1:
                self.notes.append("turned upright as its EXIF orientation says")
                if image.format != "TIFF":  # Pillow turns a TIFF itself while loading it
                    picture = picture.transpose(_TURNS[orientation])
            return self._packed(on_white(picture, str(self.path), self.notes) if self.opaque else picture)
        except MemoryError:
            raise PhotoError(f"{self.path}: not enough memory to convert it.", advice="Export it smaller.") from None
        except _BROKEN as error:
            raise self._broken(error) from error

    def _open(self) -> Image.Image:
        if is_heic(self.raw):
            read_heic_too(self.path)
        with _pillow_limit:  # Pillow's limit is a global; ours is checked right after this, before any decoding
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                Image.init()
                return Image.open(io.BytesIO(self.raw), formats=[name for name in _FORMATS if name in Image.OPEN])
            except _BROKEN as error:
                raise PhotoError(f"{self.path}: {what_is_it(self.raw)}", advice=_ADVICE) from error
            finally:
                Image.MAX_IMAGE_PIXELS = before

    def _broken(self, error: BaseException) -> PhotoError:
        return PhotoError(
            f"{self.path}: the picture is damaged or cut off ({error}).",
            advice="Copy it again from the camera or export it again.",
        )

    def _check_frames(self, image: Image.Image) -> None:
        if image.format == "MPO":  # a phone photo with a second picture (depth, gain map) behind the first
            self.notes.append("the first picture of the file was used (the others are a depth or brightness map)")
            return
        try:
            frames = int(getattr(image, "n_frames", 1))
            if frames > 1 and image.format == "TIFF" and self._others_are_previews(image, frames):
                self.notes.append("the full-size page of the file was used (the others are previews of it)")
                return
        except _BROKEN as error:
            raise self._broken(error) from error
        if frames > 1 and image.format == "HEIF":
            self.notes.append(f"the main picture of the file was used (it holds {frames})")
            return
        if frames > 1 and image.format == "TIFF":
            raise PhotoError(f"{self.path}: this TIFF has {frames} pages.", advice="Export the page you want alone.")
        if frames > 1:
            raise PhotoError(
                f"{self.path}: this {image.format} is an animation of {frames} frames.",
                advice="Save the frame you want as a PNG or JPEG.",
            )

    @staticmethod
    def _others_are_previews(image: Image.Image, frames: int) -> bool:
        kinds = []
        for page in range(frames):
            image.seek(page)
            kinds.append(int(image.tag_v2.get(_SUBFILE_TYPE, 0)) & 1)  # type: ignore[attr-defined] # TIFFs have tags
        image.seek(0)
        return kinds[0] == 0 and all(kinds[1:])

    def _check_size(self, image: Image.Image) -> None:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PhotoError(
                f"{self.path}: {width} × {height} is {width * height / 1e6:.0f} megapixels; "
                f"up to {MAX_PIXELS / 1e6:.0f} can be used.",
                advice="Export it smaller; 8000 pixels on the longer side is more than most marketplaces take.",
            )
        if min(width, height) < 32:
            self.notes.append(f"only {width} × {height} pixels: too small to be a product photo")

    def _profile(self, image: Image.Image) -> bytes | None:
        """The profile to convert from; None where the picture is sRGB already (said or assumed), or is a mask."""
        if self.is_mask:
            return None
        named = code_points(image, self.png, self.raw, self.notes)
        if named is not None:
            return profile_of(named, self.path, self.notes, gray=self._is_gray(image))
        embedded = image.info.get("icc_profile")
        if embedded:
            return self._embedded_profile(image, embedded)
        if image.mode == "RGB" and self._exif_says_adobe_rgb(image):
            self.notes.append("converted from Adobe RGB (named in the camera's EXIF) to sRGB")
            from runner.photos import icc  # with numpy, see above

            return icc.adobe_rgb_profile()
        return None

    def _embedded_profile(self, image: Image.Image, embedded: bytes) -> bytes | None:
        from runner.photos import icc

        gray = self._is_gray(image)
        expected = "GRAY" if gray else {"CMYK": "CMYK", "LAB": "Lab"}.get(image.mode, "RGB")
        try:
            space = icc.profile_space(embedded)
            if space != expected:
                if not (gray and space == "RGB"):  # gray values with an RGB profile are common and harmless
                    self.notes.append(f"its colour profile is for {space}, the picture is {expected}: profile ignored")
                return None
            if icc.is_srgb(embedded):
                return None
        except icc.ProfileError:
            self.notes.append("its colour profile is damaged and was ignored; colours are taken as sRGB")
            return None
        self.notes.append(f"converted from its colour profile ({icc.profile_name(embedded)}) to sRGB")
        return bytes(embedded)

    def _is_gray(self, image: Image.Image) -> bool:
        return image.mode in ("L", "LA", "1") or image.mode.startswith("I;16") or self.layout == "LA;16B"

    def _exif_says_adobe_rgb(self, image: Image.Image) -> bool:
        try:
            exif = self._exif(image)
            if exif.get_ifd(_EXIF_IFD).get(_COLOUR_SPACE) == 2:  # some cameras' own number for it
                return True
            return str(exif.get_ifd(_INTEROP_IFD).get(_INTEROP_INDEX, "")).startswith("R03")
        except _BROKEN:
            return False

    def _orientation(self, image: Image.Image) -> int:
        if image.format == "PNG" and not self._has_early_metadata:
            self._load(image)  # its EXIF may stand behind the pixels
        try:
            value = int(self._exif(image).get(_ORIENTATION, 1))
        except _BROKEN:
            return 1  # a damaged EXIF block is no reason to refuse a photo
        return value if 1 <= value <= 8 else 1

    @property
    def _has_early_metadata(self) -> bool:
        return self.png is not None and not self.png.has_late_metadata

    def _exif(self, image: Image.Image) -> Image.Exif:
        """Its EXIF; Pillow's own way for a PNG decodes all pixels first, in case that some stands behind them."""
        return Image.Image.getexif(image) if self._has_early_metadata else image.getexif()

    def _load(self, image: Image.Image) -> None:
        try:
            image.load()
        except _BROKEN as error:
            raise self._broken(error) from error

    def _is_plain(self, image: Image.Image) -> bool:
        """ComfyUI's loader reads this file exactly as it is."""
        if image.format == "JPEG" and image.mode == "RGB":
            layers = getattr(image, "layer", [])  # per channel: id, horizontal and vertical sampling, table
            sampling = [(layer[1], layer[2]) for layer in layers]
            stored_as_rgb = [layer[0] for layer in layers] == [ord(c) for c in "RGB"]
            return (
                not stored_as_rgb
                and image.info.get("adobe_transform", 1) == 1
                and sampling in ([(h, v), (1, 1), (1, 1)] for h, v in ((1, 1), (2, 1), (2, 2)))
            )
        if image.format != "PNG" or self.is_deep or foreign_gamma(image):
            return False
        return image.mode in ("RGB", "RGBA") and "transparency" not in image.info

    def _shows_through(self, image: Image.Image) -> bool:
        """What lies under it would be seen, where no transparency is taken."""
        if not self.opaque or image.mode != "RGBA":
            return False
        self._load(image)
        return has_transparency(image)

    def _unchanged(self, image: Image.Image) -> PreparedPhoto:
        width, height = image.size
        if self.png is None:  # decoded only to know that it is whole
            image.draft("RGB", (1, 1))  # a JPEG can be read at 1/8 size in 1/64 of the memory
            self._load(image)
        suffix, kind = (".png", "image/png") if image.format == "PNG" else (".jpg", "image/jpeg")
        return self._finished(self.raw, suffix, kind, (width, height), unchanged=True)

    def _packed(self, image: Image.Image) -> PreparedPhoto:
        image.info.clear()  # no profile, EXIF or gamma: the pixels are upright sRGB now
        size, limit = 0, self.max_bytes
        for level in (1, 6, 9):
            buffer = io.BytesIO()
            image.save(buffer, "PNG", compress_level=level)
            size = buffer.tell()
            if limit is None or size <= limit:
                return self._finished(buffer.getvalue(), ".png", "image/png", image.size, unchanged=False)
        raise PhotoError(
            f"{self.path}: {size / 1e6:.0f} MB after conversion; the server takes {(limit or 0) / 1e6:.0f} MB.",
            advice="Export it smaller, or start ComfyUI with a larger --max-upload-size.",
        )

    def _finished(
        self, data: bytes, suffix: str, kind: str, size: tuple[int, int], *, unchanged: bool
    ) -> PreparedPhoto:
        digest = hashlib.sha256(data).hexdigest()
        name = upload_name(self.path, digest, suffix)
        read = digest if unchanged else self._read_as
        return PreparedPhoto(data, name, size[0], size[1], tuple(self.notes), kind, unchanged, digest, read)
