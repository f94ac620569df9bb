"""The check of a finished picture: each rule must fail on the picture that breaks it, and only that rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from prodgen_nodes.shops import encode
from prodgen_nodes.shops.channels import CHANNELS, Channel
from prodgen_nodes.shops.finish import Finished
from prodgen_nodes.shops.inspection import inspect, product_fill
from prodgen_nodes.shops.rule import Rule

SMALL = replace(CHANNELS["amazon"], width=600, height=600, zoom=500)
TALL = replace(CHANNELS["zalando"], width=900, height=1300)


def finished(channel: Channel = SMALL, share: float = 0.88, **change: object) -> Finished:
    """A red box on white that fills `share` of the canvas."""
    picture = np.full((channel.height, channel.width, 3), 255, np.uint8)
    mask = np.zeros((channel.height, channel.width), np.float32)
    tall, wide = round(share * channel.height), round(share * channel.width * 0.6)
    rows = slice((channel.height - tall) // 2, (channel.height - tall) // 2 + tall)
    columns = slice((channel.width - wide) // 2, (channel.width - wide) // 2 + wide)
    picture[rows, columns], mask[rows, columns] = (180, 30, 40), 1.0
    given = {"picture": picture, "mask": mask, "shadow": None, "scale": 0.8, **change}
    shown = given["picture"]
    assert isinstance(shown, np.ndarray)
    files = {"png": encode.png(shown), "jpeg": encode.jpeg(shown, channel.max_bytes)}
    return Finished(**{**files, **given})  # type: ignore[arg-type]  # assembled for the case at hand


def failing(done: Finished, channel: Channel = SMALL) -> set[str]:
    return {rule.rule for rule in inspect(done, channel) if not rule.passed}


def test_a_good_picture_passes_every_rule() -> None:
    assert failing(finished()) == set()


@pytest.mark.parametrize("name", list(CHANNELS))
def test_every_preset_can_be_passed(name: str) -> None:
    channel = CHANNELS[name]
    assert failing(finished(channel, channel.fill), channel) == set()


def test_lines_say_rule_measurement_and_what_was_asked() -> None:
    line = next(rule for rule in inspect(finished(), SMALL) if rule.rule == "fill").text()
    assert line == "pass  fill: 88.0% of the frame (asked: 85% to 100%)"


def test_too_few_pixels() -> None:
    small = replace(SMALL, width=400, height=400)
    assert failing(finished(small), small) == {"pixels", "zoom"}


@pytest.mark.parametrize(("share", "passes"), [(0.80, False), (0.846, True), (0.88, True)])
def test_fill_is_measured_from_the_mask(share: float, passes: bool) -> None:
    assert ("fill" not in failing(finished(share=share))) == passes


def test_fill_counts_the_side_that_takes_most_of_its_canvas() -> None:
    mask = np.zeros((200, 100), np.float32)
    mask[50:150, 5:95] = 1.0
    assert product_fill(mask) == (pytest.approx(0.9), (5, 50, 95, 150))


def test_a_product_that_touches_the_frame_or_was_cut_in_the_photo() -> None:
    assert failing(finished(share=1.0)) == {"whole product"}
    assert failing(finished(cut_off=True)) == {"whole product"}


def test_a_cut_out_that_lacks_a_piece_is_not_whole() -> None:
    rules = {rule.rule: rule for rule in inspect(finished(missing=("lower left", "top")), SMALL)}
    assert not rules["whole product"].passed
    assert "lower left, top" in rules["whole product"].measured


def test_what_was_not_compared_with_the_photo_is_not_called_whole() -> None:
    """A warning that says why, no pass; what is known to be wrong still is a fault."""
    rules = {rule.rule: rule for rule in inspect(finished(unchecked="the backdrop is too busy"), SMALL)}
    line = rules["whole product"].text()
    assert line.startswith("note  whole product: not checked: the backdrop is too busy")
    assert rules["whole product"].state == "not checked"
    for fault in ({"missing": ("top",)}, {"cut_off": True}, {"share": 1.0}):
        both = {rule.rule: rule for rule in inspect(finished(unchecked="the backdrop is too busy", **fault), SMALL)}
        assert both["whole product"].level == "must" and not both["whole product"].passed, fault


def test_an_empty_mask_fails_instead_of_crashing() -> None:
    assert {"fill", "whole product"} <= failing(finished(mask=np.zeros((600, 600), np.float32)))


def test_one_pixel_of_254_in_the_border_is_found() -> None:
    picture = finished().picture.copy()
    picture[0, 300] = 254
    assert {"border", "background"} <= failing(finished(picture=picture))


def test_a_grey_spot_inside_the_picture_is_background_but_not_border() -> None:
    picture = finished().picture.copy()
    picture[300, 40] = 250
    found = failing(finished(picture=picture))
    assert "background" in found
    assert "border" not in found


def test_a_shadow_excuses_its_pixels_only_where_the_shop_takes_one() -> None:
    shadow = np.zeros((600, 600), np.float32)
    shadow[560:600, 200:400] = 0.3
    picture = finished().picture.copy()
    picture[(shadow > 0) & (finished().mask == 0)] = 178
    assert failing(finished(picture=picture, shadow=shadow)) == {"shadow"}
    lenient = replace(SMALL, allows_shadow=True)
    assert failing(finished(picture=picture, shadow=shadow), lenient) == set()


def test_another_background_is_even_but_not_white() -> None:
    picture = finished().picture.copy()
    picture[finished().mask == 0] = (240, 238, 230)
    free = replace(SMALL, background="#f0eee6", white=False)
    assert failing(finished(picture=picture), free) == set()
    strict = replace(free, white=True)
    assert {"border", "background"} <= failing(finished(picture=picture), strict)


def enlargement(scale: float, channel: Channel = SMALL) -> Rule:
    return next(rule for rule in inspect(finished(channel, scale=scale), channel) if rule.rule == "enlargement")


def test_enlargement_is_flagged_with_the_canvas_that_would_fit() -> None:
    rule = enlargement(1.1)
    assert not rule.passed
    assert rule.asked.endswith("--set width=545 --set height=545")
    assert enlargement(1.1, TALL).asked.endswith("--set width=818 --set height=1181")


@pytest.mark.parametrize("channel", [SMALL, TALL], ids=["square", "tall"])
@pytest.mark.parametrize("scale", [1.06, 2.0, 30.0])
def test_no_canvas_is_advised_that_the_shop_refuses(channel: Channel, scale: float) -> None:
    asked = enlargement(scale, channel).asked
    assert asked.startswith(enlargement(1.0, channel).asked), "one limit, whatever is measured"
    sizes = [int(word.partition("=")[2]) for word in asked.split() if "=" in word]
    assert ("too small for the shop's zoom" in asked) == (bool(sizes) and max(sizes) < channel.zoom)
    if sizes:
        assert "larger photo" in asked
        assert sizes[0] >= channel.least[0]
        assert sizes[1] >= channel.least[1]
    else:
        needed = int(asked.partition("at least ")[2].split()[0])
        assert needed > round(max(finished(channel).mask.sum(0).max(), 1) / scale), "more than the photo has"


@pytest.mark.parametrize(
    ("channel", "scale", "level", "passes"),
    [
        (SMALL, 1.04, "must", True),
        (SMALL, 1.4, "advice", False),
        (SMALL, 1.6, "must", False),
        (replace(SMALL, enlarged=1.05), 1.4, "must", False),
    ],
)
def test_a_small_enlargement_is_advice(channel: Channel, scale: float, level: str, passes: bool) -> None:
    rule = next(rule for rule in inspect(finished(scale=scale), channel) if rule.rule == "enlargement")
    assert rule.asked.startswith("at most ×1.05")
    assert (f"never above ×{channel.enlarged:g}" in rule.asked) is (channel.enlarged > 1.05)
    assert rule.passed is passes
    assert passes or rule.level == level


def test_a_second_product_is_a_note_and_a_mark_a_fault() -> None:
    done = finished(share=0.5)
    picture, mask = done.picture.copy(), done.mask.copy()
    picture[20:60, 20:60], mask[20:60, 20:60] = 30, 1.0
    rules = {rule.rule: rule for rule in inspect(finished(picture=picture, mask=mask), SMALL)}
    assert not rules["other objects or logos"].passed
    assert rules["other objects or logos"].level == "must"
    picture, mask = np.full_like(picture, 255), np.zeros_like(mask)
    for left in (60, 340):
        picture[100:500, left : left + 200], mask[100:500, left : left + 200] = 90, 1.0
    rules = {rule.rule: rule for rule in inspect(finished(picture=picture, mask=mask), SMALL)}
    assert rules["products"].measured == "products: 2"
    assert rules["products"].level == "advice"
    assert rules["other objects or logos"].passed


def test_a_file_over_the_limit() -> None:
    tight = replace(SMALL, max_bytes=500)
    assert {"bytes", "PNG bytes"} <= failing(finished(), tight)


def test_the_wrong_aspect() -> None:
    assert "aspect" in failing(finished(), replace(SMALL, aspect=(3, 4)))


@pytest.mark.parametrize(("scale", "level"), [(1.5, "advice"), (1.5004, "advice"), (1.5049, "advice"), (1.506, "must")])
def test_what_is_read_as_allowed_is_allowed(scale: float, level: str) -> None:
    (rule,) = (rule for rule in inspect(finished(scale=scale), SMALL) if rule.rule == "enlargement")
    assert rule.level == level, rule.finding
