"""Fingers counted in pictures of real hands, as they are, with one finger more and with two grown together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from prodgen_nodes.imaging.hands.check import judge_picture
from prodgen_nodes.imaging.hands.keypoints import parse_frames
from prodgen_nodes.imaging.hands.look import LEAST, Look, counted, look
from prodgen_nodes.imaging.hands.scoring import score_hand

from . import hand_models as model
from .finger_edits import Floats, filled_in, grown_together, in_a_row, painted_over
from .hand_crop_pictures import picture as noise
from .hand_crop_pictures import smooth
from .real_hands import recorded
from .test_hands import hand_at

PACKAGES = "lib/python3*/site-packages/comfyui_workflow_templates_media_*/templates"
NAME = "template_eric_thumbnail_generator-1.webp"
SCALE = 2
"""The hand is 60 to 70 pixels long in the package's picture: too small to be counted."""
HAND = SCALE * next(one.points for one in recorded() if one.picture == NAME)
TOLD = torch.ones(21)


@pytest.fixture(scope="module")
def picture() -> Floats:
    (path,) = Path(sys.prefix).glob(f"{PACKAGES}/{NAME}")
    with Image.open(path) as opened:
        large = opened.convert("RGB").resize((SCALE * opened.width, SCALE * opened.height), Image.Resampling.BICUBIC)
    return np.asarray(large, dtype=np.float64) / 255


def verdict(picture: Floats | None, points: Floats, size: tuple[int, int]) -> dict[str, Any]:
    """The report on one hand without a body."""
    height, width = size
    frame = {"canvas_width": width, "canvas_height": height}
    frames = [frame | {"people": [{"hand_left_keypoints_2d": model.pose_list(points)}]}]
    (people,) = parse_frames(frames, width, height, 1)
    image = None if picture is None else torch.from_numpy(picture).float()
    return judge_picture(people, expected=0, image=image).as_dict()


def test_a_real_hand_has_five_fingers(picture: Floats) -> None:
    (hand,) = verdict(picture, HAND, picture.shape[:2])["hands"]
    assert hand["fingers_counted"] and hand["fingers_note"] is None
    assert hand["score"] >= 0.5 and not any("finger too many" in why for why in hand["reasons"])


@pytest.mark.parametrize("order", [(0, 0, 1, 2, 3), (0, 1, 2, 2, 3)])
def test_a_sixth_finger_rejects_the_hand_and_is_named(picture: Floats, order: tuple[int, ...]) -> None:
    edited, points = in_a_row(picture, HAND, order, 0.3)
    report = verdict(edited, points, picture.shape[:2])
    (hand,) = report["hands"]
    assert hand["fingers_counted"] and hand["score"] < 0.5 and not report["passed"]
    assert any("a finger too many" in why for why in report["reasons"]), report["reasons"]
    # By its points alone it is a good hand.
    assert verdict(None, points, picture.shape[:2])["hands"][0]["score"] >= 0.5


PAIRS = [(0, "index finger and middle finger"), (1, "middle finger and ring finger")]


@pytest.mark.parametrize(("first", "names"), PAIRS)
def test_two_fingers_grown_together_reject_the_hand_and_are_named(picture: Floats, first: int, names: str) -> None:
    report = verdict(grown_together(picture, HAND, first), HAND, picture.shape[:2])
    (hand,) = report["hands"]
    assert hand["fingers_counted"] and hand["score"] < 0.5 and not report["passed"]
    assert f"{names} are grown together" in hand["reasons"]


@pytest.mark.parametrize("edit", [painted_over, filled_in])
@pytest.mark.parametrize("first", [0, 1])
def test_fingers_joined_in_ways_that_nothing_was_trained_on_are_seen(
    picture: Floats, edit: Callable[[Floats, Floats, int], Floats], first: int
) -> None:
    """By a soft brush, and by filling in from around: networks taught one edit found six of ten such hands."""
    report = verdict(edit(picture, HAND, first), HAND, picture.shape[:2])
    assert not report["passed"]
    assert any("grown together" in why or "too many" in why for why in report["reasons"]), report["reasons"]


@pytest.mark.parametrize(("order", "words"), [((0, 1, 1, 2, 3), "middle finger"), ((0, 1, 2, 2, 3), "ring finger")])
def test_where_the_finger_too_many_is_is_said(picture: Floats, order: tuple[int, ...], words: str) -> None:
    edited, points = in_a_row(picture, HAND, order, 0.3)
    (why,) = (why for why in verdict(edited, points, picture.shape[:2])["reasons"] if "too many" in why)
    assert words in why and ("between" in why or "beside" in why)


