"""Small drawn products with known masks, as a seller's folder of training photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

TAG, KIND = "ohwx-bag", "handbag"


def product(seed: int, size: tuple[int, int] = (320, 320), *, part: float = 0.5, plain: bool = False) -> Image.Image:
    """A drawn bag on a textured backdrop, RGBA: its alpha is the bag. Every seed is another view and place."""
    chance = np.random.default_rng(seed)
    width, height = size
    noise = chance.integers(0, 60, (height // 32 + 1, width // 32 + 1, 3)).astype(np.uint8) + chance.integers(
        90, 190, 3
    )
    backdrop = Image.fromarray(noise.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    if plain:
        backdrop = Image.new("RGB", size, (236, 236, 240))
    mask = Image.new("L", size, 0)
    wide, high = width * part * chance.uniform(0.8, 1.2), height * part * chance.uniform(0.8, 1.2)
    left, top = chance.uniform(0.08, 0.92 - wide / width) * width, chance.uniform(0.1, 0.92 - high / height) * height
    box = (left, top, left + wide, top + high)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius=max(2, wide / 8), fill=255)
    body = Image.new("RGB", size, (150, 60, 30))
    draw = ImageDraw.Draw(body)
    for line in range(0, width, 9):
        draw.line((line, 0, line + 40, height), fill=(90, 30, 20), width=2)
    picture = Image.composite(body, backdrop, mask)
    picture.putalpha(mask)
    return picture


def folder(where: Path, count: int = 4, *, alpha: bool = True, plain: bool = False) -> Path:
    """Photos `view_<n>.png` with captions."""
    where.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = product(number, plain=plain)
        (picture if alpha else picture.convert("RGB")).save(where / f"view_{number}.png")
        text = f"{TAG}, {KIND}, view {number} from the side"
        (where / f"view_{number}.txt").write_text(text, encoding="utf-8")
    return where


def blurred(picture: Image.Image, radius: float = 6) -> Image.Image:
    return picture.convert("RGB").filter(ImageFilter.GaussianBlur(radius))
