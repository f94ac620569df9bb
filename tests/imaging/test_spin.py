"""A turn's photos brought together: what perspective does stays, what the hand and the camera did goes."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.imaging.spin import Frame, backdrop_light, frame_of, turned
from prodgen_nodes.imaging.tensors import bounding_box
from torch import Tensor

WHITE = (1.0, 1.0, 1.0)
GREY = 0.6
"""The backdrop, in linear light: bright, and far from blown out."""


def linear(value: float) -> float:
    return 1.055 * value ** (1 / 2.4) - 0.055


def shot(
    left: int, top: int, width: int, height: int, gain: tuple[float, float, float] = WHITE, size: int = 200
) -> Frame:
    """A red product on a grey backdrop, `gain` in the light; the product's true light is (0.3, 0.05, 0.05)."""
    photo = torch.zeros(1, size, size, 3)
    for channel, lit in enumerate(gain):
        photo[..., channel] = linear(GREY * lit)
        photo[:, top : top + height, left : left + width, channel] = linear((0.3, 0.05, 0.05)[channel] * lit)
    mask = torch.zeros(1, size, size)
    mask[:, top : top + height, left : left + width] = 1.0
    return frame_of(photo, mask, photo)


def colour_inside(image: Tensor, mask: Tensor) -> Tensor:
    return image[mask > 0.99].mean(dim=0)


def test_a_camera_on_a_stand_is_left_alone_also_where_a_corner_comes_nearer() -> None:
    frames = [shot(60, 60, 80, 100), shot(80, 60, 40, 102), shot(60, 59, 82, 101)]
    turn = turned(frames, 120, 120, 0.8, WHITE)
    assert turn.report["camera"] == "on a stand"
    assert len(set(turn.report["scales"])) == 1
    boxes = [bounding_box(mask) for mask in turn.masks]
    assert max(box.bottom for box in boxes) - min(box.bottom for box in boxes) == 2, "as it was photographed"


def test_a_camera_that_was_moved_stands_still_afterwards() -> None:
    frames = [shot(60, 60, 80, 100), shot(20, 20, 60, 80), shot(90, 50, 90, 130), shot(60, 60, 40, 100, size=240)]
    turn = turned(frames, 160, 160, 0.75, WHITE)
    assert turn.report["camera"] == "moved"
    boxes = [bounding_box(mask) for mask in turn.masks]
    assert {box.bottom for box in boxes} == {140}, "one baseline"
    assert {box.height for box in boxes} == {120}, "one scale"
    assert all(abs(box.left + box.right - 160) <= 1 for box in boxes)


def test_light_and_white_are_those_of_the_middle_photo_and_the_ground_is_exactly_the_colour() -> None:
    gains = [(1.0, 1.0, 1.0), (0.7, 0.7, 0.7), (1.1, 1.0, 0.85), (1.3, 1.3, 1.3), (1.0, 1.0, 1.0)]
    frames = [shot(60, 60, 80, 100, gain) for gain in gains]
    turn = turned(frames, 120, 120, 0.8, (0.2, 0.4, 0.6))
    colours = torch.stack([colour_inside(*pair) for pair in zip(turn.images, turn.masks, strict=True)])
    before = torch.stack([colour_inside(frame.product, frame.mask) for frame in frames])
    assert float((before - before[0]).abs().max()) > 0.06
    assert float((colours - colours[0]).abs().max()) < 1 / 255
    for image, mask in zip(turn.images, turn.masks, strict=True):
        assert bool((image[mask == 0] == torch.tensor((0.2, 0.4, 0.6))).all())
    assert turn.report["notes"] == []


def test_what_says_nothing_of_the_light_is_left_as_it_is_and_told() -> None:
    dark = shot(60, 60, 80, 100, (0.3, 0.3, 0.3))
    turn = turned([shot(60, 60, 80, 100), shot(60, 60, 80, 100), dark], 120, 120, 0.8, WHITE)
    assert turn.report["gains"][2] == [1.0, 1.0, 1.0]
    assert turn.report["notes"] == ["picture 3: it was taken in another light, which was left as it is."]
    blown = torch.ones(64, 64, 3)
    assert backdrop_light(blown, torch.zeros(64, 64)) is None
    busy = torch.rand(64, 64, 3, generator=torch.Generator().manual_seed(1))
    assert backdrop_light(busy, torch.zeros(64, 64)) is None
    assert backdrop_light(busy, torch.ones(64, 64)) is None


def test_one_photo_is_no_turn() -> None:
    with pytest.raises(ParameterError, match="at least two"):
        turned([shot(60, 60, 80, 100)], 100, 100, 0.8, WHITE)
    with pytest.raises(ParameterError, match="fill is 0"):
        turned([shot(60, 60, 80, 100)] * 2, 100, 100, 0.0, WHITE)
