"""A network of EfficientNet-Lite's shapes in a file as it is published, its weights by chance."""

from __future__ import annotations

import torch
from prodgen_nodes.product_kind.network import architecture
from torch import Tensor


def published(favourite: int | None = None) -> dict[str, Tensor]:
    """Weights under their published names; of a `favourite` class whatever is seen is said to be."""
    torch.manual_seed(7)
    weights = dict(zip(published_names(), architecture().state_dict().values(), strict=True))
    if favourite is not None:
        weights["_fc.weight"] = torch.zeros_like(weights["_fc.weight"])
        weights["_fc.bias"] = torch.zeros_like(weights["_fc.bias"])
        weights["_fc.bias"][favourite] = 20.0
    return weights


def published_names() -> list[str]:
    """The names in the published file, in its order: stem, 21 blocks, of which the first expands nothing, and head."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    layer = lambda conv, number: [f"{conv}.weight", *(f"_bn{number}.{part}" for part in norm)]  # noqa: E731
    names = layer("_conv_stem", 0)
    for block in range(21):
        own = layer("_expand_conv", 0) if block else []
        own += layer("_depthwise_conv", 1) + layer("_project_conv", 2)
        names += [f"_blocks.{block}.{name}" for name in own]
    return [*names, *layer("_conv_head", 1), "_fc.weight", "_fc.bias"]
