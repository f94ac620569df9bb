"""Shapes, batches, bounding boxes: the checks that every operation does before its own work."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import EmptyMaskError, NotFiniteError, ParameterError, RangeError, ShapeError

_STRIP_PIXELS = 1 << 19
"""Pixels that are worked on at a time: what a strip needs stays in the caches, and memory is bounded at any size."""
PLACEHOLDER_SIDE = 64
"""ComfyUI's LoadImage gives a 64×64 mask of zeros when the file has no alpha channel."""


@dataclass(frozen=True)
class Box:
    """Half-open pixel box: columns `left..right`, rows `top..bottom` (edges at integers)."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def grown(self, margin: int, width: int, height: int) -> Box:
        """This box and `margin` pixels around it, as far as a picture of this size goes."""
        return Box(
            max(0, self.left - margin),
            max(0, self.top - margin),
            min(width, self.right + margin),
            min(height, self.bottom + margin),
        )


_LARGEST = 65504.0
"""Of half precision; no picture with high dynamic range has more. What is larger becomes infinite on its way."""


_LEAST = -0.5
"""Resampling overshoots black by 0.15 at most, and colours beyond sRGB's lie nearer: what goes lower begins at -1."""
_BRIGHT = 16.0
"""More than any white, and less than all but the darkest photos of 0 to 255 hold: from there on it is looked closer."""
_ABOVE_WHITE = 1.5
"""Of a picture with high dynamic range, lamps and glints are above it; of one of 0 to 255 nearly everything is."""


def check_image(image: Tensor, name: str = "image", *, finite: bool = True) -> Tensor:
    """Return `image` as float32 `[B,H,W,C]`, C of 1, 3 or 4 kept. Raises ShapeError for anything else.

    Raises NotFiniteError where a pixel is NaN or infinite, and RangeError where the values go from 0 to 255 or from
    -1 on: whatever is made of it would look finished and be wrong. Lamps of a high dynamic range, and what a resampling
    overshoots, pass. `finite` False: the caller looks for such pixels itself.
    """
    if image.ndim != 4 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape:
        raise ShapeError(f"{name} has shape {tuple(image.shape)}; a picture is [batch, height, width, 3 or 4].")
    _check_kind(image, name)
    image = image.to(torch.float32)
    low, high = _finite_range(image, name) if finite else _range(image)
    if not (low >= -_LARGEST and high <= _LARGEST):  # NaN, too
        return image
    if low < _LEAST:
        raise _not_a_picture(name, low, high, "add 1 and divide by 2")
    if high > _BRIGHT and _is_of_bytes(image, high):
        raise _not_a_picture(name, low, high, "divide by 255")
    return image


def _check_kind(values: Tensor, name: str) -> None:
    if not values.is_floating_point() and values.dtype != torch.bool:
        kind = str(values.dtype).removeprefix("torch.")
        raise RangeError(
            f"{name} holds whole numbers ({kind}); a picture or a mask holds fractions from 0 to 1.",
            advice="convert it to float and divide by its largest value (255 for uint8) in the node that makes it.",
        )


def _is_of_bytes(image: Tensor, high: float) -> bool:
    """Whether values of 0 to 255 were never divided; lamps of a high dynamic range are few, and no whole numbers."""
    if high <= 255.0 and bool((image == image.round()).all()):
        return True
    return bool((image > _ABOVE_WHITE).float().mean() > 0.5)


def _not_a_picture(name: str, low: float, high: float, remedy: str) -> RangeError:
    return RangeError(
        f"{name} has values from {low:.4g} to {high:.4g}; those of a picture go from 0 (black) to 1 (white).",
        advice=f"{remedy}, in or behind the node that makes it.",
    )


def check_mask(mask: Tensor, name: str = "mask") -> Tensor:
    """Return `mask` as float32 `[B,H,W]` in 0..1 (`[H,W]` gets a batch axis); sums of masks are held to 1.

    Raises ShapeError, NotFiniteError, and RangeError where it goes to 255: its soft edge would be lost.
    """
    mask = as_batch(mask)
    if mask.ndim != 3 or 0 in mask.shape:
        raise ShapeError(f"{name} has shape {tuple(mask.shape)}; a mask is [batch, height, width].")
    mask = mask.to(torch.float32)
    low, high = _finite_range(mask, name)
    if high > _BRIGHT:
        raise RangeError(
            f"{name} has values up to {high:.4g}; those of a mask go from 0 to 1 (product).",
            advice="divide it by 255, in or behind the node that makes it.",
        )
    return mask if low >= 0.0 and high <= 1.0 else mask.clamp(0.0, 1.0)


def as_batch(mask: Tensor) -> Tensor:
    """A mask as `[B,H,W]` where it came as `[H,W]` or `[B,1,H,W]`; anything else as it is."""
    if mask.ndim == 2:
        return mask.unsqueeze(0)
    return mask.squeeze(1) if mask.ndim == 4 and mask.shape[1] == 1 else mask


def check_finite(values: Tensor, name: str) -> Tensor:
    """Return `values` `[B,...]`. Raises NotFiniteError that names the picture where one is NaN or infinite."""
    _finite_range(values, name)
    return values


def _finite_range(values: Tensor, name: str) -> tuple[float, float]:
    """The least and the largest of `values`; NotFiniteError where one is NaN, infinite or larger than any picture's."""
    low, high = _range(values)
    if low >= -_LARGEST and high <= _LARGEST:
        return low, high
    wrong = [number for number, one in enumerate(values, 1) if not bool((one.abs() <= _LARGEST).all())]
    which = f" (picture {wrong[0]} of {len(values)})" if len(values) > 1 else ""
    raise NotFiniteError(
        f"{name}{which} holds values that are no numbers (NaN, infinite or near to it): the node that made it went "
        "wrong.",
        advice="such pictures come from half precision: start ComfyUI with --fp32-vae (or --force-fp32), or use "
        "another VAE or model.",
    )


