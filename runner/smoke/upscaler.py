"""An upscaler whose learned part is zero: what is left of the network repeats each pixel 4×4 times."""

from __future__ import annotations

import torch

from runner.smoke.weights import Weights

FACTOR, FEATURES = 4, 4
"""The enlargement; and the fewest channels that hold a picture."""


def nearest_4x() -> Weights:
    """The smallest network of Real-ESRGAN's compact kind: one layer in, one between, one out."""
    out = 3 * FACTOR * FACTOR
    return {
        "body.0.weight": torch.zeros(FEATURES, 3, 3, 3),
        "body.0.bias": torch.zeros(FEATURES),
        "body.1.weight": torch.zeros(FEATURES),
        "body.2.weight": torch.zeros(FEATURES, FEATURES, 3, 3),
        "body.2.bias": torch.zeros(FEATURES),
        "body.3.weight": torch.zeros(FEATURES),
        "body.4.weight": torch.zeros(out, FEATURES, 3, 3),
        "body.4.bias": torch.zeros(out),
    }
