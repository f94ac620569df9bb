"""A camera's move over a picture: crops of it and nothing else, never beyond its borders, as even as it is eased."""

from __future__ import annotations

import itertools

import pytest
import torch
from prodgen_nodes.imaging.camera import MOVES, frames_of, view_of
from prodgen_nodes.imaging.errors import ParameterError

SIZE = (400, 300)


@pytest.mark.parametrize("move", MOVES)
def test_no_move_leaves_the_picture_or_the_frames_proportions(move: str) -> None:
    for aspect in (1.0, 16 / 9, 9 / 16):
        views = [view_of(move, time / 20, 0.4, SIZE, aspect) for time in range(21)]
        for left, top, width, height in views:
            assert left >= -1e-9
            assert top >= -1e-9
            assert left + width <= SIZE[0] + 1e-9
            assert top + height <= SIZE[1] + 1e-9
            assert width / height == pytest.approx(aspect)
        assert (views[0] != views[-1]) == (move != "still")


def test_a_frame_at_the_pictures_own_size_is_the_picture_to_the_bit_that_8_bits_show() -> None:
    picture = torch.rand(48, 64, 3, generator=torch.Generator().manual_seed(2))
    (frame,) = frames_of(picture, "still", 1, 64, 48, 0.0)
    assert float((frame - picture).abs().max()) < 0.5 / 255


def test_a_flat_picture_stays_flat_up_to_its_borders() -> None:
    picture = torch.tensor((0.2, 0.5, 0.8)).expand(90, 120, 3)
    for move in MOVES:
        frames = frames_of(picture, move, 5, 40, 40, 0.5)
        assert float((frames - torch.tensor((0.2, 0.5, 0.8))).abs().max()) < 1e-3, move


def test_it_comes_nearer_slowly_at_both_ends_and_the_middle_stays_the_middle() -> None:
    picture = torch.ones(200, 200, 3)
    picture[80:120, 80:120] = 0.0
    frames = frames_of(picture, "push_in", 9, 100, 100, 1.0)
    dark = [(frame[..., 0] < 0.5).nonzero() for frame in frames]
    sizes = [int(points[:, 0].max() - points[:, 0].min() + 1) for points in dark]
    assert (sizes[0], sizes[-1]) == (20, 40)
    steps = [after - before for before, after in itertools.pairwise(sizes)]
    assert min(steps) >= 0
    assert steps[0] < steps[4] > steps[-1]
    assert all(abs(float(points.float().mean()) - 49.5) < 0.6 for points in dark)


def test_what_no_memory_holds_is_refused_before_it_is_made() -> None:
    with pytest.raises(ParameterError, match="GB"):
        frames_of(torch.ones(8, 8, 3), "push_in", 3600, 4096, 4096, 0.2)
    with pytest.raises(ParameterError, match="choose one of"):
        frames_of(torch.ones(8, 8, 3), "fly", 3, 8, 8, 0.2)
