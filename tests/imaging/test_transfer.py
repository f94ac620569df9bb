"""The curves in place against the plain ones, and where they must be exact."""

from __future__ import annotations

import torch
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.transfer import decode_, encode_


def test_both_curves_agree_with_the_plain_ones_over_the_whole_range() -> None:
    values = torch.linspace(0, 1, 200_001)
    assert float((decode_(values.clone()) - srgb_to_linear(values)).abs().max()) < 5e-7
    assert float((encode_(values.clone()) - linear_to_srgb(values)).abs().max()) < 5e-7


def test_black_and_white_stay_what_they_are() -> None:
    ends = torch.tensor([0.0, 1.0] * 16)
    decoded = decode_(ends.clone())
    assert bool((decoded[1::2] == 1).all()) and bool((decoded[::2].abs() < 2e-9).all())
    assert torch.equal((encode_(ends.clone()) * 255).round(), ends * 255)
    assert float(encode_(torch.zeros(64)).min()) >= 0


def test_there_and_back_keeps_every_8_bit_value_apart() -> None:
    steps = torch.arange(256) / 255
    assert float((encode_(decode_(steps.clone())) - steps).abs().max()) < 1e-6


def test_they_work_in_place_and_on_strided_planes() -> None:
    planes = torch.rand(5, 4, 7, generator=torch.Generator().manual_seed(1))
    before = planes.clone()
    part = planes[:, :3].transpose(1, 2)
    assert decode_(part).data_ptr() == planes.data_ptr()
    assert float((planes[:, :3] - srgb_to_linear(before[:, :3])).abs().max()) < 5e-7
    assert torch.equal(planes[:, 3], before[:, 3])
