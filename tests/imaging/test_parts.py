"""Which parts are product, what is only beside it, and frames around a photo."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.segmentation import from_model, from_plain_backdrop
from prodgen_nodes.imaging.segmentation.frame import find_frame
from prodgen_nodes.imaging.segmentation.parts import choose_parts
from torch import Tensor

from .segmentation_products import errors, scene


def _boxes(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (400, 500)) -> Tensor:
    """A mask with rectangles (top, left, height, width)."""
    mask = torch.zeros(size)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = 1.0
    return mask


PRODUCT = (100, 150, 200, 160)


def test_a_pair_stays_together() -> None:
    chosen = choose_parts(_boxes((100, 40, 150, 100), (120, 300, 140, 110)), "auto")
    assert not chosen.extras and float(chosen.likelihood[200, 350]) == 1.0


def test_a_logo_goes_and_is_named() -> None:
    chosen = choose_parts(_boxes(PRODUCT, (10, 10, 30, 30)), "auto")
    assert [extra.kind for extra in chosen.extras] == ["mark"]
    assert chosen.extras[0].box == (10, 10, 40, 40)
    assert float(chosen.likelihood[20, 20]) == 0.0 and float(chosen.likelihood[200, 200]) == 1.0
    assert not bool(chosen.close.any())


def test_a_line_of_letters_is_one_text() -> None:
    letters = [(370, 330 + 16 * index, 12, 9) for index in range(8)]
    chosen = choose_parts(_boxes(PRODUCT, *letters), "auto")
    assert [extra.kind for extra in chosen.extras] == ["text"]


def test_what_lies_close_stays_and_what_lies_nearly_close_is_a_doubt() -> None:
    assert not choose_parts(_boxes(PRODUCT, (100, 315, 20, 20)), "auto").extras
    assert bool(choose_parts(_boxes(PRODUCT, (100, 340, 40, 40)), "auto").close.any())


@pytest.mark.parametrize(("parts", "logo", "second"), [("auto", 0.0, 1.0), ("all", 1.0, 1.0), ("largest", 0.0, 0.0)])
def test_parts_can_be_chosen(parts: str, logo: float, second: float) -> None:
    mask = _boxes((100, 60, 200, 150), (10, 450, 30, 30), (120, 290, 120, 110))
    kept = choose_parts(mask, parts).likelihood  # type: ignore[arg-type]
    assert (float(kept[20, 460]), float(kept[180, 340])) == (logo, second)


def test_a_pair_is_delivered_with_a_note() -> None:
    one = scene("jar", 1, size=320)
    photo = torch.cat((one.photo, one.photo.flip(1)), dim=1)
    both = torch.cat((one.alpha, one.alpha.flip(1)), dim=1)
    for cut in (from_model(photo, both), from_plain_backdrop(photo)):
        assert errors(cut.alpha, both)[2] >= 0.97
        assert cut.confidence >= 0.75 and cut.report["products"] == 2, cut.report
        assert any("set" in note for note in cut.report["notes"])


@settings(max_examples=25, deadline=None)
@given(
    widths=st.tuples(*[st.integers(6, 50)] * 4),
    color=st.tuples(*[st.sampled_from([0.0, 0.05, 0.5, 1.0])] * 3),
    noise=st.floats(0.0, 0.006),
)
def test_a_frame_is_found_to_the_pixel(
    widths: tuple[int, int, int, int], color: tuple[float, float, float], noise: float
) -> None:
    photo = scene("bag", 1, size=256).photo
    if float((photo[:4].mean(dim=(0, 1)) - torch.tensor(color)).abs().max()) < 0.12:
        return  # a border of the backdrop's own colour is none
    top, bottom, left, right = widths
    framed = torch.tensor(color).expand(256 + top + bottom, 256 + left + right, 3).clone()
    framed[top : top + 256, left : left + 256] = photo
    framed += noise * torch.randn(framed.shape, generator=torch.Generator().manual_seed(1))
    box = find_frame(framed.clamp(0, 1))
    assert box is not None
    assert top <= box.top <= top + 4 and left <= box.left <= left + 4
    assert top + 252 <= box.bottom <= top + 256 and left + 252 <= box.right <= left + 256


@pytest.mark.parametrize("kind", ["bag", "twin", "jar"])
@pytest.mark.parametrize("seed", [1, 4])
def test_a_plain_photo_has_no_frame(kind: str, seed: int) -> None:
    assert find_frame(scene(kind, seed).photo) is None
    assert find_frame(torch.full((200, 200, 3), 0.8)) is None


def test_a_framed_photo_is_cut_out_of_its_frame() -> None:
    made = scene("bag", 2, size=384)
    framed, truth = torch.ones(464, 444, 3), torch.zeros(464, 444)
    framed[30:414, 30:414], truth[30:414, 30:414] = made.photo, made.alpha
    for cut in (from_model(framed, truth), from_plain_backdrop(framed)):
        assert errors(cut.alpha, truth)[2] >= 0.98, cut.report
        assert cut.report["frame"] is not None and cut.product.shape == framed.shape
        left, top, right, bottom = cut.report["bbox"]
        assert left > 30 and top > 30 and right < 414 and bottom < 414


def test_a_book_that_fills_a_rectangle_is_a_product() -> None:
    photo, truth = torch.full((400, 360, 3), 0.93), torch.zeros(400, 360)
    truth[60:340, 80:280] = 1.0
    photo[60:340, 80:280] = torch.tensor([0.2, 0.3, 0.6])
    photo[120:160, 110:250] = 0.9
    cut = from_model(photo, truth)
    assert cut.report["frame"] is None and errors(cut.alpha, truth)[2] > 0.98


def test_a_collection_goes_on_as_long_as_its_sizes_do() -> None:
    sides = (90, 84, 70, 62, 40, 30, 24)
    boxes = [(20 + 110 * (place // 4), 10 + 120 * (place % 4), side, side) for place, side in enumerate(sides)]
    stamp = (380, 440, 8, 8)
    chosen = choose_parts(_boxes(*boxes, stamp), "auto")
    assert all(float(chosen.likelihood[top + 5, left + 5]) == 1.0 for top, left, _, _ in boxes)
    assert float(chosen.likelihood[384, 444]) == 0.0 and len(chosen.extras) == 1
