"""Networks run by onnxruntime: masks of the right size and place, and words for every file that is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from prodgen_nodes.background_removal import FITS, ModelFileError, OnnxBackgroundRemoval
from prodgen_nodes.imaging.errors import ParameterError

from tests.support.comfy import PACK
from tests.support.onnx_files import FLOAT16, write_onnx


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Dark is product."""
    return write_onnx(tmp_path / "isnet_tiny.onnx", side=64)


def _dark_square(height: int, width: int) -> torch.Tensor:
    """A white picture whose rows 1/4..1/2 and columns 1/2..3/4 are black."""
    picture = torch.ones(1, height, width, 3)
    picture[:, height // 4 : height // 2, width // 2 : 3 * width // 4] = 0.0
    return picture


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(("height", "width"), [(256, 256), (512, 128), (90, 333), (32, 32), (16, 24)])
def test_the_mask_has_the_pictures_size_and_place(tiny: Path, fit: str, height: int, width: int) -> None:
    model = OnnxBackgroundRemoval(tiny, fit=fit)
    picture = _dark_square(height, width)
    mask = model.encode_image(picture)
    assert mask.shape == (1, height, width) and mask.dtype == torch.float32
    assert float(mask.min()) >= 0 and float(mask.max()) <= 1
    truth = picture[..., 0] < 0.5
    found = mask > 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.7
    small = model.raw(picture)
    assert small.shape[1:] == (64, 64) or fit == "letterbox"
    assert small.shape[0] == 1 and abs(float(small.mean()) - float(mask.mean())) < 0.03


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_a_picture_of_a_few_pixels_gets_a_mask(tiny: Path, fit: str, height: int, width: int) -> None:
    mask = OnnxBackgroundRemoval(tiny, fit=fit).encode_image(torch.zeros(1, height, width, 3))
    assert mask.shape == (1, height, width)
    assert float(mask.min()) > 0.9


def test_a_batch_is_each_picture_by_itself(tiny: Path) -> None:
    model = OnnxBackgroundRemoval(tiny)
    pictures = torch.cat([_dark_square(60, 80), _dark_square(60, 80).flip(1), torch.ones(1, 60, 80, 3)])
    together = model.encode_image(pictures)
    assert all(torch.equal(together[i : i + 1], model.encode_image(pictures[i : i + 1])) for i in range(3))
    assert float(together[2].max()) < 0.01


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_grey_colour_and_alpha_in_any_precision(tiny: Path, channels: int, dtype: torch.dtype) -> None:
    picture = _dark_square(64, 64).to(dtype)
    picture = torch.cat((picture, picture[..., :1]), dim=-1)[..., :channels]
    given = picture.clone()
    assert OnnxBackgroundRemoval(tiny).encode_image(picture).shape == (1, 64, 64)
    assert torch.equal(picture, given)


def test_half_precision_inputs_are_served(tmp_path: Path, tiny: Path) -> None:
    half = OnnxBackgroundRemoval(write_onnx(tmp_path / "isnet_half.onnx", side=64, kind=FLOAT16))
    picture = _dark_square(100, 100)
    assert (half.encode_image(picture) - OnnxBackgroundRemoval(tiny).encode_image(picture)).abs().max() < 0.02


def test_a_network_of_any_size_gets_its_architectures(tmp_path: Path) -> None:
    model = OnnxBackgroundRemoval(write_onnx(tmp_path / "u2net_any.onnx", side="height", width="width"))
    assert (model.kind, model.image_size) == ("u2net", 320)
    assert model.encode_image(_dark_square(64, 64)).shape == (1, 64, 64)


def test_the_file_is_opened_when_needed_and_closed_when_told(tiny: Path) -> None:
    model = OnnxBackgroundRemoval(tiny)
    assert not model.is_open
    first = model.encode_image(_dark_square(40, 40))
    assert model.is_open
    model.close()
    assert not model.is_open and model.kind == "isnet"
    assert torch.equal(model.encode_image(_dark_square(40, 40)), first)


def test_an_empty_picture_gives_an_almost_empty_mask(tmp_path: Path) -> None:
    """U²-Net's own stretch would make a full mask of the smallest difference."""
    model = OnnxBackgroundRemoval(write_onnx(tmp_path / "u2netp_tiny.onnx", gain=0.05, bias=-4.0))
    noise = 0.5 + 0.02 * torch.randn(1, 50, 70, 3, generator=torch.Generator().manual_seed(3))
    for picture in (noise, torch.zeros(1, 50, 70, 3), torch.ones(1, 50, 70, 3)):
        assert float(model.encode_image(picture).max()) < 0.2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"channels": 1}, "should read one RGB picture"),
        ({"inputs": 2}, "should read one RGB picture"),
        ({"side": 32, "width": 48}, "only square inputs"),
        ({"masks": 4}, "no mask of one picture"),
        ({"sigmoid": False}, "no mask of 0 to 1"),
        ({"bias": float("nan")}, "no numbers"),
        ({"bias": float("inf"), "sigmoid": False}, "no numbers"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, settings: dict[str, float], words: str) -> None:
    model = OnnxBackgroundRemoval(write_onnx(tmp_path / "isnet_odd.onnx", **settings))  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match=words) as caught:
        model.encode_image(_dark_square(40, 40))
    assert "isnet_odd.onnx" in str(caught.value)


def test_an_unknown_kind_says_what_would_be_known(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="Take ISNet or U²-Net"):
        OnnxBackgroundRemoval(write_onnx(tmp_path / "model.onnx")).open()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_an_error_in_words(tiny: Path, share: float) -> None:
    content = tiny.read_bytes()
    tiny.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelFileError, match=r"isnet_tiny\.onnx"):
        OnnxBackgroundRemoval(tiny).encode_image(_dark_square(40, 40))


@pytest.mark.parametrize("content", [b"\x00" * 4096, b"<html>not found</html>", np.random.default_rng(1).bytes(50000)])
def test_a_foreign_file_is_an_error_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(content)
    with pytest.raises(
        ModelFileError, match=r"u2netp\.onnx is incomplete or another file: [\d,]+ bytes instead of 4,5"
    ):
        OnnxBackgroundRemoval(tmp_path / "u2netp.onnx").open()


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.onnx is not there any more"):
        OnnxBackgroundRemoval(tmp_path / "gone.onnx").open()


def test_an_unknown_fit_is_refused(tiny: Path) -> None:
    with pytest.raises(ParameterError, match="squash, letterbox"):
        OnnxBackgroundRemoval(tiny, fit="crop")


def test_without_onnxruntime_the_package_loads_and_says_what_to_install(tiny: Path) -> None:
    """In a Python that cannot find the package."""
    program = f"""
import sys
sys.modules["onnxruntime"] = None
sys.path.insert(0, {str(PACK.parent)!r})
from pathlib import Path
from prodgen_nodes.background_removal import OnnxBackgroundRemoval, is_available
assert not is_available()
try:
    OnnxBackgroundRemoval(Path({str(tiny)!r})).open()
except ValueError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "not installed" in said and f"{sys.executable} -m pip install onnxruntime" in said
