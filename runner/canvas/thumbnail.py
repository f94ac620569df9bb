"""A small picture of a drawn workflow for ComfyUI's template browser: an example of what goes in, and the stages.

Used where no result of a real run with trained weights is at hand: a picture that was not made must not be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageOps

_SIDE = 360
_GROUND, _NODE = (32, 33, 36), (74, 76, 84)
_MARGIN = 14


def thumbnail(drawn: Mapping[str, Any], photo: Path | None) -> Image.Image:
    """The photo at the left, if there is one, and the graph beside it."""
    width = 2 * _SIDE
    sheet = Image.new("RGB", (width, _SIDE), _GROUND)
    left = 0
    if photo is not None:
        with Image.open(photo) as opened:
            sheet.paste(ImageOps.fit(opened.convert("RGB"), (_SIDE, _SIDE), Image.Resampling.LANCZOS))
        left = _SIDE
    _paint_graph(ImageDraw.Draw(sheet), drawn, (left + _MARGIN, _MARGIN, width - _MARGIN, _SIDE - _MARGIN))
    return sheet


def _paint_graph(brush: ImageDraw.ImageDraw, drawn: Mapping[str, Any], box: tuple[int, int, int, int]) -> None:
    """Every group and node as a rectangle, as large as the box allows in both directions: it is a map, not a view."""
    groups = [group["bounding"] for group in drawn["groups"]]
    left, top = min(x for x, _, _, _ in groups), min(y for _, y, _, _ in groups)
    right, bottom = max(x + w for x, _, w, _ in groups), max(y + h for _, y, _, h in groups)
    across, down = (box[2] - box[0]) / (right - left), (box[3] - box[1]) / (bottom - top)

    def place(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        at = (box[0] + (x - left) * across, box[1] + (y - top) * down)
        return (*at, at[0] + max(width * across, 2), at[1] + max(height * down, 2))

    for group in drawn["groups"]:
        brush.rectangle(place(*group["bounding"]), fill=_dark(group["color"]))
    for node in drawn["nodes"]:
        if node["type"] != "MarkdownNote":
            fill = _hex(node["bgcolor"]) if "bgcolor" in node else _NODE
            brush.rectangle(place(*node["pos"], *node["size"]), fill=fill)


def _hex(colour: str) -> tuple[int, int, int]:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))


def _dark(colour: str) -> tuple[int, int, int]:
    red, green, blue = _hex(colour)
    return (red * 2 // 5 + 12, green * 2 // 5 + 12, blue * 2 // 5 + 12)
