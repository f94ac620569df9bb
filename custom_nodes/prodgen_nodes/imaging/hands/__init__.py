"""Hands: found points judged by geometry and redrawn as a hand can be; hands cut out and put back where better."""

from .check import Verdict, judge_picture
from .crops import CropSettings, HandCrop, HandCrops, cut_all, plan_crops
from .decision import KEEP, Decision, StitchSettings
from .keypoints import Person, frame_size, mirrored, parse_frames
from .people import judge_hands
from .plausible import PlausibleHand, gripping_hand, plausible_hand
from .redraw import Redrawn, as_frames, redraw
from .scoring import HandScore, score_hand, score_hands
from .stitch import Stitched, in_crops, stitch

__all__ = [
    "KEEP",
    "CropSettings",
    "Decision",
    "HandCrop",
    "HandCrops",
    "HandScore",
    "Person",
    "PlausibleHand",
    "Redrawn",
    "StitchSettings",
    "Stitched",
    "Verdict",
    "as_frames",
    "cut_all",
    "frame_size",
    "gripping_hand",
    "in_crops",
    "judge_hands",
    "judge_picture",
    "mirrored",
    "parse_frames",
    "plan_crops",
    "plausible_hand",
    "redraw",
    "score_hand",
    "score_hands",
    "stitch",
]
