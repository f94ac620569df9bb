"""The pictures of a training as files: each in its bucket's size, with the product's mask and its caption."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from runner.training.checks import Look


@dataclass(frozen=True)
class Ready:
    """One picture as it is trained: RGB and mask (L, white is product) of its bucket's size, and its caption."""

    name: str
    picture: Image.Image
    mask: Image.Image | None
    caption: str

    def with_alpha(self) -> Image.Image:
        """RGBA, the colours under a transparent pixel kept: they are the backdrop, which is seen and not learnt."""
        both = self.picture.copy()
        both.putalpha(self.mask or Image.new("L", both.size, 255))
        return both

    def on_white(self) -> Image.Image:
        """The product alone, on white."""
        white = Image.new("RGB", self.picture.size, (255, 255, 255))
        return white if self.mask is None else Image.composite(self.picture, white, self.mask)


def ready(looks: Sequence[Look], tag: str, kind: str) -> Iterator[Ready]:
    """Every picture, cropped and reduced to its bucket."""
    for look in looks:
        alpha = look.sample.alpha()
        picture = look.sample.picture().resize(look.bucket, Image.Resampling.LANCZOS, box=look.crop)
        mask = None if alpha is None else alpha.resize(look.bucket, Image.Resampling.BOX, box=look.crop)
        yield Ready(look.sample.name, picture, mask, look.sample.caption_for(tag, kind))


def png(picture: Image.Image) -> bytes:
    """A PNG without metadata: the same picture is the same file."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()
