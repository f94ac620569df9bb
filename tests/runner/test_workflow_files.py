"""Workflows as people have them: results, wrappers of other tools, notes of the canvas, texts the canvas expands."""

from __future__ import annotations

import copy
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runner.batch.rows import table
from runner.errors import WorkflowError
from runner.execution.build import Pictures
from runner.execution.plan import Plan
from runner.server.view import ServerView
from runner.validation.check import check_graph
from runner.validation.workflow import check_workflow
from runner.workflow.canvas_nodes import without_canvas_nodes
from runner.workflow.canvas_text import NodeNames, choose, expand_texts, not_expanded, unknown_tokens
from runner.workflow.graph import Workflow
from runner.workflow.load import load_workflow
from runner.workflow.patch import patch_workflow
from tests.runner.test_workflow import node, write
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, command, inverting, pixels

GRAPH: Graph = {
    "1": node("LoadImage", "input: image", image="plain.png"),
    "2": node("ImageInvert", None, image=["1", 0]),
    "3": node("SaveImage", "output: result", images=["2", 0], filename_prefix="x"),
}


@pytest.fixture
def desk(comfy_server: ComfyServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, comfy_server.url)


# -- wrappers ----------------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["prompt", "output", "workflow", "workflow_api", "workflow_json", "input", "body", "data"])
LAYER = st.tuples(KEYS, st.booleans(), st.booleans())


def wrapped(graph: Any, layers: list[tuple[str, bool, bool]]) -> Any:
    """The graph below these keys, as JSON text where asked, with other things beside it."""
    for key, as_text, crowded in layers:
        inner = json.dumps(graph) if as_text else graph
        graph = {"images": [{"name": "plain.png", "image": "…"}], "id": 3} if crowded else {}
        graph |= {key: inner}
    return graph


@given(st.lists(LAYER, max_size=5))
def test_a_graph_is_found_in_any_wrapper(
    tmp_path_factory: pytest.TempPathFactory, layers: list[tuple[str, bool, bool]]
) -> None:
    path = write(tmp_path_factory.mktemp("w") / "a.json", wrapped(copy.deepcopy(GRAPH), layers))
    assert load_workflow(str(path)).graph == GRAPH


@pytest.mark.parametrize(
    "data",
    [
        {"input": {"workflow": GRAPH, "images": [{"name": "plain.png", "image": "…"}]}},
        {"input": {"prompt": GRAPH}},
        {"input": {"workflow_json": json.dumps(GRAPH), "randomise_seeds": True}},
        {"output": GRAPH, "workflow": {"nodes": []}},
        {"workflow": {"nodes": [], "links": []}, "output": GRAPH},
        {"5f3c": {"prompt": [4, "5f3c", GRAPH, {}, ["3"]], "outputs": {}, "status": {}}},
        {"prompt": GRAPH, "extra_data": {"extra_pnginfo": {"workflow": {"nodes": []}}}},
    ],
    ids=["runpod", "runpod prompt", "replicate", "graphToPrompt", "canvas first", "history", "request"],
)
def test_wrappers_of_well_known_tools(tmp_path: Path, data: Any) -> None:
    assert load_workflow(str(write(tmp_path / "a.json", data))).graph == GRAPH


