"""The folders that `train --export` writes, read as their trainers read them.

The keys are those of the trainers' own documents:
- kohya-ss/sd-scripts: docs/config_README-en.md (dataset), docs/masked_loss_README.md (alpha_mask), `--help` of 0.10 as
  in docs/train_network.md and docs/sdxl_train_network.md (config.toml takes every flag by its name);
- kohya-ss/musubi-tuner: docs/dataset_config.md, docs/flux_2.md, docs/qwen_image.md, docs/hunyuan_video.md (flags);
- ostris/ai-toolkit: config/examples/*.yaml, and the dataset's fields in toolkit/config_modules.py.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.__main__ import main
from runner.training.export import export, toml
from runner.training.export_settings import Order, ai_toolkit, kohya, musubi
from runner.training.pictures import Ready
from runner.training.recipes import recipe_for
from runner.workflow.load import load_workflow
from tests.runner.training_photos import KIND, TAG, folder
from tests.support.comfy import REPO

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SMALL = ["resolution=256", "least_side=64", "side_step=32"]

KOHYA_GENERAL = {"enable_bucket", "caption_extension", "shuffle_caption", "keep_tokens"}
KOHYA_DATASET = {
    "resolution", "batch_size", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps", "bucket_no_upscale",
    "subsets",
}  # fmt: skip
KOHYA_SUBSET = {"image_dir", "num_repeats", "class_tokens", "alpha_mask"}
KOHYA_FLAGS = {
    "dataset_config", "output_dir", "output_name", "save_model_as", "save_precision", "save_every_n_epochs",
    "max_train_epochs", "network_module", "network_dim", "network_alpha", "network_train_unet_only", "unet_lr",
    "text_encoder_lr", "optimizer_type", "optimizer_args", "lr_scheduler", "lr_scheduler_num_cycles", "lr_warmup_steps",
    "gradient_accumulation_steps", "gradient_checkpointing", "mixed_precision", "noise_offset", "cache_latents", "sdpa",
    "seed", "network_dropout", "min_snr_gamma", "fp8_base", "no_half_vae", "cache_text_encoder_outputs",
}  # fmt: skip
MUSUBI_GENERAL = {"resolution", "caption_extension", "batch_size", "enable_bucket", "bucket_no_upscale"}
MUSUBI_DATASET = {"image_directory", "cache_directory", "num_repeats", "control_directory"}
MUSUBI_FLAGS = {
    "num_cpu_threads_per_process", "mixed_precision", "dataset_config", "model_version", "vae", "text_encoder",
    "batch_size", "dit", "sdpa", "timestep_sampling", "discrete_flow_shift", "weighting_scheme", "optimizer_type",
    "learning_rate", "lr_scheduler", "lr_scheduler_num_cycles",
    "lr_warmup_steps", "gradient_checkpointing", "gradient_accumulation_steps",
    "network_module", "network_dim", "network_alpha", "max_train_epochs", "save_every_n_epochs", "seed", "output_dir",
    "output_name",
}  # fmt: skip
AI_PROCESS = {
    "type": set(), "training_folder": set(), "device": set(), "trigger_word": set(),
    "network": {"type", "linear", "linear_alpha", "dropout"},
    "save": {"dtype", "save_every", "max_step_saves_to_keep"},
    "datasets": set(),
    "train": {
        "batch_size", "steps", "gradient_accumulation", "train_unet", "train_text_encoder", "noise_scheduler",
        "gradient_checkpointing", "optimizer", "lr", "unet_lr", "text_encoder_lr", "lr_scheduler", "dtype",
        "min_snr_gamma",
    },
    "model": {"name_or_path", "arch"},
    "sample": {
        "sampler", "sample_every", "width", "height", "prompts", "seed", "sample_steps", "guidance_scale"
    },
}  # fmt: skip
AI_DATASET = {
    "folder_path", "mask_path", "mask_min_value", "caption_ext", "caption_dropout_rate", "shuffle_tokens",
    "keep_tokens", "cache_latents_to_disk", "num_repeats", "resolution", "control_path",
}  # fmt: skip


def exported(tmp_path: Path, trainer: str, recipe: str, *changes: str) -> Path:
    assert run(tmp_path, trainer, recipe, *changes) == 0
    return tmp_path / "out" / trainer


def run(tmp_path: Path, trainer: str, recipe: str, *changes: str) -> int:
    photos = folder(tmp_path / "photos", 3)
    command = ["train", "bag", "--images", str(photos), "--tag", TAG, "--class", KIND, "--recipe", recipe]
    command += ["--export", trainer, "--out", str(tmp_path / "out"), "--seed", "7"]
    return main([*command, *(part for one in (*SMALL, *changes) for part in ("--set", one))])


def table(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def check_pictures(where: Path, *, alpha: bool) -> None:
    """Pictures in sizes of buckets, a caption and a mask each, the mask the product's."""
    pictures = sorted((where / "images").glob("*.png"))
    assert [path.stem for path in pictures] == ["view_0", "view_1", "view_2"]
    for path in pictures:
        assert path.with_suffix(".txt").read_text(encoding="utf-8").startswith(f"{TAG}, {KIND}, view")
        with Image.open(path) as picture, Image.open(where / "masks" / path.name) as mask:
            assert picture.size == mask.size == (256, 256)
            assert picture.mode == ("RGBA" if alpha else "RGB") and mask.mode == "L"
            white = np.asarray(mask) > 127
            assert 0.1 < white.mean() < 0.6
            rgb = np.asarray(picture)[..., :3].astype(int)
            assert np.abs(rgb[white].mean(axis=0) - (130, 50, 27)).max() < 25, "the mask is not where the product is"
            assert rgb[~white].std() > 5, "the backdrop is gone"
            if alpha:
                assert np.array_equal(np.asarray(picture)[..., 3], np.asarray(mask))


