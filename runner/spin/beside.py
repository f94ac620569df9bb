"""What lies beside the pictures of a turn: a GIF, and a page to turn the product on, which needs nothing else."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from runner.console import clean_line
from runner.files.whole import written_whole

_GIF_SIDE = 600
"""Pixels: GIFs hold 256 colours and no compression to speak of; a larger one is a film's work."""
_PAGE_SIDE = 900
"""Pixels of each picture on the page: 24 of them are two megabytes."""
_PAGE_QUALITY = 88
"""Of its JPEGs: no blocks show at the sizes of a page."""
_SAMPLE = 96
"""Pixels of a picture's side that the common palette is chosen by."""
_CELL = 4
"""Levels: so wide are the cells in which Pillow looks colours up; what is nearer to the ground than that is ground."""
_HERE = Path(__file__).parent


def write_gif(frames: Sequence[Path], target: Path, fps: float) -> None:
    """All frames with one palette: with a palette each, the ground would flicker."""
    pictures = [_small(path, _GIF_SIDE) for path in frames]
    sheet = Image.new("RGB", (_SAMPLE * len(pictures), _SAMPLE))
    for number, picture in enumerate(pictures):
        sheet.paste(picture.resize((_SAMPLE, _SAMPLE)), (_SAMPLE * number, 0))
    ground = pictures[0].crop((0, 0, 1, 1)).tobytes()
    palette, place = _with(sheet.quantize(256), ground)
    first, *more = [_in_palette(picture, palette, ground, place) for picture in pictures]
    with written_whole(target, "wb") as stream:
        duration = round(1000 / fps)
        first.save(stream, "GIF", save_all=True, append_images=more, duration=duration, loop=0, disposal=1)


def _with(palette: Image.Image, ground: bytes) -> tuple[Image.Image, int]:
    """The palette with the ground's exact colour in the place of the nearest, and that place: white stays white."""
    colours = list(palette.getpalette() or ())
    starts = range(0, len(colours), 3)
    nearest = min(starts, key=lambda at: sum(abs(colours[at + channel] - ground[channel]) for channel in range(3)))
    colours[nearest : nearest + 3] = ground
    palette.putpalette(colours)
    return palette, nearest // 3


def _in_palette(picture: Image.Image, palette: Image.Image, ground: bytes, place: int) -> Image.Image:
    """A picture in these colours, the ground put right."""
    quantized = picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    difference = np.asarray(picture).astype(np.int16) - np.frombuffer(ground, np.uint8)
    is_ground = np.abs(difference).max(axis=-1) < _CELL
    quantized.paste(place, mask=Image.fromarray(is_ground))
    return quantized


def write_page(frames: Sequence[Path], target: Path, title: str) -> None:
    """The page: drag, swipe, arrow keys."""
    images = []
    for path in frames:
        buffer = io.BytesIO()
        _small(path, _PAGE_SIDE).save(buffer, "JPEG", quality=_PAGE_QUALITY, subsampling=0)
        images.append(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}")
    with Image.open(frames[0]) as picture:
        red, green, blue = picture.convert("RGB").crop((0, 0, 1, 1)).tobytes()
    listed = "".join(
        f'<img src="{address}" alt="" draggable="false"{"" if number == 0 else " hidden"}>'
        for number, address in enumerate(images)
    )
    text = (_HERE / "viewer.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(clean_line(title)),
        "GROUND": f"#{red:02x}{green:02x}{blue:02x}",
        "COUNT": str(len(images)),
        "IMAGES": listed,
    }
    text = re.sub(r"@([A-Z]+)@", lambda place: parts[place[1]], text)
    with written_whole(target, errors="backslashreplace") as stream:
        stream.write(text)


def _small(path: Path, side: int) -> Image.Image:
    with Image.open(path) as picture:
        small: Image.Image = picture.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small
