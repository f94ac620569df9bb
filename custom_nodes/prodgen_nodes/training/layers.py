"""Which layers of a network a LoRA adapts: those of its transformer blocks, as the trainers of the recipes' sources do.

kohya's `networks.lora` takes what lies in a `Transformer2DModel` (attention, feed-forward, the projections before and
behind them) and no other convolution; the scripts of FLUX.2 and Qwen take attention and MLP of the double and single
blocks, and no modulation. Embeddings, the first and last layer and what changes the resolution are the base's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BLOCKS = re.compile(r"(^|\.)(\w*transformer_blocks|double_blocks|single_blocks|joint_blocks)\.\d+\.")
"""As ComfyUI calls them: SD 1.5 and SDXL, FLUX and FLUX.2, SD 3; Qwen's are `transformer_blocks`."""
_MODULATION = re.compile(r"(^|\.)\w*(mod|modulation|adaLN_modulation|norm)(\.|$)")
LAYERS = "transformer blocks"
"""How that is called where a training says what makes it another."""


def adapted(names: Iterable[str]) -> list[str]:
    """Of the names of all layers with a weight, those that are adapted; all where a network has no such blocks, as an
    unknown one may have."""
    names = list(names)
    inside = [name for name in names if _BLOCKS.search(name) and not _MODULATION.search(name)]
    if not inside:
        return names
    beside = {name[: match.start()] for name in inside if (match := _BLOCKS.search(name))}
    # A last layer of the same name, as Qwen has it, stands alone.
    around = {f"{place}.proj_{end}" for place in beside if f"{place}.proj_in" in names for end in ("in", "out")}
    kept = {*inside, *around}
    return [name for name in names if name in kept]
