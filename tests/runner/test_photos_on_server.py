"""What was prepared is what ComfyUI's own loader reads: the same pixels, the same alpha, one picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.photos.icc import adobe_rgb_profile
from runner.photos.prepare import PreparedPhoto, prepare_photo
from runner.server.client import ComfyClient
from tests.runner.picture_files import decoded, exif, gradient, png, save, sixteen
from tests.runner.test_workflow import node
from tests.support.comfy import ComfyServer

WITH_ALPHA = np.dstack([gradient(), gradient()[..., 1]])


def palette(folder: Path) -> Path:
    image = Image.fromarray((gradient()[..., 0] // 64) % 3, "P")
    image.putpalette([250, 10, 0, 0, 250, 10, 10, 0, 250])
    image.save(folder / "p.png", transparency=bytes([255, 128, 0]))
    return folder / "p.png"


def phone(folder: Path) -> Path:
    second = Image.fromarray(gradient()[::-1, :, 0].copy())
    Image.fromarray(gradient()).save(folder / "m.jpg", "MPO", save_all=True, append_images=[second], quality=95)
    return folder / "m.jpg"


MADE: dict[str, Callable[[Path], Path]] = {
    "rgb png": lambda d: save(d / "a.png", gradient()),
    "rgba png": lambda d: save(d / "a.png", WITH_ALPHA),
    "gray png": lambda d: save(d / "a.png", gradient()[..., 0]),
    "gray jpeg": lambda d: save(d / "a.jpg", gradient()[..., 0], quality=95),
    "gray and alpha": lambda d: save(d / "a.png", WITH_ALPHA[..., 2:]),
    "palette": palette,
    "16 bit": lambda d: png(d / "a.png", sixteen(3), 2, 16),
    "16 bit and alpha": lambda d: png(d / "a.png", sixteen(4), 6, 16),
    "turned": lambda d: save(d / "a.jpg", gradient(), quality=95, exif=exif(6)),
    "wide gamut": lambda d: save(d / "a.png", gradient(), icc_profile=adobe_rgb_profile()),
    "two pictures": phone,
    "tiff": lambda d: save(d / "a.tif", gradient()),
    "webp": lambda d: save(d / "a.webp", gradient(), lossless=True),
    "jpeg 4:2:0": lambda d: save(d / "a.jpg", gradient(), quality=95, subsampling=2),
    "jpeg 4:4:4": lambda d: save(d / "a.jpg", gradient(), quality=95, subsampling=0),
    "one pixel": lambda d: save(d / "a.png", gradient()[:1, 5:6]),
}


def as_loaded(server: ComfyServer, photo: PreparedPhoto) -> tuple[list[np.ndarray], np.ndarray]:
    """(pictures, mask as 0..255) that LoadImage makes of an upload."""
    name = ComfyClient(server.url).upload_image(photo.data, photo.upload_name)
    outputs = server.run(
        {
            "1": node("LoadImage", image=name),
            "2": node("SaveImage", images=["1", 0], filename_prefix=f"prepared/{photo.sha256[:8]}"),
            "3": node("MaskToImage", mask=["1", 1]),
            "4": node("SaveImage", images=["3", 0], filename_prefix=f"prepared/{photo.sha256[:8]}_mask"),
        }
    )
    pictures = [np.asarray(server.picture(file)) for file in outputs["2"]["images"]]
    return pictures, np.asarray(server.picture(outputs["4"]["images"][0]))[..., 0]


@pytest.mark.parametrize("kind", MADE)
def test_the_loader_reads_what_was_prepared(comfy_server: ComfyServer, tmp_path: Path, kind: str) -> None:
    photo = prepare_photo(MADE[kind](tmp_path))
    sent = decoded(photo.data)
    pictures, mask = as_loaded(comfy_server, photo)
    assert len(pictures) == 1
    assert pictures[0].shape == (*sent.shape[:2], 3)
    off = np.abs(pictures[0].astype(int) - sent[..., :3])
    if photo.content_type == "image/jpeg":  # another decoder smooths halved colour in another way
        assert off.mean() < 1.5
        assert off.max() <= 8
    else:
        assert off.max() == 0
    if sent.shape[2] == 4:
        assert int(np.abs(255 - mask.astype(int) - sent[..., 3]).max()) <= 1  # core: 1 is transparent
    else:
        assert mask.shape == (64, 64)  # core's placeholder for "no mask"
        assert mask.max() == 0


def test_why_gray_and_deep_files_are_not_sent_as_they_are(comfy_server: ComfyServer, tmp_path: Path) -> None:
    """The reason for converting them: the loader makes pure white a level darker. If this fails, it no longer does."""
    white = np.full((40, 40), 255, np.uint8)
    path = save(tmp_path / "white.png", white)
    raw = prepare_photo(path)
    as_it_is = PreparedPhoto(path.read_bytes(), "white_as_it_is.png", 40, 40, (), "image/png", True, "0" * 64)
    assert as_loaded(comfy_server, raw)[0][0].min() == 255
    assert as_loaded(comfy_server, as_it_is)[0][0].max() == 254
