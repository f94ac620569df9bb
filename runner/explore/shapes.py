"""The shapes a picture can have, in the sizes that SD 1.5 paints well."""

from __future__ import annotations

import argparse
import re

from runner.errors import UsageError
from runner.suggest import did_you_mean

SHAPES = {"portrait": (448, 768), "landscape": (768, 448), "square": (576, 576), "square512": (512, 512)}
"""Pixels, multiples of 64 of about the area that SD 1.5 was trained on."""
CFG_RANGE = (1.0, 30.0)
"""Guidance: 1 is none at all, 30 more than any sampler is used with."""
_SIZE = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})", re.IGNORECASE)


def shape_and_cfg(words: list[str]) -> tuple[tuple[int, int] | None, float | None]:
    """(width, height) and guidance scale from what follows the prompt, in any order; None is the workflow's own.

    Raises UsageError for any other word.
    """
    shape, cfg = None, None
    for word in words:
        number = _number(word)
        if number is None and shape is None and word.casefold() in SHAPES:
            shape = SHAPES[word.casefold()]
        elif number is not None and cfg is None:
            cfg = number
        elif number is None and word.casefold() not in SHAPES:
            raise UsageError(
                f"{word!r} is no shape.{did_you_mean(word, SHAPES)}",
                advice=f"There are: {', '.join(SHAPES)}. A prompt of several words stands in quotes; other sizes are "
                "set with --size WIDTHxHEIGHT.",
            )
        else:
            raise UsageError(
                f"{word!r} is one too many: after the prompt come a shape and a guidance scale, once each."
            )
    if cfg is not None and not CFG_RANGE[0] <= cfg <= CFG_RANGE[1]:
        raise UsageError(f"the guidance scale is {cfg:g}; it goes from {CFG_RANGE[0]:g} to {CFG_RANGE[1]:g}.")
    return shape, cfg


def size(text: str) -> tuple[int, int]:
    """The type of `--size`: `768x448`, both multiples of 8."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size like 768x448")
    width, height = int(match[1]), int(match[2])
    if width % 8 or height % 8 or min(width, height) < 64:
        raise argparse.ArgumentTypeError(f"{width}x{height}: both must be multiples of 8, at least 64")
    return width, height


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
