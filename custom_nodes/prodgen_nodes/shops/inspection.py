"""Measures a finished product picture against a channel's rules: one line per rule, with what was measured."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ..imaging.colorspace import parse_hex
from ..imaging.errors import EmptyMaskError
from ..imaging.extent import product_box
from .channels import Channel
from .encode import Bytes8
from .extras import Box, find_extras
from .finish import Finished
from .rule import Rule

_UPSCALED = 1.05
"""An enlargement that nobody can see; it is still written down. Above it is advice, above the channel's own a fault."""
_BORDER = 0.01
"""Width of the border that must be pure, as a share of the shorter side."""
_SHADE = 0.5 / 255
"""A shadow thinner than half a step of 8 bits is none."""
_FILL_TOLERANCE = 0.005
"""Of the frame: half a percent for soft edges and whole pixels; the shops' own figures are round."""
_ROWS = 256
"""Rows that are compared at a time: they stay in the caches."""


def _pixels(done: Finished, channel: Channel) -> list[Rule]:
    height, width = done.picture.shape[:2]
    (low_x, low_y), (high_x, high_y) = channel.least, channel.most
    fits = low_x <= width <= high_x and low_y <= height <= high_y
    asked = f"{low_x}×{low_y} to {high_x}×{high_y}"
    if channel.max_pixels:
        fits = fits and width * height <= channel.max_pixels
        asked += f", at most {channel.max_pixels / 1e6:g} MP"
    rules = [Rule("pixels", fits, f"{width}×{height}", asked)]
    rules.append(
        Rule(
            "zoom",
            max(width, height) >= channel.zoom,
            f"{max(width, height)}",
            f"longest side \N{GREATER-THAN OR EQUAL TO} {channel.zoom}",
            "advice",
        )
    )
    if channel.aspect:
        wide, tall = channel.aspect
        # A hundredth: whole pixels of a small picture, never another shape.
        close = abs(width / height * tall / wide - 1) < 0.01
        rules.append(Rule("aspect", close, f"1:{height / width:.3f}", f"1:{tall / wide:.3f}"))
    return rules


def product_fill(mask: NDArray[np.float32]) -> tuple[float, tuple[int, int, int, int] | None]:
    """The larger share of the frame that the product's bounding box takes, and the box (l, t, r, b)."""
    try:
        box = product_box(torch.from_numpy(mask))
    except EmptyMaskError:
        return 0.0, None
    height, width = mask.shape
    return max(box.width / width, box.height / height), (box.left, box.top, box.right, box.bottom)


def _framing(done: Finished, channel: Channel) -> list[Rule]:
    fill, box = product_fill(done.mask)
    low, high = channel.fill_range or (0.0, 1.0)
    fits = box is not None and low - _FILL_TOLERANCE <= fill <= high + _FILL_TOLERANCE
    asked = f"{low:.0%} to {high:.0%}" if channel.fill_range else "not stated"
    height, width = done.mask.shape
    inside = box is not None and box[0] > 0 and box[1] > 0 and box[2] < width and box[3] < height
    faults = [f"a piece is missing, cut away at: {', '.join(done.missing)}"] if done.missing else []
    faults += ["cut off in the photo"] if done.cut_off else []
    faults += [] if inside else ["touches the frame"]
    if not faults and done.unchecked is not None:
        whole = Rule(
            "whole product", False, f"not checked: {done.unchecked}", "nothing cut off", "advice", checked=False
        )
    else:
        measured = "; ".join(faults) or "whole" if box else "no product"
        whole = Rule("whole product", not faults, measured, "nothing cut off")
    return [Rule("fill", fits, f"{fill:.1%} of the frame", asked), whole]


def _differing(picture: Bytes8, area: NDArray[np.bool_], wanted: NDArray[np.uint8], slack: int) -> int:
    """How many pixels of `picture` `[h,w,3]` inside `area` `[h,w]` are more than `slack` from the colour `wanted`."""
    wrong = 0
    for row in range(0, len(picture), _ROWS):
        part = picture[row : row + _ROWS]
        off = np.zeros(part.shape[:2], np.bool_)
        for channel, value in enumerate(wanted.tolist()):
            plane = part[..., channel]
            if slack == 0:
                off |= plane != value
            else:
                off |= (plane < max(value - slack, 0)) | (plane > min(value + slack, 255))
        wrong += int(np.count_nonzero(off & area[row : row + _ROWS]))
    return wrong


def _strips(height: int, width: int) -> list[tuple[slice, slice]]:
    """The border of a picture: four strips that do not overlap, or all of a picture that is little else."""
    edge = max(1, round(_BORDER * min(height, width)))
    if 2 * edge >= min(height, width):
        return [(slice(0, height), slice(0, width))]
    middle = slice(edge, height - edge)
    return [
        (slice(0, edge), slice(0, width)),
        (slice(height - edge, height), slice(0, width)),
        (middle, slice(0, edge)),
        (middle, slice(width - edge, width)),
    ]


