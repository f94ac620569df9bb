"""EfficientNet-Lite in its published file: read whole or not at all; garments are told from what stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from prodgen_nodes.product_kind import EfficientNetLite
from prodgen_nodes.product_kind.garments import GARMENTS, garment
from prodgen_nodes.weights_file import WeightsFileError
from torch import Tensor

from tests.support.comfy import REPO
from tests.support.product_kinds import published, published_names

INSTALLED = REPO / ".comfyui" / "ComfyUI" / "models" / "classifiers" / EfficientNetLite.FILE
published_weights_needed = pytest.mark.skipif(not INSTALLED.is_file(), reason="its published weights are not installed")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("classifiers") / EfficientNetLite.FILE
    torch.save(published(), path)
    return path


def test_every_weight_finds_its_place(file: Path) -> None:
    """timm's layers come in the published order, and each has the weights of its own."""
    loaded = EfficientNetLite(file).open().state_dict()
    saved = published()
    assert len(loaded) == len(saved)
    for (name, value), (published_name, wanted) in zip(loaded.items(), saved.items(), strict=True):
        assert torch.equal(value, wanted), f"{published_name} is not {name}"


@published_weights_needed
def test_the_names_are_those_of_the_published_file() -> None:
    assert list(torch.load(INSTALLED, weights_only=True)) == published_names()


@pytest.mark.parametrize("how", ["no file", "text", "another network", "a weight less", "other shapes", "no numbers"])
def test_what_is_no_such_network_is_said_to_be_none(tmp_path: Path, how: str) -> None:
    path, weights = tmp_path / EfficientNetLite.FILE, published()
    if how == "text":
        path.write_text("<!doctype html>", encoding="utf-8")
    elif how == "another network":
        torch.save({f"model.{name}": value for name, value in weights.items()}, path)
    elif how == "a weight less":
        weights.popitem()
        torch.save(weights, path)
    elif how == "other shapes":
        torch.save(weights | {"_fc.bias": torch.zeros(7)}, path)
    elif how == "no numbers":
        weights["_fc.bias"][3] = float("nan")
        torch.save(weights, path)
    with pytest.raises(WeightsFileError, match=re.escape(EfficientNetLite.FILE)):
        EfficientNetLite(path).open()


@pytest.mark.parametrize("size", [(300, 400), (1, 1), (3, 900), (900, 3), (1500, 40)])
def test_any_shape_is_seen_and_its_mirror_image_alike(file: Path, size: tuple[int, int]) -> None:
    network = EfficientNetLite(file)
    picture, mask = torch.rand((*size, 3)), torch.ones(size)
    seen = network.kinds(picture, mask)
    assert seen.shape == (1000,)
    assert float(seen.sum()) == pytest.approx(1.0, abs=1e-4)
    assert torch.allclose(seen, network.kinds(picture.flip(1), mask.flip(1)), atol=1e-4)


def test_all_garments_together_decide_and_the_likeliest_gives_its_name() -> None:
    seen, mask = torch.full((1000,), 0.5 / 1000), shirt()[1]
    assert garment(seen, mask) is None
    seen[610], seen[841] = 0.2, 0.18
    found = garment(seen, mask)
    assert found is not None
    assert found.name == "jersey or T-shirt"
    assert found.share == pytest.approx(float(seen[list(GARMENTS)].sum()))
    assert not found.is_sure
    seen[610] = 0.5
    assert (again := garment(seen, mask)) is not None and again.is_sure
    assert garment(seen, torch.nn.functional.pad(torch.ones(300, 200), (50, 50, 50, 50))) is None, "a printed box"
    assert garment(seen, mask[::5, ::5]) is None, "too small to tell"


def shirt(side: int = 600) -> tuple[Tensor, Tensor]:
    """A T-shirt spread out: a body with a straight hem, two short sleeves that slope, and an opening for the neck."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    body = (x.abs() < 0.42) & (y > -0.7) & (y < 0.8)
    along, across = x.abs() - 0.35 - 0.55 * (y + 0.55), y + 0.55 + 0.55 * (x.abs() - 0.35)
    sleeves = (x.abs() > 0.3) & (x.abs() < 0.85) & (across > -0.22 + 0.45 * (x.abs() - 0.35)) & (along > -0.25)
    sleeves &= across < 0.62
    neck = (x / 0.17) ** 2 + ((y + 0.72) / 0.13) ** 2 < 1
    mask = ((body | sleeves) & ~neck).float()
    shade = 0.9 + 0.05 * torch.sin(9 * x + 5 * y) + 0.04 * torch.sin(23 * x - 7 * y)
    return torch.tensor([0.12, 0.32, 0.62]) * shade[..., None], mask


def bottle(side: int = 600) -> tuple[Tensor, Tensor]:
    """A brown bottle with a white label."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    width = torch.where(y > -0.3, 0.28, torch.where(y > -0.5, 0.1 + 0.9 * (y + 0.5), torch.tensor(0.1)))
    mask = (x.abs() < width) & (y.abs() < 0.85)
    light = 1 - 2.2 * (x + 0.05) ** 2
    picture = torch.tensor([0.35, 0.17, 0.06]) * (light + 0.4)[..., None]
    label = (x.abs() < 0.28) & (y > 0) & (y < 0.6)
    return torch.where(label[..., None], light[..., None].expand(-1, -1, 3), picture).clamp(0, 1), mask.float()


@published_weights_needed
def test_a_shirt_is_worn_and_a_bottle_is_not() -> None:
    network = EfficientNetLite(INSTALLED)
    worn, standing = (garment(network.kinds(picture, mask), mask) for picture, mask in (shirt(), bottle()))
    assert worn is not None
    assert standing is None