def test_a_node_may_be_called_like_a_wrapper(tmp_path: Path) -> None:
    graph = {"prompt": GRAPH["1"], "output": {**GRAPH["3"], "inputs": {"images": ["prompt", 0]}}}
    assert list(load_workflow(str(write(tmp_path / "a.json", graph))).graph) == ["prompt", "output"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"input": {"workflow": {"nodes": [], "links": []}}}, "canvas file"),
        ({"input": {"workflow": {}}}, "is no node"),
        ({"input": {"workflow": "nonsense"}}, "is no node"),
        ({"prompt": {}}, "no nodes"),
        ({"workflow": "packshot.v2", "prompt_id": "5f", "files": []}, "record beside a result"),
    ],
)
def test_wrappers_of_something_else(tmp_path: Path, data: Any, words: str) -> None:
    with pytest.raises(WorkflowError, match=words):
        load_workflow(str(write(tmp_path / "a.json", data)))


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_a_result_is_a_workflow(desk: Desk) -> None:
    photo = desk.photo()
    first = desk.submit(inverting(), "--image", photo)
    assert first.code == 0, first.err
    result = first.pictures[0]
    again = desk.submit(str(result), out=desk.folder / "again")  # its photo is still on the server
    assert again.code == 0, again.err
    assert (pixels(again.pictures[0]) == pixels(result)).all()
    other = desk.photo("other.png", seed=4)
    run = desk.submit(str(result), "--image", other, out=desk.folder / "other")
    assert run.code == 0, run.err
    assert (pixels(run.pictures[0]).astype(int) + pixels(other) >= 254).all()
    assert command("validate", str(result), "--server", desk.url, folder=desk.out).code == 0
    listed = command("inputs", str(result), "--server", desk.url, folder=desk.out)
    assert (listed.code, "--image FILE" in listed.out) == (0, True)


def test_a_bare_file_name_and_other_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exif = Image.Exif()
    exif[0x0110] = f"prompt:{json.dumps(GRAPH)}"
    for name in ("a.webp", "b.jpg"):
        Image.new("RGB", (8, 8)).save(name, exif=exif)
        assert load_workflow(name).graph == GRAPH


@pytest.mark.parametrize("name", ["bare.png", "torn.png", "not.png", "canvas.png", "gone.png", "empty.webp"])
def test_a_picture_without_a_graph_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    from PIL.PngImagePlugin import PngInfo

    canvas = PngInfo()
    canvas.add_text("workflow", json.dumps({"nodes": [], "links": []}))
    if name in ("bare.png", "torn.png", "canvas.png"):
        Image.new("RGB", (64, 64), "red").save(path, pnginfo=canvas if name == "canvas.png" else None)
    if name == "torn.png":
        path.write_bytes(path.read_bytes()[:60])
    if name in ("not.png", "empty.webp"):
        path.write_bytes(b"hello" if name == "not.png" else b"")
    with pytest.raises(WorkflowError) as caught:
        load_workflow(str(path))
    assert str(path) in caught.value.message


# -- nodes of the canvas -----------------------------------------------------------------------------------------------

NOTES = ["Note", "MarkdownNote", "Bookmark (rgthree)", "Label (rgthree)", "Fast Groups Muter (rgthree)",
         "Fast Groups Bypasser (rgthree)", "Note Plus (mtb)", "PrimitiveNode", "SetNode"]  # fmt: skip


@given(
    st.lists(st.sampled_from(NOTES), max_size=4),
    st.lists(st.sampled_from(["Reroute", "Reroute (rgthree)"]), max_size=4),
)
def test_what_the_canvas_alone_knows_changes_nothing(notes: list[str], reroutes: list[str]) -> None:
    graph = copy.deepcopy(GRAPH)
    for number, kind in enumerate(notes):
        graph[f"n{number}"] = node(kind, None, text="read me")
    source: list[Any] = ["1", 0]
    for number, kind in enumerate(reroutes):
        graph[f"r{number}"] = node(kind, None, **{"": source})
        source = [f"r{number}", 0]
    graph["2"]["inputs"]["image"] = source
    kept, left_out = without_canvas_nodes(graph)
    assert kept == GRAPH
    assert len(left_out) == len(notes) + len(reroutes)


def test_a_primitive_of_the_canvas_hands_on_its_value() -> None:
    graph = {
        "1": node("EmptyImage", None, width=["2", 0], height=8, batch_size=1, color=0),
        "2": node("PrimitiveNode", None, value=64, control_after_generate="fixed"),
    }
    kept, _ = without_canvas_nodes(graph)
    assert kept["1"]["inputs"]["width"] == 64


