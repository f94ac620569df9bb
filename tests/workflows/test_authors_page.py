"""The page that says where our graphs differ from their authors' own speaks of graphs and nodes that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.workflow.successors import SUCCESSORS
from tests.support.comfy import REPO
from tests.workflows import published
from tests.workflows.scene_graphs import titled
from tests.workflows.test_outlines import NEWEST
from tests.workflows.test_recipes import value

PAGE = (REPO / "docs" / "workflows-and-their-authors.md").read_text(encoding="utf-8")
OF_OURS_ALONE = {
    "packshot",
    "packshot_birefnet",
    "cutout",
    "cutout_birefnet",
    "cutouts",
    "cutouts_sam3",
    "filter",
    "check",
    "caption",
    "packshot_video",
    "recolor",
}
"""No model paints in them."""


def rows() -> Iterator[list[str]]:
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and not set(line) <= set("|-") and cells[0] not in ("graph", "node"):
            yield cells


def test_every_workflow_that_paints_has_its_place() -> None:
    said = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
    assert set(NEWEST) - OF_OURS_ALONE <= said


def test_its_rows_name_workflows_there_are() -> None:
    kept = {"both", "both, `prodgen`", "all three", "all four"}
    for cells in rows():
        if len(cells) == 5 and cells[0] not in kept:
            assert {name.strip() for name in cells[0].split(",")} <= set(NEWEST), cells[0]


def test_each_row_is_whole() -> None:
    for cells in rows():
        assert len(cells) in (3, 5), cells
        assert all(cells), cells


def test_the_figures_are_the_graphs() -> None:
    """Those that a reader would copy; the rest is checked where the graphs are."""
    fast = published.load("grip_sdxl_fast.v2")
    weak, strong = (titled(fast, f"input: {name}_strength = strength") for name in ("weak", "strong"))
    assert [fast[node]["inputs"]["strength"] for node in (weak, strong)] == [0.35, 0.8]
    assert value(fast, fast[weak]["inputs"]["end_percent"]) == 0.25
    series = published.load(NEWEST["series"])
    said = {name: value(series, [titled(series, f"input: {name}"), 0]) for name in ("steps", "cfg", "refiner_at")}
    assert said == {"steps": 30, "cfg": 7.0, "refiner_at": 0.7}
    outpaint = published.load(NEWEST["outpaint"])
    assert value(outpaint, [titled(outpaint, "input: max_megapixels"), 0]) == 1.5


def test_every_successor_is_told() -> None:
    for old, successor in SUCCESSORS.items():
        assert old in PAGE
        assert successor.name in PAGE
