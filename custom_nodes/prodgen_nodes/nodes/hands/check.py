"""Check Hands and People: is there one person, and are the hands human?"""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ...imaging.errors import KeypointError, ShapeError
from ...imaging.hands import Person, Verdict, frame_size, judge_picture, mirrored, parse_frames
from ...imaging.tensors import check_color, check_mask, item
from ..common import CATEGORY, output, thumbnails
from .wires import KeypointsType, batch_mask, boxed, merged


class ProdgenHandCheck(io.ComfyNode):
    """Counts people and judges every hand by the geometry of its pose points."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenHandCheck",
            display_name="Check Hands and People",
            category=CATEGORY,
            description=(
                "Says whether the picture holds the people it should and whether their hands are human: length and "
                "bending of fingers, order of knuckles, tips grown together, size against the body, a hand at the "
                "handle. Works on pose points; with the picture it also counts the fingers that are seen in it."
            ),
            search_aliases=["hand check", "finger count", "bad hands", "quality gate", "pose check", "count people"],
            inputs=[
                KeypointsType.Input(
                    "keypoints",
                    tooltip="From SDPose Keypoint Extractor. Give it person boxes, or it sees one person only.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture the points were found in: the fingers are counted in it.",
                ),
                io.Mask.Input(
                    "erased",
                    optional=True,
                    tooltip="From Erase Handle, at the picture's size: where a hand must be (1). Without it any hand "
                    "may be anywhere.",
                ),
                io.Int.Input("people", default=1, min=0, max=50, tooltip="How many people there must be."),
                io.Float.Input(
                    "min_score",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Each hand must score at least this: 1 is a faultless hand, below 0.5 something is wrong.",
                ),
                KeypointsType.Input(
                    "keypoints_mirrored",
                    optional=True,
                    lazy=True,
                    advanced=True,
                    tooltip=(
                        "Pose points found in the picture mirrored left to right, at the same size. Asked for only "
                        "where a hand fails by its points: hidden fingers are found differently there, and the better "
                        "of both looks counts."
                    ),
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="report", tooltip="JSON: people, hands, hand_at_grip, passed, reasons in words."
                )
            ],
            is_output_node=True,
        )

    @classmethod
    def check_lazy_status(cls, **values: Any) -> list[str]:
        if values.get("keypoints_mirrored", ()) is not None or values.get("keypoints") is None:
            return []
        return ["keypoints_mirrored"] if any(one.doubted for one in cls._verdicts(**values)) else []

    @classmethod
    def execute(
        cls,
        keypoints: Any,
        people: int,
        min_score: float,
        image: Tensor | None = None,
        erased: Tensor | None = None,
        keypoints_mirrored: Any = None,
    ) -> io.NodeOutput:
        verdicts = cls._verdicts(keypoints, people, min_score, image, erased, keypoints_mirrored)
        preview = None
        if image is not None:
            boxes = [(hand.box, hand.score >= min_score) for hand in verdicts[0].hands]
            preview = thumbnails(boxed(check_color(image)[0].cpu(), boxes).unsqueeze(0))
        return output(report=merged([verdict.as_dict() for verdict in verdicts]), preview=preview, cls=cls)

    @staticmethod
    def _verdicts(
        keypoints: Any,
        people: int,
        min_score: float,
        image: Tensor | None = None,
        erased: Tensor | None = None,
        keypoints_mirrored: Any = None,
    ) -> list[Verdict]:
        if image is not None:
            image = check_color(image)
            erased = batch_mask(erased, image, "erased")
            width, height, count = image.shape[2], image.shape[1], image.shape[0]
        else:
            frames = [keypoints] if isinstance(keypoints, dict) else keypoints
            if not frames:
                raise KeypointError("keypoints hold no frame: connect a pose detector's keypoints output.")
            width, height = frame_size(frames[0])
            count = len(frames)
            if erased is not None:
                erased = check_mask(erased, "erased")
                width, height = erased.shape[2], erased.shape[1]
                if erased.shape[0] not in (1, count):
                    raise ShapeError(
                        f"erased {tuple(erased.shape)} has another number of pictures than keypoints ({count})."
                    )
        per_picture = parse_frames(keypoints, width, height, count)
        again: list[tuple[tuple[Person, ...], ...]] = [()] * count
        if keypoints_mirrored is not None:
            again = [(mirrored(found, width),) for found in parse_frames(keypoints_mirrored, width, height, count)]
        return [
            judge_picture(
                per_picture[index],
                expected=people,
                min_score=min_score,
                erased=None if erased is None else item(erased, index).cpu(),
                image=None if image is None else image[index].cpu(),
                again=again[index],
            )
            for index in range(count)
        ]
