"""What is written is strict JSON; files of others are read or refused in words, whatever is in them."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.batch.rows import table
from runner.data import (
    BadDataError,
    not_numbers,
    parse_answer,
    parse_json,
    parse_yaml,
    to_json,
    without_lone_surrogates,
)
from runner.errors import ManifestError, RunnerError, UsageError
from runner.execution.outputs import collect, failed_checks
from runner.models.manifest import MANIFEST_PATH, load_manifest
from runner.models.store import open_store
from runner.training.recipes import RECIPES_PATH
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from tests.support.runs import command
from tests.support.spaces import ANY_JSON, any_json, as_json, corrupted, mutated

GRAPH = {"1": {"class_type": "Check", "inputs": {}, "_meta": {"title": "Gate"}}}


def refuse(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


@given(ANY_JSON)
def test_whatever_is_written_is_strict_json_in_utf_8(value: Any) -> None:
    text = to_json({"value": value})
    text.encode("utf-8")
    json.loads(text, parse_constant=refuse)


def test_a_file_name_that_is_no_utf_8_survives_being_written() -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert json.loads(to_json([name])) == [name]
    assert without_lone_surrogates(name) == "caf\ufffd.jpg"


def test_what_is_no_number_is_named() -> None:
    report = {"a": math.nan, "hands": [{"score": 1.0}, {"score": -math.inf}], "b": 2}
    assert not_numbers(report) == ["a", "hands.1.score"]
    assert json.loads(to_json(report)) == {"a": None, "hands": [{"score": 1.0}, {"score": None}], "b": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 5000 + "]" * 5000, "deep"),
        ("[" * 150 + "]" * 150, "deep"),
        ("9" * 5000, "digits"),
        ("9" * 400, "too large"),
        ("1e999", "too large"),
        ("[NaN]", "no number"),
        ("[-Infinity]", "no number"),
        (r'"\ud800"', "half of one"),
        (r'{"\ud800": 1}', "half of one"),
        ('{"a": 1, "a": 2}', "twice"),
        ("{", "Expecting"),
    ],
)
def test_json_that_leads_astray_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadDataError, match=said):
        parse_json(text)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join(['*' + a] * 10)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "too many values"),
        (MERGED, "too many values"),
        ("&a [*a]", "refers to itself"),
        ("&a {b: *a}", "refers to itself"),
        ("- " * 3000 + "x", "deep"),
        ("[" * 150 + "]" * 150, "deep"),
        ("a: 1\nb: 2\na: 3", "twice"),
        ("n: " + "9" * 5000, "cannot be read"),
        ("d: 2024-13-45", "cannot be read"),
        ("{a: [}", "."),
        ("a: \x00", "."),
        ("? [1]\n: 2", "."),
        ("!!python/object:os.system x", "."),
        ('"\\ud800"', "half of one"),
    ],
)
def test_yaml_that_leads_astray_is_refused_at_once(text: str, said: str) -> None:
    began = time.process_time()
    with pytest.raises(BadDataError, match=said):
        parse_yaml(text)
    assert time.process_time() - began < 60


def test_yaml_that_people_write_is_read() -> None:
    text = "defaults: &d {steps: 20}\njobs:\n- {<<: *d, name: a}\n- {<<: *d, steps: 30}\n"
    assert parse_yaml(text)["jobs"] == [{"steps": 20, "name": "a"}, {"steps": 30}]
    assert parse_yaml("") is None


@pytest.mark.parametrize(
    "path", [WORKFLOWS_DIR / "index.yaml", MANIFEST_PATH, RECIPES_PATH], ids=lambda path: path.name
)
def test_a_file_of_our_own_is_read_alike_whoever_reads_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert parse_yaml(text, own=True) == parse_yaml(text)


def test_a_file_of_our_own_is_checked_as_others_are() -> None:
    for text, said in (("a: 1\nb: 2\na: 3", "twice"), ("{a: [}", "."), ("[" * 150 + "]" * 150, "deep")):
        with pytest.raises(BadDataError, match=said):
            parse_yaml(text, own=True)
    assert parse_yaml("", own=True) is None


# reports

REPORT = {
    "delta_e00_mean": 1.5, "hue_error_deg": 2.0, "edge_halo": 0.01, "floating": False, "passed": False,
    "reasons": ["it floats"], "failed": ["floating"], "rules": {"floating": "is on the ground"}, "title": "Fidelity",
    "hands": [{"score": 0.9, "passed": True}],
}  # fmt: skip
reports = mutated([REPORT], any_json(list(REPORT)))


def any_report(text: str) -> None:
    """What a node says reaches the sidecar as strict JSON, and what did not pass is named."""
    found = collect({"1": {"text": [text]}}, GRAPH, {"1": "result"})
    lines = failed_checks(found.reports)
    assert all(isinstance(line, str) for line in lines)
    for report in found.reports.values():
        if isinstance(report, dict) and report.get("passed") is False:
            assert lines, "it did not pass, and nothing is said"
    json.loads(to_json(found.reports).encode(), parse_constant=refuse)


texts = (reports.map(as_json) | corrupted(reports.map(as_json))).map(lambda data: data.decode("utf-8", "replace"))


@settings(max_examples=200)
@given(texts)
def test_any_report_is_read_without_a_fault(text: str) -> None:
    any_report(text)


@pytest.mark.slow
@settings(max_examples=2000)
@given(texts)
def test_any_of_very_many_reports(text: str) -> None:
    any_report(text)


@pytest.mark.parametrize("text", ["[" * 1000 + "]" * 1000, "9" * 5000, '{"n": ' + "9" * 400 + "}", "{", '"\\ud800"'])
def test_what_is_no_report_stays_text(text: str) -> None:
    reports = collect({"1": {"text": [text]}}, GRAPH, {"1": "result"}).reports
    assert "Gate" in reports
    to_json(reports)


@pytest.mark.parametrize("meta", ["text", 3, None, [], {"title": 7}, {"title": None}])
def test_any_meta_is_no_fault(meta: Any) -> None:
    graph = {"1": {"class_type": "Check", "inputs": {}, "_meta": meta}}
    assert list(collect({"1": {"text": ["{}"]}}, graph, {}).reports) == ["Check"]


# workflow files and job tables: a refusal with its exit code, or a value


def reads(read: Any, kind: type[Exception]) -> None:
    try:
        read()
    except kind as error:
        assert str(error)


@pytest.mark.parametrize(
    "text", ["[" * 5000 + "]" * 5000, '{"1": {"class_type": "A", "inputs": {"a": NaN}}}', "9" * 5000]
)
def test_a_workflow_that_leads_astray_ends_with_2(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.json"
    path.write_text(text)
    for name in ("inputs", "validate", "submit"):
        run = command(name, str(path), folder=tmp_path)
        assert run.code == 2, run.err
        assert "Traceback" not in run.err


def test_nan_beside_the_inputs_is_comfyuis_own(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    path.write_text('{"1": {"class_type": "A", "inputs": {}, "is_changed": [NaN]}}')
    assert load_workflow(str(path)).graph["1"]["class_type"] == "A"


def test_a_hundred_thousand_nodes_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    graph = {"0": {"class_type": "LoadImage", "inputs": {"image": "x.png"}, "_meta": {"title": "input: image"}}}
    graph |= {str(n): {"class_type": "ImageInvert", "inputs": {"image": [str(n - 1), 0]}} for n in range(1, 100_000)}
    path.write_text(json.dumps(graph))
    run = command("inputs", str(path), folder=tmp_path)
    assert run.code == 0, run.err


@given(st.text(max_size=200))
def test_any_text_is_a_job_table_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    for kind in ("csv", "jsonl", "yaml"):
        path = tmp_path_factory.mktemp("t") / f"jobs.{kind}"
        path.write_text(text, encoding="utf-8", newline="")
        reads(lambda path=path: table(path, ["image"], ["steps"], []), RunnerError)


NESTED = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        "a: &a [*a]",
        "a: " + "[" * 3000 + "]" * 3000,
        "a: 2026-99-99",
        "a: !!int x",
        "a: 1\n b: 2",
        b"\xff\xfe\x00",
    ],
    ids=["laughs", "itself", "deep", "no date", "no number", "no yaml", "no text"],
)
def test_every_yaml_of_others_is_refused_in_words(tmp_path: Path, text: str | bytes) -> None:
    raw = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "models").mkdir()
    for path in (tmp_path / "extra_model_paths.yaml", tmp_path / "manifest.yaml"):
        path.write_bytes(raw)
    with pytest.raises(UsageError, match=r"extra_model_paths\.yaml: this is not valid YAML"):
        open_store(tmp_path)
    with pytest.raises(ManifestError, match=r"manifest\.yaml: this is not valid YAML"):
        load_manifest(tmp_path / "manifest.yaml")


def test_a_name_that_is_given_twice_in_comfyuis_own_list_is_read_as_comfyui_does(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "extra_model_paths.yaml").write_text("a:\n  loras: one\n  loras: two\n")
    assert open_store(tmp_path).extra == (("loras", tmp_path / "two"),)


@pytest.mark.parametrize("body", ["", "nothing", "[" * 101 + "]" * 101, '{"a":' * 5000, "1" * 5000, b"\xff"])
def test_what_a_server_says_is_refused_where_it_is_no_answer(body: str | bytes) -> None:
    with pytest.raises(BadDataError):
        parse_answer(body)


ordinary = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(ordinary)
def test_what_a_server_says_may_hold_whatever_it_likes(value: Any) -> None:
    text = json.dumps(value)
    assert json.dumps(parse_answer(text)) == text


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0b" + "1" * 20000, ":".join(["59"] * 5000), "0x1" + "0" * 17])
def test_a_yaml_number_that_cannot_be_written_down_is_refused(number: str) -> None:
    """Sixty to the five thousandth: the message that named it was a fault of its own."""
    with pytest.raises(BadDataError, match="too large"):
        parse_yaml(f"- {{seed: {number}}}")
