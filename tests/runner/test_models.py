"""The model manifest, and `models list | check | download` on a real folder and a real host."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.__main__ import main
from runner.cli import model_fetch, models
from runner.errors import EXIT_OK, EXIT_REJECTED, EXIT_USAGE, ManifestError, UsageError
from runner.files.hashes import cached_sha256, file_sha256
from runner.local_server.process import Installation, spawn
from runner.models.manifest import MANIFEST_PATH, Manifest, human_size, load_manifest
from runner.models.store import ModelStore, open_store
from runner.workflow.load import available_workflows, load_workflow
from tests.runner.model_host import CONTENT, SHA256, ModelHost
from tests.runner.test_manifest import entry, manifest_file
from tests.runner.test_workflow import node, write


@pytest.fixture(scope="module")
def shipped() -> Manifest:
    return load_manifest()


def test_every_entry_is_complete_and_nothing_is_invented(shipped: Manifest) -> None:
    for model in shipped.models:
        assert (model.sha256 is None) == (model.sha256_status == "unknown"), model.id
        assert model.url is None or re.match(r"https://(huggingface\.co|civitai\.com|github\.com)/", model.url), (
            model.id
        )
        assert model.is_offered or model.note, model.id
        assert model.commercial is not None or re.search("not stated|terms of its own", model.licence), model.id
        assert not model.gated or model.page, model.id


def test_the_models_of_all_systems_are_there(shipped: Manifest) -> None:
    folders = {model.folder for model in shipped.models}
    assert folders == {
        "checkpoints",
        "vae",
        "controlnet",
        "diffusion_models",
        "background_removal",
        "sams",
        "classifiers",
        "upscale_models",
        "loras",
        "text_encoders",
        "geometry_estimation",
        "controlnet_aux/hr16/ControlNet-HandRefiner-pruned",
    }
    for file in (
        "sd_xl_base_1.0.safetensors",
        "sam3.1_multiplex_fp16.safetensors",
        "iclight_sd15_fc.safetensors",
        "birefnet.safetensors",
        "4x-UltraSharp.pth",
        "qwen_image_edit_2511_fp8mixed.safetensors",
        "flux2-vae.safetensors",
    ):
        assert shipped.find_file(f"sub\\folder/{file.upper()}") is not None, file


def test_published_hashes_and_sizes(shipped: Manifest) -> None:
    birefnet = shipped.get("birefnet")
    assert (birefnet.bytes, birefnet.sha256_status) == (444473596, "published")
    assert birefnet.sha256 == "9ab37426bf4de0567af6b5d21b16151357149139362e6e8992021b8ce356a154"
    assert shipped.get("juggernaut-xl-ragnarok").sha256_status == "mirror"
    assert shipped.get("lucida").sha256 is None
    unknown = {model.id for model in shipped.models if model.is_offered and model.sha256 is None}
    assert unknown == {"lucida", "more-details"}
    unmeasured = {model.id for model in shipped.models if model.is_offered and model.bytes is None}
    meshes, relighting = {"meshgraphormer-hand", "meshgraphormer-hrnet"}, {"iclight-fbc", "iclight-fcon"}
    assert unmeasured == {"more-details", "tcd-sd15", "hyper-sd15-8step"} | meshes | relighting


def test_the_original_recipe_names_what_its_mesh_model_fetches(shipped: Manifest) -> None:
    for name in ("grip_sdxl_original", "grip_sdxl.v1"):
        workflow = load_workflow(name)
        needed = shipped.for_workflow(workflow.label, workflow.name, workflow.graph)
        assert {"meshgraphormer-hand", "meshgraphormer-hrnet"} <= {model.id for model in needed}
        assert {model.commercial for model in needed if model.id == "meshgraphormer-hand"} == {None}


def test_a_server_of_ours_looks_where_the_mesh_model_was_downloaded(shipped: Manifest, tmp_path: Path) -> None:
    """`comfyui_controlnet_aux` reads the folder from its environment; nothing is said where nothing was fetched."""
    (tmp_path / "main.py").write_text(
        "import os; print(os.environ.get('AUX_ANNOTATOR_CKPTS_PATH', 'its own'))", encoding="utf-8"
    )
    installation = Installation(tmp_path, Path(sys.executable), "0.30.0", managed=False)
    said = tmp_path / "log"
    spawn(installation, 1, said, cpu=False).wait(30)
    assert said.read_text(encoding="utf-8").strip() == "its own"
    target = ModelStore(tmp_path / "models").target(shipped.get("meshgraphormer-hand"))
    target.parent.mkdir(parents=True)
    target.write_bytes(b"")
    spawn(installation, 1, said, cpu=False).wait(30)
    folder = Path(said.read_text(encoding="utf-8").strip())
    assert target == folder / "hr16" / "ControlNet-HandRefiner-pruned" / target.name


def test_used_by_names_workflows_that_exist(shipped: Manifest) -> None:
    existing = available_workflows()
    labels = {f"{name}.v{version}" for name, versions in existing.items() for version in versions} | set(existing)
    assert {name for model in shipped.models for name in model.used_by} <= labels


def test_what_a_workflow_needs_is_read_from_its_nodes(shipped: Manifest) -> None:
    graph = {"1": node("CheckpointLoaderSimple", ckpt_name="SDXL\\sd_xl_base_1.0.safetensors"), "2": node("X", y=3)}
    assert [model.id for model in shipped.for_workflow("a.v1", "a", graph)] == ["sdxl-base"]


def test_what_install_py_fetches_can_be_had_without_an_account(shipped: Manifest) -> None:
    assert [model.id for model in shipped.default()] == ["isnet", "u2net", "u2netp", "mobile-sam", "efficientnet-lite2"]
    for model in shipped.models:
        for one in (model, *([shipped.get(model.instead)] if model.instead else [])):
            assert not model.install or (one.sha256 and one.bytes and one.commercial and not one.gated), one.id


def test_mobile_sam_lies_where_other_packs_keep_theirs_and_is_taken_as_a_file(shipped: Manifest, comfyui: Path) -> None:
    """As ComfyUI Impact Pack and others name folder and file: what they have fetched is not fetched again."""
    model = shipped.get("mobile_sam.pt")
    assert model.id == "mobile-sam" and model.licence.startswith("Apache-2.0")
    assert open_store(comfyui).target(model) == comfyui / "models" / "sams" / "mobile_sam.pt"
    assert model.package is not None and model.package.sdist
    (comfyui / "others").mkdir()
    (comfyui / "others" / "mobile_sam.pt").write_bytes(b"theirs")
    (comfyui / "extra_model_paths.yaml").write_text("theirs:\n  sams: others\n", encoding="utf-8")
    assert open_store(comfyui).find(model) == comfyui / "others" / "mobile_sam.pt"


def test_the_pack_knows_the_background_removal_models_by_name_and_size(shipped: Manifest) -> None:
    from prodgen_nodes.background_removal import KNOWN

    listed = {(model.file, model.bytes) for model in shipped.models if model.file.endswith(".onnx")}
    assert listed == {(known.file, known.bytes) for known in KNOWN}


def test_what_a_workflow_works_without_is_read_from_its_nodes(shipped: Manifest) -> None:
    graph = {"1": node("ProdgenSegmentProduct", image=["2", 0])}
    assert shipped.for_workflow("a.v1", "a", graph) == []
    assert [model.id for model in shipped.improving(graph)] == ["isnet", "u2net", "u2netp", "mobile-sam"]
    assert shipped.improving({"1": node("LoadImage")}) == []


def test_an_unknown_id_is_answered_with_the_nearest(shipped: Manifest) -> None:
    assert shipped.get("BiRefNet.safetensors").id == "birefnet"
    with pytest.raises(ManifestError, match="Did you mean 'birefnet'"):
        shipped.get("birefnt")


# -- broken manifests ----------------------------------------------------------------------------------------------


@pytest.fixture
def comfyui(tmp_path: Path, host: ModelHost, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ComfyUI folder without models, and a manifest of three small ones at a host on this machine."""
    known = {"url": host.url, "bytes": len(CONTENT), "sha256": SHA256, "sha256_status": "published"}
    path = manifest_file(
        tmp_path,
        entry(**known),
        entry(id="unhashed", file="unhashed.safetensors", url=host.url),
        entry(id="by-hand", file="by_hand.safetensors", note="ask its author"),
    )
    manifest = load_manifest(path)
    monkeypatch.setattr(models, "load_manifest", lambda: manifest)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "ComfyUI"
    (folder / "models" / "loras").mkdir(parents=True)
    return folder


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    code = main(["models", *map(str, arguments), "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_list_says_what_is_there(comfyui: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (comfyui / "models" / "loras" / "tiny.safetensors").write_bytes(CONTENT)
    code, events = run_json(capsys, "list", "--comfyui", comfyui)
    assert code == EXIT_OK
    assert [(event["id"], event["state"]) for event in events] == [
        ("tiny", "present"),
        ("unhashed", "missing"),
        ("by-hand", "missing"),
    ]
    assert main(["models", "list", "--comfyui", str(comfyui)]) == EXIT_OK
    text = capsys.readouterr().out
    assert "MIT" in text
    assert "by hand" in text
    assert "3 models" in text and "1 here" in text and "of unknown size" in text
    assert main(["models", "list", "by-hand", "--comfyui", str(comfyui)]) == EXIT_OK
    assert "not offered for download" in capsys.readouterr().out


def test_check_verifies_size_and_hash(comfyui: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = comfyui / "models" / "loras" / "tiny.safetensors"
    assert run_json(capsys, "check", "--comfyui", comfyui) == (EXIT_OK, [])
    code, (event,) = run_json(capsys, "check", "tiny", "--comfyui", comfyui)
    assert (code, event["state"]) == (EXIT_REJECTED, "missing")
    file.write_bytes(CONTENT)
    code, (event,) = run_json(capsys, "check", "--comfyui", comfyui)
    assert (code, event["state"], event["sha256"]) == (EXIT_OK, "ok", SHA256)
    file.write_bytes(CONTENT[:-1])
    code, (event,) = run_json(capsys, "check", "--comfyui", comfyui)
    assert (code, event["state"]) == (EXIT_USAGE, "damaged")
    file.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    code, (event,) = run_json(capsys, "check", "--comfyui", comfyui)
    assert (code, event["state"]) == (EXIT_USAGE, "damaged")
    assert "sha256" in event["detail"]
    file.rename(file.with_name("unhashed.safetensors"))
    code, (event,) = run_json(capsys, "check", "--comfyui", comfyui)
    assert (code, event["state"]) == (EXIT_OK, "unverified")


def test_download_fetches_verifies_and_is_idempotent(
    comfyui: Path, host: ModelHost, capsys: pytest.CaptureFixture[str]
) -> None:
    code, events = run_json(capsys, "download", "tiny", "unhashed", "--comfyui", comfyui)
    assert code == EXIT_OK
    done = {event["id"]: event["verified_by"] for event in events if event["event"] == "downloaded"}
    assert done == {"tiny": "manifest", "unhashed": "nothing"}
    assert (comfyui / "models" / "loras" / "tiny.safetensors").read_bytes() == CONTENT
    asked = len(host.seen)
    code, events = run_json(capsys, "download", "tiny", "--comfyui", comfyui)
    assert (code, [event["event"] for event in events]) == (EXIT_OK, ["present"])
    assert len(host.seen) == asked


def test_download_for_a_workflow(comfyui: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = write(tmp_path / "flow.json", {"1": node("LoraLoader", lora_name="tiny.safetensors")})
    code, events = run_json(capsys, "download", "--for", flow, "--comfyui", comfyui)
    assert code == EXIT_OK
    assert [event["id"] for event in events if event["event"] == "downloaded"] == ["tiny"]
    none = write(tmp_path / "none.json", {"1": node("SaveImage")})
    assert main(["models", "download", "--for", str(none), "--comfyui", str(comfyui)]) == EXIT_OK
    assert "needs no models" in capsys.readouterr().out


def test_a_file_of_the_users_own_is_never_overwritten(comfyui: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = comfyui / "models" / "loras" / "tiny.safetensors"
    file.write_bytes(b"mine")
    code, events = run_json(capsys, "download", "tiny", "--comfyui", comfyui)
    assert code == EXIT_USAGE
    assert events[-1]["event"] == "failed"
    assert "Move it away" in events[-1]["advice"]
    assert file.read_bytes() == b"mine"


def test_one_failure_does_not_stop_the_others(comfyui: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, events = run_json(capsys, "download", "by-hand", "tiny", "--comfyui", comfyui)
    assert code == EXIT_USAGE
    assert [event["event"] for event in events if event["event"] != "progress"] == [
        "failed",
        "downloading",
        "downloaded",
    ]
    assert "not offered" in events[0]["message"]


def test_an_unreachable_host_is_asked_for_the_first_file_only(
    comfyui: Path, host: ModelHost, capsys: pytest.CaptureFixture[str]
) -> None:
    host.server.socket.close()
    assert main(["models", "download", "tiny", "unhashed", "--comfyui", str(comfyui)]) == EXIT_USAGE
    said = capsys.readouterr().out
    assert said.count(f"{host.netloc} cannot be reached from here (no connection).") == 2
    assert said.count("tried again in") == 1
    for name in ("tiny", "unhashed"):
        assert f"→ {comfyui / 'models' / 'loras' / name}.safetensors" in said


def test_a_download_needs_a_name(comfyui: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "download", "--comfyui", str(comfyui)]) == EXIT_USAGE
    assert "--for WORKFLOW" in capsys.readouterr().err


def test_a_mirror_of_hugging_face_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://huggingface.co/a/b/resolve/main/c"
    assert model_fetch._mirrored(url) == (url, "")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert model_fetch._mirrored(url) == ("https://mirror.example/a/b/resolve/main/c", "")
    assert model_fetch._mirrored("https://civitai.com/x") == ("https://civitai.com/x", "")


def test_there_is_no_token_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "download", "--token", "x", "tiny"]) == EXIT_USAGE
    assert "there is no option --token" in capsys.readouterr().err


# -- folders and hashes --------------------------------------------------------------------------------------------


def test_models_are_found_where_comfyui_looks(comfyui: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk" / "lora files"
    elsewhere.mkdir(parents=True)
    (comfyui / "extra_model_paths.yaml").write_text(
        f"mine:\n  base_path: {tmp_path / 'disk'}\n  is_default: true\n  loras: |\n    nothing\n    lora files\n"
    )
    (elsewhere / "tiny.safetensors").write_bytes(CONTENT)
    tiny = load_manifest(tmp_path / "manifest.yaml").get("tiny")
    store = open_store(comfyui)
    assert store.find(tiny) == elsewhere / "tiny.safetensors"
    nested = comfyui / "models" / "loras" / "SDXL"
    nested.mkdir()
    (nested / "tiny.safetensors").write_bytes(CONTENT)
    assert store.find(tiny) == nested / "tiny.safetensors"
    assert store.target(tiny) == comfyui / "models" / "loras" / "tiny.safetensors"


def test_a_folder_that_is_no_comfyui(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ComfyUI folder"):
        open_store(tmp_path)


def test_a_hash_is_read_once_until_the_file_changes(tmp_path: Path) -> None:
    cache, file = tmp_path / "cache.json", tmp_path / "a"
    file.write_bytes(CONTENT)
    reads: list[int] = []
    assert file_sha256(file, cache=cache, on_read=reads.append) == SHA256
    assert file_sha256(file, cache=cache, on_read=reads.append) == SHA256
    assert sum(reads) == len(CONTENT)
    file.write_bytes(CONTENT + b"x")
    assert cached_sha256(file, cache=cache) is None
    assert file_sha256(file, cache=cache) == hashlib.sha256(CONTENT + b"x").hexdigest()
    cache.write_text("not json")
    assert file_sha256(file, cache=cache) != SHA256


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[]", '{"FILE": 1}', '{"FILE": {"size": 7, "mtime_ns": TIME}}'])
def test_a_list_of_hashes_that_cannot_be_read_only_costs_time(tmp_path: Path, text: str) -> None:
    file, cache = tmp_path / "model", tmp_path / "sha256.json"
    file.write_bytes(b"weights")
    named = text.replace("FILE", str(file.resolve())).replace("TIME", str(file.stat().st_mtime_ns))
    cache.write_text(named, encoding="utf-8")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert file_sha256(file, cache=cache) == digest
    assert cached_sha256(file, cache=cache) == digest


def test_sizes_read_as_on_a_download_page() -> None:
    sizes = [human_size(n) for n in (12, 4_500, 444_473_596, 7_105_350_162, 20_533_762_817)]
    assert sizes == ["12 bytes", "4.5 kB", "444 MB", "7.1 GB", "21 GB"]


def test_the_manifest_is_where_the_documentation_says() -> None:
    assert MANIFEST_PATH.name == "models_manifest.yaml"
    assert MANIFEST_PATH.is_file()
