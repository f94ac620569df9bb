"""SAM 3 as ComfyUI's core loads it: the objects that words name, each with its own mask and score.

Core's node `SAM3 Detect` leaves out how sure the network is that the named thing is in the picture at all
(`presence`), and the label of a box; so the detector is asked here, with core's own model and text encoder.
"""

from __future__ import annotations

import inspect
from typing import Any

import comfy.model_management
import comfy.utils
import torch
from torch import Tensor

from ..imaging.errors import ParameterError
from ..imaging.objects import Objects, Thing, without_twins
from ..imaging.objects.proposals import Proposal, proposals
from ..imaging.segmentation import from_model
from ..imaging.segmentation.cutout import Progress

SIDE = 1008
"""Of the square that the network looks at."""
_MOST = 64
"""Objects of one label: more is a texture."""
_DIFFERENT = (
    "this ComfyUI's SAM 3 is not the one of 0.30 that this node was written for ({what}); leave sam3_model unconnected "
    "to cut out every object without it"
)


def from_sam3(
    model: Any,
    clip: Any,
    picture: Tensor,
    labels: list[str],
    min_score: float,
    min_area: float,
    progress: Progress | None = None,
) -> tuple[Objects, dict[str, Any]]:
    """The objects of `picture` `[H,W,3]` that `labels` name, with their colours, and the report on it.

    SAM 3 says what and roughly where; where an object ends, the picture says (as with every other network).
    """
    if clip is None or not labels:
        raise ParameterError(
            "SAM 3 finds what is named: connect sam3_clip (the same 'Load Checkpoint'), and say labels."
        )
    rough = without_twins(_rough(model, clip, picture, labels, min_score))
    things: list[Thing] = []
    notes: list[str] = []
    for thing in rough:
        cut = from_model(picture, thing.mask, None, progress, "all")
        things.append(Thing(cut.alpha, thing.score, thing.label, colours=cut.product))
        notes += cut.report["notes"]
    least = min_area * picture.shape[0] * picture.shape[1]
    kept = [thing for thing in without_twins(things) if thing.area >= least]
    kept.sort(key=lambda thing: thing.box.left)
    missing = [label for label in labels if all(thing.label != label for thing in kept)]
    notes += [f"no {label} was found" for label in missing]
    report = {
        "method": "sam3",
        "why": "SAM 3 says what is which object, the picture where it ends",
        "confidence": min((thing.score for thing in kept), default=0.0),
        "reasons": [],
        "notes": list(dict.fromkeys(notes)),
    }
    return Objects(kept, len(things) - len(kept)), report


def _rough(model: Any, clip: Any, picture: Tensor, labels: list[str], min_score: float) -> list[Thing]:
    """What SAM 3 sees of each label, at its own resolution."""
    comfy.model_management.load_model_gpu(model)
    device, dtype = comfy.model_management.get_torch_device(), model.model.get_dtype()
    network = model.model.diffusion_model
    _check_is_known(network)
    square = comfy.utils.common_upscale(picture.movedim(-1, 0).unsqueeze(0), SIDE, SIDE, "bilinear", crop="disabled")
    frame = square.to(device=device, dtype=dtype)
    things: list[Thing] = []
    for label in labels:
        (text, facts), *_ = clip.encode_from_tokens_scheduled(clip.tokenize(label))
        entry = (facts.get("sam3_multi_cond") or [{"cond": text, "attention_mask": facts.get("attention_mask")}])[0]
        words, mask = entry["cond"].to(device=device, dtype=dtype), entry["attention_mask"]
        mask = torch.ones(words.shape[:2], dtype=torch.int64) if mask is None else mask
        with torch.inference_mode():
            seen = network(frame, text_embeddings=words, text_mask=mask.to(device))
        proposed: list[Proposal] = proposals(
            seen["scores"][0].float(), seen["presence"], seen["masks"][0].float(), min_score, _MOST
        )
        things += [Thing(one.mask.clone().to(picture.device), one.score, label) for one in proposed]
    return things


def _check_is_known(network: Any) -> None:
    """Refuse a later core whose detector is asked differently: what it answered would be taken for something else."""
    try:
        given = inspect.signature(network.detector.forward).parameters
    except (AttributeError, TypeError, ValueError):
        raise ParameterError(
            _DIFFERENT.format(what="sam3_model is no SAM 3 checkpoint, or it has no detector")
        ) from None
    lacks = {"images", "text_embeddings", "text_mask"} - set(given)
    if lacks:
        raise ParameterError(_DIFFERENT.format(what=f"its detector takes no {', '.join(sorted(lacks))}"))
