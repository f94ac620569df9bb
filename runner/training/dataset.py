"""The photos of a training: upright and in sRGB, with caption and product mask where there is one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from runner.batch.photo_folder import photos
from runner.errors import PhotoError, UsageError
from runner.files.naming import safe_name
from runner.photos.prepare import PreparedPhoto, prepare_photo
from runner.training.beside_photos import beside
from runner.training.buckets import Box, Size
from runner.training.captions import read_caption, standard_caption
from runner.training.cut_masks import CutMasks

_PRODUCT = 32
"""Alpha (of 255) from which a pixel counts as product."""
_SUFFIX = ".png"


@dataclass(frozen=True)
class Sample:
    """One photo. `name` is its own among all (no suffix); `caption`: what lies beside it, or None; `mask`: the file
    that says what is product (white), where the photo has no alpha of its own."""

    path: Path
    name: str
    caption: str | None
    mask: Path | None = None

    @cached_property
    def prepared(self) -> PreparedPhoto:
        """The photo made ready. Raises PhotoError for what is no usable photo."""
        return prepare_photo(self.path)

    @property
    def size(self) -> Size:
        return self.prepared.width, self.prepared.height

    def picture(self) -> Image.Image:
        """RGB, upright, sRGB."""
        return self._opened().convert("RGB")

    def _opened(self) -> Image.Image:
        opened: Image.Image = Image.open(io.BytesIO(self.prepared.data))
        opened.load()  # which closes the file, that is in memory
        return opened

    def alpha(self) -> Image.Image | None:
        """How much of each pixel is product (L), from the photo's own alpha or from its mask; None: nobody knows."""
        opened = self._opened()
        if opened.mode == "RGBA":
            own: Image.Image = opened.getchannel("A")
            if np.asarray(own).min() < 255:
                return own
        if self.mask is None:
            return None
        given = prepare_photo(self.mask, is_mask=True)
        with Image.open(io.BytesIO(given.data)) as mask:
            alpha: Image.Image = mask.getchannel("A") if mask.mode == "RGBA" else mask.convert("L")
        if abs(alpha.width / alpha.height - self.size[0] / self.size[1]) > 0.01 * self.size[0] / self.size[1]:
            raise PhotoError(
                f"{self.mask} is {alpha.width} × {alpha.height}, its photo {self.path.name} {self.size[0]} × "
                f"{self.size[1]}: another shape.",
                advice="A mask shows its whole photo: white is product, black is not.",
            )
        return alpha if alpha.size == self.size else alpha.resize(self.size, Image.Resampling.BILINEAR)

    def caption_for(self, tag: str, kind: str) -> str:
        """What it is trained with."""
        return self.caption or standard_caption(tag, kind)


def read_samples(
    where: str, out: Path, masks: Sequence[Path] = (), notice: Callable[[str], None] = lambda _: None
) -> list[Sample]:
    """Every photo of a folder or a glob, in the order of their paths, with captions.

    `notice` is told of pictures that are results and not photos. `masks`: folders in which `<stem>.png` is what is
    product in a photo; the first that has one counts.
    Raises UsageError where there is no photo, or a caption or a mask is no file of its folder.
    """
    for folder in masks[:1]:
        if not folder.is_dir():
            raise UsageError(f"--masks {folder}: there is no such folder.")
    taken: set[str] = set()
    samples = []
    kept, others = photos(where, out)
    for line in others.told():
        notice(line)
    for path, below in kept:
        name = _free("_".join([*below.parts, path.stem]), taken)
        samples.append(Sample(path, name, read_caption(path), _mask_of(name, masks)))
    return samples


def _mask_of(name: str, folders: Sequence[Path]) -> Path | None:
    """The mask of the photo of this name, from the first folder that has one."""
    return next((mask for folder in folders if (mask := beside(folder / f"{name}{_SUFFIX}", "mask"))), None)


def _free(wanted: str, taken: set[str]) -> str:
    """A name that no other photo has, on any file system."""
    stem = safe_name(wanted)
    name, number = stem, 2
    while name.lower() in taken:
        name, number = f"{stem}_{number}", number + 1
    taken.add(name.lower())
    return name


def with_masks(samples: Sequence[Sample], folder: Path) -> list[Sample]:
    """The samples, each that had no mask with `folder/<name>.png`, where that is there and of this photo."""
    cut = CutMasks(folder)
    found = []
    for one in samples:
        mask = _mask_of(one.name, [folder]) if one.mask is None else None
        found.append(one if mask is None or not cut.is_of(mask, one.path) else replace(one, mask=mask))
    return found


def product_box(alpha: Image.Image) -> Box | None:
    """Where the product is, (left, top, right, bottom); None where there is none."""
    return alpha.point(lambda level: 255 if level >= _PRODUCT else 0).getbbox()


def share(alpha: Image.Image) -> float:
    """The product's share of the frame."""
    return float(np.asarray(alpha, dtype=np.float64).mean() / 255)


def usable(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Those whose photo can be read."""
    for one in samples:
        try:
            _ = one.prepared
        except PhotoError:
            continue
        yield one
