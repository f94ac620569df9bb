"""People whose hands are cropped, and the crops put back."""

from __future__ import annotations

from typing import Any

import torch
from prodgen_nodes.imaging.hands.crops import (
    CropSettings,
    HandCrops,
    plan_crops,
)
from prodgen_nodes.imaging.hands.decision import StitchSettings
from prodgen_nodes.imaging.hands.keypoints import Person, parse_frames
from prodgen_nodes.imaging.hands.stitch import Stitched, stitch
from torch import Tensor

from . import hand_models as model
from .hand_models import Points
from .test_hands import hand_at

WIDTH, HEIGHT = 480, 360


def people_with(*hands: Points, width: int = WIDTH, height: int = HEIGHT) -> tuple[Person, ...]:
    """One bodiless person for each hand."""
    entries = [{"hand_right_keypoints_2d": model.pose_list(hand)} for hand in hands]
    return parse_frames([{"canvas_width": width, "canvas_height": height, "people": entries}], width, height)[0]


def picture(seed: int = 0, batch: int = 1, width: int = WIDTH, height: int = HEIGHT) -> Tensor:
    """Noise: any resampling of it shows."""
    return torch.rand(batch, height, width, 3, generator=torch.Generator().manual_seed(seed))


def smooth(width: int = WIDTH, height: int = HEIGHT) -> Tensor:
    """Gentle waves, different in each channel."""
    x = torch.linspace(0, 1, width).unsqueeze(0).expand(height, -1)
    y = torch.linspace(0, 1, height).unsqueeze(1).expand(-1, width)
    waves = [0.5 + 0.3 * torch.sin(6 * x + 3 * y * k + k) for k in (1.0, 1.7, 2.3)]
    return torch.stack(waves, dim=-1).unsqueeze(0)


HAND = hand_at(200, 100, 120)


def planned(image: Tensor, *hands: Points, erased: Tensor | None = None, **options: Any) -> HandCrops:
    people = [people_with(*hands)] * image.shape[0] if hands else None
    return plan_crops(image, people, erased, CropSettings(**{"size": 256, **options}))


def put_back(image: Tensor, refined: Tensor, plan: HandCrops, keep: str = "always", **more: Any) -> Stitched:
    return stitch(image, refined, plan, StitchSettings(keep, feather=more.pop("feather", 0.0)), **more)
