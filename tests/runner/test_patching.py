"""Values put into a copy of a graph: typed, in range, and never where a link is."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.imaging.colorspace import parse_hex
from prodgen_nodes.imaging.errors import ParameterError

from runner.errors import WorkflowError
from runner.validation.check import check_graph
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, load_workflow, parse_assignment, patch_workflow
from runner.workflow.patch import resolve_name
from runner.workflow.schema import InputSchema, recorded_object_info
from runner.workflow.values import listed
from tests.runner.test_workflow import node

OBJECT_INFO: dict[str, Any] = {
    "LoadImage": {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}}, "output": ["IMAGE", "MASK"]},
    "KSampler": {
        "input": {
            "required": {
                "model": ["MODEL"],
                "seed": ["INT", {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF}],
                "steps": ["INT", {"default": 20, "min": 1, "max": 10000}],
                "cfg": ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0}],
                "sampler_name": [["euler", "dpmpp_2m"], {}],
                "add_noise": ["BOOLEAN", {"default": True}],
            },
            "optional": {"denoise": ["FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0}]},
        },
        "output": ["LATENT"],
    },
    "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["there.safetensors"], {}]}}, "output": ["MODEL"]},
    "Scale": {"input": {"required": {"factor": ["COMBO", {"options": [1, 2, 4]}]}}, "output": ["IMAGE"]},
    "Resize": {
        "input": {
            "required": {
                "kind": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "by size", "inputs": {"required": {"width": ["INT", {"min": 1, "max": 100}]}}},
                            {"key": "by factor", "inputs": {"required": {"factor": ["FLOAT", {"min": 0.1}]}}},
                        ]
                    },
                ]
            }
        },
        "output": ["IMAGE"],
    },
}


def workflow(graph: dict[str, Any]) -> Workflow:
    return Workflow("test", 1, Path("test.v1.json"), graph)


@pytest.fixture
def sampler() -> Workflow:
    return workflow(
        {
            "1": node("LoadImage", "input: image", image="default.png"),
            "2": node("CheckpointLoaderSimple", "Load Checkpoint", ckpt_name="there.safetensors"),
            "3": node(
                "KSampler",
                "1. Base = pass.one",
                model=["2", 0],
                seed=1,
                steps=20,
                cfg=8,
                sampler_name="euler",
                add_noise=True,
            ),
            "4": node("Primitive", "input: prompt", value="a bag"),
            "5": node("Scale", factor=1),
        }
    )


@pytest.mark.parametrize("info", [None, OBJECT_INFO], ids=["by value", "by schema"])
@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("prompt", "3", "3"),
        ("prompt", "true", "true"),
        ("PROMPT", "x=y, \n z", "x=y, \n z"),
        ("3.steps", "30", 30),
        ("3.steps", " 30 ", 30),
        ("3.steps", "3e1", 30),
        ("3.steps", 12, 12),
        ("3.steps", 12.0, 12),
        ("3.seed", "18446744073709551615", 18446744073709551615),
        ("3.cfg", "6.5", 6.5),
        ("3.add_noise", "no", False),
        ("3.add_noise", "OFF", False),
        ("3.add_noise", False, False),
        ("3.sampler_name", "dpmpp_2m", "dpmpp_2m"),
        ("1. Base = pass.one.cfg", "7", 7),
        ("1. base = PASS.one.steps", "7", 7),
        ("KSampler.steps", "7", 7),
        ("Load Checkpoint.ckpt_name", "other.safetensors", "other.safetensors"),
        ("image", "mine.png", "mine.png"),
        ("5.factor", "4", 4),
    ],
)
def test_values_take_the_widgets_type(sampler: Workflow, info: Any, name: str, value: Any, stored: Any) -> None:
    before = copy.deepcopy(sampler.graph)
    patched = patch_workflow(sampler, {name: value}, object_info=info)
    assert sampler.graph == before
    changed = [
        (node_id, widget, new)
        for node_id, content in patched.items()
        for widget, new in content["inputs"].items()
        if new != before[node_id]["inputs"][widget]
    ]
    assert [new for _, _, new in changed] == [stored]
    assert type(changed[0][2]) is type(stored) or info is OBJECT_INFO  # a schema may make 7 into 7.0


def test_a_schema_decides_where_the_value_cannot(sampler: Workflow) -> None:
    assert patch_workflow(sampler, {"3.cfg": "6.5"})["3"]["inputs"]["cfg"] == 6.5
    assert isinstance(patch_workflow(sampler, {"3.cfg": "6"}, object_info=OBJECT_INFO)["3"]["inputs"]["cfg"], float)
    assert patch_workflow(sampler, {"3.denoise": ".5"}, object_info=OBJECT_INFO)["3"]["inputs"]["denoise"] == 0.5
    with pytest.raises(WorkflowError, match="has no 'denoise' to set"):
        patch_workflow(sampler, {"3.denoise": ".5"})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("3.steps", "many", "not a whole number"),
        ("3.steps", "2.5", "not a whole number"),
        ("3.steps", "0", "too small; it goes from 1 to 10000"),
        ("3.steps", "10001", "too large"),
        ("3.steps", True, "not a whole number"),
        ("3.cfg", "nan", "not a number"),
        ("3.cfg", "inf", "not a number"),
        ("3.cfg", "", "not a number"),
        ("3.add_noise", "maybe", "neither true nor false"),
        ("3.sampler_name", "eular", "Did you mean 'euler'"),
        ("5.factor", "3", "no choice '3'"),
        ("prompt", None, "no value"),
        ("prompt", ["a"], "single value"),
        ("promt", "x", "Did you mean 'prompt'"),
        ("3.step", "x", r"has no 'step' to set. Did you mean 'steps'"),
        ("KSampler.step", "x", r"has no 'step' to set. Did you mean 'steps'"),
        ("99.steps", "1", "nothing called"),
        ("3.model", "x", "linked to node 2"),
        ("", "x", "nothing called"),
    ],
)
def test_wrong_values_are_refused_in_words(sampler: Workflow, name: str, value: Any, words: str) -> None:
    with pytest.raises(WorkflowError, match=words):
        patch_workflow(sampler, {name: value}, object_info=OBJECT_INFO)


@pytest.mark.parametrize("name", ["packshot.v2", "relight_iclight.v1"])
@pytest.mark.parametrize(
    ("text", "fits"),
    [("#ffccdd", True), ("FFccdd", True), ("#fcd", True), (" #ffccdd ", True), ("", True), ("pinkish", False),
     ("#ffccd", False), ("#ffccddee", False), ("rgb(1,2,3)", False), ("#fffffg", False)],
)  # fmt: skip
def test_a_colour_is_checked_as_the_nodes_read_it(name: str, text: str, fits: bool) -> None:
    schema = recorded_object_info(WORKFLOWS_DIR)
    asked = {"packshot.v2": "background", "relight_iclight.v1": "light_color"}[name]
    published = load_workflow(name)
    (target,) = resolve_name(published, asked, schema)
    with pytest.raises(ParameterError) if not fits else contextlib.nullcontext():
        parse_hex(text or "#ffffff")  # empty: the channel's own, or none
    if fits:
        assert patch_workflow(published, {asked: text}, (), schema)[target.node_id]["inputs"][target.widget] == text
        return
    with pytest.raises(WorkflowError, match="is no colour") as caught:
        patch_workflow(published, {asked: text}, (), schema)
    assert "#rrggbb" in caught.value.advice


def test_a_colour_of_another_spelling_is_asked_about() -> None:
    schema = recorded_object_info(WORKFLOWS_DIR)
    with pytest.raises(WorkflowError, match=r"'wite' is no colour\. Did you mean 'white'\?"):
        patch_workflow(load_workflow("packshot"), {"background": "wite"}, (), schema)


@pytest.mark.parametrize(
    ("name", "asked", "text", "sent"),
    [
        ("packshot", "background", "white", "#ffffff"),
        ("packshot", "background", "Navy", "#000080"),
        ("packshot", "background", "light blue", "#add8e6"),
        ("relight_iclight", "light_color", "red", "#ff0000"),
        ("packshot", "fill", "80%", 0.8),
        ("packshot", "fill", "82.5 %", 0.825),
        ("packshot", "shadow", "30%", 0.3),
        ("packshot", "width", "2000px", 2000),
        ("packshot", "width", " 2000 PX", 2000),
    ],
)
def test_a_colour_by_name_and_a_number_with_its_unit(name: str, asked: str, text: str, sent: object) -> None:
    schema = recorded_object_info(WORKFLOWS_DIR)
    published = load_workflow(name)
    target = resolve_name(published, asked, schema)[0]
    assert patch_workflow(published, {asked: text}, (), schema)[target.node_id]["inputs"][target.widget] == sent


@pytest.mark.parametrize(
    ("asked", "text", "words"),
    [("fill", "80", "write 0.8 or 80%"), ("fill", "800", "too large"), ("fill", "80px", "not a number"),
     ("width", "80%", "not a whole number"), ("fill", "200%", "too large"), ("fill", "%", "not a number"),
     ("background", "nowhere", "no colour")],
)  # fmt: skip
def test_a_unit_that_makes_no_sense_is_refused(asked: str, text: str, words: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        patch_workflow(load_workflow("packshot"), {asked: text}, (), recorded_object_info(WORKFLOWS_DIR))
    assert words in str(caught.value)


def test_an_unknown_name_lists_what_can_be_set(sampler: Workflow) -> None:
    with pytest.raises(WorkflowError) as caught:
        patch_workflow(sampler, {"zzz": 1})
    assert "image, prompt" in caught.value.advice
    untitled = workflow({"7": node("Blur", "My Blur", radius=3, image=["1", 0])})
    with pytest.raises(WorkflowError) as caught:
        patch_workflow(untitled, {"zzz": 1})
    assert "7.radius" in caught.value.advice
    assert "7.image" not in caught.value.advice


def test_two_nodes_with_one_title_must_be_told_apart() -> None:
    twins = workflow({"1": node("Blur", "Blur", radius=3), "2": node("Blur", "Blur", radius=4)})
    with pytest.raises(WorkflowError, match="fits several nodes") as caught:
        patch_workflow(twins, {"Blur.radius": 1})
    assert "“1.radius”, “2.radius”" in caught.value.advice
    assert patch_workflow(twins, {"2.radius": "9"})["2"]["inputs"]["radius"] == 9


def test_the_same_input_twice_is_refused() -> None:
    one = workflow({"1": node("Blur", "input: blur", radius=3)})
    with pytest.raises(WorkflowError, match="set the same input"):
        patch_workflow(one, {"blur": 1, "1.radius": 2})
    loader = workflow({"1": node("LoadImage", image="a.png")})
    with pytest.raises(WorkflowError, match="set the same input"):
        patch_workflow(loader, {"image": "b.png"}, ["c.png"])


def test_a_choice_brings_the_inputs_it_needs() -> None:
    resize = workflow({"1": node("Resize", kind="by size", **{"kind.width": 5})})
    values = {"1.kind.factor": "2", "1.kind": "by factor"}
    assert patch_workflow(resize, values, object_info=OBJECT_INFO)["1"]["inputs"]["kind.factor"] == 2.0
    with pytest.raises(WorkflowError, match="too large"):
        patch_workflow(resize, {"1.kind.width": "500"}, object_info=OBJECT_INFO)
    with pytest.raises(WorkflowError, match="no choice"):
        patch_workflow(resize, {"1.kind": "by eye"}, object_info=OBJECT_INFO)


# -- pictures ------------------------------------------------------------------------------------------------------


def test_pictures_fill_their_inputs_in_order() -> None:
    two = workflow(
        {
            "1": node("LoadImage", "input: image_2", image="x.png"),
            "2": node("LoadImage", "input: image", image="y.png"),
            "3": node("LoadImage", "not an input", image="z.png"),
        }
    )
    graph = patch_workflow(two, {}, ["first.png", "second.png"])
    assert [graph[i]["inputs"]["image"] for i in "123"] == ["second.png", "first.png", "z.png"]
    assert patch_workflow(two, {}, ["only.png"])["1"]["inputs"]["image"] == "x.png"
    with pytest.raises(WorkflowError, match="takes 2 pictures"):
        patch_workflow(two, {}, ["a", "b", "c"])


def test_the_only_loader_takes_the_picture_and_two_need_a_title() -> None:
    assert patch_workflow(workflow({"1": node("LoadImage", image="a")}), {}, ["b"])["1"]["inputs"]["image"] == "b"
    two = workflow({"1": node("LoadImage", image="a"), "2": node("LoadImage", image="b")})
    with pytest.raises(WorkflowError, match="not clear where --image goes") as caught:
        patch_workflow(two, {}, ["c"])
    assert "1.image" in caught.value.advice
    with pytest.raises(WorkflowError, match="no LoadImage"):
        patch_workflow(workflow({"1": node("SaveImage")}), {}, ["c"])


# -- NAME=VALUE ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prompt=a = b", ("prompt", "a = b")),
        ("prompt=", ("prompt", "")),
        ("1. Base = pass.one.cfg=7", ("1. Base = pass.one.cfg", "7")),
        ("3.steps = 5", ("3.steps", " 5")),
        ("unknown=1=2", ("unknown", "1=2")),
    ],
)
def test_settings_are_split_where_the_name_exists(sampler: Workflow, text: str, expected: tuple[str, str]) -> None:
    assert parse_assignment(sampler, text) == expected


def test_a_setting_needs_an_equals_sign(sampler: Workflow) -> None:
    with pytest.raises(WorkflowError, match="NAME=VALUE"):
        parse_assignment(sampler, "prompt")


TITLES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=15).filter(
    lambda s: s.strip() == s != ""
)


@given(TITLES, st.integers(-(2**63), 2**64))
def test_any_title_reaches_its_node_and_back(title: str, number: int) -> None:
    graph = {"aa": node("Some", title, amount=5), "bb": node("Other", "something else entirely", amount=6)}
    one = workflow(graph)
    if title.casefold().startswith(("input:", "input :", "output")) or title in ("aa", "bb"):
        return
    name, value = parse_assignment(one, f"{title}.amount={number}")
    assert patch_workflow(one, {name: value})["aa"]["inputs"]["amount"] == number


@given(st.text(max_size=40))
def test_any_text_arrives_unchanged(text: str) -> None:
    one = workflow({"1": node("Primitive", "input: prompt", value="")})
    name, value = parse_assignment(one, f"prompt={text}")
    assert patch_workflow(one, {name: value})["1"]["inputs"]["value"] == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_arrives_exactly(number: float) -> None:
    one = workflow({"1": node("Primitive", "input: cfg", value=0.5)})
    assert patch_workflow(one, {"cfg": repr(number)})["1"]["inputs"]["value"] == number


@given(st.text(max_size=30), st.text(max_size=10))
def test_no_name_or_value_breaks_it(name: str, value: str) -> None:
    one = workflow({"1": node("Primitive", "input: cfg", value=0.5), "2": node("Blur", "a.b = c", radius=["1", 0])})
    try:
        graph = patch_workflow(one, {name: value})
    except WorkflowError:
        return
    assert graph["2"]["inputs"]["radius"] == ["1", 0]


def test_a_path_to_a_model_of_the_server_is_taken_by_its_name_there() -> None:
    """The path that training.csv holds, and one into the server's own folders; any other is another file."""
    save = "mybag_000015_steps_0a1b2c3d.safetensors"
    schema = copy.deepcopy(recorded_object_info(WORKFLOWS_DIR))
    schema["ProdgenOptionalLora"]["input"]["required"]["lora_name"][1]["options"] = [
        "none",
        save,
        "mine/bag.safetensors",
    ]
    bag = load_workflow("product_sd15")

    def taken(path: str) -> str:
        return str(patch_workflow(bag, {"lora": path}, (), schema)["9"]["inputs"]["lora_name"])

    assert taken(f"/home/me/outputs/train/mybag/run_0a1b/{save}") == save
    assert taken(f"outputs/train/mybag/run_0a1b/{save}") == save
    assert taken("/srv/ComfyUI/models/loras/mine/bag.safetensors") == "mine/bag.safetensors"
    assert taken("D:\\ComfyUI\\models\\loras\\mine\\bag.safetensors") == "mine/bag.safetensors"
    assert taken("/elsewhere/mine/bag.safetensors") == "/elsewhere/mine/bag.safetensors"
    graph = patch_workflow(bag, {"lora": "/elsewhere/bag.safetensors"}, (), schema)
    (told,) = [one.told for one in check_graph(graph, schema) if one.node_id == "9" and one.is_fatal]
    assert "It is there as 'mine/bag.safetensors': set lora to that." in told


