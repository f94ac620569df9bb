"""How candidates are scored, ranked, tabled and shown; no server needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.best_of.advice import what_to_try, why_none_passed
from runner.best_of.candidate import Candidate, judge, ranked
from runner.best_of.gates import Figure, Gate, read_gates
from runner.best_of.score import COMFORTABLE, margin_of, score_of
from runner.best_of.search import reached_from
from runner.best_of.sheet import make_sheet, thumbnail
from runner.errors import NodeFailedError
from runner.execution.failures import node_failure
from runner.execution.job import JobResult, JobSpec
from runner.execution.outputs import NodeReport
from runner.execution.save import NotSavedError, SavedFile, SavedJob

INFO: dict[str, Any] = {
    "Check": {
        "input": {
            "required": {"image": ["IMAGE", {}]},
            "optional": {
                "max_delta": ["FLOAT", {"default": 3.0}],
                "min_ssim": ["FLOAT", {"default": 0.9}],
                "min_score": ["FLOAT", {"default": 0.5}],
            },
        }
    }
}


def graph(**inputs: Any) -> dict[str, Any]:
    return {"1": {"class_type": "Check", "inputs": inputs}}


def gate(passed: bool | None, *figures: Figure, reasons: tuple[str, ...] = ()) -> Gate:
    return Gate("1", "Check", passed, reasons, figures)


def candidate(number: int, passed: bool, score: float | None, saved: bool = True, **more: Any) -> Candidate:
    spec = JobSpec(number, "w", {}, {}, Path("x"), seed=number + 100)
    files = SavedJob((SavedFile(Path(f"{number}.png"), "result", "9", 1),), Path(f"{number}.json")) if saved else None
    result = JobResult(spec, f"id{number}", files)
    return Candidate(number, result, "passed" if passed else "failed", score, **{"reasons": (), **more})


def test_limits_come_from_the_graph_or_else_from_the_nodes_own_defaults() -> None:
    report = NodeReport("1", "Check", {"delta": 1.0, "ssim": 0.95, "width": 40, "passed": True, "reasons": []})
    found = {figure.name: figure for figure in read_gates([report], graph(max_delta=2.0), INFO)[0].figures}
    assert (found["delta"].limit, found["delta"].is_minimum) == (2.0, False)
    assert (found["ssim"].limit, found["ssim"].is_minimum) == (0.9, True)
    assert found["width"].limit is None
    linked = read_gates([report], graph(max_delta=["5", 0]), INFO)[0]
    assert {figure.name: figure.limit for figure in linked.figures}["delta"] is None  # not known here


def test_what_is_a_gate_and_what_only_measures() -> None:
    reports = [
        NodeReport("7", "Segment", {"confidence": 0.8}),
        NodeReport("8", "Note", "passed"),
        NodeReport("1", "Check", [{"delta": 1.0}, {"passed": False, "reasons": "too dark"}]),
    ]
    gates = read_gates(reports, graph(), INFO)
    assert [(found.name, found.passed, found.reasons) for found in gates] == [
        ("Check", None, ()),
        ("Check", False, ("too dark",)),
    ]


def test_lists_of_hands_count_and_give_their_worst_score() -> None:
    value = {"hands": [{"score": 0.9}, {"score": 0.4}], "people": 1, "passed": False, "reasons": ["a hand"]}
    figures = {f.name: f for f in read_gates([NodeReport("1", "Check", value)], graph(), INFO)[0].figures}
    assert figures["hands"].value == 2
    assert (figures["hands.score"].value, figures["hands.score"].limit) == (0.4, 0.5)


@pytest.mark.parametrize(
    ("value", "limit", "is_minimum", "expected"),
    [
        (0.0, 3.0, False, 1.0), (1.5, 3.0, False, 0.5), (3.0, 3.0, False, 0.0), (6.0, 3.0, False, -1.0),
        (99.0, 3.0, False, -1.0), (0.0, 0.0, False, 1.0), (0.1, 0.0, False, -1.0),
        (1.0, 0.9, True, 1.0), (0.95, 0.9, True, 0.5), (0.9, 0.9, True, 0.0), (0.0, 0.9, True, -1.0),
        (1.0, 1.0, True, 0.0), (4.0, 2.0, True, 1.0), (1.0, 2.0, True, -0.5), (5.0, 0.0, True, 1.0),
    ],
)  # fmt: skip
def test_margins(value: float, limit: float, is_minimum: bool, expected: float) -> None:
    assert margin_of(Figure("delta", value, limit, is_minimum)) == pytest.approx(expected)


def test_a_figure_without_a_limit_counts_only_where_its_scale_is_known() -> None:
    assert margin_of(Figure("mask_iou", 0.8)) == pytest.approx(0.8)
    assert margin_of(Figure("pixels", 4000)) is None
    assert margin_of(Figure("floating", False)) is None
    assert margin_of(Figure("delta", None, 3.0)) is None


def test_one_bad_figure_cannot_hide_among_good_ones() -> None:
    even = score_of([gate(True, *[Figure(f"f{i}", 1.0, 2.0) for i in range(4)])])
    uneven = score_of([gate(True, Figure("bad", 1.9, 2.0), *[Figure(f"f{i}", 0.5, 2.0) for i in range(3)])])
    assert even == 50.0
    assert uneven is not None
    assert uneven < even


def test_gates_without_figures_and_failures_that_figures_do_not_show() -> None:
    assert score_of([gate(True)]) == 100.0
    assert score_of([gate(False)]) == -100.0
    assert score_of([]) is None
    floating = score_of([gate(False, Figure("delta", 0.0, 3.0), Figure("floating", True))])
    assert floating == -50.0  # worst -1, mean 0


def test_ranking() -> None:
    easy, easier = candidate(4, True, COMFORTABLE + 1), candidate(5, True, COMFORTABLE + 20)
    close, low = candidate(1, True, 40.0), candidate(2, True, 10.0)
    bad, black = candidate(3, False, 90.0), candidate(6, False, None, saved=False)
    assert ranked([black, bad, low, close, easier, easy]) == [easy, easier, close, low, bad, black]
    assert ranked([candidate(2, True, 10.0), candidate(1, True, 10.0)])[0].number == 1


def test_only_what_the_seed_reaches_makes_a_candidate_fail_alone() -> None:
    nodes = {
        "1": {"class_type": "Load", "inputs": {}},
        "2": {"class_type": "Int", "inputs": {"value": 1}},
        "3": {"class_type": "Sample", "inputs": {"seed": ["2", 0], "image": ["1", 0]}},
        "4": {"class_type": "Save", "inputs": {"images": ["3", 0]}},
    }
    assert reached_from(nodes, {"2"}) == {"2", "3", "4"}

    def ended(node_id: str, kind: str) -> JobResult:
        said = {"node_id": node_id, "exception_type": kind, "exception_message": "no product here"}
        return JobResult(JobSpec(1, "w", nodes, {}, Path("x")), "id", error=node_failure(said, nodes))

    refusal = "/somewhere/custom_nodes/pack.imaging.errors.EmptyMaskError"
    seeded = frozenset({"2", "3", "4"})
    assert judge(1, ended("3", refusal), {}, seeded).verdict == "refused"
    assert judge(1, ended("3", refusal), {}, seeded).reasons == ("No product here",)
    assert judge(1, ended("3", "RuntimeError"), {}, seeded).verdict == "error"
    wiring = refusal.replace("EmptyMaskError", "ShapeError")
    assert judge(1, ended("3", wiring), {}, seeded).verdict == "error"
    with pytest.raises(NodeFailedError):
        judge(1, ended("1", refusal), {}, seeded)
    full = JobResult(JobSpec(1, "w", nodes, {}, Path("x")), "id", error=NotSavedError("the disk is full"))
    with pytest.raises(NotSavedError):
        judge(1, full, {}, seeded)


def test_reasons_that_differ_in_their_numbers_only_are_one_reason() -> None:
    figures = (gate(False, Figure("delta_e00_mean", 9.0, 3.0)),)
    several = [
        candidate(i, False, -80.0, reasons=(f"colours differ by ΔE00 {i}.5 (limit 3)",), gates=figures)
        for i in range(1, 4)
    ]
    two = gate(False, Figure("people", 2), reasons=("two people",))
    several.append(candidate(4, False, -90.0, reasons=two.reasons, gates=(two,)))
    assert why_none_passed(several) == ["3 of 4: colours differ by ΔE00 1.5 (limit 3)", "1 of 4: two people"]
    assert [tip.partition(":")[0] for tip in what_to_try(several, several[0])[:2]] == ["Colours", "Hands and people"]


@pytest.mark.parametrize("count", [1, 2, 5, 64])
def test_the_contact_sheet_is_readable_and_marks_the_winner(count: int, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(np.full((600, 400, 3), (10, 120, 200), dtype=np.uint8)).save(path)
    made = [
        candidate(i, i % 3 == 0, float(i), reasons=() if i % 3 == 0 else ("its structure agrees only to 0.4",))
        for i in range(1, count + 1)
    ]
    winner = made[-1]
    sheet = make_sheet(made, {one.number: thumbnail(path) for one in made}, winner, passed=True)
    assert sheet.width <= 1800
    picture = np.asarray(sheet).astype(int)
    blue = (np.abs(picture - (10, 120, 200)).max(axis=2) < 12).sum()
    assert blue > count * 100 * 150  # every thumbnail is there and large enough to judge
    plain = np.asarray(make_sheet(made, {one.number: thumbnail(path) for one in made}, None, passed=False))
    changed = np.argwhere((picture != plain).any(axis=2))
    assert len(changed) > 1000
    assert changed[:, 0].min() > sheet.height * 0.4 or count <= 2  # the mark is at the last one only


def test_a_candidate_without_a_picture_shows_why(tmp_path: Path) -> None:
    one = candidate(1, False, None, saved=False, reasons=("the picture is black",))
    with_words = np.asarray(make_sheet([one], {}, None, passed=False)).astype(int)
    mute = candidate(1, False, None, saved=False)
    without = np.asarray(make_sheet([mute], {}, None, passed=False)).astype(int)
    assert (with_words != without).any(axis=2).sum() > 300


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["delta", "ssim", "score", "width"])
def test_a_figure_that_is_no_number_never_passes(bad: float, name: str) -> None:
    """NaN got 100 points and ended the search."""
    report = NodeReport("1", "Check", {"passed": True, "reasons": [], "ssim": 0.99, name: bad})
    gates = read_gates([report], graph(), INFO)
    assert gates[0].passed is False
    assert gates[0].reasons == (f"{name} is no number",)
    score = score_of(gates)
    assert score is not None
    assert score < COMFORTABLE
    result = JobResult(JobSpec(1, "w", graph(), {}, Path("x")), "id", SavedJob((), Path("1.json"), (), (report,)))
    assert judge(1, result, INFO, frozenset()).verdict == "failed"


@pytest.mark.parametrize("reasons", [7, True, None, {"a": 1}, [None], "one"])
def test_reasons_of_any_kind_are_read(reasons: object) -> None:
    report = NodeReport("1", "Check", {"passed": False, "reasons": reasons, "failed": True})
    assert all(isinstance(reason, str) for reason in read_gates([report], graph(), INFO)[0].reasons)