def test_a_finger_found_nowhere_stands_where_its_finger_was_found(picture: Floats) -> None:
    """Three points missing: the five fingers are counted still, and nothing comes of where the missing ones lie."""
    edited, points = in_a_row(picture, HAND, (0, 0, 1, 2, 3), 0.3)
    lost = torch.tensor([0.0 if point in (3, 7, 15) else 1.0 for point in range(21)])
    seen = []
    for away in (0.0, -4000.0, float("nan")):
        moved = points.copy()
        moved[[3, 7, 15]] = away
        seen.append(look(torch.from_numpy(edited).float(), torch.from_numpy(moved), lost, []))
    assert seen[0].unsure is None and seen[0].reasons == seen[1].reasons == seen[2].reasons
    assert any("a finger too many" in why for why in seen[0].reasons)


@pytest.mark.parametrize(
    ("finding", "doubted", "impossible"),
    [("reach", 0.08, 0.02), ("bent", 0.16, 0.1), ("long", 0.42, 0.3), (None, 0.42, 0.3)],
)
def test_five_fingers_plainly_seen_speak_for_a_doubted_hand_but_not_for_an_impossible_one(
    finding: str | None, doubted: float, impossible: float
) -> None:
    """Most of all where its fingers are bent: what a detector makes up first, where half of them is hidden."""
    plain = score_hand(torch.from_numpy(HAND), TOLD)
    assert dict(plain.left)[finding or "reach"] > 0.9
    for score, passes in ((doubted, True), (impossible, False)):
        told = replace(plain, score=score, left=() if finding is None else ((finding, score), ("plate", 1.0)))
        assert (counted(told, Look((), None, sure=True, plain=True)).score >= 0.5) == passes
        less = counted(told, Look((), None, sure=True)).score  # as sure as most, not as sure as bends ask for
        assert (less >= 0.5) == (passes and finding not in ("reach", "bent"))
        assert counted(told, Look((), None)) == told == counted(told, Look((), "too small"))


def test_the_same_traces_without_a_finger_more_are_none(picture: Floats) -> None:
    moved, points = in_a_row(picture, HAND, (0, 1, 2, 3), 0.05)
    assert float(np.abs(moved - picture).max()) > 0.1
    (hand,) = verdict(moved, points, picture.shape[:2])["hands"]
    assert hand["fingers_counted"] and not any("finger too many" in why for why in hand["reasons"])


def test_without_a_picture_the_report_says_that_nobody_looked(picture: Floats) -> None:
    (hand,) = verdict(None, HAND, picture.shape[:2])["hands"]
    assert not hand["fingers_counted"] and "no picture was given" in hand["fingers_note"]


def test_what_cannot_be_told_is_said_and_held_against_nobody(picture: Floats) -> None:
    image = torch.from_numpy(picture).float()
    small = torch.from_numpy((HAND - HAND.mean(axis=0)) * (LEAST / 4 / np.ptp(HAND, axis=0).max()) + HAND.mean(axis=0))
    grey = torch.full_like(image, 0.5)
    few = torch.where(torch.arange(21) < 12, 1.0, 0.0)
    beside = torch.from_numpy(HAND + np.array([8.0, 0.0]))
    for seen, words in (
        (look(image, torch.from_numpy(HAND), TOLD, [beside]), "another hand"),
        (look(image, small, TOLD, []), "too small"),
        (look(grey, torch.from_numpy(HAND), TOLD, []), "hidden, dark or blurred"),
        (look(image, torch.from_numpy(HAND), few, []), "too little of the hand"),
    ):
        assert seen.unsure is not None and words in seen.unsure and not seen.reasons


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_no_hand_whose_fingers_could_be_counted(seed: int) -> None:
    """Networks that were trained on too narrowly saw a finger too many in it."""
    points = torch.from_numpy(hand_at(200, 100, 120)).float()
    seen = look(noise(seed)[0], points, torch.ones(21), [])
    assert not seen.reasons
    assert seen.unsure is not None


def test_waves_are_no_hand_either() -> None:
    points = torch.from_numpy(hand_at(200, 100, 120)).float()
    seen = look(smooth()[0], points, torch.ones(21), [])
    assert not seen.reasons
    assert seen.unsure is not None
