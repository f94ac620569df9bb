"""`train` from photos to a sampled picture on a real ComfyUI with a tiny klein: whole, killed and gone on with."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.__main__ import main
from runner.models.manifest import load_manifest
from runner.training.graphs import FILES, KLEIN_BASE_ID, KLEIN_BASES, Training, stretch, trial
from runner.training.recipes import recipe_for
from tests.runner.training_photos import KIND, TAG, folder, product
from tests.support.comfy import REPO, ComfyServer
from tests.support.smoke import fill_with_smoke, smoke_file, smoke_models

KLEIN = ("flux2_klein", "clip_l", "vae_flux2")
CHANGES = ["resolution=128", "least_side=64", "side_step=32", "rank=4", "alpha=4", "repeats=1", "unet_lr=0.01"]


def command(photos: Path, out: Path, url: str, *changes: str) -> list[str]:
    words = ["train", "bag", "--images", str(photos), "--tag", TAG, "--class", KIND, "--base", "klein"]
    words += ["--out", str(out), "--server", url, "--seed", "3", "--precision", "fp32"]
    words += ["--model", smoke_file("flux2_klein"), "--text-encoder", smoke_file("clip_l")]
    words += ["--vae", smoke_file("vae_flux2")]
    return [*words, *(part for one in (*CHANGES, *changes) for part in ("--set", one))]


def saves(out: Path) -> list[dict[str, str]]:
    with (out / "training.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def check_made_again(words: list[str], lora: Path, damaged: Callable[[bytes], bytes]) -> None:
    whole = lora.read_bytes()
    lora.write_bytes(damaged(whole))
    assert main(words) == 0
    assert lora.read_bytes() == whole, "a damaged file is handed out as a result"


def test_from_photos_to_samples_and_the_same_again_does_nothing(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Photos without alpha: the product is cut out on the server first."""
    photos, out = folder(tmp_path / "photos", 3, alpha=False, plain=True), tmp_path / "out"
    with smoke_models(comfy_server, *KLEIN):
        words = command(photos, out, comfy_server.url, "epochs=2")
        assert main(words) == 0
        said = capsys.readouterr()
        assert "cut out of 3 photos" in said.err
        assert sorted(path.name for path in (out / "masks").glob("*.png")) == [f"view_{n}.png" for n in range(3)]
        rows = saves(out)
        assert [row["step"] for row in rows] == ["3", "6"] and all(float(row["loss"]) > 0 for row in rows)
        assert [Path(line) for line in said.out.splitlines()[-2:]] == [Path(row["lora"]) for row in rows]
        for row in rows:
            with Image.open(row["sample"]) as sample:
                assert sample.size == (128, 128)
        with Image.open(out / "samples.jpg") as grid:
            assert grid.width > 2 * 256
        before = {path: path.stat().st_mtime_ns for path in out.rglob("step_*")}
        assert main(words) == 0
        assert {path: path.stat().st_mtime_ns for path in out.rglob("step_*")} == before
        assert main([*words, "--best"]) == 0
        assert "The best save is that of step" in capsys.readouterr().err
        check_made_again(words, Path(rows[0]["lora"]), lambda whole: whole[:-1])
    record = json.loads(next(out.rglob("step_000006.json")).read_text(encoding="utf-8"))
    (report,) = [one for one in record["reports"].values() if one.get("title") == "training"]
    assert report["pictures"] == 3 and report["step"] == 6 and not report["plain"]


