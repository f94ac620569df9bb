"""A run says which of its models forbid selling its pictures, once each, and its record keeps it; models have names."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from runner.errors import ManifestError
from runner.events.reporter import PlainReporter
from runner.models.aliases import same_model
from runner.models.licences import licence_lines, models_in
from runner.models.manifest import Manifest, load_manifest
from runner.models.store import ModelStore
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.patch import patch_workflow

MANIFEST = load_manifest()
ULTRA, RAGNAROK = "4x-UltraSharp.pth", "juggernautXL_ragnarok.safetensors"


def loading(*names: str) -> dict[str, dict[str, object]]:
    return {
        str(n): {"class_type": "UpscaleModelLoader", "inputs": {"model_name": name}} for n, name in enumerate(names)
    }


def test_one_line_for_each_model_that_forbids_selling() -> None:
    (line,) = licence_lines(loading(ULTRA, f"sub/{ULTRA.upper()}", "RealESRGAN_x4plus.safetensors"))
    assert line.startswith("not for sale: 4x-UltraSharp.pth (CC-BY-NC-SA-4.0)")
    assert "RealESRGAN_x4plus.safetensors" in line


def test_every_such_model_of_the_manifest_is_said_and_no_other() -> None:
    for model in MANIFEST.models:
        lines = licence_lines(loading(model.file))
        assert len(lines) == (model.commercial is False), model.id
    assert licence_lines({"1": {"class_type": "X", "inputs": {"a": ["2", 0], "b": 3, "c": "no model"}}}) == []


def test_the_newest_versions_use_none_by_themselves() -> None:
    for name in {path.stem.rpartition(".v")[0] for path in WORKFLOWS_DIR.glob("*.v*.json")}:
        assert licence_lines(load_workflow(name).graph) == [], name
    assert licence_lines(load_workflow("series.v1").graph)


def test_what_is_the_same_for_many_jobs_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = PlainReporter()
    for _ in range(3):
        reporter.once("the same")
    reporter.once("another")
    assert capsys.readouterr().err.split("\n") == ["the same", "another", ""]


def test_a_model_counts_as_present_under_any_of_its_names(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    for model in MANIFEST.models:
        for name in model.all_names:
            file = tmp_path / model.folder / "sub" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
            assert store.find(model) == file
            assert MANIFEST.find_file(name.upper()) == model
            file.unlink()
    named = MANIFEST.get("juggernaut-xl-ragnarok")
    assert "juggernautXL_ragnarokBy.safetensors" in named.all_names
    assert models_in(loading("juggernautXL_ragnarokBy.safetensors")) == [named]


@pytest.mark.parametrize("listed", ["juggernautXL_ragnarokBy.safetensors", "xl\\JuggernautXL_RagnarokBy.safetensors"])
def test_a_run_takes_the_name_that_the_server_has(listed: str) -> None:
    info = {
        "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["other.ckpt", listed], {}]}}, "output": []}
    }
    graph = patch_workflow(load_workflow("grip_sdxl"), {}, (), info)
    assert {
        node["inputs"]["ckpt_name"] for node in graph.values() if node["class_type"] == "CheckpointLoaderSimple"
    } >= {listed}
    assert same_model(RAGNAROK, ["other.ckpt"]) is None
    assert same_model("nobody_knows_it.safetensors", [listed]) is None


def test_two_models_never_go_by_one_name(tmp_path: Path) -> None:
    text = yaml.safe_load((Path(__file__).parents[2] / "models_manifest.yaml").read_text(encoding="utf-8"))
    text["models"][1]["names"] = [text["models"][0]["file"].upper()]
    file = tmp_path / "models.yaml"
    file.write_text(yaml.safe_dump(text), encoding="utf-8")
    with pytest.raises(ManifestError, match="go by the same name"):
        load_manifest(file)


@pytest.mark.parametrize("name", ["../x.safetensors", "a/b.pth", "/etc/passwd"])
def test_another_name_is_a_plain_file_name(name: str, tmp_path: Path) -> None:
    text = yaml.safe_load((Path(__file__).parents[2] / "models_manifest.yaml").read_text(encoding="utf-8"))
    text["models"][0]["names"] = [name]
    file = tmp_path / "models.yaml"
    file.write_text(yaml.safe_dump(text), encoding="utf-8")
    with pytest.raises(ManifestError):
        load_manifest(file)


def test_what_is_fetched_by_hand_says_how() -> None:
    for model in Manifest(MANIFEST.models).models:
        if not model.is_offered:
            assert model.page
            assert model.page in model.note
            assert f"models/{model.folder}" in model.note
