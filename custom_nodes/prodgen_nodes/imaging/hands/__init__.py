"""Hands: found points judged by geometry, hands cut out for refinement and put back where that made them better."""

from .check import Verdict, judge_picture
from .crops import CropSettings, HandCrop, HandCrops, cut_all, plan_crops
from .decision import KEEP, MAX_FEATHER, Decision, StitchSettings
from .keypoints import Person, frame_size, parse_frames
from .people import judge_hands
from .scoring import HandScore, score_hand, score_hands
from .stitch import Stitched, stitch

__all__ = [
    "KEEP",
    "MAX_FEATHER",
    "CropSettings",
    "Decision",
    "HandCrop",
    "HandCrops",
    "HandScore",
    "Person",
    "StitchSettings",
    "Stitched",
    "Verdict",
    "cut_all",
    "frame_size",
    "judge_hands",
    "judge_picture",
    "parse_frames",
    "plan_crops",
    "score_hand",
    "score_hands",
    "stitch",
]