@pytest.mark.slow
def test_the_best_save_is_said_and_none_where_nothing_can_be_measured(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, out = folder(tmp_path / "photos", 3, alpha=False, plain=True), tmp_path / "out"
    with smoke_models(comfy_server, *KLEIN):
        words = command(photos, out, comfy_server.url, "epochs=2")
        assert main([*words, "--best"]) == 0
        rows = saves(out)
        assert "The best save is that of step" in capsys.readouterr().err
        with (out / "best.csv").open(encoding="utf-8") as stream:
            assert len(list(csv.DictReader(stream))) == 2 * 2 * 2
        assert (out / "best.jpg").is_file()
        check_made_again(words, Path(rows[0]["lora"]), lambda _: b"garbage!")
        for path in out.rglob("trial_*_cutout.png"):
            Image.new("RGBA", (128, 128)).save(path)  # there is no product
        assert main([*words, "--best"]) == 7
        said = capsys.readouterr().err
        assert "none of the 8 pictures could be measured" in said and "best save is that" not in said


def test_a_photo_that_was_taken_again_is_cut_out_again_and_what_was_cut_is_checked(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, out = folder(tmp_path / "photos", 3, alpha=False, plain=True), tmp_path / "out"
    words = [*command(photos, out, comfy_server.url), "--export", "musubi"]
    assert main(words) == 0
    shares = [float(row["product_share"]) for row in csv.DictReader((out / "dataset.csv").open(encoding="utf-8"))]
    assert len(shares) == 3 and all(0.05 < share < 0.6 for share in shares), "the first run has not checked it"
    masks = {path.name: path.read_bytes() for path in (out / "masks").glob("*.png")}
    product(9, (320, 320), plain=True).convert("RGB").save(photos / "view_0.png")  # the same name, the same size
    product(8, (320, 256), part=0.2, plain=True).convert("RGB").save(photos / "view_1.png")  # and another shape
    capsys.readouterr()
    assert main(words) == 0
    said = capsys.readouterr().err
    assert "cut out of 2 photos" in said and "warning  share" in said
    for name, seed, size, part in (("view_0", 9, (320, 320), 0.5), ("view_1", 8, (320, 256), 0.2)):
        with Image.open(out / "masks" / f"{name}.png") as mask:
            assert mask.size == size
            inside = np.asarray(mask) > 127
        wanted = np.asarray(product(seed, size, part=part, plain=True))[..., 3] > 127
        assert (inside & wanted).sum() / (inside | wanted).sum() > 0.9
    assert (out / "masks" / "view_2.png").read_bytes() == masks["view_2.png"]


def test_the_base_that_is_advised_can_be_downloaded() -> None:
    model = load_manifest().get(KLEIN_BASE_ID)
    assert (model.folder, model.file) == ("diffusion_models", KLEIN_BASES[0]) and model.url.endswith(model.file)


def test_a_model_that_the_server_lacks_is_named_before_anything_is_queued(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(folder(tmp_path / "photos", 2), tmp_path / "out", comfy_server.url, "epochs=1")
    words[words.index("--model") + 1] = "not_here.safetensors"
    assert main(words) == 4
    assert "not_here.safetensors" in capsys.readouterr().err


@pytest.mark.parametrize("base", ["sd15", "sdxl", "klein"])
def test_the_graph_has_the_settings_of_the_recipe(base: str) -> None:
    chosen, recipe = recipe_for(base, None, [])
    training = Training("bag", TAG, KIND, chosen, recipe, (65,), "somewhere", 9)
    graph = stretch(training, training.stops[0])
    inputs = graph["train"]["inputs"]
    assert inputs["steps"] == recipe.steps(65) and inputs["stop_at"] == recipe.steps_of_epoch(65)
    assert (inputs["rank"], inputs["alpha"], inputs["min_snr"]) == (recipe.rank, recipe.alpha, recipe.min_snr)
    assert (inputs["schedule"], inputs["warmup"], inputs["cycles"]) == (recipe.schedule, recipe.warmup, recipe.cycles)
    assert inputs["checkpoint_depth"] == 2 and inputs["masked"] is True
    assert graph["prompt"]["inputs"]["text"].startswith(f"{TAG}, {KIND}, stylish, studio photography")
    known = {link[0] for node in graph.values() for link in node["inputs"].values() if isinstance(link, list)}
    assert known <= set(graph)


@pytest.mark.parametrize(
    ("model", "steps", "cfg"),
    [
        (FILES["klein"].model, 4, 1.0),
        (KLEIN_BASES[0], 20, 5.0),
        ("own/FLUX.2-Klein-Base-4B.safetensors", 20, 5.0),
        ("own\\flux-2-klein-base-4b-fp8.safetensors", 20, 5.0),
    ],
)
def test_a_sample_is_painted_as_the_makers_of_its_base_paint(model: str, steps: int, cfg: float) -> None:
    chosen, recipe = recipe_for("klein", None, [])
    training = Training("bag", TAG, KIND, chosen, recipe, (65,), "somewhere", 9, files={"model": model})
    for graph in (stretch(training, 65), trial(training, "a.safetensors", 1.0, "a bag", "sample")):
        assert graph["sigmas"]["class_type"] == "Flux2Scheduler" and graph["sigmas"]["inputs"]["steps"] == steps
        assert graph["guider"]["inputs"]["cfg"] == cfg and graph["guider"]["inputs"]["model"] == ["learnt", 0]
        assert graph["decode"]["inputs"]["samples"] == ["sampler", 0]


def test_the_last_stop_is_the_last_step_whatever_the_saves() -> None:
    _, recipe = recipe_for("sd15", None, ["epochs=5", "save_every_epochs=2", "repeats=1", "batch=2"])
    training = Training("bag", TAG, KIND, "x", recipe, (5,), "somewhere", 0)
    assert training.stops == [6, 12, 15]


@pytest.mark.slow
def test_killed_and_gone_on_with_it_ends_as_if_nothing_had_been(
    start_comfy: Callable[..., ComfyServer], tmp_path: Path
) -> None:
    """Runner and server are killed (-9) while a stretch is trained; the same command ends with the same file."""
    photos = folder(tmp_path / "photos", 3)
    changes = ("epochs=3", "save_every_epochs=1", "repeats=4")  # 12 steps a stretch
    server = start_comfy()
    fill_with_smoke(server, *KLEIN)
    assert main(command(photos, tmp_path / "whole", server.url, *changes)) == 0
    whole = [Path(row["lora"]).read_bytes() for row in saves(tmp_path / "whole")]
    for name in ("loras", "training"):
        for path in (server.output_dir / name).glob("*"):
            path.unlink()
    words = [sys.executable, "-m", "runner", *command(photos, tmp_path / "out", server.url, *changes)]
    runner = subprocess.Popen(words, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _until(lambda: bool(list((tmp_path / "out").rglob("step_000012.save.json"))))
    _until(lambda: bool(server.get("/queue")["queue_running"]))
    runner.kill()
    runner.wait()
    server.kill()
    assert len(list((tmp_path / "out").rglob("*.safetensors"))) < 3
    server.start()
    assert main(command(photos, tmp_path / "out", server.url, *changes)) == 0
    assert [Path(row["lora"]).read_bytes() for row in saves(tmp_path / "out")] == whole
    samples = [Path(rows[-1]["sample"]) for rows in (saves(tmp_path / "whole"), saves(tmp_path / "out"))]
    with Image.open(samples[0]) as one, Image.open(samples[1]) as other:
        assert one.tobytes() == other.tobytes()


def _until(happened: Callable[[], Any], most: float = 300) -> None:
    deadline = time.monotonic() + most
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_sd15(comfy_server: ComfyServer, tmp_path: Path) -> None:
    photos, out = folder(tmp_path / "photos", 2), tmp_path / "out"
    with smoke_models(comfy_server, "sd15"):
        words = ["train", "bag", "--images", str(photos), "--tag", TAG, "--class", KIND, "--base", "sd15"]
        words += ["--out", str(out), "--server", comfy_server.url, "--model", smoke_file("sd15"), "--precision", "fp32"]
        changes = ("resolution=128", "least_side=64", "repeats=1", "epochs=2", "batch=1", "rank=4", "alpha=2")
        assert main([*words, *(part for one in changes for part in ("--set", one))]) == 0
        assert [row["step"] for row in saves(out)] == ["2", "4"]
