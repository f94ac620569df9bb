"""MobileSAM in its authors' file: read whole or not at all, and asked in the photo's own shape."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.segment_anything import MobileSam
from prodgen_nodes.segment_anything.weights import renamed
from prodgen_nodes.weights_file import WeightsFileError

from tests.support.comfy import REPO
from tests.support.mobile_sam import authors_names, published

INSTALLED = REPO / ".comfyui" / "ComfyUI" / "models" / "sams" / MobileSam.FILE


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sams") / MobileSam.FILE
    torch.save(published(), path)
    return path


@pytest.fixture(scope="module")
def sam(file: Path) -> MobileSam:
    """Open once: building the network takes longer than asking it."""
    return MobileSam(file)


def test_every_weight_finds_its_place(file: Path) -> None:
    """Loaded, the network has what was saved: nothing is left by chance."""
    saved = torch.load(file, weights_only=True)
    assert len(saved) == len(set(authors_names()))
    parts = MobileSam(file).open()
    loaded = parts.state_dict()
    for name, value in renamed(saved).items():
        assert torch.equal(loaded[name], value), name
    own = {name for name in loaded if "vision_encoder" not in name}
    assert own == set(renamed(saved))


@pytest.mark.parametrize(
    ("size", "grid"),
    [
        ((600, 800), (192, 256)),
        ((3, 2000), (1, 256)),
        pytest.param((900, 300), (256, 85), marks=pytest.mark.slow),
        pytest.param((1, 1), (256, 256), marks=pytest.mark.slow),
    ],
)
def test_answers_have_the_photos_shape(sam: MobileSam, size: tuple[int, int], grid: tuple[int, int]) -> None:
    seen = sam.see(torch.rand((1, *size, 3)))
    assert seen.grid == grid
    points = torch.tensor([[grid[1] / 2, grid[0] / 2]])
    for asked in (
        (points, None),
        (points[:0], (0.0, 0.0, float(grid[1]), float(grid[0]))),
        (points, (0.0, 0.0, 9.0, 9.0)),
    ):
        answers, good = seen.objects(*asked)
        assert answers.shape == (3, *grid)
        assert good.shape == (3,)
        assert bool(torch.isfinite(answers).all())


@pytest.mark.first(1)
@pytest.mark.parametrize("size", [(501, 333), (480, 640)])
def test_a_mirrored_photo_is_answered_in_the_mirror(sam: MobileSam, size: tuple[int, int]) -> None:
    photo = torch.rand((1, *size, 3))
    seen, mirrored = (sam.see(one) for one in (photo, photo.flip(2)))
    columns = seen.grid[1]
    points = torch.tensor([[20.0, 30.0], [41.0, 100.0], [7.0, 99.0]])
    across = torch.stack((columns - 1 - points[:, 0], points[:, 1]), dim=1)
    for asked, back in (
        ((points, None), (across, None)),
        ((points[:0], (10.0, 20.0, 90.0, 120.0)), (points[:0], (columns - 90.0, 20.0, columns - 10.0, 120.0))),
    ):
        answers, good = seen.objects(*asked)
        others, as_good = mirrored.objects(*back)
        assert torch.allclose(answers, others.flip(-1), atol=1e-3)
        assert torch.allclose(good, as_good, atol=1e-4)


@pytest.mark.slow
def test_closed_it_gives_its_memory_back_and_opens_again(file: Path) -> None:
    sam = MobileSam(file)
    photo = torch.rand((1, 64, 64, 3))
    before = sam.see(photo).objects(torch.tensor([[100.0, 100.0]]))[0]
    sam.close()
    assert not sam.is_open
    assert torch.allclose(before, sam.see(photo).objects(torch.tensor([[100.0, 100.0]]))[0], atol=1e-5)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("evil",)


DAMAGE = ("no file", "cut off", "text", "a list", "numbers for names", "another network", "other shapes", "no numbers")


@pytest.mark.parametrize("how", [*DAMAGE, "a message", "a pickle"])
def test_what_is_no_mobilesam_is_said_to_be_none(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path, weights = tmp_path / MobileSam.FILE, torch.load(file, weights_only=True)
    if how == "cut off":
        path.write_bytes(file.read_bytes()[:50_000])
    elif how == "text":
        path.write_text("<!doctype html>", encoding="utf-8")
    elif how == "a message":
        path.write_text("Repository not found", encoding="utf-8")
    elif how == "numbers for names":
        torch.save(dict(enumerate(weights.values())), path)
    elif how == "no numbers":
        weights["mask_decoder.iou_token.weight"][0, 3] = float("nan")
        torch.save(weights, path)
    elif how == "a list":
        torch.save([1, 2], path)
    elif how == "another network":
        torch.save({f"model.{name}": value for name, value in weights.items()}, path)
    elif how == "other shapes":
        torch.save({name: value.flatten()[:1] for name, value in weights.items()}, path)
    elif how == "a pickle":
        torch.save({"weights": Evil()}, path)
    with pytest.raises(WeightsFileError, match=re.escape(MobileSam.FILE)):
        MobileSam(path).open()
    assert not (tmp_path / "evil").exists()


two_bytes = given(st.integers(0, 255), st.integers(0, 2_000), st.integers(0, 255))


@settings(max_examples=15, deadline=None)
@two_bytes
def test_a_file_with_any_two_bytes_changed_is_read_or_is_none(first: int, at: int, second: int) -> None:
    check_a_changed_file(first, at, second)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@two_bytes
def test_a_file_with_any_two_bytes_changed_is_read_or_is_none_hundreds_of_times(
    first: int, at: int, second: int
) -> None:
    check_a_changed_file(first, at, second)


def check_a_changed_file(first: int, at: int, second: int) -> None:
    """In the old format, whose pickle stands there for every reader."""
    whole = io.BytesIO()
    torch.save({"a": torch.zeros(3), "b": {"c": 1}}, whole, _use_new_zipfile_serialization=False)
    content = bytearray(whole.getvalue())
    content[at % len(content)], content[(7 * at) % len(content)] = first, second
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, MobileSam.FILE)
        path.write_bytes(content)
        with pytest.raises(WeightsFileError, match=re.escape(MobileSam.FILE)):
            MobileSam(path).open()


def test_without_its_packages_it_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "timm" else found(name, *more))
    assert not MobileSam.is_available()
    assert "pip install timm" in MobileSam.explain_missing()
    with pytest.raises(WeightsFileError, match="timm"):
        MobileSam(file).open()


@pytest.mark.skipif(not INSTALLED.is_file(), reason="its published weights are not installed")
def test_the_published_weights_see_an_object() -> None:
    """A red disc on a wooden floor's stripes: asked at one point of it, or for its box, the network draws all of it."""
    rows, columns = torch.meshgrid(torch.arange(480), torch.arange(640), indexing="ij")
    disc = (columns - 380) ** 2 + (rows - 230) ** 2 <= 90**2
    photo = (0.5 + 0.06 * torch.sin(columns / 9.0)).unsqueeze(-1) * torch.tensor([1.0, 0.8, 0.6])
    photo[disc] = torch.tensor([0.75, 0.12, 0.1])
    seen = MobileSam(INSTALLED).see(photo.unsqueeze(0))
    small = torch.nn.functional.interpolate(disc.float()[None, None], seen.grid, mode="area")[0, 0] > 0.5
    scale = 256 / 640
    box = (290 * scale, 140 * scale, 470 * scale, 320 * scale)
    for asked in ((torch.tensor([[380 * scale, 230 * scale]]), None), (torch.zeros((0, 2)), box)):
        answers, good = seen.objects(*asked)
        best = answers[int(good.argmax())] > 0
        assert float((best & small).sum() / (best | small).sum()) > 0.95
        assert float(good.max()) > 0.9