def _background(done: Finished, channel: Channel) -> list[Rule]:
    target = np.rint(np.array(parse_hex(channel.background)) * 255).astype(np.uint8)
    free = done.mask <= 0
    if done.shadow is not None:
        free &= done.shadow < _SHADE
    strips = _strips(*free.shape)
    asked = "pure white 255" if channel.white else f"even {channel.background}"
    wanted = np.array((255, 255, 255), np.uint8) if channel.white else target
    rules = []
    looks = [("border", done.picture, strips), ("background", done.picture, [(slice(None), slice(None))])]
    if done.jpeg.data:
        decoded = np.asarray(Image.open(io.BytesIO(done.jpeg.data)).convert("RGB"))
        looks.insert(1, ("border in the JPEG", decoded, strips))
    for name, picture, areas in looks:
        # JPEG may round an even colour by one step; white it keeps exactly, and white must be exact.
        slack = 1 if name.endswith("JPEG") and not channel.white else 0
        wrong = sum(_differing(picture[area], free[area], wanted, slack) for area in areas)
        total = sum(int(np.count_nonzero(free[area])) for area in areas)
        state = "pure" if wrong == 0 else f"{wrong} of {total} pixels differ"
        rules.append(Rule(name, wrong == 0, state, asked + " outside the shadow"))
    if done.shadow is not None:
        strongest = float(done.shadow.max())
        if strongest >= _SHADE or not channel.allows_shadow:
            fine = channel.allows_shadow or strongest < _SHADE
            rules.append(Rule("shadow", fine, f"up to {strongest:.0%}", "soft" if channel.allows_shadow else "none"))
    return rules


def _files(done: Finished, channel: Channel) -> list[Rule]:
    limit = f"\N{LESS-THAN OR EQUAL TO} {channel.max_bytes / 1e6:g} MB"
    opened = Image.open(io.BytesIO(done.jpeg.data))
    full_color = opened.layer[0][1:3] == (1, 1) if hasattr(opened, "layer") else False
    rules = [
        Rule(
            "file type",
            opened.format == "JPEG",
            f"JPEG, quality {done.jpeg.quality}",
            "JPEG" if channel.jpeg_only else "JPEG or PNG",
        ),
        Rule("bytes", len(done.jpeg.data) <= channel.max_bytes, f"{len(done.jpeg.data) / 1e6:.2f} MB", limit),
        Rule("colour space", bool(opened.info.get("icc_profile")) and full_color, "sRGB profile, 4:4:4", "sRGB"),
    ]
    if not channel.jpeg_only:
        size = len(done.png.data)
        rules.append(Rule("PNG bytes", size <= channel.max_bytes, f"{size / 1e6:.2f} MB", limit, "advice"))
    return rules


def _content(done: Finished, channel: Channel) -> list[Rule]:
    """Whether the product is alone in the picture: no other thing, no text, no frame."""
    background = np.rint(np.array(parse_hex(channel.background)) * 255).astype(np.uint8)
    extras = find_extras(done.picture, background, done.mask, done.shadow)
    level = channel.extras

    def line(rule: str, boxes: Sequence[Box]) -> Rule:
        places = ", ".join(f"{b[2] - b[0]}×{b[3] - b[1]} at {b[0]},{b[1]}" for b in boxes[:3])
        return Rule(rule, not boxes, places or "none", "none", level)

    products = Rule("products", extras.products <= 1, f"products: {extras.products}", "1, or a pair or set", "advice")
    frame = line("frame", [] if extras.frame is None else [extras.frame])
    if extras.bordered is not None and frame.passed:
        frame = Rule("frame", False, "the product is a rectangle with a border: a framed photo?", "none", "advice")
    return [
        products,
        line("text", extras.text),
        line("other objects or logos", extras.marks),
        frame,
    ]


def _sharper(done: Finished, channel: Channel, scale: float) -> str:
    """What helps against an enlargement: a canvas that the shop takes, or else how large the product must be."""
    height, width = done.picture.shape[:2]
    fitting = int(width / scale), int(height / scale)
    if fitting[0] >= channel.least[0] and fitting[1] >= channel.least[1]:
        sizes = f"--set width={fitting[0]} --set height={fitting[1]}"
        price = f", too small for the shop's zoom (from {channel.zoom} on)" if max(fitting) < channel.zoom else ""
        return f"a larger photo, or a canvas of {fitting[0]}×{fitting[1]} pixels{price}, on the command line {sizes}"
    _, box = product_fill(done.mask)
    longest = max(box[2] - box[0], box[3] - box[1]) if box else max(height, width)
    least = math.ceil(longest * max(channel.least[0] / width, channel.least[1] / height))
    return (
        f"only a larger photo helps, with at least {least} pixels on the longer side of the product: the shop takes no "
        f"canvas below {channel.least[0]}×{channel.least[1]}"
    )


def _enlargement(done: Finished, channel: Channel) -> list[Rule]:
    if done.scale is None:
        return []
    shown = round(done.scale, 2)  # what is read is what is judged
    fine = shown <= _UPSCALED
    scale = f"×{done.scale:.2f}" if fine else f"×{done.scale:.2f}: the photo is too small, its product was enlarged"
    level = "must" if shown > channel.enlarged else "advice"
    most = f"at most ×{_UPSCALED:g}"
    if channel.enlarged > _UPSCALED:
        most += f", never above ×{channel.enlarged:g}"
    asked = most if fine else f"{most}; {_sharper(done, channel, done.scale)}"
    return [Rule("enlargement", fine, scale, asked, level)]


def inspect(done: Finished, channel: Channel) -> list[Rule]:
    """One line per rule of `channel`, measured on what is delivered (the border in the decoded JPEG as well)."""
    return [
        *_pixels(done, channel),
        *_framing(done, channel),
        *_background(done, channel),
        *_files(done, channel),
        *_content(done, channel),
        *_enlargement(done, channel),
    ]


def inspect_picture(done: Finished, channel: Channel) -> list[Rule]:
    """The same of a picture that was made elsewhere: what can be seen in it, not how its file was written."""
    ground = _background(done, channel) if channel.white else []  # a shop that asks for none takes any
    return [*_pixels(done, channel), *_framing(done, channel), *ground, *_content(done, channel)]
