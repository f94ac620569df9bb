"""What each marketplace asks of a product's main picture, as data (`PRODGEN_CHANNEL`).

The figures were collected in November 2026 and shops change them: look a rule up again before quoting it to anybody.
Where a shop says nothing about shadows, or its sources disagree, the preset leaves the shadow out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .colorspace import parse_hex
from .errors import ParameterError
from .tensors import check_range

RULES_AS_OF = "2026-11"
RECHECK_NOTE = f"Rules as of {RULES_AS_OF}; shops change them: check again before quoting."
_MB = 1_000_000


@dataclass(frozen=True)
class Channel:
    """One shop's rules, and the picture this pack makes to satisfy them.

    `width`, `height`: delivered pixels. `fill`: the product's longest side over the matching side of the canvas.
    `fill_range`: what the shop accepts, None where it does not say. `least` and `most` bound the pixels as
    (width, height); `zoom` is the longest side from which the shop offers a zoom. `shadow` is the opacity 0..1 of the
    soft contact shadow that the preset draws, `allows_shadow` whether the shop clearly takes one. `white` asks for a
    pure white background. `jpeg_only`: the shop takes no PNG. `max_bytes` bounds the uploaded file.
    """

    name: str
    title: str
    width: int
    height: int
    fill: float = 0.86
    background: str = "#ffffff"
    shadow: float = 0.0
    allows_shadow: bool = False
    white: bool = True
    fill_range: tuple[float, float] | None = None
    least: tuple[int, int] = (500, 500)
    most: tuple[int, int] = (10_000, 10_000)
    max_pixels: int | None = None
    zoom: int = 1000
    aspect: tuple[int, int] | None = None
    max_bytes: int = 20 * _MB
    jpeg_only: bool = False
    note: str = ""


_SOFT = 0.7
"""Opacity of the contact shadow where a shadow is welcome: grounds the product, stays a hint."""

CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel(
            "master",
            "Master (one picture for every shop)",
            2000,
            2000,
            shadow=_SOFT,
            allows_shadow=True,
            fill_range=(0.85, 0.90),
            least=(1600, 1600),
            max_bytes=10 * _MB,
            note="Keep this one. Its fill suits every shop; for shops without shadows make their own preset.",
        ),
        Channel(
            "amazon",
            "Amazon main image",
            2000,
            2000,
            fill=0.88,
            fill_range=(0.85, 1.0),
            max_bytes=10 * _MB,
            note="Longest side 1600 or more is advised; sources disagree on shadows, so there is none.",
        ),
        Channel(
            "google",
            "Google Shopping",
            1500,
            1500,
            fill=0.84,
            shadow=_SOFT,
            allows_shadow=True,
            fill_range=(0.75, 0.90),
            max_pixels=64_000_000,
            max_bytes=16 * _MB,
            note="500² is the minimum from 31 January 2027. Pictures made by AI keep their IPTC source tag.",
        ),
        Channel(
            "zalando",
            "Zalando packshot",
            1801,
            2600,
            least=(762, 1100),
            aspect=(1801, 2600),
            jpeg_only=True,
            note="Best at 1801×2600 (1:1.44).",
        ),
        Channel(
            "shopify",
            "Shopify",
            2048,
            2048,
            shadow=_SOFT,
            allows_shadow=True,
            white=False,
            most=(4472, 4472),
            note="Any background; 2048² is advised.",
        ),
        Channel(
            "ebay",
            "eBay",
            1600,
            1600,
            fill=0.85,
            shadow=_SOFT,
            allows_shadow=True,
            white=False,
            fill_range=(0.80, 0.90),
            max_bytes=12 * _MB,
            note="1600 on the longest side is advised.",
        ),
        Channel(
            "etsy", "Etsy", 2000, 2000, shadow=_SOFT, allows_shadow=True, white=False, note="2000 pixels are advised."
        ),
        Channel("walmart", "Walmart", 2200, 2200, note="2200² gives the zoom."),
        Channel("temu", "Temu", 1350, 1800, least=(800, 800), aspect=(3, 4), max_bytes=3 * _MB, note="At most 3 MB."),
    )
}


def channel_named(
    name: str, *, width: int = 0, height: int = 0, fill: float = 0.0, background: str = "", shadow: float = -1.0
) -> Channel:
    """The rules of a channel with the seller's own wishes on top.

    0 for `width`, `height` (pixels) and `fill` (0..1), an empty `background` (`#rrggbb`) and a negative `shadow`
    (opacity 0..1) keep the channel's own. The shop's limits stay as they are, so that the export can say which wish
    breaks one. Raises ParameterError for an unknown channel or an impossible value.
    """
    if name not in CHANNELS:
        raise ParameterError(f"channel is {name!r}; choose one of: {', '.join(CHANNELS)}.")
    channel = CHANNELS[name]
    check_range(fill, 0.0, 1.0, "fill")
    if background.strip():
        parse_hex(background)
    if shadow >= 0:
        check_range(shadow, 0.0, 1.0, "shadow")
    return replace(
        channel,
        width=width or channel.width,
        height=height or channel.height,
        fill=fill or channel.fill,
        background=background.strip() or channel.background,
        shadow=shadow if shadow >= 0 else channel.shadow,
    )
