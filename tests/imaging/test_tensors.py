"""Shapes, batches, placeholders and boxes: the checks every operation relies on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from prodgen_nodes.imaging.errors import EmptyMaskError, NotFiniteError, ParameterError, RangeError, ShapeError
from prodgen_nodes.imaging.tensors import (
    Box,
    bounding_box,
    check_color,
    check_image,
    check_mask,
    check_range,
    common_batch,
    expand_batch,
    is_placeholder,
    item,
    same_size,
    split_alpha,
)

PACK = Path(__file__).parents[2] / "custom_nodes"


def test_the_pack_below_its_nodes_works_without_comfyui() -> None:
    """All but the nodes is usable alone: no module of ComfyUI is imported, none needs to be there."""
    program = (
        "import sys, pkgutil, importlib\n"
        "from prodgen_nodes import imaging, persona, shops\n"
        "rooms = (imaging, persona, shops)\n"
        "names = [m.name for r in rooms for m in pkgutil.walk_packages(r.__path__, r.__name__ + '.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "assert len(names) >= 60, names\n"
        "unwanted = ('comfy', 'comfy_api', 'folder_paths', 'cv2', 'skimage', 'pymatting')\n"
        "foreign = [m for m in sys.modules if m.split('.')[0] in unwanted]\n"
        "assert not foreign, foreign\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PACK, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shape", [(4, 4, 3), (1, 4, 4, 2), (1, 0, 4, 3), (1, 4, 4, 5)])
def test_what_is_no_picture_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"batch, height, width") as error:
        check_image(torch.zeros(shape))
    assert str(tuple(shape)) in str(error.value)


def test_a_mask_is_made_whole() -> None:
    raw = torch.tensor([[0.5, 0.0], [2.0, -1.0]])
    kept = raw.clone()
    mask = check_mask(raw)
    assert mask.tolist() == [[[0.5, 0.0], [1.0, 0.0]]]
    assert torch.equal(raw, kept), "the caller's tensor was changed"
    assert check_mask(torch.ones(2, 1, 3, 4)).shape == (2, 3, 4)
    with pytest.raises(ShapeError):
        check_mask(torch.zeros(1, 2, 3, 4))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused_and_its_picture_named(bad: float) -> None:
    pictures = torch.rand(3, 4, 5, 3)
    pictures[1, 2, 3, 0] = bad
    with pytest.raises(NotFiniteError, match=r"scene \(picture 2 of 3\) holds values that are no numbers"):
        check_image(pictures, "scene")
    with pytest.raises(NotFiniteError, match="mask holds"):
        check_mask(torch.full((1, 4, 5), bad))
    assert check_image(pictures, finite=False).shape == (3, 4, 5, 3), "for those who look themselves"


def test_alpha_is_split_off_and_grey_becomes_rgb() -> None:
    rgba = torch.rand(1, 3, 5, 4)
    rgb, alpha = split_alpha(rgba)
    assert rgb.shape == (1, 3, 5, 3)
    assert alpha is not None
    assert torch.equal(alpha, rgba[..., 3])
    grey, none = split_alpha(torch.full((1, 2, 2, 1), 0.25))
    assert none is None
    assert grey.shape == (1, 2, 2, 3)
    assert bool((grey == 0.25).all())


def test_the_placeholder_is_no_mask_but_a_real_64_pixel_mask_is_one() -> None:
    assert is_placeholder(None, 100, 100)
    assert is_placeholder(torch.zeros(1, 64, 64), 1024, 768)
    assert is_placeholder(torch.ones(1, 64, 64), 1024, 768), "an inverted placeholder is one too"
    assert not is_placeholder(torch.zeros(1, 64, 64), 64, 64), "a 64×64 picture may have an empty mask of its own"
    real = torch.zeros(1, 64, 64)
    real[:, 20:40, 20:40] = 1.0
    assert not is_placeholder(real, 1024, 768), "a mask with content is never thrown away silently"


def test_a_batch_of_one_serves_all_and_nothing_else_does() -> None:
    one, three, two = torch.zeros(1, 2, 2, 3), torch.zeros(3, 2, 2), torch.zeros(2, 2, 2)
    assert common_batch(image=one, mask=three) == 3
    assert expand_batch(one, 3).shape == (3, 2, 2, 3)
    assert item(three, 2).shape == (2, 2)
    assert item(one, 2).shape == (2, 2, 3)
    with pytest.raises(ShapeError) as error:
        common_batch(image=three, mask=two)
    assert "(3, 2, 2)" in str(error.value)
    assert "(2, 2, 2)" in str(error.value)


def test_a_size_mismatch_names_both_shapes() -> None:
    assert same_size(image=torch.zeros(1, 4, 6, 3), mask=torch.zeros(2, 4, 6)) == (4, 6)
    with pytest.raises(ShapeError) as error:
        same_size(image=torch.zeros(1, 4, 6, 3), mask=torch.zeros(1, 6, 4))
    assert "(1, 4, 6, 3)" in str(error.value)
    assert "(1, 6, 4)" in str(error.value)


def test_the_box_is_tight_and_an_empty_mask_is_said() -> None:
    mask = torch.zeros(10, 20)
    mask[3:7, 5:18] = 1.0
    box = bounding_box(mask)
    assert box == Box(left=5, top=3, right=18, bottom=7)
    assert (box.width, box.height) == (13, 4)
    with pytest.raises(EmptyMaskError, match="empty"):
        bounding_box(mask * 0.4)


def test_a_setting_out_of_range_is_named() -> None:
    assert check_range(0.5, 0, 1, "strength") == 0.5
    with pytest.raises(ParameterError, match="strength"):
        check_range(float("nan"), 0, 1, "strength")


@pytest.mark.parametrize("value", [1e30, -1e30, 7e4, float("inf"), float("-inf"), float("nan")])
def test_what_becomes_infinite_on_its_way_is_refused_at_once(value: float) -> None:
    image = torch.zeros(2, 4, 5, 3)
    image[1, 2, 3, 1] = value
    with pytest.raises(NotFiniteError, match="picture 2 of 2"):
        check_image(image)
    with pytest.raises(NotFiniteError, match="picture 2 of 2"):
        check_mask(image[..., 1])
    image[1, 2, 3, 1] = 60000.0  # high dynamic range
    assert check_image(image).max() == 60000.0


def test_values_that_are_not_those_of_a_picture_are_refused() -> None:
    """A picture of 0 to 255 came out white, one that begins at -1 came out dark: finished, and wrong."""
    picture = torch.rand(2, 9, 8, 3, generator=torch.Generator().manual_seed(3))
    for wrong in (
        picture * 255.0,
        (picture * 255.0).round(),
        (picture * 255.0).round() * (picture > 0.7),  # mostly black
        picture * 2.0 - 1.0,
        (picture * 255.0).to(torch.uint8),
        (picture * 2.0).to(torch.int64),
    ):
        for check in (check_image, check_color, split_alpha):
            with pytest.raises(RangeError, match="from 0"):
                check(wrong)
    for wrong in (picture[..., 0] * 255.0, (picture[..., 0] * 255.0).to(torch.uint8)):
        with pytest.raises(RangeError, match="from 0 to 1"):
            check_mask(wrong)


def test_what_goes_a_little_beyond_is_taken() -> None:
    picture = torch.rand(1, 9, 8, 3, generator=torch.Generator().manual_seed(3))
    lamp = picture.clone()
    lamp[0, :3] = 400.0
    for right in (picture * 1.3 - 0.15, lamp, picture.round(), picture > 0.5, picture.half(), picture * 0.0):
        assert torch.equal(check_image(right), right.float())
    masks = picture[..., 0]
    assert float(check_mask(masks + masks).max()) == 1.0
    assert torch.equal(check_mask(masks > 0.5), (masks > 0.5).float())
    assert torch.equal(check_mask((masks > 0.5).to(torch.uint8)), (masks > 0.5).float())
