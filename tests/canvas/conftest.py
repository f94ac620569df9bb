"""What the canvas tests share: one browser with ComfyUI's real frontend in it, and a photo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.support.comfy import REPO, ComfyServer


@pytest.fixture(scope="session")
def browser(comfy_server: ComfyServer, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The frontend in a browser; the tests that need it are skipped, and say so, where there is no browser."""
    pytest.importorskip("selenium", reason="NOT RUN: selenium is not installed (python install.py --dev)")
    from tests.canvas.canvas import Canvas

    # The picture a workflow names lies in a person's input folder.
    for workflow in (REPO / "workflows").glob("*.v*.json"):
        for node in json.loads(workflow.read_text(encoding="utf-8")).values():
            if node["class_type"] == "LoadImage":
                comfy_server.upload(photo, node["inputs"]["image"])
    opened = Canvas(comfy_server.url, tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def canvas(browser: Any) -> Iterator[Any]:
    """The frontend as it opens. Left at the end of a module: it draws without pause, on the CPU that others need."""
    browser.visit()
    yield browser
    browser.leave()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red box with a handle on a light grey backdrop, with the soft shadow of a real photo."""
    scale, size = 3, (760, 640)
    shadow = Image.new("L", size, 0)
    ImageDraw.Draw(shadow).ellipse((190, 500, 590, 545), fill=70)
    backdrop = np.full((size[1], size[0], 3), (222, 221, 219), dtype=np.float32)
    backdrop *= 1 - np.asarray(shadow.filter(ImageFilter.GaussianBlur(14)), dtype=np.float32)[..., None] / 255
    product = Image.new("RGBA", (size[0] * scale, size[1] * scale))
    draw = ImageDraw.Draw(product)
    draw.arc([value * scale for value in (290, 130, 490, 410)], 180, 360, fill=(96, 24, 22, 255), width=16 * scale)
    draw.rounded_rectangle([value * scale for value in (210, 260, 570, 525)], 24 * scale, fill=(176, 32, 38, 255))
    draw.rectangle([value * scale for value in (360, 330, 420, 352)], fill=(216, 178, 92, 255))
    product = product.resize(size, Image.Resampling.LANCZOS)
    picture = Image.fromarray(np.rint(backdrop).astype(np.uint8))
    picture.paste(product, mask=product.getchannel("A"))
    noise = np.random.default_rng(7).normal(0, 1.2, (size[1], size[0], 3))
    noisy = np.clip(np.asarray(picture, dtype=np.float32) + noise, 0, 255)
    path = tmp_path_factory.mktemp("photo") / "red_box.png"
    Image.fromarray(np.rint(noisy).astype(np.uint8)).save(path)
    return path
