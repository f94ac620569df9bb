"""The band across a picture that was painted with made-up weights: nobody takes it for a result."""

from __future__ import annotations

from pathlib import Path

TEXT = "SMOKE TEST: made-up weights, not a result"
_COLOUR, _INK = (214, 0, 122), (255, 255, 255)
"""Magenta, which hardly any product has, and white on it."""


def mark_picture(path: Path) -> bool:
    """Draw the band over the lower edge of a picture file, in place; False for what is no still picture."""
    from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

    with Image.open(path) as opened:
        if getattr(opened, "n_frames", 1) > 1 or opened.format not in ("PNG", "JPEG", "WEBP"):
            return False
        kind, texts = opened.format, dict(getattr(opened, "text", {}))
        kept = {name: opened.info[name] for name in ("icc_profile", "exif") if opened.info.get(name)}
        opened.load()
        picture = opened.convert("RGBA" if "A" in opened.getbands() or "transparency" in opened.info else "RGB")
    height = max(10, round(picture.height / 14))
    top = picture.height - height
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, top, picture.width, picture.height), fill=_COLOUR)
    size = max(6.0, height * 0.6)
    width = draw.textlength(TEXT, font=ImageFont.load_default(size))
    font = ImageFont.load_default(max(5.0, size * min(1.0, picture.width * 0.96 / max(1.0, width))))
    draw.text((picture.width / 2, top + height / 2), TEXT, fill=_INK, font=font, anchor="mm")
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, str(text))
    options = {"pnginfo": info} if kind == "PNG" else {"quality": 95}
    with path.open("wb") as stream:
        picture.save(stream, kind, **kept, **options)
    return True
