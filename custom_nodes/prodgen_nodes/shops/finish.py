"""A picture as it is delivered: 8 bits, both files, and all that the check of a shop's rules needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from ..imaging.placement import Placement
from . import encode
from .channels import Channel
from .inspection import Finished
from .verdict import Verdict


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
        cut_off=placement is not None and _cut_off(placement, index),
        missing=missing,
        unchecked=unchecked,
    )


def encode_both(picture: encode.Bytes8, max_bytes: int, tags: Tags) -> tuple[encode.Encoded, encode.Encoded]:
    """The PNG and the JPEG of a picture, made at the same time: both encoders leave Python free."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        png = pool.submit(encode.png, picture, tags.texts, tags.source, tags.dpi)
        jpeg = encode.jpeg(picture, max_bytes, tags.source, tags.dpi)
        return png.result(), jpeg


def _cut_off(placement: Placement, index: int) -> bool:
    """Whether the product touches the frame of the photo it was cut from: the rest of it was never photographed."""
    box = placement.box(index)
    sides = (box.left <= 0, box.top <= 0, box.right >= placement.product_width, box.bottom >= placement.product_height)
    return any(sides) and not all(sides)
