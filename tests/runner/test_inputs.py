"""`inputs WORKFLOW`: from a live server, a recorded schema or the values alone – and it says which."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from runner.__main__ import main
from runner.cli.record_schema import recorded_text, used_classes
from runner.errors import EXIT_NO_SERVER, EXIT_OK, EXIT_USAGE, WorkflowError
from runner.validation.missing import pack_of
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, patch_workflow
from runner.workflow.schema import RECORDED_SCHEMA, node_inputs, parse_input, recorded_object_info, trim_object_info
from tests.runner.test_patching import OBJECT_INFO
from tests.runner.test_workflow import node, write
from tests.support.comfy import ComfyServer
from tests.support.schemas import third_party

GRAPH = {
    "1": node("LoadImage", "input: image", image="bag.jpg"),
    "2": node("KSampler", "input: steps = steps", steps=20, cfg=8, model=["9", 0], sampler_name="euler"),
    "3": node("Mystery", "input: amount", value=0.25),
    "9": node("CheckpointLoaderSimple", ckpt_name="x.safetensors"),
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """(workflow file, recorded schema), with no server anywhere."""
    monkeypatch.setenv("COMFYUI_URL", "http://127.0.0.1:9")
    return str(write(tmp_path / "flow.v1.json", GRAPH)), str(write(tmp_path / "info.json", OBJECT_INFO))


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["inputs", *arguments, "--json"]) == EXIT_OK
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_recorded_schema_gives_type_range_and_help(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    workflow, info = files
    image, steps, amount = lines(capsys, workflow, "--object-info", info)
    assert (image["name"], image["type"], image["default"]) == ("image", "IMAGE", "bag.jpg")
    assert steps == {
        "name": "steps",
        "type": "INT",
        "default": 20,
        "min": 1,
        "max": 10000,
        "sets": ["2.steps"],
        "type_from": "schema",
    }
    assert (amount["type"], amount["type_from"]) == ("FLOAT", "value")


def test_the_text_says_what_is_known_and_what_is_guessed(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    workflow, info = files
    assert main(["inputs", workflow, "--object-info", info]) == EXIT_OK
    text = capsys.readouterr().out
    assert "steps  whole number  default 20  (1 … 10000)" in text
    assert "--image FILE" in text
    assert "--set steps=VALUE" in text
    assert "No schema at hand for: amount" in text


def test_files_of_a_record_are_not_shown_as_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = copy.deepcopy(recorded_object_info(WORKFLOWS_DIR))
    schema["ProdgenOptionalLora"]["input"]["required"]["lora_name"][1]["options"] = ["none", "gone.safetensors"]
    info = str(write(tmp_path / "info.json", schema))
    assert main(["inputs", "product_sd15", "--object-info", info]) == EXIT_OK
    text = capsys.readouterr().out
    assert "gone.safetensors" not in text and "which there are is not known" in text
    assert "one of: euler" in text
    (lora,) = [one for one in lines(capsys, "product_sd15", "--object-info", info) if one["name"] == "lora"]
    assert "options" not in lora


def test_all_lists_every_widget_but_no_link(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    workflow, info = files
    names = [entry["name"] for entry in lines(capsys, workflow, "--object-info", info, "--all")]
    assert {"2.cfg", "2.denoise", "2.sampler_name", "9.ckpt_name"} <= set(names)
    assert "2.model" not in names


def test_a_live_server_is_asked(
    comfy_server: ComfyServer, files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    image, steps, amount = lines(capsys, files[0], "--server", comfy_server.url)
    assert image["type"] == "IMAGE"
    assert (steps["min"], steps["max"], steps["type_from"]) == (1, 10000, "schema")
    assert steps["help"]
    assert amount["type_from"] == "value"


def test_a_named_server_that_is_not_there_is_an_error(files: tuple[str, str]) -> None:
    assert main(["inputs", files[0], "--server", "http://127.0.0.1:9"]) == EXIT_NO_SERVER


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "{"])
def test_a_file_that_is_no_schema(files: tuple[str, str], tmp_path: Path, content: str) -> None:
    bad = write(tmp_path / "bad.json", content)
    assert main(["inputs", files[0], "--object-info", str(bad)]) == EXIT_USAGE
    assert main(["inputs", files[0], "--object-info", str(tmp_path / "absent.json")]) == EXIT_USAGE


@third_party
def test_a_third_partys_recorded_schema_can_be_read(
    tmp_path: Path, files: tuple[str, str], recorded: dict[str, Any]
) -> None:
    path = write(tmp_path / "third.json", recorded)
    assert main(["inputs", files[0], "--object-info", str(path)]) == EXIT_OK
    for name, info in recorded.items():
        assert node_inputs(info), name


# -- schemas -------------------------------------------------------------------------------------------------------


def test_both_notations_of_a_choice_are_one() -> None:
    old = parse_input("a", [["x", "y"], {"default": "y"}], True)
    new = parse_input("a", ["COMBO", {"options": ["x", "y"], "default": "y"}], True)
    assert (old.type, old.options, old.default) == (new.type, new.options, new.default) == ("COMBO", ("x", "y"), "y")
    assert parse_input("a", ["COMBO", {}], True).options is None
    assert parse_input("a", ["IMAGE"], False).is_value is False
    assert parse_input("a", ["INT", {"forceInput": True}], False).is_value is False


def test_a_primitive_has_the_range_and_help_of_what_it_feeds() -> None:
    number = ["INT", {"default": 0, "min": -(2**63) + 1, "max": 2**63 - 1}]
    info = {
        "PrimitiveInt": {"input": {"required": {"value": number}}, "output": ["INT"]},
        "A": {"input": {"required": {"size": ["INT", {"min": 16, "max": 900, "step": 8, "tooltip": "The side."}]}}},
        "B": {"input": {"optional": {"w": ["INT", {"min": 1, "max": 500}]}}},
    }
    graph = {
        "1": node("PrimitiveInt", "input: width", value=64),
        "2": node("A", size=["1", 0]),
        "3": node("B", w=["1", 0]),
    }
    workflow = Workflow("a", 1, Path("a.json"), graph)
    (spec,) = workflow.inputs(info)
    assert (spec.minimum, spec.maximum, spec.step, spec.help) == (16, 500, 8, "The side.")
    with pytest.raises(WorkflowError, match="too large; it goes from 16 to 500"):
        patch_workflow(workflow, {"width": "501"}, object_info=info)
    alone = Workflow("a", 1, Path("a.json"), {"1": graph["1"]})
    (spec,) = alone.inputs(info)
    assert (spec.minimum, spec.maximum) == (None, None)


def test_what_differs_between_servers_is_not_recorded() -> None:
    trimmed = trim_object_info(
        {
            "L": {
                "input": {
                    "required": {
                        "image": [["mine.png"], {"image_upload": True}],
                        "ckpt": [["private.safetensors"], {"tooltip": "t"}],
                        "mode": [["a", "b"], {}],
                        "n": ["INT", {"min": 1}],
                    }
                },
                "output": ["IMAGE"],
                "category": "x",
            }
        },
        ["L"],
    )
    assert "private" not in json.dumps(trimmed)
    assert "mine.png" not in json.dumps(trimmed)
    inputs = node_inputs(trimmed["L"])
    assert inputs["image"].is_image_upload
    assert inputs["image"].options is None
    assert inputs["ckpt"].options is None
    assert inputs["ckpt"].help == "t"
    assert inputs["mode"].options == ("a", "b")
    assert inputs["n"].minimum == 1


def test_the_bundled_schema_is_the_servers(comfy_server: ComfyServer) -> None:
    if not used_classes():
        return
    recorded = (WORKFLOWS_DIR / RECORDED_SCHEMA).read_text(encoding="utf-8")
    known = comfy_server.object_info()
    of_others = {name: info for name, info in json.loads(recorded).items() if name not in known}
    assert all(pack_of(name) for name in of_others), "a node that neither the server nor an optional pack has"
    assert recorded == recorded_text({**of_others, **known}), "run: python -m runner.cli.record_schema"
