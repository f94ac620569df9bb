"""The check before submitting: every problem at once, in words, and the same verdict as the server's own."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.cli.validate import format_problems
from runner.models.manifest import load_manifest
from runner.server.client import ComfyClient
from runner.server.view import server_view
from runner.validation.check import Problem, check_graph, types_fit
from runner.validation.workflow import check_workflow
from runner.workflow.graph import Workflow
from tests.runner.broken_graphs import BROKEN, OTHER_ACCEPTED, Graph, drop_input, good_graph, model_graph, set_input
from tests.runner.test_workflow import node
from tests.support.comfy import ComfyServer


@pytest.fixture(scope="module")
def object_info(comfy_server: ComfyServer) -> dict[str, Any]:
    return comfy_server.object_info()


def problems_of(graph: Graph, object_info: dict[str, Any], **more: Any) -> list[Problem]:
    before = copy.deepcopy(graph)
    problems = check_graph(graph, object_info, **more)
    assert graph == before
    return problems


def server_verdict(server: ComfyServer, graph: Graph) -> tuple[bool, str]:
    """(accepted whole, every error type it names)"""
    reply = requests.post(f"{server.url}/prompt", json={"prompt": graph}, timeout=30).json()
    errors = reply.get("node_errors") or {}
    kinds = [error["type"] for entry in errors.values() for error in entry["errors"]]
    if isinstance(reply.get("error"), dict):
        kinds.append(reply["error"]["type"])
    return "prompt_id" in reply and not errors, " ".join(kinds)


def test_a_good_graph_has_no_problems(comfy_server: ComfyServer, object_info: dict[str, Any]) -> None:
    assert problems_of(good_graph(), object_info) == []
    assert server_verdict(comfy_server, good_graph()) == (True, "")


@pytest.mark.parametrize("case", BROKEN)
def test_the_verdict_is_the_servers(comfy_server: ComfyServer, object_info: dict[str, Any], case: str) -> None:
    change, kind, server_type = BROKEN[case]
    graph = good_graph()
    change(graph)
    problems = problems_of(graph, object_info)
    assert kind in {problem.kind for problem in problems if problem.severity == "error"}, problems
    accepted, types = server_verdict(comfy_server, graph)
    assert accepted == (server_type == "")
    assert server_type in types


@pytest.mark.parametrize("case", OTHER_ACCEPTED)
def test_what_the_server_accepts_is_no_error(comfy_server: ComfyServer, object_info: dict[str, Any], case: str) -> None:
    graph = good_graph()
    OTHER_ACCEPTED[case](graph)
    assert [problem for problem in problems_of(graph, object_info) if problem.severity == "error"] == []
    assert server_verdict(comfy_server, graph) == (True, "")


MUTATIONS: list[Any] = [-1, 0, 5, 10**9, 2**70, "5", " 7 ", "x", "", None, True, 3.7, [], [1], ["1", 0], ["1", 9]]


MUTATIONS += [["99", 0], ["2", 0], ["4", 0], ["3", 0], {}, {"__value__": 5}, "area", "center", ["1", "0"], [1, 0]]


def test_the_verdict_is_the_servers_for_any_mutation(comfy_server: ComfyServer, object_info: dict[str, Any]) -> None:
    """Left out: the choice `resize_type`, whose unknown values the server accepts and then fails on."""
    disagreed = []
    for seed in range(150):
        chance, graph = random.Random(seed), good_graph()
        for _ in range(chance.choice([1, 1, 2, 3])):
            inputs = graph[chance.choice(list(graph))]["inputs"]
            name = chance.choice([name for name in inputs if name != "resize_type"] or ["junk"])
            if chance.random() < 0.8:
                inputs[name] = copy.deepcopy(chance.choice(MUTATIONS))
            elif name in inputs:
                del inputs[name]
        problems = [p for p in problems_of(graph, object_info) if p.severity == "error"]
        if any(p.input == "junk" for p in problems):
            continue
        accepted, types = server_verdict(comfy_server, graph)
        if accepted == bool(problems):
            disagreed.append((seed, types, problems))
    assert disagreed == []


def test_links_the_server_would_choke_on_are_found(object_info: dict[str, Any]) -> None:
    """It accepts these, and its worker ends when it follows them: never sent to the server here."""
    direct = good_graph()
    direct["3"]["inputs"]["junk"] = ["99", 0]
    indirect = good_graph() | {"8": node("ImageInvert", image=["98", 0]), "9": node("NotKnown", x=["97", 0])}
    indirect["3"]["inputs"]["junk"] = ["8", 0]
    indirect["6"]["inputs"]["more"] = ["9", 0]
    assert [(p.kind, p.node_id) for p in problems_of(direct, object_info)] == [("bad_link", "3")]
    found = {(p.kind, p.node_id) for p in problems_of(indirect, object_info)}
    assert found == {("missing_node", "9"), ("bad_link", "9"), ("bad_link", "8")}
    harmless = good_graph() | {"8": node("ImageInvert", image=["98", 0])}
    assert problems_of(harmless, object_info) == []


def test_silent_changes_are_warned_about(object_info: dict[str, Any]) -> None:
    graph = good_graph()
    graph["2"]["inputs"] |= {"width": 48.7}
    graph["3"]["inputs"] = {"images": ["2", 0], "filename_prefx": "typo", "filename_prefix": "x"}
    (cut,) = problems_of(graph, object_info)
    assert (cut.severity, cut.input) == ("warning", "width")
    assert "48" in cut.message
    del graph["3"]["inputs"]["filename_prefix"]
    kinds = {(p.severity, p.input) for p in problems_of(graph, object_info)}
    assert ("warning", "filename_prefx") in kinds
    assert ("error", "filename_prefix") in kinds


def test_all_problems_come_at_once_in_the_graphs_order(object_info: dict[str, Any]) -> None:
    graph = good_graph()
    for change in (
        set_input("2", "width", -1),
        set_input("2", "upscale_method", "arae"),
        drop_input("2", "crop"),
        set_input("4", "input", ["99", 0]),
    ):
        change(graph)
    graph["9"] = node("NotThere")
    problems = problems_of(graph, object_info)
    assert [(p.kind, p.node_id) for p in problems] == [
        ("missing_node", "9"),
        ("bad_value", "2"),
        ("bad_value", "2"),
        ("missing_input", "2"),
        ("bad_link", "4"),
    ]
    assert any("Did you mean 'area'?" in p.message for p in problems)


def test_missing_models_say_how_to_get_them(comfy_server: ComfyServer, object_info: dict[str, Any]) -> None:
    known, unknown = problems_of(model_graph(), object_info)
    assert (known.kind, known.model_id, known.node_id) == ("missing_model", "sdxl-base", "1")
    assert "python -m runner models download sdxl-base" in known.advice
    assert "CreativeML Open RAIL++-M" in known.message
    assert "models/checkpoints/" in known.message
    assert (unknown.kind, unknown.model_id) == ("missing_model", None)
    assert "models/vae/" in unknown.advice
    accepted, types = server_verdict(comfy_server, model_graph())
    assert not accepted
    assert types.count("value_not_in_list") == 2


def test_a_missing_optional_lora_is_a_warning_that_says_what_it_costs(object_info: dict[str, Any]) -> None:
    graph = model_graph()
    graph["7"] = node(
        "ProdgenOptionalLora",
        model=["1", 0],
        clip=["1", 1],
        lora_name="people_holding_bags.safetensors",
        strength_model=0.75,
        strength_clip=0.75,
    )
    graph["8"] = node("PreviewAny", source=["7", 2])
    (warning,) = [problem for problem in check_graph(graph, object_info) if problem.node_id == "7"]
    assert (warning.kind, warning.severity) == ("missing_model", "warning")
    assert (warning.input, warning.model_id) == ("lora_name", "people-holding-bags")
    for part in ("people_holding_bags.safetensors", "models/loras/", "licence", "really holds the bag"):
        assert part in warning.message
    assert "fetched by hand: open https://" in warning.advice
    graph["7"]["inputs"]["lora_name"] = "unheard_of.safetensors"
    (error,) = [problem for problem in check_graph(graph, object_info) if problem.node_id == "7"]
    assert (error.kind, error.severity) == ("missing_model", "error")


def test_a_model_in_another_sub_folder_is_pointed_to(object_info: dict[str, Any]) -> None:
    info = copy.deepcopy(object_info)
    info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = ["SDXL/sd_xl_base_1.0.safetensors"]
    info["VAELoader"]["input"]["required"]["vae_name"][0] = ["unheard_of.safetensors"]
    (problem,) = problems_of(model_graph(), info)
    assert "SDXL/sd_xl_base_1.0.safetensors" in problem.advice
    assert problem.model_id is None


def test_whose_node_is_missing_is_said(object_info: dict[str, Any]) -> None:
    graph = {
        "1": node("ProdgenMissing"),
        "2": node("MeshGraphormer-DepthMapPreprocessor"),
        "3": node("KSamplr"),
        "4": node("SomebodysNode"),
    }
    ours, aux, typo, other = problems_of(graph, object_info)
    assert "python install.py" in ours.advice
    assert "--with controlnet-aux" in aux.advice
    assert "Did you mean 'KSampler'?" in typo.message
    assert "another custom-node pack" in other.advice


def test_a_missing_node_of_comfyui_itself_is_no_other_pack(object_info: dict[str, Any]) -> None:
    older = {name: info for name, info in object_info.items() if name not in ("LoadImage", "FreeU_V2")}
    graph = good_graph() | {"90": node("FreeU_V2"), "91": node("FreeUV2"), "92": node("LoadImage", image="a.png")}
    missing = [problem for problem in problems_of(graph, older) if problem.kind == "missing_node"]
    assert {problem.class_type for problem in missing} == {"LoadImage", "FreeU_V2", "FreeUV2"}
    for problem in missing:
        core = problem.class_type != "FreeUV2"
        assert ("part of ComfyUI itself" in problem.advice) == core
        assert ("0.30 or newer" in problem.advice) == core
        assert ("another custom-node pack" in problem.advice) != core


def test_uploaded_and_replaced_are_taken_as_given(object_info: dict[str, Any]) -> None:
    graph = good_graph() | {"1": node("LoadImage", image="soon.png")}
    assert [p.kind for p in problems_of(graph, object_info)] == ["missing_file"]
    assert problems_of(graph, object_info, uploaded=["soon.png"]) == []
    graph["2"]["class_type"] = "OldName"
    assert [p.kind for p in problems_of(graph, object_info, uploaded=["soon.png"], replaced={"OldName"})] == []


def test_nodes_the_server_replaces_are_known(comfy_server: ComfyServer) -> None:
    graph = {"1": node("T2IAdapterLoader", t2i_adapter_name="x"), "2": node("NotThere")}
    view = server_view(ComfyClient(comfy_server.url), graph)
    assert "T2IAdapterLoader" in view.replaced
    assert "KSampler" in view.object_info


def test_third_party_choices_are_not_certain() -> None:
    info = {
        "Theirs": {
            "input": {"required": {"mode": [["a"], {}]}},
            "output": [],
            "output_node": True,
            "python_module": "custom_nodes.theirs",
        }
    }
    (problem,) = check_graph({"1": node("Theirs", mode="b")}, info)
    assert not problem.certain


@pytest.mark.parametrize(
    ("received", "wanted", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("IMAGE", "MASK", False),
        ("IMAGE", "*", True),
        ("*", "MODEL", True),
        ("IMAGE", "IMAGE,MASK", True),
        ("INT,FLOAT", "FLOAT,STRING", True),
        ("INT,FLOAT", "STRING", False),
        (["a", "b"], "COMBO", True),
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        ("COMFY_MATCHTYPE_V3", "IMAGE", True),
        ("IMAGE", "COMFY_MATCHTYPE_V3", True),
    ],
)
def test_types_fit_as_the_server_says(received: Any, wanted: Any, fits: bool) -> None:
    assert types_fit(received, wanted) is fits


def test_every_core_node_can_be_read(object_info: dict[str, Any]) -> None:
    """An empty node of every class: required inputs are reported, nothing falls over, no value is invented."""
    for kind in object_info:
        for problem in problems_of({"1": node(kind)}, object_info):
            assert problem.kind in ("missing_input", "no_output"), (kind, problem)


def test_the_report_counts_and_bundles(object_info: dict[str, Any]) -> None:
    workflow = Workflow("scene", None, Path("my flows/scene.json"), model_graph())
    graph = workflow.graph
    graph["5"]["inputs"]["vae_name"] = "sdxl_vae.safetensors"
    text = format_problems(workflow, check_graph(graph, object_info), "http://x")
    assert text.startswith("scene: 2 problems (checked against http://x)")
    assert "models download --for 'my flows/scene.json'" in text
    assert "no problems" in format_problems(workflow, [], "http://x")


def test_a_workflows_own_pictures_are_filled_later(object_info: dict[str, Any]) -> None:
    from runner.server.view import ServerView

    graph = good_graph() | {"1": node("LoadImage", "input: image", image="handbag.jpg")}
    assert check_workflow(Workflow("a", 1, Path("a.json"), graph), ServerView(object_info)) == []


def test_problems_are_plain_data(object_info: dict[str, Any]) -> None:
    (problem, _) = problems_of(model_graph(), object_info)
    data = problem.as_dict()
    assert data["kind"] == "missing_model"
    assert data["input"] == "ckpt_name"
    assert None not in data.values()
    assert load_manifest().get(data["model_id"]).folder == "checkpoints"
