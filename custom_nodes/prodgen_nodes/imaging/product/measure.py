"""All that the photo says about a product: its kind, size and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..tensors import check_mask, item, same_size, split_alpha
from .kinds import KINDS, Guess, Kind, guess_kind, handle_to_hold
from .palette import Palette, find_colors, without_skin
from .seen import witnessed
from .shape import Shape, measure_shape

_HANDLE_WORDS = {
    "arch": "handle",
    "grip": "handle",
    "side": "handle",
    "twin_straps": "handles",
    "shoulder_strap": "strap",
}

_HANDLE_PHRASES = {
    "arch": "an arched handle",
    "grip": "a short handle",
    "side": "a handle at its side",
    "twin_straps": "two handles",
    "shoulder_strap": "a long shoulder strap",
}


@dataclass(frozen=True)
class Facts:
    """`shape` of the outline, `guess` of kind and size, `palette` of colours."""

    shape: Shape
    guess: Guess
    palette: Palette

    @property
    def kind(self) -> Kind:
        return KINDS[self.guess.kind]

    @property
    def noun(self) -> str:
        return self.guess.noun

    @property
    def handle_word(self) -> str:
        """What a hand takes it by; empty without a handle."""
        return _HANDLE_WORDS.get(handle_to_hold(self.shape) or "", "")

    def report(self) -> dict[str, Any]:
        """The facts for a node's report."""
        shape = self.shape
        return {
            "kind": self.guess.kind,
            "noun": self.noun,
            "kind_confidence": self.guess.confidence,
            "kind_reason": self.guess.reason,
            "size": self.guess.size,
            "size_basis": self.guess.size_basis,
            "longest_side_cm": self.guess.centimetres,
            "width_over_height": shape.aspect,
            "handle": handle_to_hold(shape),
            "handle_length_over_width": shape.handle_length,
            "multicolored": self.palette.multicolored,
            "colors": [
                {"name": color.name, "hex": color.hex, "lab": list(color.lab), "share": color.share}
                for color in self.palette.colors
            ],
        }

    def sentence(self) -> str:
        """The facts in one plain sentence, for a model's question."""
        colors = ", ".join(f"{color.name} {color.share:.0%}" for color in self.palette.colors[:4])
        held = handle_to_hold(self.shape)
        handle = f"with {_HANDLE_PHRASES[held]}" if held else "without a handle"
        size = f", {self.guess.size}" if self.guess.size else ""
        if self.guess.centimetres:
            size += ", {} to {} cm".format(*self.guess.centimetres)
        return (
            f"the product looks like a {self.noun} {handle}{size}, "
            f"{self.shape.aspect:.2f} times as wide as high; its colours: {colors}."
        )


def measure_product(image: Tensor, mask: Tensor, seen: Tensor | None = None) -> Facts:
    """Measure the first product of a batch: `image` `[B,H,W,C]` sRGB 0..1, `mask` `[B,H,W]` with 1 = product;
    `seen` `[1000]`: the probabilities of ImageNet's classes, where a network has seen it.

    Raises ShapeError for inputs that do not fit together and EmptyMaskError for an empty mask.
    """
    rgb, _ = split_alpha(image, "product")
    mask = check_mask(mask)
    same_size(product=rgb, mask=mask)
    alpha = item(mask, 0)
    shape = measure_shape(alpha)
    guess = guess_kind(shape) if seen is None else witnessed(guess_kind(shape), seen)
    return Facts(shape, guess, find_colors(item(rgb, 0), without_skin(item(rgb, 0), alpha)))
