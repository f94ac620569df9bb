"""Put Hands Back: refined hands into their picture, where they are better than before."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ...imaging.crops import MAX_FEATHER
from ...imaging.hands import KEEP, HandCrops, Person, StitchSettings, in_crops, parse_frames, stitch
from ...imaging.tensors import check_image
from ..common import CATEGORY, deliver, optional_mask, output, work_device
from .wires import NOTHING, HandCropsType, KeypointsType

FOUND_IN = ("crops", "picture")
_REFINED = ("refined", "masks", "keypoints", "keypoints_before")
"""What only matters where there is a hand to put back: without one, nothing of it is computed."""


def _people(frames: Any, plan: HandCrops, found_in: str) -> list[tuple[Person, ...]]:
    """People per crop in its pixels, from frames of the crops or of the whole pictures."""
    if found_in == "picture":
        return in_crops(parse_frames(frames, plan.width, plan.height, plan.pictures), plan)
    return parse_frames(frames, plan.size, plan.size, len(plan))


class ProdgenStitchHands(io.ComfyNode):
    """Scores each refined hand against what it was and stitches the better ones."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenStitchHands",
            display_name="Put Hands Back",
            category=CATEGORY,
            description=(
                "Puts refined hands back where Crop Hands took them from. Each is scored before and after and kept "
                "only if better; its colour is matched to its surroundings; outside the masks the picture stays bit "
                "for bit as it was."
            ),
            has_intermediate_output=True,
            search_aliases=["hand detailer", "hand fix", "stitch hands", "inpaint stitch", "uncrop", "paste hands"],
            inputs=[
                io.Image.Input("image", tooltip="The very picture that went into Crop Hands."),
                io.Image.Input("refined", lazy=True, tooltip="The refined crops, all of them, in their order."),
                HandCropsType.Input("hand_crops", tooltip="From Crop Hands."),
                io.Combo.Input(
                    "keep",
                    options=list(KEEP),
                    default=KEEP[0],
                    tooltip=(
                        "if_better: a refined hand replaces the old one only when it scores higher. always: take "
                        "every refined hand."
                    ),
                ),
                io.Float.Input(
                    "min_gain",
                    default=0.02,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much higher (0..1) a refined hand must score to be kept.",
                ),
                io.Float.Input(
                    "feather",
                    default=4.0,
                    min=0.0,
                    max=MAX_FEATHER,
                    step=0.5,
                    tooltip="Pixels of the picture over which a refined hand fades in, inward from its mask's edge.",
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    lazy=True,
                    tooltip="Where the refined crops count (1), at their size. Without it, the masks of Crop Hands.",
                ),
                KeypointsType.Input(
                    "keypoints",
                    optional=True,
                    lazy=True,
                    tooltip="Pose points found in the refined crops: one frame for each. Without them hands cannot be "
                    "scored, and only blank or wrongly lit ones are refused.",
                ),
                KeypointsType.Input(
                    "keypoints_before",
                    optional=True,
                    lazy=True,
                    advanced=True,
                    tooltip="Pose points found in the original crops, so that before and after are seen at one size.",
                ),
                io.Combo.Input(
                    "found_in",
                    options=list(FOUND_IN),
                    default=FOUND_IN[0],
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "Where keypoints and keypoints_before were found. crops: in the crops alone. picture: in the "
                        "whole pictures, with all refined hands in them (put back with always) and as they were; a "
                        "pose model that looks for persons sees hands rightly only there."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(display_name="mask", tooltip="What was changed, 0..1."),
                io.String.Output(
                    display_name="report", tooltip="JSON: for every hand before, after, kept, and why in words."
                ),
            ],
        )

    @classmethod
    def check_lazy_status(cls, hand_crops: HandCrops | None = None, **values: Any) -> list[str]:
        if hand_crops is not None and not len(hand_crops):
            return []
        return [name for name in _REFINED if name in values and values[name] is None]

    @classmethod
    def execute(
        cls,
        image: Tensor,
        hand_crops: HandCrops,
        keep: str,
        min_gain: float,
        feather: float,
        refined: Tensor | None = None,
        masks: Tensor | None = None,
        keypoints: Any = None,
        keypoints_before: Any = None,
        found_in: str = FOUND_IN[0],
    ) -> io.NodeOutput:
        if refined is not None:
            refined = check_image(refined, "refined", finite=False)
            masks = optional_mask(masks, refined)
        device = work_device()
        after, before = (
            None if frames is None else _people(frames, hand_crops, found_in)
            for frames in (keypoints, keypoints_before)
        )
        done = stitch(
            check_image(image).to(device),
            None if refined is None else refined.to(device),
            hand_crops,
            StitchSettings(keep, min_gain, feather),
            None if masks is None else masks.to(device),
            after,
            before,
        )
        result, mask = deliver(done.image, done.mask)
        hands = [decision.as_dict() for decision in done.decisions]
        report = {
            "kept": sum(decision.kept for decision in done.decisions),
            "hands": hands,
            "scored": after is not None,
            "notes": [] if len(hand_crops) else [NOTHING],
        }
        return output(result, mask, report=report, preview=result, cls=cls)
