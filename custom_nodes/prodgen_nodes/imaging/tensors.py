"""Shapes, batches, bounding boxes: the checks that every operation does before its own work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import EmptyMaskError, NotFiniteError, ParameterError, ShapeError

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


_LARGEST = 65504.0
"""Of half precision; no picture with high dynamic range has more. What is larger becomes infinite on its way."""


def check_image(image: Tensor, name: str = "image", *, finite: bool = True) -> Tensor:
    """Return `image` as float32 `[B,H,W,C]`, C of 1, 3 or 4 kept. Raises ShapeError for anything else.

    Raises NotFiniteError where a pixel is NaN or infinite: whatever is made of it would look finished and be wrong.
    `finite` False: the caller looks for such pixels itself.
    """
    if image.ndim != 4 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape:
        raise ShapeError(f"{name} has shape {tuple(image.shape)}; a picture is [batch, height, width, 3 or 4].")
    image = image.to(torch.float32)
    return check_finite(image, name) if finite else image


def check_mask(mask: Tensor, name: str = "mask") -> Tensor:
    """Return `mask` as float32 `[B,H,W]` in 0..1 (`[H,W]` gets a batch axis). Raises ShapeError, NotFiniteError."""
    if mask.ndim == 2:
        mask = mask.unsqueeze(0)
    if mask.ndim == 4 and mask.shape[1] == 1:
        mask = mask.squeeze(1)
    if mask.ndim != 3 or 0 in mask.shape:
        raise ShapeError(f"{name} has shape {tuple(mask.shape)}; a mask is [batch, height, width].")
    mask = mask.to(torch.float32)
    low, high = _finite_range(mask, name)
    return mask if low >= 0.0 and high <= 1.0 else mask.clamp(0.0, 1.0)


def check_finite(values: Tensor, name: str) -> Tensor:
    """Return `values` `[B,...]`. Raises NotFiniteError that names the picture where one is NaN or infinite."""
    _finite_range(values, name)
    return values


def _finite_range(values: Tensor, name: str) -> tuple[float, float]:
    """The least and the largest of `values`; NotFiniteError where one is NaN, infinite or larger than any picture's."""
    # NaN comes through both; `aminmax` first copies a picture whose channels lie apart, as a VAE leaves them.
    low, high = torch.stack((values.amin(), values.amax())).tolist()
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