def _range(values: Tensor) -> tuple[float, float]:
    """The least and the largest of `values`; both NaN where one is."""
    # `aminmax` first copies a picture whose channels lie apart, as a VAE leaves them.
    low, high = torch.stack((values.amin(), values.amax())).tolist()
    return low, high


def check_color(image: Tensor, name: str = "image", *, finite: bool = True) -> Tensor:
    """The same, for what a colour is painted into: one channel becomes three."""
    image = check_image(image, name, finite=finite)
    return image.expand(*image.shape[:-1], 3) if image.shape[-1] == 1 else image


def split_alpha(image: Tensor, name: str = "image") -> tuple[Tensor, Tensor | None]:
    """Split `[B,H,W,C]` into RGB `[B,H,W,3]` and alpha `[B,H,W]` (None without a fourth channel)."""
    image = check_color(image, name)
    alpha = image[..., 3].clamp(0.0, 1.0) if image.shape[-1] == 4 else None
    return image[..., :3], alpha


def is_placeholder(mask: Tensor | None, height: int, width: int) -> bool:
    """Whether `mask` stands for "no mask": None, or LoadImage's constant 64×64 mask beside a picture of another size.

    The inverted placeholder (all ones, after an InvertMask node) counts too.
    """
    if mask is None:
        return True
    if tuple(mask.shape[-2:]) != (PLACEHOLDER_SIDE, PLACEHOLDER_SIDE) or (height, width) == tuple(mask.shape[-2:]):
        return False
    low, high = torch.aminmax(mask)
    return bool(low == high) and float(low) in (0.0, 1.0)


def common_batch(**tensors: Tensor) -> int:
    """The batch size that all named tensors share once a batch of 1 broadcasts. Raises ShapeError that names both."""
    batch, holder = 1, ""
    for name, tensor in tensors.items():
        size = tensor.shape[0]
        if size == 1:
            continue
        if batch not in (1, size):
            raise ShapeError(
                f"{holder} has a batch of {batch} {tuple(tensors[holder].shape)} but {name} has a batch of {size} "
                f"{tuple(tensor.shape)}; give both the same number of pictures, or one."
            )
        batch, holder = size, name
    return batch


def same_size(**tensors: Tensor) -> tuple[int, int]:
    """Height and width that all named `[B,H,W,...]` tensors share. Raises ShapeError that names both shapes."""
    items = iter(tensors.items())
    first_name, first = next(items)
    size = (first.shape[1], first.shape[2])
    for name, tensor in items:
        if (tensor.shape[1], tensor.shape[2]) != size:
            raise ShapeError(
                f"{name} {tuple(tensor.shape)} does not have the size of {first_name} {tuple(first.shape)} "
                f"({tensor.shape[2]}×{tensor.shape[1]} against {size[1]}×{size[0]} pixels)."
            )
    return size


def expand_batch(tensor: Tensor, batch: int) -> Tensor:
    """Broadcast a batch of 1 to `batch` without copying."""
    return tensor if tensor.shape[0] == batch else tensor.expand(batch, *tensor.shape[1:])


def item(tensor: Tensor, index: int) -> Tensor:
    """The `index`-th picture of a batch (the only one where the batch is 1)."""
    return tensor[0 if tensor.shape[0] == 1 else index]


def bounding_box(mask: Tensor, threshold: float = 0.5, name: str = "mask") -> Box:
    """Tight box around `mask > threshold` of one `[H,W]` mask. Raises EmptyMaskError where there is nothing."""
    rows = torch.nonzero(mask.amax(dim=1) > threshold).flatten()  # maxima cost a quarter of a comparison of all pixels
    if rows.numel() == 0:
        raise EmptyMaskError(
            f"{name} is empty: no pixel above {threshold:g}.",
            canvas="check the cut-out (1 = product; LoadImage's own mask is inverted).",
        )
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = torch.nonzero(mask[top:bottom].amax(dim=0) > threshold).flatten()
    return Box(int(columns[0]), top, int(columns[-1]) + 1, bottom)


def check_range(value: float, low: float, high: float, name: str) -> float:
    """Return `value`. Raises ParameterError outside `low..high` (NaN too)."""
    if not low <= value <= high:
        raise ParameterError(f"{name} is {value:g}; it must lie between {low:g} and {high:g}.")
    return value


def check_number(value: float, name: str) -> float:
    """Return `value`. Raises ParameterError where it is NaN or infinite."""
    if not math.isfinite(value):
        raise ParameterError(f"{name} is {value:g}; it must be a number.")
    return value


def check_choice(value: str, choices: Iterable[str], name: str) -> None:
    """Raises ParameterError where `value` is none of the `choices`, which it names."""
    choices = tuple(choices)
    if value not in choices:
        raise ParameterError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")


def strips(height: int, width: int, multiple: int = 1) -> Iterator[slice]:
    """Row ranges of about 520 000 pixels, each a multiple of `multiple` rows (but the last)."""
    rows = max(1, _STRIP_PIXELS // (width * multiple)) * multiple
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


_ROUNDING = 1.5 / 255
"""Between two pixels of one colour: a step of 8 bits, as a JPEG of it has."""


def is_one_colour(srgb: Tensor) -> bool:
    """Whether all of `srgb` `[H,W,3]` is the same but for rounding: there is nothing to be seen in it."""
    lowest, highest = torch.aminmax(srgb.flatten(0, 1), dim=0)
    return bool((highest - lowest).max() <= _ROUNDING)
