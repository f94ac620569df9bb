"""What relighting models do to a product: its hues drift towards the scene's, it loses saturation and fine relief."""

from __future__ import annotations

import numpy as np

from . import materials as m
from .product import Product

RELIEF = 0.9
"""How much of the relief goes at full drift."""


def discolour(product: Product, towards: str, share: float) -> None:
    """Pull every colour of the product `share` (0..1) of the way to `towards`, its luminance kept; flatten it."""
    goal = np.array(m.linear(towards)[:3])
    weights = np.array((0.2126, 0.7152, 0.0722))
    for material in {slot.material for part in product.parts for slot in part.material_slots}:
        for node in material.node_tree.nodes:
            if node.type == "BUMP":
                node.inputs["Strength"].default_value *= 1 - RELIEF * share
            name = {"HUE_SAT": "Color", "BSDF_PRINCIPLED": "Base Color"}.get(node.type)
            if name is not None and not node.inputs[name].is_linked:
                own = np.array(node.inputs[name].default_value[:3])
                drifted = own * (1 - share) + goal * (own @ weights) / (goal @ weights) * share
                node.inputs[name].default_value = (*drifted, 1.0)
