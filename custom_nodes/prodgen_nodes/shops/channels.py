"""What each marketplace asks of a product's main picture, as data (`PRODGEN_CHANNEL`).

The figures were collected in November 2026 and shops change them: look a rule up again before quoting it to anybody.
`sources` names, for each rule of the check, the page that asks for it and the month of the text that was read; a rule
that is not there is this project's own. Where a shop says nothing about shadows, or its sources disagree, the preset
leaves the shadow out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..imaging.colorspace import parse_hex
from ..imaging.errors import ParameterError
from ..imaging.tensors import check_range

RULES_AS_OF = "2026-11"
RECHECK_NOTE = f"Rules as of {RULES_AS_OF}; shops change them: check again before quoting."
_MB = 1_000_000
"""Shops count megabytes in tens."""


@dataclass(frozen=True)
class Channel:
    """One shop's rules, and the picture this pack makes to satisfy them.

    `width`, `height`: delivered pixels. `fill`: the product's longest side over the matching side of the canvas.
    `fill_range`: what the shop accepts, None where it does not say. `least` and `most` bound the pixels as
    (width, height); `zoom` is the longest side from which the shop offers a zoom. `shadow` is the opacity 0..1 of the
    soft contact shadow that the preset draws, `allows_shadow` whether the shop clearly takes one. `white` asks for a
    pure white background. `jpeg_only`: the shop takes no PNG. `max_bytes` bounds the uploaded file. `extras` is the
    level (`must` or `advice`) of the rules against text, logos, other objects and frames, `enlarged` the enlargement of
    the photo from which the picture fails. `sources`: rule of the check -> the page that asks for it, and its month.
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
    extras: str = "must"
    enlarged: float = 1.5
    note: str = ""
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)


_SOFT = 0.7
"""Opacity of the contact shadow where a shadow is welcome: grounds the product, stays a hint."""

OURS = "this project's own advice"


def _asked(page: str, *rules: str) -> dict[str, str]:
    return dict.fromkeys(rules, page)


_CONTENT = ("text", "other objects or logos", "frame")
_WALMART = "marketplacelearn.walmart.com, Product detail page: Image guidelines & requirements (July 2025)"
_ZALANDO = "partner.zalando.com/university, Zalando image guidelines (March 2025)"
_EBAY = "ebay.com/help, Picture policy id=4370 (page undated, read November 2026)"
_EBAY_SIZE = "faq.frooition.com about eBay's picture policy (July 2013); not found on a page of eBay's"
_GOOGLE = "support.google.com/merchants/answer/6324350 (page undated), as quoted by sharpfeed.io, read in November 2026"
_GOOGLE_2027 = "emberfeed.com, Google Merchant Center image requirements (May 2026)"
_AMAZON = "Amazon's product image guide, as quoted by changethisfile.com and mercatuslab.com (2026)"
_SHOPIFY = "Shopify's help on media types, as quoted by sellshot.ai and photomenal.app (April 2026)"
_ETSY = "hauld.app, the Etsy listing photo checklist (May 2026); not found on a page of Etsy's"
_TEMU = "chwang.com about Temu's review of pictures for men's wear (August 2024): 3:4, 1340×1785, at most 2 MB"

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
            max_bytes=5 * _MB,
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
            sources=_asked(
                _AMAZON, "pixels", "zoom", "fill", "border", "border in the JPEG", "background", "bytes", *_CONTENT
            ),
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
            enlarged=1.05,
            note="500² is the minimum from 31 January 2027. Pictures made by AI keep their IPTC source tag.",
            sources={
                **_asked(_GOOGLE, "fill", "bytes", "file type", "enlargement", *_CONTENT),
                "pixels": _GOOGLE_2027,
            },
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
            sources=_asked(_ZALANDO, "pixels", "aspect", "file type", "bytes", "background", "border"),
        ),
        Channel(
            "shopify",
            "Shopify",
            2048,
            2048,
            shadow=_SOFT,
            allows_shadow=True,
            white=False,
            most=(5000, 5000),
            max_pixels=25_000_000,
            zoom=800,
            extras="advice",
            note="Any background; 2048² is advised.",
            sources=_asked(_SHOPIFY, "pixels", "zoom", "bytes"),
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
            sources={**_asked(_EBAY, "pixels", *_CONTENT), "zoom": _EBAY_SIZE},
        ),
        Channel(
            "etsy",
            "Etsy",
            2000,
            2000,
            shadow=_SOFT,
            allows_shadow=True,
            white=False,
            max_bytes=10 * _MB,
            extras="advice",
            note="2000 pixels are advised.",
            sources=_asked(_ETSY, "pixels", "bytes"),
        ),
        Channel(
            "walmart",
            "Walmart",
            2200,
            2200,
            zoom=1500,
            aspect=(1, 1),
            max_bytes=5 * _MB,
            note="2200² is asked; the zoom needs 1500.",
            sources=_asked(
                _WALMART, "pixels", "zoom", "aspect", "bytes", "file type", "colour space", "background", "border"
            ),
        ),
        Channel(
            "temu",
            "Temu",
            1350,
            1800,
            least=(800, 800),
            aspect=(3, 4),
            max_bytes=2 * _MB,
            note="Its pages disagree: 3:4 for clothes, 1:1 for other goods; at most 2 MB suits both.",
            sources=_asked(_TEMU, "aspect", "bytes", *_CONTENT),
        ),
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