@pytest.mark.parametrize("place", ["run_0a1b", "output/loras"])
def test_a_file_that_only_has_the_name_of_a_trained_lora_is_not_taken_for_it(tmp_path: Path, place: str) -> None:
    save = "mybag_000015_steps_0a1b2c3d.safetensors"
    schema = InputSchema("lora_name", "COMBO", options=("none", save))
    path = tmp_path / place / save
    path.parent.mkdir(parents=True)
    head = {"__metadata__": {"prodgen.training": "0a1b2c3d00000000"}, "a": {"data_offsets": [0, 4]}}
    for content, own in ((b"these are words", False), (_tensors(head), True), (_tensors(head)[:-1], False)):
        path.write_bytes(content)
        if own:
            assert listed(str(path), schema) == save
        else:
            with pytest.raises(WorkflowError, match="is not the LoRA that the server lists"):
                listed(str(path), schema)
    head["__metadata__"] = {"prodgen.training": "ffffffff00000000"}
    path.write_bytes(_tensors(head))
    with pytest.raises(WorkflowError, match="another file"):
        listed(str(path), schema)


def _tensors(head: dict[str, Any]) -> bytes:
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + b"1234"


def test_a_loader_that_can_do_without_says_how_its_model_is_got() -> None:
    schema = copy.deepcopy(recorded_object_info(WORKFLOWS_DIR))
    schema["ProdgenLoadSam3"]["input"]["required"]["checkpoint"][1]["options"] = ["none"]
    graph = patch_workflow(load_workflow("filter"), {"sam3": "sam3.1_multiplex_fp16.safetensors"}, (), schema)
    (told,) = [one for one in check_graph(graph, schema) if one.kind == "missing_model"]
    assert "models download sam-3.1" in told.told
