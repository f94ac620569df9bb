"""What is worn rests on nothing; what stands beside it keeps its shadow."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.shadow import ground_and_shadow
from torch import Tensor


def two_boxes() -> tuple[Tensor, Tensor]:
    mask = torch.zeros(1, 300, 500)
    mask[:, 100:250, 60:200] = 1
    mask[:, 150:250, 300:420] = 1
    return torch.where(mask[..., None] > 0, torch.tensor([0.1, 0.3, 0.5]), torch.ones(3)), mask


@pytest.mark.parametrize("sure", [True, False])
def test_each_thing_is_asked_alone_and_only_the_garment_has_no_shadow(sure: bool) -> None:
    image, mask = two_boxes()
    asked: list[int] = []

    def worn(picture: Tensor, thing: Tensor) -> tuple[str, bool] | None:
        assert picture.shape == (300, 500, 3)
        columns = torch.nonzero((thing > 0.5).any(dim=0)).flatten()
        asked.append(int(columns[0]))
        return ("gown", sure) if columns[0] < 200 else None

    done = ground_and_shadow(image, mask, worn=worn)
    assert sorted(asked) == [60, 300]
    usual = ground_and_shadow(image, mask)
    assert float(usual.shadow[0, 245:270, 60:200].max()) > 0.3
    assert float(done.shadow[0, 245:270, 80:180].max()) < 0.1
    assert float(done.shadow[0, 245:270, 320:400].max()) > 0.3
    assert "gown" in " ".join(done.reports[0]["notes"])
    assert bool(done.reports[0]["doubts"]) is not sure


def test_what_the_photo_cuts_off_is_not_asked_about() -> None:
    image, mask = two_boxes()

    def worn(_picture: Tensor, _thing: Tensor) -> tuple[str, bool] | None:
        raise AssertionError("asked")

    mask[:, 250:] = mask[:, 249:250]
    done = ground_and_shadow(image, mask, borders=[300.0], worn=worn)
    assert done.reports[0]["kind"] == "none"
