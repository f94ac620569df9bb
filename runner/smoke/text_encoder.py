"""A vision-language text encoder with made-up weights: it answers any question about any picture with nonsense."""

from __future__ import annotations

from runner.smoke.weights import Pool, Weights, shapes_of


def qwen35(seed: int) -> Weights:
    """Qwen3.5-0.8B, the smallest that ComfyUI knows, under the names of its published files. 853 million weights."""
    import comfy.ops
    import torch
    from comfy.text_encoders.qwen35 import Qwen35

    class Smallest(Qwen35):  # type: ignore[misc]  # ComfyUI's classes are untyped
        model_type = "qwen35_08b"

    model = Smallest({}, torch.float16, torch.device("meta"), comfy.ops.disable_weight_init)
    published = {"model.": "model.language_model.", "visual.": "model.visual."}
    weights = Pool(seed).fill(shapes_of(model))
    return {
        next(new + name.removeprefix(old) for old, new in published.items() if name.startswith(old)): weight
        for name, weight in weights.items()
    }
