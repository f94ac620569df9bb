"""Pack and runner agree on what a node says: the page, the names the pack has and those the runner reads are one."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from runner.execution.failures import NodeExecutionError, node_failure
from runner.execution.outputs import collect, failed_checks
from runner.server.node_report import ERRORS, REPORT_KEY, Declined, declined, report_texts
from tests.support.comfy import REPO

PACK = REPO / "custom_nodes" / "prodgen_nodes"
PAGE = (REPO / "docs" / "node-reports.md").read_text(encoding="utf-8")
GRAPH = {"1": {"class_type": "ProdgenExport", "inputs": {}}}


def exceptions() -> Iterator[tuple[str, str]]:
    """(module, class) of every refusal of the pack, found in its source."""
    families = {"ImagingError"}
    classes = [
        (path.stem, node.name, {base.id for base in node.bases if isinstance(base, ast.Name)})
        for path in sorted(PACK.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    while more := {name for _, name, bases in classes if bases & families} - families:
        families |= more
    yield from ((module, name) for module, name, bases in classes if bases & families)


def test_every_refusal_of_the_pack_has_a_kind_and_is_where_it_is_looked_for() -> None:
    found = list(exceptions())
    assert len(found) >= 7
    for module, name in found:
        assert module == "errors" and name in ERRORS, f"{module}.{name} is not in docs/node-reports.md"


def test_the_page_lists_what_the_runner_reads() -> None:
    listed = re.findall(r"^\| `(\w+Error)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert {name: Declined(kind) for name, kind in listed} == ERRORS
    assert f"`{REPORT_KEY}`" in PAGE
    common = ast.parse((PACK / "nodes" / "common.py").read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: node.value.value
        for node in common.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert constants["REPORT_KEY"] == REPORT_KEY


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("/any where/custom_nodes/prodgen_nodes.imaging.errors.EmptyMaskError", Declined.PICTURE),
        ("custom_nodes.prodgen.background_removal.errors.ModelFileError", Declined.SETUP),
        ("custom_nodes.prodgen.shops.errors.ShapeError", Declined.WIRING),
        ("polars.exceptions.ShapeError", None),
        ("EmptyMaskError", None),
        ("custom_nodes.prodgen_nodes.imaging.errors.NeverHeardOfError", None),
        ("ValueError", None),
        ("", None),
    ],
)
def test_what_a_refusal_means(kind: str, meaning: Declined | None) -> None:
    assert declined(kind) is meaning
    said = {"node_id": "1", "exception_type": kind, "exception_message": "no", "traceback": ["  File x, line 3"]}
    failure = node_failure(said, GRAPH)
    assert isinstance(failure, NodeExecutionError)
    assert failure.is_refusal == (meaning is Declined.PICTURE)
    assert "line 3" in failure.trace and "line 3" not in str(failure)
    assert failure.message == ("No" if meaning else "Export failed: no")


def test_a_report_is_read_where_it_is_and_the_text_is_for_people() -> None:
    report = {"passed": False, "reasons": ["border: grey"], "rules": ["FAIL  border: something else"]}
    now = {"text": ["a sentence for people"], REPORT_KEY: [json.dumps(report)]}
    assert collect({"1": now}, GRAPH, {}).reports == {"ProdgenExport": report}
    assert failed_checks({"Export": report}) == ["Export: border: grey"]
    shown = collect({"1": now}, GRAPH, {"1": "result"}).texts
    assert [item.text for item in shown] == ["a sentence for people"]


@pytest.mark.parametrize(
    ("failed", "rules", "said"),
    [
        (
            ["border"],
            ["pass  pixels: 9 (asked: 9)", "FAIL  border: grey (asked: white)"],
            ["border: grey (asked: white)"],
        ),
        (["fill"], ["note  zoom: 1", "FAIL  fill: 0.5: too small"], ["fill: 0.5: too small"]),
        (["a", "b"], ["FAIL  b: 2", "FAIL  a: 1"], ["b: 2", "a: 1"]),
        (["gone"], ["pass  pixels: 9"], ["gone"]),
        ([], [], ["no reason given"]),
    ],
)
def test_an_older_pack_is_understood(failed: list[str], rules: list[str], said: list[str]) -> None:
    report = {"passed": False, "rules": rules, "failed": failed}
    found = collect({"1": {"text": [json.dumps(report)]}}, GRAPH, {}).reports
    assert failed_checks(found) == [f"ProdgenExport: {line}" for line in said]


@pytest.mark.parametrize("entry", [None, 5, [], {}, {REPORT_KEY: None}, {REPORT_KEY: 5}, {REPORT_KEY: [None]}])
def test_what_is_no_report_is_none(entry: Any) -> None:
    assert report_texts(entry) == []
    assert collect({"1": entry}, GRAPH, {}).reports == {}
