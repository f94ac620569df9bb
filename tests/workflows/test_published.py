"""A published version never changes, says what it is for, and can be set and read by its titles."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.validation.missing import pack_of
from tests.support.comfy import ComfyServer
from tests.workflows import published

WORKFLOWS = pytest.mark.parametrize("path", published.files(), ids=lambda path: path.stem)


def checksums() -> dict[str, str]:
    lines = (published.FOLDER / "checksums.sha256").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}


def test_every_version_is_the_one_that_was_published() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in published.files()}
    assert found == checksums(), "a published workflow never changes: publish a change as a new version"


def test_the_first_two_are_there() -> None:
    assert {"packshot.v1.json", "cutout.v1.json"} <= {path.name for path in published.files()}


def test_the_index_says_what_each_is_for() -> None:
    index = published.index()["workflows"]
    assert {f"{entry['name']}.json" for entry in index} == {path.name for path in published.files()}
    for entry in index:
        graph = published.load(entry["name"])
        assert entry["purpose"].strip()
        assert set(entry["inputs"]) == set(published.inputs_of(graph))
        assert set(entry["outputs"]) == set(published.outputs_of(graph))
        assert isinstance(entry["models"], list)


@WORKFLOWS
def test_names_and_titles_follow_the_contract(path: Path) -> None:
    assert re.fullmatch(r"[a-z0-9_]+\.v\d+", path.stem)
    graph = json.loads(path.read_text(encoding="utf-8"))
    inputs, outputs = published.inputs_of(graph), published.outputs_of(graph)
    assert {"image", "prompt"} & set(inputs)
    assert outputs
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in {*inputs, *outputs})
    for name, (node_id, widget) in inputs.items():
        widgets = [key for key, value in graph[node_id]["inputs"].items() if not isinstance(value, list)]
        assert widget in widgets, name
        assert len(widgets) == 1 or " = " in graph[node_id]["_meta"]["title"], f"{name} does not name its widget"


@pytest.mark.parametrize("path", published.newest(), ids=lambda path: path.stem)
def test_a_lora_is_looked_at_before_it_is_applied(path: Path) -> None:
    """Core's own loaders apply what fits of another base's LoRA, mostly nothing, and go on without a word."""
    kinds = [node["class_type"] for node in json.loads(path.read_text(encoding="utf-8")).values()]
    assert [kind for kind in kinds if "lora" in kind.lower() and kind != "ProdgenOptionalLora"] == []


@pytest.fixture(scope="module")
def known(comfy_server: ComfyServer) -> dict[str, Any]:
    return comfy_server.object_info()


@WORKFLOWS
def test_the_server_knows_every_node_and_every_input(path: Path, known: dict[str, Any]) -> None:
    for node in json.loads(path.read_text(encoding="utf-8")).values():
        if pack_of(node["class_type"]) and node["class_type"] not in known:
            continue  # an optional pack's; checked against its recorded schema elsewhere
        assert node["class_type"] in known
        sections = known[node["class_type"]]["input"]
        wanted = {key for section in sections.values() for key in section}
        # `choice.option` is an input of a choice's option: the check before submitting knows those.
        given = {name.partition(".")[0] for name in node["inputs"]}
        assert given <= wanted
        assert set(sections.get("required", {})) <= given


@pytest.mark.parametrize("path", published.newest(), ids=lambda path: path.stem)
def test_what_the_newest_version_is_for_stands_by_itself(path: Path) -> None:
    """It is shown on the canvas, as a template and in lists, where nobody has seen an older one."""
    index = published.index()["workflows"]
    entry = next(one for one in index if one["name"] == path.stem)
    for words in (entry["purpose"], entry.get("steps", "")):
        assert not words.startswith("As ") and not re.search(r"\b\w+\.v\d+\b", words), words
