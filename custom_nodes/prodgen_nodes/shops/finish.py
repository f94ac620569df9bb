"""A picture as it is delivered: 8 bits, both files, and all that the check of a shop's rules needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..imaging.placement import Placement
from . import encode
from .channels import Channel
from .encode import Bytes8, Encoded
from .verdict import Verdict


@dataclass(frozen=True)
class Finished:
    """What is inspected: the 8-bit picture `[H,W,3]`, the product's mask and the shadow `[H,W]` 0..1, and its files.

    `scale` is how much the photo's product was enlarged (None when not known), `cut_off` whether the product touches
    the frame of the photo it comes from, `missing` where on it the cut-out lacks a piece ("lower left"), `unchecked`
    why nobody knows whether it lacks one (None: it was compared with the photo).
    """

    picture: Bytes8
    mask: NDArray[np.float32]
    shadow: NDArray[np.float32] | None
    png: Encoded
    jpeg: Encoded
    scale: float | None = None
    cut_off: bool = False
    missing: tuple[str, ...] = ()
    unchecked: str | None = None

    @property
    def files(self) -> tuple[tuple[str, Encoded], ...]:
        """What is written, in this order: the end of each file's name, and its content."""
        return ((".jpg", self.jpeg), (".png", self.png))


@dataclass(frozen=True)
class Tags:
    """What both files carry beside the picture: `texts` (the graph; PNG only), IPTC `source` and `dpi`."""

    texts: Mapping[str, str] = field(default_factory=dict)
    source: str = encode.SOURCES[0]
    dpi: int = encode.DPI


def finish(
    rgb: Tensor,
    mask: Tensor,
    shadow: Tensor | None,
    channel: Channel,
    *,
    index: int = 0,
    placement: Placement | None = None,
    verdict: Verdict | None = None,
    tags: Tags | None = None,
) -> Finished:
    """The picture `rgb` `[H,W,3]` sRGB 0..1 as files for `channel`, with its `mask` and `shadow` `[H,W]` 0..1.

    `index`: its place in the batch that `placement` and `verdict` are about.
    """
    picture, (missing, unchecked) = encode.to_bytes(rgb), (verdict or Verdict()).of(index)
    png, jpeg = encode_both(picture, channel.max_bytes, tags or Tags())
    return Finished(
        picture=picture,
        mask=mask.cpu().numpy(),
        shadow=None if shadow is None else shadow.cpu().numpy().astype(np.float32),
        png=png,
        jpeg=jpeg,
        scale=None if placement is None else max(placement.transform(index).a, placement.transform(index).d),
        cut_off=placement is not None and bool(placement.cut_sides(index)),
        missing=missing,
        unchecked=unchecked,
    )


def encode_both(picture: Bytes8, max_bytes: int, tags: Tags) -> tuple[Encoded, Encoded]:
    """The PNG and the JPEG of a picture, made at the same time: both encoders leave Python free."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        png = pool.submit(encode.png, picture, tags.texts, tags.source, tags.dpi)
        jpeg = encode.jpeg(picture, max_bytes, tags.source, tags.dpi)
        return png.result(), jpeg
