"""A small picture of a workflow for ComfyUI's template browser, which shows it square: what goes in | what comes out.

Where no result of a real run with trained weights is at hand, the right half is a map of the graph: a picture that was
not made must not be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw, ImageOps

_HALF, _HIGH = 240, 480
"""Pixels: two halves make a square."""
_GROUND, _NODE = (32, 33, 36), (74, 76, 84)
"""Dark grey, as the canvas; and the grey of a node without a colour."""
_MARGIN = 12
"""Pixels around the map."""


def before_and_after(before: Image.Image, after: Image.Image) -> Image.Image:
    """Both whole, side by side; where a half is higher than its picture, its backdrop goes on."""
    sheet = Image.new("RGB", (2 * _HALF, _HIGH))
    for left, picture in ((0, before), (_HALF, after)):
        plain = picture.convert("RGB")
        sheet.paste(ImageOps.pad(plain, (_HALF, _HIGH), color=tuple(plain.crop((0, 0, 1, 1)).tobytes())), (left, 0))
    return sheet


def thumbnail(drawn: Mapping[str, Any], before: Image.Image | None) -> Image.Image:
    """The picture that goes in, if any does, and a map of the graph."""
    if before is not None:
        return before_and_after(before, _map(drawn, _HALF))
    return _map(drawn, 2 * _HALF)


def _map(drawn: Mapping[str, Any], width: int) -> Image.Image:
    """Every group and node as a rectangle, stretched to the room there is: it is a map, not a view."""
    sheet = Image.new("RGB", (width, _HIGH), _GROUND)
    brush = ImageDraw.Draw(sheet)
    groups = [group["bounding"] for group in drawn["groups"]]
    left, top = min(x for x, _, _, _ in groups), min(y for _, y, _, _ in groups)
    right, bottom = max(x + w for x, _, w, _ in groups), max(y + h for _, y, _, h in groups)
    across, down = (width - 2 * _MARGIN) / (right - left), (_HIGH - 2 * _MARGIN) / (bottom - top)

    def place(x: float, y: float, wide: float, high: float) -> tuple[float, float, float, float]:
        at = (_MARGIN + (x - left) * across, _MARGIN + (y - top) * down)
        return (*at, at[0] + max(wide * across, 2), at[1] + max(high * down, 2))

    for group in drawn["groups"]:
        brush.rectangle(place(*group["bounding"]), fill=_dark(group["color"]))
    for node in drawn["nodes"]:
        if node["type"] != "MarkdownNote":
            fill = _hex(node["bgcolor"]) if "bgcolor" in node else _NODE
            brush.rectangle(place(*node["pos"], *node["size"]), fill=fill)
    return sheet


def _hex(colour: str) -> tuple[int, int, int]:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))


def _dark(colour: str) -> tuple[int, int, int]:
    red, green, blue = _hex(colour)
    return (red * 2 // 5 + 12, green * 2 // 5 + 12, blue * 2 // 5 + 12)
