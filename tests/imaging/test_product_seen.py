"""What a network sees corrects what an outline seems to be; where it says nothing, the outline decides."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.product.kinds import KINDS, Guess
from prodgen_nodes.imaging.product.seen import witnessed
from torch import Tensor


def seen(**shares: float) -> Tensor:
    probabilities = torch.full((1000,), 1e-5)
    for number, share in shares.items():
        probabilities[int(number[1:])] = share
    return probabilities


def guess(kind: str, confidence: float = 0.85) -> Guess:
    return Guess(kind, confidence, "its outline", "medium", "usual for its kind", (20, 40))


def test_headphones_are_no_handbag() -> None:
    found = witnessed(guess("handbag"), seen(c747=0.14))
    assert found.kind == "other"
    assert (found.noun, found.size, found.centimetres) == ("product", "", None)
    assert "handbag" in found.reason


@pytest.mark.parametrize(("kind", "sight"), [("handbag", "c748"), ("tote", "c790"), ("jar", "c883")])
def test_what_is_seen_as_what_it_looks_like_stays(kind: str, sight: str) -> None:
    assert witnessed(guess(kind), seen(**{sight: 0.12})) == guess(kind)


@pytest.mark.parametrize("kind", ["suitcase", "briefcase", "duffel"])
def test_of_what_is_no_class_nothing_is_said(kind: str) -> None:
    assert witnessed(guess(kind), seen(c559=0.9)) == guess(kind)


@pytest.mark.parametrize("outline", ["other", "box", "clutch", "handbag", "mug"])
@pytest.mark.parametrize(("kind", "sight"), [("furniture", "c559"), ("shoe", "c770")])
def test_a_family_is_named_whatever_the_outline_says(outline: str, kind: str, sight: str) -> None:
    found = witnessed(guess(outline, 0.5), seen(**{sight: 0.6}))
    assert found.kind == kind
    assert KINDS[found.kind].poses == KINDS[kind].poses


def test_a_cushion_that_is_a_purse_to_it_is_no_bag() -> None:
    assert witnessed(guess("other", 0.5), seen(c748=0.6)).kind == "other"
    assert witnessed(guess("other", 0.5), seen(c748=0.4, c636=0.4)).noun == "bag"
