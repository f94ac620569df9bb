"""`train --best` by a CLIP vision model: what it is shown, and a real server that loads one of made-up weights.

Core knows a CLIP vision model by its layout alone, and the smallest it knows has 24 layers of 1024: its file here holds
views into one small block, but it is computed in full. What a trained one sees is not proven by it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from runner.__main__ import main
from runner.smoke.weights import Pool, save
from runner.training.vision import NONE, Seen, Vision, backdrop_alone, cosine, product_alone, seeing
from tests.runner.test_training_run import KLEIN, command
from tests.runner.training_photos import folder
from tests.support.comfy import ComfyServer
from tests.support.smoke import smoke_models

FILE = "prodgen_smoke_vit_l.pth"
RED = (170, 40, 40)


def scene(at: tuple[int, int], backdrop: tuple[int, int, int], side: int = 80) -> tuple[Image.Image, Image.Image]:
    picture, alpha = Image.new("RGB", (256, 192), backdrop), Image.new("L", (256, 192), 0)
    box = (*at, at[0] + side, at[1] + side)
    ImageDraw.Draw(picture).rectangle(box, fill=RED)
    ImageDraw.Draw(alpha).rectangle(box, fill=255)
    return picture, alpha


@settings(max_examples=8, deadline=None)
@given(at=st.tuples(st.integers(0, 170), st.integers(0, 100)), backdrop=st.tuples(*[st.integers(0, 255)] * 3))
def test_the_product_is_shown_alone_and_its_backdrop_without_it(
    at: tuple[int, int], backdrop: tuple[int, int, int]
) -> None:
    picture, alpha = scene(at, backdrop)
    product = product_alone(picture, alpha)
    assert product == product_alone(*scene((60, 60), (9, 99, 199))), "its place or its backdrop counts"
    behind = backdrop_alone(picture, alpha)
    assert behind is not None
    assert np.abs(np.asarray(behind).astype(int) - backdrop).max() <= 2, "the product is still to be seen"


def test_what_is_not_there_is_not_shown_and_not_alike() -> None:
    picture, _ = scene((0, 0), RED)
    assert product_alone(picture, Image.new("L", picture.size, 0)) is None
    assert backdrop_alone(picture, Image.new("L", picture.size, 255)) is None
    assert cosine(None, (1.0,)) == cosine((1.0,), (1.0, 2.0)) == cosine((0.0,), (1.0,)) == 0.0
    assert cosine((1.0, 0.0), (2.0, 0.0)) == 1.0 and cosine((1.0, 0.0), (0.0, 3.0)) == 0.0


def test_a_backdrop_of_the_photos_counts_against_a_save_by_more_than_theirs_are_alike() -> None:
    measure = Vision.__new__(Vision)  # the figures alone need no server
    photos = [Seen((1.0, 0.0), (1.0, 0.0, 0.0)), Seen((0.6, 0.8), (0.6, 0.8, 0.0))]
    assert measure.product(Seen((0.6, 0.8), None), photos) == pytest.approx(1.0)
    assert measure.backdrop(Seen(None, (1.0, 0.0, 0.0)), photos) == pytest.approx(1.0 - 0.6)
    assert measure.backdrop(Seen(None, (0.0, 0.0, 1.0)), photos) == 0.0
    assert measure.product(Seen(None, None), photos) == measure.backdrop(Seen(None, None), photos) == 0.0


def write_vision_model(path: Path) -> None:
    """ViT-L/14's layout, in half precision: about a megabyte on disk."""
    width = 1024
    shapes: dict[str, tuple[int, ...]] = {}
    base = "vision_model."
    shapes[f"{base}embeddings.class_embedding"] = (width,)
    shapes[f"{base}embeddings.patch_embedding.weight"] = (width, 3, 14, 14)
    shapes[f"{base}embeddings.position_embedding.weight"] = (257, width)
    for norm in ("pre_layrnorm", "post_layernorm"):
        shapes |= {f"{base}{norm}.weight": (width,), f"{base}{norm}.bias": (width,)}
    for layer in range(24):
        name = f"{base}encoder.layers.{layer}."
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= {f"{name}self_attn.{part}.weight": (width, width), f"{name}self_attn.{part}.bias": (width,)}
        shapes |= {f"{name}mlp.fc1.weight": (4 * width, width), f"{name}mlp.fc1.bias": (4 * width,)}
        shapes |= {f"{name}mlp.fc2.weight": (width, 4 * width), f"{name}mlp.fc2.bias": (width,)}
        for norm in ("layer_norm1", "layer_norm2"):
            shapes |= {f"{name}{norm}.weight": (width,), f"{name}{norm}.bias": (width,)}
    shapes["visual_projection.weight"] = (768, width)
    save(Pool(61).fill({name: torch.Size(shape) for name, shape in shapes.items()}), path)


@pytest.fixture
def vision_server(comfy_server: ComfyServer) -> Iterator[ComfyServer]:
    path = comfy_server.models_dir / "clip_vision" / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_vision_model(path)
    yield comfy_server
    path.unlink()


@pytest.mark.slow
def test_core_loads_it_and_tells_pictures_apart(vision_server: ComfyServer) -> None:
    for name, (picture, _) in {"a": scene((0, 0), RED), "b": scene((9, 9), (20, 90, 200))}.items():
        picture.save(vision_server.input_dir / f"seen_{name}.png")
    outputs = vision_server.run(seeing(FILE, ["seen_a.png", "seen_b.png", "seen_a.png"]))
    rows = [tuple(json.loads(outputs[f"embedding{place}"]["prodgen_report"][0])["rows"][0]) for place in range(3)]
    assert [len(row) for row in rows] == [768] * 3
    assert cosine(rows[0], rows[2]) == pytest.approx(1, abs=1e-6) and cosine(rows[0], rows[1]) < 0.999


@pytest.mark.slow
def test_the_saves_are_measured_by_the_model_that_is_installed(
    vision_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, out = folder(tmp_path / "photos", 1), tmp_path / "out"
    with smoke_models(vision_server, *KLEIN):
        words = [*command(photos, out, vision_server.url, "epochs=1"), "--best"]
        assert main(words) == 0
        said = capsys.readouterr()
        assert f"by the CLIP vision model {FILE}" in said.err and "rows" not in said.out + said.err
        with (out / "best.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert {row["measured_by"] for row in rows if row["measured_by"]} <= {f"CLIP vision {FILE}"}
        asked = {path: path.stat().st_mtime_ns for path in (out / "compared").iterdir()}
        assert asked
        assert main(words) == 0
        assert {path: path.stat().st_mtime_ns for path in (out / "compared").iterdir()} == asked, "asked twice"
        assert main([*words, "--clip-vision", NONE]) == 0
        assert "by colours and silhouette" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_named_before_anything_is_trained(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(folder(tmp_path / "photos", 2), tmp_path / "out", comfy_server.url, "epochs=1")
    assert main([*words, "--best", "--clip-vision", "not_here.safetensors"]) == 4
    assert "not_here.safetensors" in capsys.readouterr().err
