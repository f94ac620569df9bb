"""Enhance on smoke models: the product alone is repainted, all else and all other pictures stay as they are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.errors import EXIT_OK
from runner.models.manifest import load_manifest
from tests.imaging.sightings import Drawn, sight
from tests.runner.test_filter import BAG, SHOE, SIDE, save
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command

MUG = Drawn("mug", 6)


def smoke(file: str) -> str:
    model = load_manifest().find_file(file)
    assert model is not None and model.smoke
    return model.smoke


def enhance(desk: Desk, out: Path, *more: str | Path) -> Run:
    control = more[more.index("--control") + 1] if "--control" in more else "tile"
    files = {
        "tile": "control_v11f1e_sd15_tile_fp16.safetensors",
        "canny": "control_v11p_sd15_canny_fp16.safetensors",
        "depth": "control_v11f1p_sd15_depth_fp16.safetensors",
    }
    given = ["enhance", "--images", desk.folder / "photos", "--reference", desk.folder / "bag.png", "--out", out]
    models = ["--checkpoint", smoke("juggernaut_reborn.safetensors"), "--controlnet", smoke(files[str(control)])]
    if control == "depth":
        models += ["--set", f"depth_model={smoke('depth_anything_3_mono_large.safetensors')}"]
    small = ["--size", "128", "--steps", "2", "--mask-blur", "1", "--set", "mask_grow=1", "--server", desk.url]
    return command(*map(str, [*given, *models, *small, *more]), folder=out)


@pytest.fixture(scope="module")
def desk(smoke_server: ComfyServer, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = Desk(tmp_path_factory.mktemp("enhance"), smoke_server.url)
    save(sight((BAG,), 50, SIDE), made.folder / "bag.png")
    save(sight((MUG, BAG), 1, SIDE), made.folder / "photos" / "A" / "both.png")
    save(sight((SHOE,), 3, SIDE), made.folder / "photos" / "A" / "shoe.jpg")
    return made


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_the_product_alone_is_repainted(desk: Desk) -> None:
    out = desk.folder / "tile"
    run = enhance(desk, out, "--product", "hand bag", "--denoise", "0.4")
    assert run.code == EXIT_OK, run.err
    assert "warning: The largest region is painted at 70%" in run.err and "A size of 192 keeps more" in run.err, run.err
    before, after = pixels(desk.folder / "photos" / "A" / "both.png"), pixels(out / "A" / "both_picture.png")
    changed = (before != after).any(axis=-1)
    assert after.shape == before.shape and changed.any()
    may = np.asarray(Image.open(out / "A" / "both_mask.png").convert("L")) > 0
    mug, bag = (alpha > 0.5 for alpha in sight((MUG, BAG), 1, SIDE).alphas)
    assert not (changed & mug).any() and (changed & bag).sum() > 0.5 * bag.sum()
    assert not (changed & ~may).any()  # what the mask leaves keeps its bits
    assert may.mean() < 0.5
    # The other picture is passed on byte for byte, and nothing was painted for it.
    assert (out / "A" / "shoe.jpg").read_bytes() == (desk.folder / "photos" / "A" / "shoe.jpg").read_bytes()
    assert not (out / "A" / "shoe.png").exists()
    with (out / "enhance.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["picture"]: row for row in csv.DictReader(stream)}
    assert rows["A/both.png"]["delivered"] == "A/both_picture.png" and rows["A/both.png"]["verdict"] == "found"
    assert rows["A/shoe.jpg"]["delivered"] == "A/shoe.jpg" and rows["A/shoe.jpg"]["verdict"] == "not found"
    again = enhance(desk, out, "--product", "hand bag", "--denoise", "0.4", "--resume")
    assert again.code == EXIT_OK and sorted(path.name for path in (out / "A").iterdir()) == [
        *("both.json", "both.txt", "both_mask.png", "both_picture.png", "shoe.jpg", "shoe.json", "shoe.txt"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("control", ["canny", "depth"])
def test_every_control_paints(desk: Desk, control: str) -> None:
    out = desk.folder / control
    run = enhance(desk, out, "--control", control)
    assert run.code == EXIT_OK, run.err
    before, after = pixels(desk.folder / "photos" / "A" / "both.png"), pixels(out / "A" / "both_picture.png")
    assert (before != after).any()
