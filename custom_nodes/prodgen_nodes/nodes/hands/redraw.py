"""Redraw Hands: pose points of hands as they should be, to condition their refinement."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...imaging.hands import HandCrops, as_frames, parse_frames, redraw
from ..common import CATEGORY, output
from .wires import HandCropsType, KeypointsType


class ProdgenRedrawHands(io.ComfyNode):
    """Moves the points of each cropped hand onto the nearest hand that a human can have."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenRedrawHands",
            display_name="Redraw Hands",
            category=CATEGORY,
            description=(
                "Gives the pose points of a right hand for every crop of Crop Hands: five fingers of human length and "
                "bending, as near as possible to the hand that was found; where none was found, one that grips the "
                "handle. SDPose Draw Keypoints draws them for an openpose ControlNet."
            ),
            has_intermediate_output=True,
            search_aliases=["hand pose", "fix hands", "openpose hand", "hand detailer", "mesh graphormer", "bad hands"],
            inputs=[
                HandCropsType.Input("hand_crops", tooltip="From Crop Hands."),
                KeypointsType.Input(
                    "keypoints",
                    optional=True,
                    tooltip="The same that went into Crop Hands: found in the whole picture, one frame for each.",
                ),
            ],
            outputs=[
                KeypointsType.Output(
                    display_name="keypoints",
                    tooltip="One frame for each crop, in its pixels: the hand, and the arm that it hangs at.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="JSON: for every hand how far its points were moved and how many fingers were followed.",
                ),
            ],
        )

    @classmethod
    def execute(cls, hand_crops: HandCrops, keypoints: Any = None) -> io.NodeOutput:
        people = None
        if keypoints is not None:
            people = parse_frames(keypoints, hand_crops.width, hand_crops.height, hand_crops.pictures)
        redrawn = redraw(hand_crops, people)
        report = {"size": hand_crops.size, "hands": [one.as_dict() for one in redrawn]}
        return output(as_frames(redrawn, hand_crops.size), report=report, cls=cls)
