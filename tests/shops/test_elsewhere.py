"""A shop's rules on pictures that were made elsewhere."""

from __future__ import annotations

import torch
from prodgen_nodes.shops.channels import CHANNELS
from prodgen_nodes.shops.elsewhere import inspect_elsewhere
from torch import Tensor


def made(ground: float = 1.0, side: int = 1000, share: float = 0.86) -> tuple[Tensor, Tensor]:
    picture, cover = torch.full((side, side, 3), ground), torch.zeros(side, side)
    edge = round(side * (1 - share) / 2)
    cover[edge : side - edge, edge : side - edge] = 1.0
    picture[cover > 0] = torch.tensor([0.2, 0.3, 0.6])
    return picture, cover


def failed(picture: Tensor, cover: Tensor, shop: str = "amazon") -> set[str]:
    rules = inspect_elsewhere(picture, cover, CHANNELS[shop])
    return {rule.rule for rule in rules if not rule.passed and rule.level == "must"}


def test_a_picture_as_the_shop_wants_it_passes_but_for_what_is_wrong_with_it() -> None:
    assert failed(*made()) == set()
    assert failed(*made(ground=0.97)) == {"border", "background"}
    assert "fill" in failed(*made(share=0.5))
    assert "pixels" in failed(*made(side=400))


def test_what_jpeg_leaves_beside_the_edge_is_no_background() -> None:
    picture, cover = made()
    picture[60:66, 300:600] = 0.98  # within the ring beside the product
    assert failed(picture, cover) == set()
    picture[30:34, 300:600] = 0.98
    assert failed(picture, cover) == {"background"}


def test_a_shop_that_asks_for_no_background_takes_any() -> None:
    assert not failed(*made(ground=0.4), "shopify") & {"border", "background"}


def test_no_rule_is_about_a_file_that_was_not_written_here() -> None:
    picture, cover = made()
    names = {rule.rule for rule in inspect_elsewhere(picture, cover, CHANNELS["amazon"])}
    assert names and not names & {
        "file type",
        "bytes",
        "PNG bytes",
        "colour space",
        "border in the JPEG",
        "enlargement",
    }