def is_shell(path: Path) -> str:
    subprocess.run(["sh", "-n", str(path)], check=True)
    return path.read_text(encoding="utf-8")


def test_kohya_has_system_1_flag_for_flag(tmp_path: Path) -> None:
    where = exported(tmp_path, "kohya", "grip_people")
    flags = table(where / "config.toml")
    assert set(flags) <= KOHYA_FLAGS
    wanted = {
        "network_dim": 16, "network_alpha": 8, "optimizer_type": "Adafactor", "lr_scheduler": "cosine",
        "lr_scheduler_num_cycles": 1, "unet_lr": 1.25e-4, "text_encoder_lr": 5e-5, "network_train_unet_only": True,
        "gradient_accumulation_steps": 40, "max_train_epochs": 100, "save_every_n_epochs": 5, "mixed_precision": "bf16",
        "gradient_checkpointing": True, "network_dropout": 0.2, "noise_offset": 0, "cache_latents": True,
        "cache_text_encoder_outputs": True, "no_half_vae": True, "fp8_base": True, "seed": 7,
    }  # fmt: skip
    assert wanted.items() <= flags.items()
    assert "relative_step=False" in flags["optimizer_args"] and "max_train_steps" not in flags
    dataset = table(where / "dataset.toml")
    assert set(dataset) == {"general", "datasets"} and set(dataset["general"]) <= KOHYA_GENERAL
    (entry,) = dataset["datasets"]
    (subset,) = entry["subsets"]
    assert set(entry) <= KOHYA_DATASET and set(subset) <= KOHYA_SUBSET
    assert subset["alpha_mask"] is True and entry["bucket_no_upscale"] is True and entry["max_bucket_reso"] == 2048
    assert dataset["general"]["shuffle_caption"] is False, "cached text encodings forbid shuffling"
    assert entry["batch_size"] == 1 and (where / subset["image_dir"]).is_dir()
    assert "sdxl_train_network.py" in is_shell(where / "train.sh")
    check_pictures(where, alpha=True)


def test_kohya_has_system_4_flag_for_flag(tmp_path: Path) -> None:
    where = exported(tmp_path, "kohya", "product_sd15")
    flags = table(where / "config.toml")
    wanted = {
        "network_dim": 16, "network_alpha": 8, "unet_lr": 2e-4, "text_encoder_lr": 4e-5, "max_train_epochs": 10,
        "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3, "lr_warmup_steps": 0.05,
        "min_snr_gamma": 5.0, "save_every_n_epochs": 1, "mixed_precision": "fp16", "network_train_unet_only": False,
    }  # fmt: skip
    assert wanted.items() <= flags.items() and set(flags) <= KOHYA_FLAGS
    assert not {"no_half_vae", "cache_text_encoder_outputs"} & set(flags), "flags of the SDXL script alone"
    dataset = table(where / "dataset.toml")
    assert dataset["general"] == {
        "enable_bucket": True, "caption_extension": ".txt", "shuffle_caption": True, "keep_tokens": 1
    }  # fmt: skip
    assert dataset["datasets"][0]["batch_size"] == 2 and dataset["datasets"][0]["subsets"][0]["num_repeats"] == 6
    assert '/train_network.py" --config_file config.toml' in is_shell(where / "train.sh")


