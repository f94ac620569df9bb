"""Grip Zone: where a hand holds what has no handle, that it is opened, and that only the hand stays in front of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.colorspace import srgb_to_linear
from prodgen_nodes.imaging.errors import EmptyMaskError, ParameterError, ShapeError
from prodgen_nodes.imaging.fidelity.judge import Settings, judge
from prodgen_nodes.imaging.grip import find_grip, open_zone
from prodgen_nodes.imaging.handle import erase_handle
from prodgen_nodes.imaging.occlusion import keep_in_front
from prodgen_nodes.imaging.pasting import paste_back
from scipy import ndimage

from tests.imaging.grip_products import OUTLINES, product
from tests.imaging.occlusion_scenes import SKIN, HandScene, hand_scene
from tests.imaging.registration_scenes import Photo, bag_photo

GRIP = {
    "bottle": "around_body",
    "tube": "around_body",
    "cup": "around_body",
    "phone": "edges",
    "packet": "edges",
    "carton": "edges",
    "case": "pole",
}
BLUE = (0.04, 0.08, 0.3)


def zone_of(photo: Photo, **settings: object) -> tuple[np.ndarray, dict[str, object]]:
    rgb, alpha = photo.tensors
    done = open_zone(rgb, alpha, **settings)
    return done.zone[0].numpy(), dict(done.reports[0])


@pytest.mark.parametrize("kind", OUTLINES)
def test_each_kind_is_held_where_a_hand_holds_it(kind: str) -> None:
    photo = product(kind, BLUE)
    zone, report = zone_of(photo)
    assert report["kind"] == GRIP[kind], report
    share = zone.sum() / photo.alpha.sum()
    assert 0.01 <= share <= 0.6, f"{share:.0%} of the product is opened"
    ys, xs = np.nonzero(zone > 0.5)
    rows = np.nonzero(photo.alpha > 0.5)[0]
    middle = (ys.mean() - rows.min()) / np.ptp(rows)
    if kind == "case":
        assert middle < 0.2
    elif kind == "bottle":
        assert 0.45 < middle < 0.85  # the body, never the neck
    else:
        assert 0.35 < middle < 0.75
    if GRIP[kind] == "edges":
        inner = photo.alpha[:, 345:355] > 0.5
        assert zone[:, 345:355][inner].max() == 0  # its face stays
        assert {int(x) for x in np.sign(xs - 350)} == {-1, 1}


@pytest.mark.first(3)
@pytest.mark.parametrize("kind", OUTLINES)
def test_a_photo_of_twice_the_size_has_the_same_zone(kind: str) -> None:
    small, large = (open_zone(*product(kind, BLUE, side=side).tensors).zone[0] for side in (400, 800))
    halved = torch.nn.functional.avg_pool2d(large[None, None], 2)[0, 0] > 0.5
    both = ((small > 0.5) & halved).sum() / ((small > 0.5) | halved).sum()
    assert float(both) > 0.93


def test_a_hand_covers_more_of_a_small_thing() -> None:
    shares = [float(zone_of(product("bottle", BLUE), longest_cm=size)[1]["share"]) for size in (15, 25, 40)]
    assert shares[0] > shares[1] > shares[2]


def test_what_no_hand_spans_is_held_at_one_edge() -> None:
    assert zone_of(product("carton", BLUE), longest_cm=40.0)[1]["kind"] == "edge"


def disc(radius: float, hole: float = 0.0, foot: float = 0.0) -> Photo:
    """A ring that hangs, closing to a knot at its top, or a round body that stands on a narrow foot."""
    y, x = (np.mgrid[0:400, 0:400] + 0.5) / 400
    away = np.hypot(x - 0.5, y - 0.5)
    shape = (away < radius) & (away > hole)
    shape |= (np.abs(x - 0.5) < foot / 2) & (np.abs(y - 0.7) < 0.25)
    return Photo(np.full((400, 400, 3), 0.4), shape.astype(np.float64))


def pointed_loop(thick: float) -> Photo:
    """A necklace laid out: two strands from a clasp to a wide bow below, where a pendant hangs."""
    y, x = (np.mgrid[0:400, 0:400] + 0.5) / 400
    strand = np.interp(y, (0.05, 0.5, 0.8, 0.9), (0.02, 0.1, 0.38, 0.02))
    return Photo(
        np.full((400, 400, 3), 0.4),
        ((np.abs(np.abs(x - 0.5) - strand) < thick) & (np.abs(y - 0.475) < 0.425)).astype(np.float64),
    )


def tripod() -> Photo:
    y, x = (np.mgrid[0:400, 0:400] + 0.5) / 400
    legs = np.abs(np.abs(x - 0.5) - 0.35 * np.clip(y - 0.3, 0, 1)) < 0.012
    return Photo(np.full((400, 400, 3), 0.4), ((legs | (np.abs(x - 0.5) < 0.01)) & (y > 0.05) & (y < 0.95)) * 1.0)


UNSURE = {
    "round body on a foot": disc(0.3, foot=0.15),
    "ring": disc(0.4, 0.37),
    "necklace": pointed_loop(0.012),
    "thick necklace": pointed_loop(0.03),
    "tripod": tripod(),
}
"""Shapes of which things of every size are: an air fryer, a water bottle of 20 litres."""


@pytest.mark.parametrize("name", UNSURE)
def test_where_nothing_says_the_size_none_is_claimed(name: str) -> None:
    zone, report = zone_of(UNSURE[name])
    assert zone.max() > 0
    assert report["kind"] != "pole"
    assert report["longest_cm"] is None and report["size_basis"] == "not known"
    assert " cm" not in str(report["reason"]) and "longest_cm" in str(report["reason"])
    _, told = zone_of(UNSURE[name], longest_cm=40.0)
    assert told["longest_cm"] == 40.0 and told["size_basis"] == "given" and " cm across" in str(told["reason"])


@pytest.mark.parametrize("name", ["ring", "necklace", "tripod"])
def test_nothing_is_closed_around_what_has_no_body(name: str) -> None:
    assert zone_of(UNSURE[name])[1]["words"] == "one hand holding it"


@pytest.mark.parametrize(
    ("kind", "size"), [("bottle", 22.0), ("cup", None), ("phone", 16.0), ("carton", 16.0), ("case", 95.0)]
)
def test_what_the_outline_shows_beyond_doubt_has_its_usual_size(kind: str, size: float | None) -> None:
    assert zone_of(product(kind, BLUE))[1]["longest_cm"] == size


def test_a_lying_bottle_is_held_as_a_standing_one() -> None:
    photo = product("bottle", BLUE)
    lying = Photo(photo.rgb.transpose(1, 0, 2).copy(), photo.alpha.T.copy())
    standing, turned = (zone_of(p, grip="around_body", longest_cm=22.0)[0] for p in (photo, lying))
    assert np.array_equal(standing > 0.5, turned.T > 0.5)


def test_where_a_handle_was_opened_nothing_changes() -> None:
    rgb, alpha = bag_photo(0, 500).tensors
    opened = erase_handle(rgb, alpha)
    done = open_zone(opened.image, opened.mask, opened.erased)
    assert torch.equal(done.image, opened.image) and torch.equal(done.mask, opened.mask)
    assert float(done.zone.max()) == 0 and not done.reports[0]["opened"] and done.words == ("",)


@given(st.sampled_from(list(OUTLINES)), st.integers(0, 50), st.sampled_from((96, 301, 640)), st.floats(0, 120))
@settings(max_examples=25, deadline=None)
def test_mask_and_zone_are_the_product_and_the_rest_of_the_picture_stays(
    kind: str, seed: int, side: int, size: float
) -> None:
    rgb, alpha = product(kind, BLUE, seed, side).tensors
    done = open_zone(rgb, alpha, longest_cm=size)
    assert torch.allclose(done.mask + done.zone, alpha, atol=1e-6)
    assert torch.equal(done.image[done.zone == 0], rgb[done.zone == 0])
    assert 0 < float(done.zone.sum()) < 0.75 * float(alpha.sum())


def test_the_zone_begins_without_a_line() -> None:
    photo = product("bottle", BLUE)
    shown = Photo(photo.rgb * photo.alpha[..., None] + 1 - photo.alpha[..., None], photo.alpha)
    rgb, alpha = shown.tensors
    done = open_zone(rgb, alpha)
    was, now = (srgb_to_linear(picture[0, :, 300]).mean(dim=-1) for picture in (rgb, done.image))
    column = (now - was) / (1 - was).clamp(min=0.05)  # the share of the way to white, whatever is printed there
    assert float(column.diff().abs().max()) < 0.1 and float(column.max()) > 0.4


def test_bad_settings() -> None:
    rgb, alpha = product("bottle", BLUE).tensors
    with pytest.raises(ParameterError, match="around_body"):
        open_zone(rgb, alpha, grip="tail")
    with pytest.raises(ParameterError, match="no pole"):
        open_zone(rgb, alpha, grip="pole")
    with pytest.raises(ParameterError, match="longest_cm"):
        open_zone(rgb, alpha, longest_cm=-1.0)
    with pytest.raises(EmptyMaskError):
        find_grip(alpha[0] * 0)
    with pytest.raises(ShapeError):
        open_zone(rgb, alpha[:, :50])


def held(kind: str, tone: str, seed: int) -> tuple[Photo, HandScene, torch.Tensor]:
    """Drawn fingers over a product, and its zone in the scene; what lies outside the zone is the product again."""
    photo = product(kind, (0.04, 0.1, 0.35) if seed % 2 else (0.02, 0.02, 0.025), seed, 500)
    case = hand_scene(photo, SKIN[tone], seed, angle=(0.1, 3.0)[seed % 2])
    shape = torch.from_numpy(case.alpha.astype(np.float32))[None]
    return photo, case, open_zone(torch.ones(*shape.shape, 3), shape, grip="around_body").zone


@pytest.mark.each_once
@pytest.mark.parametrize("tone", ["light", "medium", "brown"])
@pytest.mark.parametrize("kind", ["bottle", "phone", "cup"])
def test_the_hand_is_found_and_the_rest_is_the_sellers(kind: str, tone: str) -> None:
    photo, case, zone = held(kind, tone, list(SKIN).index(tone))
    rgb, alpha = photo.tensors
    kept = keep_in_front(case.scene, rgb, alpha, case.placement, zone=zone)
    inside = case.alpha > 0.5
    truth, found = (case.fingers > 0.5) & inside, (kept.mask[0].numpy() > 0.5) & inside
    iou = (truth & found).sum() / (truth | found).sum()
    assert iou >= 0.8, f"IoU {iou:.3f}"
    assert "grip zone" in kept.reports[0]["evidence"]
    pasted = paste_back(case.scene, rgb, alpha, case.placement, 1.0, 0.0, kept.mask)
    alone = paste_back(torch.ones_like(case.scene), rgb, alpha, case.placement, 1.0, 0.0)
    own = (case.alpha > 0.999) & ~ndimage.binary_dilation(kept.mask[0].numpy() > 0, iterations=2)
    assert own.sum() > 500
    assert float((pasted.image - alone.image)[0][torch.from_numpy(own)].abs().max()) == 0


def test_a_hand_that_does_not_reach_the_zone_is_none() -> None:
    photo, case, zone = held("bottle", "light", 0)
    rgb, alpha = photo.tensors
    away = torch.zeros_like(zone)
    rows = torch.nonzero(zone[0].amax(dim=1) > 0.5)[:, 0]
    top = int(np.nonzero((case.alpha > 0.5).any(axis=1))[0][0])
    assert int(rows[0]) > top + 30
    away[:, top : top + 12] = torch.from_numpy((case.alpha > 0.5).astype(np.float32))[top : top + 12]
    kept = keep_in_front(case.scene, rgb, alpha, case.placement, zone=away)
    assert float(kept.mask.max()) == 0


def test_fidelity_lets_the_hand_cover_the_zone_and_no_more() -> None:
    photo = product("bottle", BLUE, 1, 500)
    rgb, alpha = photo.tensors
    zone = open_zone(rgb, alpha).zone
    scene = torch.where(zone[..., None] > 0.5, rgb.new_tensor((0.8, 0.6, 0.5)), rgb)
    checks = Settings(check_floating=False)
    (good,) = judge(scene, rgb, alpha, settings=checks, keep_in_front=zone, zone=zone)
    assert good.report["passed"], good.report["reasons"]
    assert good.report["zone_covered_share"] > 0.98 and good.report["covered_beyond_zone"] == 0
    assert good.report["covered_share"] == pytest.approx(float(zone.sum() / alpha.sum()), abs=0.01)
    more = torch.maximum(zone, torch.roll(zone, 60, 1) * alpha)
    (bad,) = judge(scene, rgb, alpha, settings=checks, keep_in_front=more, zone=zone)
    assert not bad.report["passed"] and "grip zone" in bad.report["reasons"][-1]
    (blind,) = judge(scene, rgb, alpha, settings=checks, zone=zone)
    assert not blind.report["passed"]  # without the hand's mask the zone is judged like the rest
    (none,) = judge(scene, rgb, alpha, settings=checks, keep_in_front=zone, zone=zone * 0)
    assert "covered_beyond_zone" not in none.report