def test_one_that_others_need_is_named_as_what_it_is(comfy_server: ComfyServer) -> None:
    graph = copy.deepcopy(GRAPH) | {"4": node("GetNode", None, Constant="photo")}
    graph["2"]["inputs"]["image"] = ["4", 0]
    kept, left_out = without_canvas_nodes(graph)
    assert (kept, left_out) == (graph, ())
    (problem,) = check_graph(graph, comfy_server.object_info(), uploaded=["plain.png"])
    assert "exists on the canvas only" in problem.message
    missing = copy.deepcopy(GRAPH) | {"4": node("Image Comparer (rgthree)", None, image_a=["1", 0])}
    assert without_canvas_nodes(missing) == (missing, ())
    (problem,) = check_graph(missing, comfy_server.object_info(), uploaded=["plain.png"])
    assert "rgthree-comfy" in problem.advice


def test_a_workflow_with_notes_runs_and_says_so(desk: Desk) -> None:
    graph = inverting(**{"8": node("Note"), "9": node("Bookmark (rgthree)", None, shortcut_key="1", zoom=1)})
    graph["3"]["inputs"]["filename_prefix"] = "%date:yyyy%/a"
    run = desk.submit(graph, "--image", desk.photo())
    assert run.code == 0, run.err
    saved = json.loads(Image.open(run.pictures[0]).text["prompt"])  # type: ignore[attr-defined]  # a PNG has it
    assert saved["3"]["inputs"]["filename_prefix"].startswith(time.strftime("%Y/a"))
    assert "node 8 (Note) exists on the canvas only: it was left out." in run.err
    checked = command("validate", desk.workflow(graph), "--server", desk.url, "--json", folder=desk.out)
    assert [event["kind"] for event in checked.events[:2]] == ["canvas_node"] * 2
    photos = desk.folder / "photos"
    photos.mkdir()
    desk.photo("photos/a.png")
    made = command("batch", desk.workflow(graph), "--images", str(photos), "--out", str(desk.folder / "many"),
                   "--server", desk.url, folder=desk.folder / "many")  # fmt: skip
    assert made.code == 0, made.err
    assert "Bookmark (rgthree)" in made.err


# -- texts -------------------------------------------------------------------------------------------------------------

PLAIN = st.text(st.sampled_from("ab ,(:1.0)"), max_size=6)
CHOICES = st.recursive(
    PLAIN.map(lambda text: (text, {text})),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(
            lambda parts: ("{" + "|".join(text for text, _ in parts) + "}", set().union(*(found for _, found in parts)))
        ),
        st.tuples(inner, inner).map(lambda two: (two[0][0] + two[1][0], {a + b for a in two[0][1] for b in two[1][1]})),
    ),
    max_leaves=6,
)


@given(CHOICES, st.integers())
def test_one_of_each_choice_is_made(text: tuple[str, set[str]], seed: int) -> None:
    chosen = choose(text[0], random.Random(seed))
    assert chosen in text[1]
    assert chosen == choose(text[0], random.Random(seed))


@given(st.text(st.sampled_from("{}|\\ab"), max_size=30))
def test_no_text_is_too_strange_for_a_choice(text: str) -> None:
    choose(text, random.Random(0))


@pytest.mark.parametrize(
    "text", ["a bag", "{a}", '{"a": 1}', r"\{a|b\}", "{a|b", "a|b}", "a | b", "{" * 5000 + "|" + "}" * 5000]
)
def test_what_is_no_choice_stays(text: str) -> None:
    assert choose(text, random.Random(0)) == text


def test_escapes_become_what_they_stand_for() -> None:
    assert choose(r"{a|a} \{b\|c\}", random.Random(0)) == "a {b|c}"


