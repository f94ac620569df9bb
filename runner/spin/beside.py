"""What lies beside the pictures of a turn: a GIF, and a page to turn the product on, which needs nothing else."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from pathlib import Path

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
_HERE = Path(__file__).parent


def write_gif(frames: Sequence[Path], target: Path, fps: float) -> None:
    """All frames with one palette: with a palette each, the ground would flicker."""
    pictures = [_small(path, _GIF_SIDE) for path in frames]
    sheet = Image.new("RGB", (_SAMPLE * len(pictures), _SAMPLE))
    for number, picture in enumerate(pictures):
        sheet.paste(picture.resize((_SAMPLE, _SAMPLE)), (_SAMPLE * number, 0))
    palette = sheet.quantize(256)
    first, *more = [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
    with written_whole(target, "wb") as stream:
        duration = round(1000 / fps)
        first.save(stream, "GIF", save_all=True, append_images=more, duration=duration, loop=0, disposal=1)


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
