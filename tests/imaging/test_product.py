"""What is measured of a product: kind, size, colours. Drawn products, the project's own examples, reference photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from prodgen_nodes.imaging.colorspace import delta_e00
from prodgen_nodes.imaging.errors import EmptyMaskError, ShapeError
from prodgen_nodes.imaging.posing import POSES
from prodgen_nodes.imaging.product.kinds import KINDS
from prodgen_nodes.imaging.product.measure import Facts, measure_product
from prodgen_nodes.imaging.product.palette import NAMED, find_colors, lab_of, name_of
from prodgen_nodes.imaging.segmentation.cutout import from_plain_backdrop
from torch import Tensor

from tests.imaging import handle_products as drawn
from tests.support.comfy import REPO
from tests.support.reference import EXAMPLES, FOLDER, as_picture, beside
from tests.support.reference import drawn as photographed

GREY = torch.full((1, 320, 320, 3), 0.4)


def kinds_of(make: Callable[[np.random.Generator], drawn.Product], count: int = 6) -> set[str]:
    masks = [make(np.random.default_rng(seed)).render(320)[0] for seed in range(count)]
    return {measure_product(GREY, mask[None]).guess.kind for mask in masks}


def cut(path: Path) -> Facts:
    with Image.open(path) as opened:
        return facts_of(opened.convert("RGB"))


def facts_of(picture: Image.Image) -> Facts:
    """Facts of a photo, cut out by its plain backdrop, at a size that keeps the test short."""
    picture.thumbnail((640, 640))
    found = from_plain_backdrop(torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255))
    return measure_product(found.product[None], found.alpha[None])


@pytest.mark.first(6)
@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (drawn.arch_bag, {"handbag", "duffel"}),
        (drawn.twin_bag, {"handbag", "tote", "duffel"}),
        (drawn.grip_case, {"briefcase"}),
        (drawn.shoulder_bag, {"shoulder_bag"}),
        (drawn.mug, {"mug"}),
        (drawn.jar, {"jar", "box"}),
        (drawn.bottle, {"bottle"}),
        (drawn.shoe, {"shoe"}),
        (drawn.chair, {"furniture"}),
        (drawn.box, {"box"}),
        (drawn.glasses, {"other"}),
        (drawn.headphones, {"other"}),
    ],
)
def test_kind_of_drawn_products(make: Callable[[np.random.Generator], drawn.Product], kinds: set[str]) -> None:
    assert kinds_of(make) <= kinds


BODY = drawn.rounded(0.25, 0.45, 0.75, 0.85, 0.03)


@pytest.mark.parametrize(
    "product",
    [
        drawn.Product("camera").line(drawn.arch(0.47, 0.53, 0.46, 0.03, 4), 0.02).solid(BODY),
        drawn.Product("pendant")
        .line(drawn.arch(0.46, 0.54, 0.8, 0.75), 0.012)
        .solid(drawn.rounded(0.42, 0.8, 0.58, 0.95, 0.07)),
        drawn.Product("pole case")
        .line(drawn.arch(0.42, 0.58, 0.36, 0.3, 4), 0.02)
        .solid(drawn.rounded(0.28, 0.35, 0.72, 0.9, 0.03)),
    ],
    ids=lambda product: product.name,
)
def test_what_only_looks_like_a_handle_gets_modest_words(product: drawn.Product) -> None:
    facts = measure_product(GREY, product.render(320)[0][None])
    assert facts.noun in {"product", "bag"}
    assert facts.guess.centimetres is None and not facts.guess.size
    assert " cm" not in facts.sentence()


def test_upright_case_is_a_suitcase_and_flat_slab_a_clutch() -> None:
    case = drawn.Product("case").line(drawn.arch(0.44, 0.56, 0.31, 0.05, 4), 0.02)
    case.solid(drawn.rounded(0.3, 0.3, 0.7, 0.85, 0.03))
    assert measure_product(GREY, case.render(320)[0][None]).guess.kind == "suitcase"
    slab = drawn.Product("slab").solid(drawn.rounded(0.2, 0.35, 0.8, 0.65, 0.02))
    assert measure_product(GREY, slab.render(320)[0][None]).guess.kind == "clutch"


@pytest.mark.parametrize(
    ("name", "kind", "colors"),
    [
        ("handbag", "handbag", {"brown"}),
        ("shoulder_bag", "shoulder_bag", {"denim blue"}),
        ("jar", "jar", {"grey green", "white"}),
    ],
)
def test_the_examples(name: str, kind: str, colors: set[str]) -> None:
    facts = cut(REPO / "examples" / f"{name}.jpg")
    assert facts.guess.kind == kind
    assert {color.name for color in facts.palette.colors} == colors
    assert sum(color.share for color in facts.palette.colors) == pytest.approx(1, abs=0.1)


@pytest.mark.first(1)
@pytest.mark.parametrize(("name", "kind"), [("teal bag", "handbag"), ("red shoe", "shoe"), ("cream jar", "jar")])
def test_products_on_a_backdrop_of_their_colour(name: str, kind: str) -> None:
    assert facts_of(as_picture(photographed(name).photo.numpy())).guess.kind == kind


PHOTOS = {"brown_bag": "handbag", "pink_handbag": "handbag", "teal_bag_on_teal": "handbag", "red_shoe_on_red": "shoe"}


THERE = [EXAMPLES / "brown_bag.jpg", *(FOLDER / name for name in beside(*(f"photos/{name}.jpg" for name in PHOTOS)))]


@pytest.mark.parametrize("path", THERE, ids=lambda path: path.stem)
def test_photos_on_a_backdrop_of_their_colour(path: Path) -> None:
    assert cut(path).guess.kind == PHOTOS[path.stem]


def test_a_product_cut_off_by_the_frame_gets_a_general_word() -> None:
    product = drawn.twin_bag(np.random.default_rng(2)).render(320)[0]
    whole = measure_product(GREY, product[None])
    bottom = int(torch.nonzero(product.any(dim=1)).max())
    halved = measure_product(GREY[:, : bottom - 40], product[None, : bottom - 40])
    assert whole.noun == KINDS[whole.guess.kind].noun
    assert halved.guess.confidence < 0.6 and halved.noun == "bag"


def test_size_follows_the_handle() -> None:
    """The same arched handle over a body of half the width means half the body."""

    def bag(half: float) -> Tensor:
        product = drawn.Product("bag").line(drawn.arch(0.42, 0.58, 0.42, 0.24), 0.02)
        return product.solid(drawn.rounded(0.5 - half, 0.4, 0.5 + half, 0.4 + 1.6 * half, 0.02)).render(320)[0]

    lengths = [measure_product(GREY, bag(half)[None]).guess.centimetres for half in (0.12, 0.24)]
    assert lengths[0] is not None and lengths[1] is not None
    assert [long / short for short, long in zip(*lengths, strict=True)] == pytest.approx([2, 2], rel=0.2)


def test_dominant_colors_of_a_drawn_flag() -> None:
    picture = torch.ones(60, 90, 3)
    for name, left, right in (("red", 0, 54), ("navy", 54, 81), ("mustard", 81, 90)):
        rgb = torch.tensor([int(NAMED[name][i : i + 2], 16) / 255 for i in (1, 3, 5)])
        picture[:, left:right] = rgb
    found = find_colors(picture, torch.ones(60, 90))
    assert [color.name for color in found.colors] == ["red", "navy", "mustard"]
    assert [color.share for color in found.colors] == pytest.approx([0.6, 0.3, 0.1], abs=0.02)
    assert found.multicolored
    assert float(delta_e00(torch.tensor(found.main.lab), lab_of("red"))) < 1
    assert found.main.hex == NAMED["red"]


def test_folds_and_shadows_are_not_colors() -> None:
    shade = torch.linspace(0.75, 1.25, 96).repeat(96, 1).unsqueeze(-1)
    picture = torch.tensor([0.45, 0.25, 0.16]) * shade
    found = find_colors(picture, torch.ones(96, 96))
    assert len(found.colors) == 1 and not found.multicolored


@pytest.mark.parametrize("skin", [(0.93, 0.78, 0.69), (0.78, 0.57, 0.44), (0.45, 0.29, 0.21), (0.29, 0.19, 0.15)])
def test_the_skin_of_an_arm_is_no_color_of_the_product_but_tan_leather_is(skin: tuple[float, float, float]) -> None:
    picture, mask = torch.zeros(1, 120, 120, 3), torch.zeros(1, 120, 120)
    picture[:, 40:90, 20:100], mask[:, 40:90, 20:100] = torch.tensor([0.12, 0.30, 0.55]), 1
    picture[:, :45, 50:62], mask[:, :45, 50:62] = torch.tensor(skin), 1  # comes in from above
    assert [color.name for color in measure_product(picture, mask).palette.colors] == ["cobalt blue"]
    bag = torch.tensor(skin).expand(1, 120, 120, 3)
    assert len(measure_product(bag, mask).palette.colors) == 1
    inside = mask.clone()
    inside[:, :10] = 0  # a handle of that colour that ends in the picture
    assert len(measure_product(picture, inside).palette.colors) == 2


def test_what_is_outside_the_mask_does_not_count() -> None:
    picture = torch.rand(80, 80, 3, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(80, 80)
    mask[20:60, 20:60] = 1
    picture[20:60, 20:60] = torch.tensor([0.1, 0.3, 0.7])
    found = find_colors(picture, mask)
    assert len(found.colors) == 1
    noise = torch.where(mask.unsqueeze(-1) > 0, picture, torch.rand(80, 80, 3))
    assert find_colors(noise, mask) == found


def test_every_name_names_itself() -> None:
    assert all(name_of(lab_of(name)) == name for name in NAMED)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (40, 40)])
def test_any_mask_can_be_measured(shape: tuple[int, int]) -> None:
    facts = measure_product(torch.rand(1, *shape, 3), torch.ones(1, *shape))
    assert facts.guess.kind in KINDS and facts.palette.colors
    assert facts.sentence().endswith(".")


def test_inputs_stay_as_they_were_and_bad_ones_are_refused() -> None:
    image, mask = torch.rand(2, 50, 60, 3), torch.zeros(1, 50, 60)
    mask[:, 10:40, 10:50] = 1
    kept = image.clone(), mask.clone()
    first = measure_product(image, mask)
    assert torch.equal(image, kept[0]) and torch.equal(mask, kept[1])
    assert measure_product(image, mask) == first
    with pytest.raises(EmptyMaskError):
        measure_product(image, torch.zeros(1, 50, 60))
    with pytest.raises(ShapeError):
        measure_product(image, torch.ones(1, 40, 60))


def test_every_pose_of_a_kind_is_one_of_place_product() -> None:
    assert all(set(kind.poses) <= set(POSES) for kind in KINDS.values())
