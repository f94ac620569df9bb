"""A product that was painted wider or taller than it is: Register Product tells it, and doubts; others it does not."""

from __future__ import annotations

import pytest
from prodgen_nodes.imaging.placement import Affine
from prodgen_nodes.imaging.registration import register_product

from tests.imaging.grip_products import product
from tests.imaging.registration_scenes import (
    Disturbance,
    Drift,
    Photo,
    bag_photo,
    generate,
    placement_of,
    random_drift,
    warped,
)

PHOTOS = {
    "bag": bag_photo(1, 700),
    "carton": product("carton", (0.5, 0.2, 0.1), 2, 700),
    "phone": product("phone", (0.03, 0.04, 0.1), 5, 700),
}


def drawn_out(photo: Photo, across: float, down: float) -> Photo:
    """`photo` with its product so much wider and taller about the middle."""
    side = len(photo.rgb)
    move = Affine(across, 0.0, side * (1 - across) / 2, 0.0, down, side * (1 - down) / 2)
    color, alpha = warped(photo, move, side, side)
    shown = (color / alpha.clip(1e-3)[..., None]).clip(0, 1) ** (1 / 2.2)
    return Photo(shown, alpha)


def report(photo: Photo, across: float, down: float, seed: int) -> dict[str, object]:
    drift = random_drift(seed) if seed % 2 else Drift()
    painted = drawn_out(photo, across, down) if (across, down) != (1, 1) else photo
    case = generate(painted, placement_of(photo, 512, 512), drift, Disturbance(), seed)
    rgb, alpha = photo.tensors
    return register_product(case.generated, rgb, alpha, case.placement, min_confidence=0.0).reports[0]


@pytest.mark.parametrize("kind", PHOTOS)
@pytest.mark.parametrize(("across", "down", "word"), [(1.04, 1.0, "wider"), (0.97, 1.0, "taller"), (1, 1.04, "taller")])
def test_other_proportions_are_told_and_doubted(kind: str, across: float, down: float, word: str) -> None:
    told = report(PHOTOS[kind], across, down, 6)
    assert told["wider"] == pytest.approx(across / down, abs=0.008)
    assert 0.5 <= told["confidence"] <= 0.9  # type: ignore[operator]
    (warning,) = told["warnings"]  # type: ignore[misc]
    assert f"% {word} than it is" in warning


@pytest.mark.parametrize("kind", PHOTOS)
@pytest.mark.parametrize("seed", [2, 3])
def test_its_own_proportions_are_not_doubted(kind: str, seed: int) -> None:
    told = report(PHOTOS[kind], 1, 1, seed)
    assert told["wider"] == pytest.approx(1, abs=0.008)
    assert told["warnings"] == []
    assert told["confidence"] >= 0.95  # type: ignore[operator]
