"""Graphs of a hundred thousand nodes: what is done for each does not grow with the number of the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.batch.photo_folder import unusable
from runner.batch.rows import table
from runner.data import BadDataError, parse_json
from runner.suggest import MOST_LOOKED_UP, Suggestions
from runner.validation.check import check_graph
from runner.validation.drift import with_drift
from runner.workflow.canvas_text import expand_texts
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info
from tests.support.hostile import HostileComfy
from tests.support.runs import Desk, command, node
from tests.support.speed import HANG_S

INFO = {
    **recorded_object_info(WORKFLOWS_DIR),
    "Invert": {"input": {"required": {"image": ["IMAGE"]}}, "output": ["IMAGE"]},
    "Encode": {"input": {"required": {"text": ["STRING", {"dynamicPrompts": True}]}}, "output": ["COND"]},
}
MANY = 400


class Walked(dict[str, Any]):
    """Counts how often everything in it is gone through."""

    walks = 0

    def __iter__(self) -> Iterator[str]:
        self.walks += 1
        return super().__iter__()

    def values(self) -> Any:
        self.walks += 1
        return super().values()

    def items(self) -> Any:
        self.walks += 1
        return super().items()


def photo(**nodes: Any) -> dict[str, Any]:
    return {"photo": node("LoadImage", image="a.png"), **nodes}


def save(source: str, prefix: str = "x") -> Any:
    return node("SaveImage", images=[source, 0], filename_prefix=prefix)


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "one unknown class": lambda count: {str(k): node("Unheard") for k in range(count)},
    "unknown classes": lambda count: {str(k): node(f"KSampler{k}x") for k in range(count)},
    "a chain": lambda count: photo(
        **{str(k): node("Invert", image=[str(k - 1) if k else "photo", 0]) for k in range(count)},
        save=save(str(count - 1)),
    ),
    "one circle": lambda count: photo(
        **{str(k): node("Invert", image=[str((k + 1) % count), 0]) for k in range(count)}, save=save("0")
    ),
    "tokens": lambda count: photo(**{str(k): save("photo", f"%Node.w{k}% %LoadImage.image%") for k in range(count)}),
    "choices": lambda count: photo(
        **{str(k): node("PrimitiveStringMultiline", value=f"{{a|b}}{k}") for k in range(count)}, save=save("photo")
    ),
    "no such choice": lambda count: photo(
        **{
            str(k): node(
                "ImageScale", image=["photo", 0], upscale_method=f"aree{k}", width=1, height=1, crop="disabled"
            )
            for k in range(count)
        },
        **{f"s{k}": save(str(k)) for k in range(count)},
    ),
    "no such input": lambda count: photo(
        **{str(k): node("SaveImage", images=["photo", 0], **{f"filename_prefi{k}": ""}) for k in range(count)}
    ),
    "named": lambda count: photo(
        **{str(k): node("PrimitiveInt", f"input: v{k}", value=k) for k in range(count)}, save=save("photo")
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_graph_is_gone_through_as_often_whatever_its_size(shape: str) -> None:
    walks = []
    for count in (10, MANY):
        graph, info = Walked(SHAPES[shape](count)), Walked(INFO)
        with_drift(graph, check_graph(graph, info), info, info)
        workflow = Workflow("large", None, Path("large.json"), graph)
        workflow.image_inputs(info)
        for node_id in graph:
            workflow.widget(node_id, "value", info)
        expand_texts(graph, info, 1)
        walks.append((graph.walks, info.walks))
    (few_graph, few_info), (graph_walks, info_walks) = walks
    assert graph_walks == few_graph
    assert info_walks <= few_info + MOST_LOOKED_UP


def test_what_was_mistyped_once_is_still_suggested() -> None:
    graph = {str(k): node("SaveImge") for k in range(MANY)}
    problems = check_graph(graph, INFO)
    assert len(problems) == MANY
    assert all("Did you mean 'SaveImage'?" in problem.message for problem in problems)


def test_a_thousand_circles_are_told_as_some(tmp_path: Path) -> None:
    graph = {str(k): node("Pair", a=[str(max(0, k - 1)), 0], b=["0", 0]) for k in range(MANY)}
    graph["0"]["inputs"]["a"] = [str(MANY - 1), 0]
    graph["save"] = save("0")
    pair = {"input": {"required": {"a": ["IMAGE"], "b": ["IMAGE"]}}, "output": ["IMAGE"]}
    problems = [one for one in check_graph(graph, {**INFO, "Pair": pair}) if one.kind == "cycle"]
    assert 1 <= len(problems) < 50
    assert all(len(problem.message) < 2000 for problem in problems)


def test_a_name_that_is_repeated_among_a_hundred_thousand_is_found() -> None:
    """To count each of them took minutes."""
    names = [*(f'"k{number}": 1' for number in range(100_000)), '"k99999": 2']
    with pytest.raises(BadDataError, match="'k99999' is given twice"):
        parse_json("{" + ",".join(names) + "}")


def test_a_table_of_photos_that_are_not_there_looks_into_the_folder_some_times(tmp_path: Path) -> None:
    looked = []

    class Folder(type(tmp_path)):  # type: ignore[misc]  # the class of paths on this system
        def iterdir(self) -> Iterator[Path]:
            looked.append(self)
            return iter(list(Path(self).iterdir()))

    (tmp_path / "photo1.png").write_bytes(b"")
    jobs = Folder(tmp_path / "jobs.csv")
    jobs.write_text("image\n" + "\n".join(f"phto{number}.png" for number in range(MANY)))
    suggestions = Suggestions()
    whys = [unusable(row.images["image"], suggestions) for row in table(jobs, ["image"], [], [])]
    assert len(whys) == MANY and all("there is no photo" in why for why in whys)
    assert "Did you mean 'photo1.png'?" in whys[0]
    assert len(looked) <= MOST_LOOKED_UP


@pytest.mark.parametrize("count", [5_000, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("command_name", ["submit", "validate", "batch"])
def test_a_graph_of_nothing_but_problems_is_refused_in_a_few_lines(
    tmp_path: Path, command_name: str, count: int, obliging: HostileComfy
) -> None:
    """`submit` compared each problem with all the others, and every command wrote them all down."""
    graph = {str(k): node("Unheard", image=[str(k - 1) if k else "photo", 0]) for k in range(count)}
    workflow = Desk(tmp_path, obliging.url).workflow(photo(**graph, save=save(str(count - 1))))
    Desk(tmp_path, obliging.url).photo("a.png")
    photos = {"submit": ["--image"], "batch": ["--images"], "validate": []}[command_name]
    out = [] if command_name == "validate" else ["--out", str(tmp_path / "out")]
    words = [command_name, workflow, *photos, *[str(tmp_path / "a.png")] * bool(photos), *out]
    began = time.monotonic()
    run = command(*words, "--server", obliging.url, folder=tmp_path)
    assert run.code == 4
    assert len(run.out + run.err) < 40_000
    assert "more" in run.out + run.err
    assert time.monotonic() - began < HANG_S


@pytest.mark.parametrize("text", ["n" * 5_000_000, "ä" * 2000])
def test_a_name_that_is_none_is_not_repeated(tmp_path: Path, text: str) -> None:
    inputs: dict[str, Any] = {"class_type": "A", "inputs": {text: 1}}
    graphs: list[dict[str, Any]] = [{"1": node(text)}, {text: node("A")}, {"1": inputs}, {text: {}}]
    for graph in graphs:
        workflow = Desk(tmp_path, "http://127.0.0.1:9").workflow(graph)
        run = command("inputs", workflow, folder=tmp_path)
        assert run.code == 2
        assert len(run.err) < 500
