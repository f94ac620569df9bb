"""Whether a LoRA is one of this model: which of its weights have a place there, and the right shape for it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..imaging.errors import ParameterError

_FEW = 0.5
"""Share of a LoRA's parts; where fewer fit, it does less than it was trained for, and that is said."""
_ENDS = frozenset(
    [
        "alpha",
        "dora_scale",
        "diff",
        "diff_b",
        "set_weight",
        "w_norm",
        "b_norm",
        "a1",
        "a2",
        "b1",
        "b2",
        "lora",
        "lora_linear_layer",
        "reshape_weight",
    ]
)
_BEGIN_ENDS = ("lora_", "lokr_", "hada_", "oft_", "glora_")
"""What follows the name of a part in the keys of a file, in the systems that ComfyUI knows."""
_OF_TEXT = ("lora_te", "lora_prior_te", "text_encoder", "te_", "te1_", "te2_", "clip_")
"""What the keys of text encoders begin with. A LoRA is judged by the network that paints where it has parts of it:
bases share text encoders."""
_NAMES = ("prodgen.base", "modelspec.architecture", "ss_base_model_version", "ss_sd_model_name")
"""Metadata that names a LoRA's base, ours first."""


@dataclass(frozen=True)
class Fit:
    """Parts of a LoRA: those of the file, those that go into the model, and those whose place has another shape."""

    parts: int
    fitting: int
    misfitting: int

    @property
    def is_none(self) -> bool:
        """Whether it is of another base. Bases share some names: of one with other shapes, most do not fit."""
        return self.fitting == 0 or self.misfitting > self.fitting

    @property
    def is_few(self) -> bool:
        return self.fitting < _FEW * self.parts


def fit(keys: Iterable[str], patches: Mapping[Any, Any], weights: Mapping[str, Any], of_text: Container[str]) -> Fit:
    """How a LoRA fits.

    `keys`: of the file; `patches`: what core made of it, by the names of the model's weights; `weights`: those;
    `of_text`: the names among them that are a text encoder's.
    """
    parts = {_part(key) for key in keys}
    painting = {part for part in parts if not part.startswith(_OF_TEXT)}
    judged = {
        name: patch
        for name, patch in patches.items()
        if not painting or (isinstance(name, tuple) or name not in of_text)
    }
    misfitting = sum(not _has_place(name, patch, weights) for name, patch in judged.items())
    return Fit(max(len(painting or parts), len(judged)), len(judged) - misfitting, misfitting)


def _part(key: str) -> str:
    """The name of the part that a key belongs to: `a.b.lora_up.weight` and `a.b.alpha` are of `a.b`."""
    words = key.split(".")
    for place, word in enumerate(words[1:], 1):
        if (
            word in _ENDS
            or word.startswith(_BEGIN_ENDS)
            or (word in ("up", "down") and words[place - 1].endswith("_lora"))
        ):
            return ".".join(words[:place])
    return key


def _has_place(name: Any, patch: Any, weights: Mapping[str, Any]) -> bool:
    """Whether a patch is as large as what it changes, as far as that is known of it; a part of a weight is trusted."""
    weight = weights.get(name) if isinstance(name, str) else None
    if weight is None:
        return isinstance(name, tuple)
    factors = getattr(patch, "weights", None)
    if getattr(patch, "name", "") != "lora" or not isinstance(factors, tuple) or len(factors) < 2:
        return True
    up, down, middle = factors[0], factors[1], factors[3] if len(factors) > 3 else None
    reshaped = factors[5] if len(factors) > 5 else None
    if not isinstance(up, Tensor) or not isinstance(down, Tensor) or middle is not None or reshaped is not None:
        return True
    if not weight.dtype.is_floating_point:  # packed: several values in one
        return True
    return bool(up.shape[0] * down.flatten(1).shape[1] == weight.numel())


def check_fit(found: Fit, lora_name: str, metadata: Mapping[str, str], model: str) -> list[str]:
    """What to say of a LoRA of which little fits. Raises ParameterError where it is one of another base.

    `model`: what the model is, in core's word.
    """
    if found.is_none:
        base = base_of(metadata)
        named = f"its metadata names {base}" if base else "its metadata names no base"
        raise ParameterError(
            f"The LoRA {lora_name!r} is of another base: {found.fitting} of its {found.parts} parts fit this model, "
            f"which is {model}; {named}. Choose a LoRA of this base, or a workflow for the LoRA's, or none."
        )
    if found.is_few:
        return [
            f"{found.fitting} of the {found.parts} parts of {lora_name} fit this model ({model}); the rest is idle."
        ]
    return []


def base_of(metadata: Mapping[str, str]) -> str:
    """Which base the file says it is of; "" where it does not. Short and plain: the file may be anybody's."""
    for name in _NAMES:
        said = "".join(sign for sign in str(metadata.get(name, ""))[:80] if sign.isprintable()).strip()
        if said and said != "None":
            return said
    return ""
