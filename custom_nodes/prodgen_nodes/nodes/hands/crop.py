"""Crop Hands: each hand at a model's full resolution, with the way back."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ...imaging.hands import CropSettings, HandCrop, HandCrops, cut_all, parse_frames, plan_crops
from ...imaging.hands.check import SMALL
from ...imaging.tensors import check_image
from ..common import CATEGORY, deliver, output, work_device
from .wires import NOTHING, HandCropsType, KeypointsType, batch_mask


def crop_report(plan: HandCrops) -> dict[str, Any]:
    """Where each crop lies and how much it was enlarged, with words where a result could disappoint."""
    notes = [] if len(plan) else [NOTHING]
    for number, crop in enumerate(plan.crops, start=1):
        if crop.before is None:
            notes.append(f"crop {number}: no hand was found, it is the surroundings of the erased handle.")
        elif crop.length < SMALL:
            notes.append(f"crop {number}: the hand is only {crop.length:.0f} px long, too small to keep its pose.")
    missing = sorted(set(range(plan.pictures)) - {crop.picture for crop in plan.crops})
    if len(plan):
        notes += [f"picture {index + 1} has neither a hand nor a grip." for index in missing]
    return {
        "crops": len(plan),
        "size": plan.size,
        "hands": [_entry(crop, plan.size) for crop in plan.crops],
        "notes": notes,
    }


def _entry(crop: HandCrop, size: int) -> dict[str, Any]:
    left, top = crop.corner
    side = size / crop.transform.a
    return {
        "picture": crop.picture + 1,
        "found_by": "grip" if crop.before is None else "keypoints",
        "side": crop.side,
        "before": crop.before,
        "length_px": round(crop.length, 1),
        "box": [round(left, 1), round(top, 1), round(left + side, 1), round(top + side, 1)],
        "enlarged": crop.transform.a,
        "too_small": crop.before is not None and crop.length < SMALL,
    }


class ProdgenCropHands(io.ComfyNode):
    """Square crops around hands, or around the grip where no hand was found."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenCropHands",
            display_name="Crop Hands",
            category=CATEGORY,
            description=(
                "Cuts each hand out at the resolution a model works best at, with a soft mask of the hand and the way "
                "back for Put Hands Back. Hands come from pose points; where none was found, the erased part of the "
                "handle says where one must be. With neither nothing is refined, and the report says so."
            ),
            has_intermediate_output=True,
            search_aliases=["hand detailer", "hand fix", "crop hands", "inpaint crop", "refine hands", "bad hands"],
            inputs=[
                io.Image.Input("image", tooltip="The picture with hands to refine."),
                io.Int.Input(
                    "size", default=1024, min=64, max=4096, step=64, tooltip="Side of the square crops in pixels."
                ),
                io.Float.Input(
                    "context",
                    default=1.6,
                    min=1.0,
                    max=8.0,
                    step=0.05,
                    tooltip="Side of the crop over the hand's longer side: more shows more of the arm and the product.",
                ),
                io.Int.Input(
                    "max_hands",
                    default=2,
                    min=1,
                    max=16,
                    tooltip="At most this many hands of a picture: those nearest to the grip, without one the worst.",
                ),
                KeypointsType.Input(
                    "keypoints",
                    optional=True,
                    tooltip="From SDPose Keypoint Extractor, found in this picture: one frame for each picture.",
                ),
                io.Mask.Input(
                    "erased",
                    optional=True,
                    tooltip="From Erase Handle, at the picture's size: the part of the handle where a hand goes (1).",
                ),
                io.Float.Input(
                    "mask_grow",
                    default=0.12,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="How far the mask reaches beyond the hand's points, as a part of its longer side.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="crops", tooltip="All hands of all pictures, one after another."),
                io.Mask.Output(display_name="masks", tooltip="The hand in each crop, 1 = to be refined, soft rim."),
                HandCropsType.Output(display_name="hand_crops", tooltip="The way back, for Put Hands Back."),
                io.String.Output(display_name="report", tooltip="JSON: picture, side, score and place of every crop."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        size: int,
        context: float,
        max_hands: int,
        keypoints: Any = None,
        erased: Tensor | None = None,
        mask_grow: float = 0.12,
    ) -> io.NodeOutput:
        image = check_image(image)
        erased = batch_mask(erased, image, "erased")
        people = None
        if keypoints is not None:
            people = parse_frames(keypoints, image.shape[2], image.shape[1], image.shape[0])
        settings = CropSettings(size, context, max_hands, mask_grow)
        plan = plan_crops(image, people, None if erased is None else erased.cpu(), settings)
        crops, masks = deliver(*cut_all(image.to(work_device()), plan))
        return output(crops, masks, plan, report=crop_report(plan), preview=crops, cls=cls)
