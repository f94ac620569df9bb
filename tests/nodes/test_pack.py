"""What every node of the pack owes its user: words on every input, aliases, a help page, a report that comes last."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from PIL import Image

from tests.support.comfy import PACK, ComfyServer

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None


@pytest.fixture(scope="module")
def nodes(comfy_server: ComfyServer) -> dict[str, dict[str, Any]]:
    return {name: info for name, info in comfy_server.object_info().items() if name.startswith("Prodgen")}


def test_all_nodes_are_there(nodes: dict[str, dict[str, Any]]) -> None:
    """Every node with a help page is registered, and every node that is registered has one."""
    assert set(nodes) == {page.stem for page in (PACK / "web" / "docs").glob("*.md")}
    assert {"ProdgenSegmentProduct", "ProdgenPasteBack", "ProdgenFidelity"} <= set(nodes)


def test_every_help_page_shows_a_picture_of_its_own() -> None:
    for page in (PACK / "web" / "docs").glob("*.md"):
        named = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
        assert named == [f"pictures/{page.stem}.webp"], page.stem
        file = page.parent / named[0]
        assert file.stat().st_size < 60_000, page.stem
        with Image.open(file) as picture:
            assert picture.width >= 300, page.stem
            assert picture.convert("L").getextrema()[0] != picture.convert("L").getextrema()[1], f"{page.stem}: empty"
    assert len(list((PACK / "web" / "docs" / "pictures").iterdir())) == len(list((PACK / "web" / "docs").glob("*.md")))


ADDED_LATER = {("ProdgenOptionalLora", "applied"), ("ProdgenRecolor", "picture")}
"""Outputs that came when saved graphs already linked the report by its number."""


def test_every_node_explains_itself(nodes: dict[str, dict[str, Any]]) -> None:
    for name, info in nodes.items():
        assert info["category"] == "prodgen", name
        assert len(info["description"]) > 40, name
        assert info["search_aliases"], name
        outputs = [output for output in info["output_name"] if (name, output) not in ADDED_LATER]
        assert outputs[-1] == "report", name
        assert (PACK / "web" / "docs" / f"{name}.md").stat().st_size > 300, f"{name} has no help page"
        for section in info["input"].values():
            for key, spec in section.items():
                if section is not info["input"].get("hidden"):
                    assert len(spec[1].get("tooltip", "")) > 10, f"{name}.{key} has no tooltip"


def test_a_report_is_there_when_the_node_was_cached(nodes: dict[str, dict[str, Any]]) -> None:
    for name, info in nodes.items():
        if name != "ProdgenNumber":  # its report is for wires only
            assert info["output_node"] or info["has_intermediate_output"], name


def test_the_help_pages_are_served(comfy_server: ComfyServer, nodes: dict[str, dict[str, Any]]) -> None:
    import requests

    for name in nodes:
        reply = requests.get(f"{comfy_server.url}/extensions/prodgen_nodes/docs/{name}.md", timeout=30)
        assert reply.status_code == 200, name
        assert reply.text.startswith("# "), name


@pytest.mark.skipif(tomllib is None, reason="tomllib comes with Python 3.11")
def test_the_registry_metadata_asks_for_the_comfyui_that_is_tested() -> None:
    assert tomllib is not None
    body = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))
    needed = body["project"]["dependencies"]
    assert [name.split(">")[0] for name in needed] == ["onnxruntime", "timm"], "the rest ComfyUI itself needs already"
    assert (PACK / "requirements.txt").read_text(encoding="utf-8").split() == needed, "what ComfyUI's manager reads"
    assert body["tool"]["comfy"]["requires-comfyui"] == ">=0.30.0"
