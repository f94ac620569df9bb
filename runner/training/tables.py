"""The dataset check for people: a table on the terminal, a CSV file, and a sheet of the buckets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from runner.console import clean_line
from runner.files import spreadsheet
from runner.training.captions import standard_caption
from runner.training.checks import Check, Finding, Look, by_bucket, in_buckets
from runner.training.recipes import Recipe
from runner.words import counted

_COLUMNS = ("photo", "file", "width", "height", "bucket", "product_share", "blur", "caption", "found", "advice")
_SHOWN = 4
_TILE, _GAP, _LINE, _WIDTH = 120, 8, 18, 1120
_PAGE, _INK, _DIM = (250, 250, 250), (20, 20, 20), (255, 0, 204)
"""How many names a line has; pixels of the sheet; its colours, the last for what is not learnt."""


def lines(checked: Check, recipe: Recipe) -> Iterator[str]:
    """What was found, a line each, under what it was found on."""
    buckets = by_bucket(checked.looks)
    yield recipe.arithmetic(*in_buckets(checked.looks))
    yield "buckets: " + ", ".join(f"{size[0]} × {size[1]}: {len(members)}" for size, members in buckets)
    yield from map(line, checked.findings)
    graves = ((grade, sum(one.grade == grade for one in checked.findings)) for grade in ("error", "warning", "note"))
    yield ", ".join(counted(number, grade) for grade, number in graves) + "."


def line(one: Finding) -> str:
    """One finding on a line."""
    return f"{one.grade:<8} {one.check:<10} {_names(one.photos)}{clean_line(one.text)}. {clean_line(one.advice)}"


def _names(photos: Sequence[str]) -> str:
    if not photos:
        return ""
    more = f" and {len(photos) - _SHOWN} more" if len(photos) > _SHOWN else ""
    return clean_line(", ".join(photos[:_SHOWN])) + more + ": "


def table(checked: Check, tag: str, kind: str) -> str:
    """A CSV line for each photo: sizes, share, sharpness, caption, what was found and what to do."""
    return spreadsheet.table(_COLUMNS, (_row(look, checked, tag, kind) for look in checked.looks))


def _row(look: Look, checked: Check, tag: str, kind: str) -> dict[str, Any]:
    own = [one for one in checked.findings if look.sample.name in one.photos]
    return {
        "photo": look.sample.name,
        "file": look.sample.path,
        "width": look.size[0],
        "height": look.size[1],
        "bucket": f"{look.bucket[0]}x{look.bucket[1]}",
        "product_share": "" if look.share is None else round(look.share, 4),
        "blur": round(look.blur, 3),
        "caption": look.sample.caption or standard_caption(tag, kind),
        "found": "; ".join(f"{one.grade}: {one.text}" for one in own),
        "advice": " ".join(one.advice for one in own),
    }


def as_dict(one: Finding) -> dict[str, object]:
    """A finding as a JSON line."""
    return {
        "event": "finding",
        "grade": one.grade,
        "check": one.check,
        "photos": list(one.photos),
        "text": one.text,
        "advice": one.advice,
    }


def bucket_sheet(looks: Sequence[Look]) -> Image.Image:
    """Every photo as its bucket crops it, bucket by bucket; what is not trained, where that is known, is tinted."""
    font = ImageFont.load_default()
    strips = [_strip(f"{size[0]} x {size[1]}: {len(members)}", members, font) for size, members in by_bucket(looks)]
    page = Image.new("RGB", (_WIDTH, max(1, sum(strip.height for strip in strips))), _PAGE)
    top = 0
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height
    return page


def _strip(title: str, members: Sequence[Look], font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    tiles = [_tile(look) for look in members]
    across = _WIDTH // (_TILE + _GAP)
    down = -(-len(tiles) // across)
    strip = Image.new("RGB", (_WIDTH, _LINE * 2 + down * (_TILE + _LINE + _GAP)), _PAGE)
    draw = ImageDraw.Draw(strip)
    draw.text((_GAP, _GAP), title, _INK, font)
    for number, (tile, look) in enumerate(zip(tiles, members, strict=True)):
        left = _GAP + number % across * (_TILE + _GAP)
        top = _LINE * 2 + number // across * (_TILE + _LINE + _GAP)
        strip.paste(tile, (left, top))
        draw.text((left, top + _TILE), clean_line(look.sample.name)[:18], _INK, font)
    return strip


def _tile(look: Look) -> Image.Image:
    scale = _TILE / max(look.bucket)
    size = (max(1, round(look.bucket[0] * scale)), max(1, round(look.bucket[1] * scale)))
    tile = look.sample.picture().resize(size, Image.Resampling.BOX, box=look.crop)
    alpha = look.sample.alpha()
    if alpha is not None:
        away = alpha.resize(size, Image.Resampling.BOX, box=look.crop).point(lambda level: (255 - level) // 2)
        tile.paste(Image.new("RGB", size, _DIM), mask=away)
    return tile