def test_prompts_are_expanded_and_other_texts_are_not(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info()
    text = "a {red|green} bag"
    graph: Graph = {
        "1": node("CLIPTextEncode", None, text=text, clip=["9", 0]),
        "2": node("PrimitiveStringMultiline", "input: prompt", value=text),
        "3": node("StringConcatenate", None, string_a=["2", 0], string_b="", delimiter=""),
        "4": node("CLIPTextEncode", None, text=["3", 0], clip=["9", 0]),
        "5": node("PrimitiveStringMultiline", None, value=text),
        "6": node("PreviewAny", None, source=["5", 0]),
    }
    seen = set()
    for seed in range(30):
        made = copy.deepcopy(graph)
        expand_texts(made, info, seed)
        assert made["1"]["inputs"]["text"] == made["2"]["inputs"]["value"]  # one text is one choice
        assert made["5"]["inputs"]["value"] == text
        seen.add(made["1"]["inputs"]["text"])
    assert seen == {"a red bag", "a green bag"}


@pytest.mark.parametrize(
    ("prompt", "marks"),
    [
        ("{2$$a|b} bag", ["{2$$"]),
        ("{ 1-2$$ and $$a|b}", ["{ 1-2$$"]),
        ("{0.5::a|3::b}", ["{0.5::", "3::"]),
        ("__colours/warm__ and __*__", ["__colours/warm__"]),
        ("${colour} bag, ${colour} shoes", ["${colour}"]),
        ("a bag // later\nred /* or\ngreen */", ["// later", "/* or\ngreen */"]),
        ("{a|{b|c}} {d} {e", []),
        ('{"price": "20$$", "at": "https://a.example/b"}, snake_case, __init, (red:1.2), 16::9', []),
    ],
)
def test_what_only_extensions_of_the_canvas_understand_is_said(
    comfy_server: ComfyServer, prompt: str, marks: list[str]
) -> None:
    assert not_expanded(prompt) == marks
    graph: Graph = {
        "1": node("CheckpointLoaderSimple", None, ckpt_name="a.safetensors"),
        "2": node("CLIPTextEncode", None, text=prompt, clip=["1", 1]),
        "3": node("PrimitiveStringMultiline", "input: prompt", value=prompt),
        "4": node("CLIPTextEncode", None, text=["3", 0], clip=["1", 1]),
        "5": node("PrimitiveStringMultiline", None, value=prompt),
        "6": node("PreviewAny", None, source=["2", 0]),
        "7": node("PreviewAny", None, source=["4", 0]),
        "8": node("PreviewAny", None, source=["5", 0]),
    }
    problems = [one for one in check_graph(graph, comfy_server.object_info()) if "as it stands" in one.message]
    assert [problem.node_id for problem in problems] == (["2", "3"] if marks else [])
    assert all(problem.severity == "warning" and mark in problem.message for problem in problems for mark in marks)


def test_a_file_name_gets_the_date_and_the_values_of_nodes(comfy_server: ComfyServer) -> None:
    prefix = "%date:yyyy-MM-dd%/%date:hhmmss yy%_ä_产品_%Load Image.image%_%ImageInvert.x%_%year%_%seed%"
    graph = copy.deepcopy(GRAPH)
    graph["1"]["_meta"] = {"title": "Load Image"}
    graph["3"]["inputs"]["filename_prefix"] = prefix
    assert unknown_tokens(prefix, NodeNames(graph)) == ["ImageInvert.x", "seed"]
    assert unknown_tokens("[time(%Y-%m-%d)]_100%_%hour%", NodeNames(graph)) == []
    problems = check_graph(graph, comfy_server.object_info(), uploaded=["plain.png"])
    assert [problem.severity for problem in problems] == ["warning"] * 2
    now = time.mktime((2026, 3, 9, 7, 5, 2, 0, 0, -1))
    expand_texts(graph, None, 1, now)
    made = graph["3"]["inputs"]["filename_prefix"]
    assert made == "2026-03-09/070502 26_ä_产品_plain.png_%ImageInvert.x%_%year%_%seed%"


def test_what_was_chosen_is_in_the_record() -> None:
    info = {"Encode": {"input": {"required": {"text": ["STRING", {"dynamicPrompts": True}]}}, "output": []}}
    workflow = Workflow("test", None, Path("test.json"), {"1": node("Encode", "input: prompt", text="a")})
    plan = Plan(workflow, {"prompt": "a {red|green} bag"}, Pictures(), ServerView(info), seed=3, count=8)
    jobs = list(plan.jobs())
    for job in jobs:
        assert job.record["inputs"]["prompt"] == job.graph["1"]["inputs"]["text"]
    assert {job.graph["1"]["inputs"]["text"] for job in jobs} == {"a red bag", "a green bag"}
    assert [job.graph for job in plan.jobs()] == [job.graph for job in jobs]  # the seed decides


# -- model names of another system -------------------------------------------------------------------------------------

PARTS = st.lists(st.text(st.sampled_from("aBc1_"), min_size=1, max_size=4), min_size=1, max_size=3)


@given(PARTS, st.data())
def test_a_model_is_found_by_any_systems_separators(parts: list[str], data: st.DataObject) -> None:
    separators = st.sampled_from(["/", "\\", "\\\\"])

    def spelled(names: list[str]) -> str:
        return "".join(name + data.draw(separators) for name in names[:-1]) + names[-1] + ".safetensors"

    theirs = data.draw(st.sampled_from(["/", "\\"])).join(parts) + ".safetensors"
    info = {"Loader": {"input": {"required": {"model": [["other.safetensors", theirs], {}]}}, "output": ["MODEL"]}}
    wanted = spelled([data.draw(st.sampled_from([name, name.swapcase()])) for name in parts])
    workflow = Workflow("test", None, Path("test.json"), {"1": node("Loader", None, model=wanted)})
    assert patch_workflow(workflow, {}, (), info)["1"]["inputs"]["model"] == theirs
    assert patch_workflow(workflow, {"1.model": wanted}, (), info)["1"]["inputs"]["model"] == theirs
    assert not [problem for problem in check_workflow(workflow, ServerView(info)) if problem.kind == "missing_model"]
    assert workflow.graph["1"]["inputs"]["model"] == wanted


def test_two_that_differ_in_case_only_are_told_apart_or_left() -> None:
    info = {"Loader": {"input": {"required": {"model": [["a/B.safetensors", "A/b.safetensors"], {}]}}, "output": []}}

    def found(name: str) -> str:
        workflow = Workflow("test", None, Path("test.json"), {"1": node("Loader", None, model=name)})
        return str(patch_workflow(workflow, {}, (), info)["1"]["inputs"]["model"])

    assert found("a\\B.safetensors") == "a/B.safetensors"
    assert found("A\\b.safetensors") == "A/b.safetensors"
    assert found("a\\b.safetensors") == "a\\b.safetensors"


# -- tables of a spreadsheet -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("fill;words\n0,7;0,7\n", {"fill": 0.7, "words": "0,7"}),
        ("fill\twords\n-1,5\tx\n", {"fill": -1.5, "words": "x"}),
        ("sep=;\nfill;words\n1,5e1;a,b\n", {"fill": 15.0, "words": "a,b"}),
        ("fill;words\n1.234,5;x\n", {"fill": 1234.5, "words": "x"}),
        ("fill;words\n0.7;x\n", {"fill": "0.7", "words": "x"}),
        ("fill;words\n1,2,3;x\n", {"fill": "1,2,3", "words": "x"}),
        ('fill,words\n"0,7",x\n', {"fill": "0,7", "words": "x"}),
    ],
)
def test_a_comma_in_a_number_beside_semicolons(tmp_path: Path, text: str, read: dict[str, Any]) -> None:
    (tmp_path / "jobs.csv").write_text(text)
    kinds = {"fill": "FLOAT", "words": "STRING"}
    problems: list[str] = []
    (row,) = table(tmp_path / "jobs.csv", [], list(kinds), problems, lambda name: kinds.get(name, ""))
    assert (dict(row.values), problems) == (read, [])


@given(st.floats(-1e6, 1e6).map(lambda number: round(number, 4)))
def test_any_number_written_with_a_comma_is_read(tmp_path_factory: pytest.TempPathFactory, number: float) -> None:
    path = tmp_path_factory.mktemp("t") / "jobs.csv"
    written = f"{number:.4f}".replace(".", ",")
    path.write_text(f"1.fill;name\n{written};a\n")
    (row,) = table(path, [], [], [], lambda _: "")
    assert row.values == {"1.fill": number}