@pytest.mark.parametrize(("recipe", "script"), [("product_klein", "flux_2"), ("product_qwen", "qwen_image")])
def test_musubi(tmp_path: Path, recipe: str, script: str) -> None:
    where = exported(tmp_path, "musubi", recipe)
    dataset = table(where / "dataset.toml")
    (entry,) = dataset["datasets"]
    assert set(dataset["general"]) <= MUSUBI_GENERAL and set(entry) <= MUSUBI_DATASET
    lines = [line for line in is_shell(where / "train.sh").splitlines() if script in line]
    assert [re.search(rf"{script}_(\w+)\.py", line)[1] for line in lines] == [  # type: ignore[index]
        "cache_latents", "cache_text_encoder_outputs", "train_network"
    ]  # fmt: skip
    flags = {word[2:] for line in lines for word in shlex.split(line) if word.startswith("--")}
    assert flags <= MUSUBI_FLAGS, flags - MUSUBI_FLAGS
    assert f"--network_module networks.lora_{script}" in lines[2] and "--lr_scheduler_num_cycles 1 " in lines[2]
    readme = (where / "README.txt").read_text(encoding="utf-8")
    assert ("--fp8_base" in readme) is (recipe == "product_qwen"), "20 billion weights need to be told"
    check_pictures(where, alpha=False)
    if recipe == "product_qwen":
        with Image.open(where / "control" / "view_0.png") as alone:
            assert alone.getpixel((0, 0)) == (255, 255, 255)
    assert "no masked loss" in (where / "README.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("recipe", ["product_sd15", "grip_people", "product_klein", "product_qwen"])
def test_ai_toolkit(tmp_path: Path, recipe: str) -> None:
    where = exported(tmp_path, "ai-toolkit", recipe)
    config = yaml.safe_load((where / "config.yaml").read_text(encoding="utf-8"))
    assert config["job"] == "extension" and config["config"]["name"] == "bag"
    (process,) = config["config"]["process"]
    assert set(process) == set(AI_PROCESS)
    for part, known in AI_PROCESS.items():
        if known:
            assert set(process[part]) <= known, part
    (dataset,) = process["datasets"]
    assert set(dataset) <= AI_DATASET and dataset["mask_min_value"] == 0
    assert (where / dataset["folder_path"]).is_dir() and (where / dataset["mask_path"]).is_dir()
    assert process["model"]["arch"] in ("sd15", "sdxl", "flux2_klein_4b", "qwen_image_edit_plus:2511")
    assert process["save"]["save_every"] == process["sample"]["sample_every"] > 0
    _, ours = recipe_for(None, recipe)
    assert process["network"].get("dropout", 0) == ours.dropout
    assert process["train"].get("text_encoder_lr") == (ours.text_lr if ours.train_text else None)
    assert dataset["keep_tokens"] >= 1, "shuffled, the tag would not stay in front"
    assert TAG in process["sample"]["prompts"][0] and process["trigger_word"] == TAG
    is_shell(where / "train.sh")
    check_pictures(where, alpha=False)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 4), st.integers(1, 40),
    st.integers(1, 4),
)  # fmt: skip
def test_every_trainer_makes_the_recipe_s_steps_of_the_optimizer(
    buckets: list[int], repeats: int, batch: int, accumulation: int, epochs: int
) -> None:
    """Counted as the trainers count.

    kohya and musubi: epochs × ceil(batches / gradient_accumulation_steps), where each bucket is cut into batches by
    itself (`train_util.py`: make_buckets; `hv_train_network.py`: max_train_epochs). ai-toolkit: `steps` of the loop in
    `BaseSDTrainProcess.py`, each of `gradient_accumulation` batches and with one step of the optimizer; with
    `gradient_accumulation_steps` every batch would count as one of `steps`.
    """
    changes = [f"repeats={repeats}", f"batch={batch}", f"accumulation={accumulation}", f"epochs={epochs}"]
    batches = sum(-(-photos * repeats // batch) for photos in buckets)
    wanted = -(-batches // accumulation) * epochs
    for recipe, trainer in (("product_sd15", kohya), ("product_klein", musubi), ("product_sd15", ai_toolkit)):
        chosen, ours = recipe_for(None, recipe, changes)
        assert ours.steps(*buckets) == wanted
        made = trainer(Order("bag", TAG, KIND, chosen, ours, 0, tuple(buckets)))
        if trainer is ai_toolkit:
            train = made.yaml["config.yaml"]["config"]["process"][0]["train"]
            assert (train["steps"], train["gradient_accumulation"]) == (wanted, accumulation)
            assert train.get("gradient_accumulation_steps", 1) == 1, "the two exclude each other"
        elif trainer is kohya:
            flags = made.toml["config.toml"]
            assert (flags["max_train_epochs"], flags["gradient_accumulation_steps"]) == (epochs, accumulation)
            assert made.toml["dataset.toml"]["datasets"][0]["batch_size"] == batch
        else:
            words = shlex.split(made.commands[-1])
            told = [words[words.index(f"--{name}") + 1] for name in ("max_train_epochs", "gradient_accumulation_steps")]
            assert told == [str(epochs), str(accumulation)]
            assert made.toml["dataset.toml"]["general"]["batch_size"] == batch


def test_a_trainer_that_does_not_know_the_base_is_refused_with_one_that_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = folder(tmp_path / "photos", 1)
    command = ["train", "bag", "--images", str(photos), "--tag", TAG, "--class", KIND, "--base", "klein"]
    assert main([*command, "--export", "kohya", "--out", str(tmp_path / "out")]) == 2
    assert "--export musubi" in capsys.readouterr().err


def test_a_second_export_has_no_picture_of_the_first(tmp_path: Path) -> None:
    where = exported(tmp_path, "kohya", "product_sd15")
    (where / "images" / "notes.md").write_bytes(b"mine")
    (where / "images" / "cache.npz").write_bytes(b"the trainer's")
    command = ["train", "bag", "--images", str(tmp_path / "photos" / "view_0.png"), "--tag", TAG, "--class", KIND]
    command += ["--recipe", "product_sd15", "--export", "kohya", "--out", str(tmp_path / "out")]
    assert main([*command, *(part for one in SMALL for part in ("--set", one))]) == 0
    names = {path.name for path in (where / "images").iterdir()}
    assert names == {"view_0.png", "view_0.txt", "notes.md", "cache.npz"}
    assert [path.name for path in (where / "masks").iterdir()] == ["view_0.png"]


FILES = st.sampled_from(["dataset.toml", "train.sh", "README.txt", "images/view_1.txt", "images/view_0.png"])
FOLDERS = st.sampled_from(["images/own.txt", "images/own.png", "masks/view_0.png", "masks/own.png"])


def _as_they_are(where: Path) -> dict[Path, tuple[int, ...]]:
    looks = {path: path.lstat() for path in where.rglob("*")}
    return {path: (look.st_ino, look.st_mode, look.st_size, look.st_mtime_ns) for path, look in looks.items()}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@settings(max_examples=8, deadline=None)
@given(name=FILES | FOLDERS, kind=st.sampled_from(["edited", "link", "pipe", "folder"]), first=st.booleans())
def test_an_export_replaces_nothing_that_somebody_wrote(name: str, kind: str, first: bool) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        tmp_path = Path(temporary)
        where = tmp_path / "out" / "kohya"
        if first:
            exported(tmp_path, "kohya", "product_sd15")
        path, other = where / name, tmp_path / "other.txt"
        other.write_text("another's")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if kind == "edited":
            path.write_text("MINE")
        elif kind == "link":
            path.symlink_to(other)
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.mkdir()
        before = _as_they_are(where)
        assert run(tmp_path, "kohya", "product_sd15") == 2
        assert _as_they_are(where) == before
        assert kind != "edited" or path.read_text() == "MINE"
        assert other.read_text() == "another's"


def test_what_is_lost_is_named_and_the_same_again_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = exported(tmp_path, "kohya", "product_sd15")
    exported(tmp_path, "kohya", "product_sd15", "epochs=3")
    text = (where / "images" / "view_1.txt").read_text()
    (where / "images" / "view_1.txt").write_text("edited by me")
    assert run(tmp_path, "kohya", "product_sd15") == 2
    assert "images/view_1.txt" in capsys.readouterr().err
    (where / "images" / "view_1.txt").write_text(text)
    exported(tmp_path, "kohya", "product_sd15")


def test_an_export_that_was_killed_is_written_again(tmp_path: Path) -> None:
    where = exported(tmp_path, "kohya", "product_sd15")
    files = {path: path.read_bytes() for path in where.rglob("*") if path.is_file() and path.parent.name != ".prodgen"}
    for path in files:
        path.unlink()

    def killed() -> Iterator[Ready]:
        yield Ready("view_0", Image.new("RGB", (64, 64), "red"), None, "another caption")
        raise KeyboardInterrupt

    order = Order("bag", TAG, KIND, *recipe_for(None, "product_sd15", []), 7, (3,))
    with pytest.raises(KeyboardInterrupt):
        export("kohya", killed(), order, where)
    assert (where / "images" / "view_0.txt").read_text() == "another caption\n"
    exported(tmp_path, "kohya", "product_sd15")
    assert {path: path.read_bytes() for path in files} == files


plain = st.one_of(
    st.booleans(), st.integers(-(2**40), 2**40), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.one_of(plain, st.lists(plain, max_size=3), st.dictionaries(st.sampled_from(["a", "bc"]), plain)),
        max_size=6,
    )
)
def test_what_is_written_as_toml_is_read_as_the_same(value: dict[str, Any]) -> None:
    assert tomllib.loads(toml(value)) == value


def test_what_is_said_of_another_systems_training_and_painting_is_what_is_done() -> None:
    """The tables for people who come from there, against the recipe and the workflow."""
    page = (REPO / "docs" / "coming-from-other-systems.md").read_text(encoding="utf-8")
    training, painting = page.partition("\n## Training")[2].split("\n## Painting")
    recipe = recipe_for("sd15", None, [])[1].model_dump()
    told = re.findall(r"`(\w+)=([\w.-]+)`", training)
    assert len(told) > 15
    for name, value in told:
        assert is_same(recipe[name], value), name
    own = {spec.name: spec.default for spec in load_workflow("product_sd15").inputs()}
    told = re.findall(r"--set (steps|cfg|sampler|scheduler|width|height|lora_strength)=([\w.]+)", painting)
    assert len(told) == 7
    for name, value in told:
        assert is_same(own[name], value), name


def is_same(value: object, written: str) -> bool:
    try:
        return float(str(value)) == float(written)
    except ValueError:
        return str(value).lower() == written.lower()


LINKED = (
    "masks", "cutouts", "run_0123456789", "kohya", "kohya/images", "kohya/masks", "kohya/.prodgen", "masks/.prodgen"
)  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("name", LINKED)
def test_nothing_outside_of_the_folder_is_written_or_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A folder that came from somebody: a link in it leads to other files, which its list calls its own."""
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "out" / name
    elsewhere.mkdir()
    for file in ("view_0.png", "old.png", "written.txt"):
        (elsewhere / file).write_bytes(b"another's")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    if name.startswith("kohya/i"):
        (link.parent / ".prodgen").mkdir()
        digest = hashlib.sha256(b"another's").hexdigest()
        lines = "".join(f"{digest}  images/{file}\n" for file in ("view_0.png", "old.png"))
        (link.parent / ".prodgen" / "written.txt").write_text(lines)
    before = _as_they_are(elsewhere)
    assert run(tmp_path, "kohya", "product_sd15") == 2
    assert f"{link}: a link leads its results out of" in capsys.readouterr().err
    assert _as_they_are(elsewhere) == before


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_the_trainer_s_own_results_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out" / "kohya").mkdir(parents=True)
    (tmp_path / "out" / "kohya" / "output").symlink_to(tmp_path / "disk")
    exported(tmp_path, "kohya", "product_sd15")


def test_a_full_disk_is_said_and_the_same_again_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", str(out)]
    if os.name == "nt" or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a full disk: only root may mount a small file system (run as root, or in a container)")
    try:
        assert run(tmp_path, "kohya", "product_sd15") == 2
        assert "No space left" in capsys.readouterr().err
        subprocess.run(["mount", "-o", "remount,size=9m", str(out)], check=True)
        exported(tmp_path, "kohya", "product_sd15")
    finally:
        subprocess.run(["umount", str(out)], check=False)
