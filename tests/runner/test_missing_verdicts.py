"""A check of the workflow that says nothing, or nothing that is a verdict, lets no picture pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.execution.missing_verdicts import NOT_ARRIVED, missing_verdicts
from runner.execution.outputs import NodeReport, failed_checks, is_sighting
from runner.server.node_report import JUDGES, REPORT_KEY
from runner.sightings.checks import SAME, found_in
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, Graph, command, copying, node


def judging(kind: str = "ProdgenFidelity", title: str = "Fidelity") -> Graph:
    """Photo in, photo out, and a node that judges it."""
    return {**copying(), "7": node(kind, title, image=["1", 0], product=["1", 0], mask=["1", 1])}


@pytest.fixture
def silent() -> Iterator[HostileComfy]:
    """A ComfyUI that delivers the picture of every job; what its checks say is to be set."""
    with HostileComfy() as server:
        for kind in (*JUDGES, "ProdgenRequireProduct"):
            server.lies[f"GET /object_info/{kind}"] = Said({kind: recorded_object_info(WORKFLOWS_DIR)[kind]})
        yield server


def says(server: HostileComfy, *reports: Any, at: str = "7") -> None:
    files = [{"filename": "made.png", "subfolder": "", "type": "output"}]
    outputs: dict[str, Any] = {"2": {"images": files}}
    if reports:
        outputs[at] = {REPORT_KEY: [one if isinstance(one, str) else json.dumps(one) for one in reports]}
    server.lies["GET /api/jobs/"] = lambda: Said({"id": server.prompt_id, "status": "completed", "outputs": outputs})


NO_VERDICTS: dict[str, list[Any]] = {
    "nothing": [],
    "no report": ["a text"],
    "a report without it": [{"delta_e00_mean": 0.5}],
    "a word": [{"passed": "no"}],
    "a number": [{"passed": 1}],
    "null": [{"passed": None, "reasons": []}],
    "one of two": [{"passed": True, "reasons": []}, {"reasons": []}],
    "half of one": ['{"passed": true, "reas'],
}


@pytest.mark.parametrize("reports", NO_VERDICTS.values(), ids=NO_VERDICTS)
def test_a_check_without_a_verdict_is_not_green(silent: HostileComfy, tmp_path: Path, reports: list[Any]) -> None:
    """Such a run ended with 0 and said that it was done."""
    says(silent, *reports)
    desk = Desk(tmp_path, silent.url)
    photo = desk.photo()
    run = desk.submit(judging(), "--image", photo, "--strict")
    assert run.code == 7, run.err
    assert f"Fidelity: {NOT_ARRIVED}" in run.err
    assert "the verdict of a check did not arrive (exit code 7" in run.err
    lax = desk.submit(judging(), "--image", photo, "--json")
    assert lax.code == 0
    assert any(NOT_ARRIVED in warning for warning in lax.of("done")[0]["warnings"])


@pytest.mark.parametrize("kind", sorted(JUDGES))
def test_every_kind_of_check_is_missed(kind: str) -> None:
    graph = judging(kind, "Gate")
    assert missing_verdicts(graph, []) == [f"Gate: {NOT_ARRIVED}"]
    assert missing_verdicts(graph, [NodeReport("7", "Gate", {"passed": False})]) == []
    assert missing_verdicts(graph, [NodeReport("1", "Gate", {"passed": True})]) != []
    assert missing_verdicts(copying(), []) == []


def test_the_nodes_that_judge_are_those_of_the_pack_that_report_and_always_run() -> None:
    recorded = recorded_object_info(WORKFLOWS_DIR)
    for kind in JUDGES:
        assert recorded[kind]["output_node"] and "report" in recorded[kind]["output_name"]


def test_what_finds_no_product_hands_on_nothing_to_judge() -> None:
    graph = {**judging(), "5": node("ProdgenRequireProduct", image=["1", 0])}
    graph["7"]["inputs"]["image"] = ["5", 0]
    sighting = {"verdict": "not found", "found_from": 0.5, "passed": False, "score": 0.1}
    assert missing_verdicts(graph, [NodeReport("5", "Require", sighting)]) == []
    assert missing_verdicts(graph, [NodeReport("5", "Require", {**sighting, "verdict": "found"})]) != []
    assert missing_verdicts(graph, [NodeReport("5", "Require", {**sighting, "score": float("nan")})]) != []


def test_a_batch_whose_checks_said_nothing_is_not_green_and_its_page_says_so(
    silent: HostileComfy, tmp_path: Path
) -> None:
    says(silent)
    desk = Desk(tmp_path, silent.url)
    (tmp_path / "in").mkdir()
    desk.photo("in/a.png")
    desk.photo("in/b.png", seed=1)
    words = ["batch", desk.workflow(judging()), "--images", str(tmp_path / "in"), "--out", str(desk.out)]
    lax = command(*words, "--server", silent.url, folder=desk.out)
    assert lax.code == 0
    assert "warning: the verdict of a check did not arrive for 2 of 2 products: " in lax.err
    assert "not meet the rules" not in lax.err and "2 of them not judged" in lax.err
    again = command(*words, "--server", silent.url, "--strict", "--resume", folder=desk.out)
    assert again.code == 7, again.err
    assert command("report", str(desk.out), folder=desk.out).code == 0
    page = (desk.out / "report.html").read_text(encoding="utf-8")
    assert NOT_ARRIVED in page


def test_the_best_of_candidates_that_nobody_judged_is_none(silent: HostileComfy, tmp_path: Path) -> None:
    says(silent)
    desk = Desk(tmp_path, silent.url)
    graph = judging()
    graph["8"] = node("EmptyImage", "input: seed = color", width=8, height=8, batch_size=1, color=1)
    graph["9"] = node("SaveImage", images=["8", 0], filename_prefix="x")
    run = desk.submit(graph, "--image", desk.photo(), "--best-of", "2")
    assert run.code == 7, run.err


# figures that are no numbers


SIGHTING = {"verdict": "found", "found_from": 0.5, "passed": True, "reasons": [], "width": 9, "height": 9}


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_sighting_with_a_score_that_is_no_number_is_none(score: float) -> None:
    report = {**SIGHTING, "objects": [{"label": "bag", "score": score, "verdict": "found", "bbox": [0, 0, 9, 9]}]}
    assert is_sighting({**SIGHTING, "objects": []})
    assert not is_sighting(report)
    assert failed_checks({"Require": report}) == ["Require: objects.0.score is no number"]
    assert failed_checks({"a": {"passed": False, "reasons": ["x"] * 999}, "b": report})[0].endswith("is no number")


def test_a_check_with_a_figure_that_is_no_number_has_not_passed() -> None:
    report = {"verdict": SAME, "passed": True, "reasons": [], "delta_e00_mean": 1.0}
    found = found_in([report])
    assert found is not None and found.passed
    found = found_in([{**report, "delta_e00_mean": float("nan")}])
    assert found is not None and not found.passed and found.reasons == ("delta_e00_mean is no number",)


@pytest.mark.parametrize("said", ["no number", "nothing"])
def test_filter_puts_nothing_into_found_on_no_verdict(silent: HostileComfy, tmp_path: Path, said: str) -> None:
    """It copied the picture to found/ and ended with 0."""
    object_info = recorded_object_info(WORKFLOWS_DIR)
    for kind, schema in object_info.items():
        silent.lies[f"GET /object_info/{kind}"] = Said({kind: schema})
    graph = json.loads((WORKFLOWS_DIR / "filter.v1.json").read_text(encoding="utf-8"))
    looking = next(one for one, what in graph.items() if what["class_type"] == "ProdgenRequireProduct")
    output = next(one for one, what in graph.items() if what.get("_meta", {}).get("title", "").startswith("output: "))
    report = {**SIGHTING, "objects": [{"label": "bag", "score": float("nan"), "verdict": "found"}]}
    files = [{"filename": "made.png", "subfolder": "", "type": "output"}]
    outputs: dict[str, Any] = {output: {"images": files}}
    if said == "no number":
        outputs[looking] = {REPORT_KEY: [json.dumps(report)]}
    silent.lies["GET /api/jobs/"] = lambda: Said({"id": silent.prompt_id, "status": "completed", "outputs": outputs})
    desk = Desk(tmp_path, silent.url)
    (tmp_path / "in").mkdir()
    desk.photo("in/a.png")
    reference = str(desk.photo("bag.png", seed=3))
    words = ["filter", "--images", str(tmp_path / "in"), "--reference", reference, "--out", str(desk.out)]
    run = command(*words, "--server", silent.url, folder=desk.out)
    assert run.code == 7, run.err
    assert not (desk.out / "found").exists()
    assert "No verdict on 1 picture arrived (exit code 7): a.png" in run.err
    assert "1 without a verdict" in run.err


def test_check_says_why_it_ends_with_seven(silent: HostileComfy, tmp_path: Path) -> None:
    """It ended without a line that said so."""
    for kind, schema in recorded_object_info(WORKFLOWS_DIR).items():
        silent.lies[f"GET /object_info/{kind}"] = Said({kind: schema})
    graph = json.loads((WORKFLOWS_DIR / "check.v1.json").read_text(encoding="utf-8"))
    output = next(one for one, what in graph.items() if what.get("_meta", {}).get("title", "").startswith("output: "))
    outputs = {output: {"images": [{"filename": "made.png", "subfolder": "", "type": "output"}]}}
    silent.lies["GET /api/jobs/"] = lambda: Said({"id": silent.prompt_id, "status": "completed", "outputs": outputs})
    desk = Desk(tmp_path, silent.url)
    photo, other = str(desk.photo("a.png")), str(desk.photo("b.png", seed=1))
    one = command("check", photo, other, "--server", silent.url, "--out", str(desk.out / "1"), folder=desk.out)
    assert one.code == 7 and "NOT PASSED: b.png: the verdict on it did not arrive" in one.err, one.err
    many = command("check", photo, other, photo, "--server", silent.url, "--out", str(desk.out / "2"), folder=desk.out)
    assert many.code == 7 and many.err.count("the verdict on it did not arrive") == 2, many.err
    assert "the verdict on it did not arrive" in (desk.out / "2" / "check.csv").read_text(encoding="utf-8")
