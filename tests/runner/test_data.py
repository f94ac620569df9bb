"""What is written is strict JSON; files of others are read or refused in words, whatever is in them."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.batch.sources import table
from runner.data import (
    BadDataError,
    not_numbers,
    parse_answer,
    parse_json,
    parse_yaml,
    to_json,
    without_lone_surrogates,
)
from runner.errors import ManifestError, RunnerError, UsageError, WorkflowError
from runner.manifest import load_manifest
from runner.model_store import open_store
from runner.outputs import collect, failed_checks
from runner.workflow import load_workflow
from tests.support.runs import command

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None, exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
GRAPH = {"1": {"class_type": "Check", "inputs": {}, "_meta": {"title": "Gate"}}}


def refuse(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


@given(anything)
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


# reports

odd = st.none() | st.booleans() | st.floats() | st.text(max_size=6) | st.lists(anything, max_size=3) | st.integers()


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("passed", "reasons", "failed", "rules", "title", "x"), odd)))
def test_any_report_is_read_without_a_fault(report: dict[str, Any]) -> None:
    text = json.dumps(report)
    found = collect({"1": {"text": [text]}}, GRAPH, {"1": "result"})
    lines = failed_checks(found.reports)
    assert all(isinstance(line, str) for line in lines)
    if report.get("passed") is False:
        assert lines, "it did not pass, and nothing is said"
    to_json(found.reports).encode()


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


node = st.fixed_dictionaries(
    {}, optional={"class_type": anything | st.just("LoadImage"), "inputs": anything, "_meta": anything | st.just({})}
)
graphs = anything | st.dictionaries(st.text(max_size=4), node | anything, max_size=4)


def any_workflow(folder: Path, value: Any) -> None:
    path = folder / "w.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    reads(lambda: load_workflow(str(path)).inputs(), WorkflowError)
    for arguments in (["inputs", str(path), "--object-info", str(path)], ["batch", str(path), "--dry-run"]):
        run = command(*arguments, folder=folder)
        assert run.code in (0, 2), run.err
        assert "Traceback" not in run.err


@settings(max_examples=150, deadline=None)
@given(graphs)
def test_any_workflow_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    any_workflow(tmp_path_factory.mktemp("w"), value)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(graphs)
def test_any_of_very_many_workflow_files(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    any_workflow(tmp_path_factory.mktemp("w"), value)


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


tables = st.lists(
    st.dictionaries(
        st.sampled_from(["image", "steps", "name", "seeds", "count", "1.x"]) | st.text(max_size=5), anything, max_size=4
    ),
    max_size=4,
)


def any_table(folder: Path, rows: list[dict[str, Any]], kind: str) -> None:
    path = folder / f"jobs.{kind}"
    if kind == "csv":
        stream = io.StringIO()
        writer = csv.writer(stream)
        for row in rows:
            writer.writerow([without_lone_surrogates(str(key)) for key in row])
            writer.writerow([without_lone_surrogates(str(value)) for value in row.values()])
        path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    else:
        lines = [json.dumps(row) for row in rows]
        path.write_text("\n".join(lines) if kind == "jsonl" else "\n".join(f"- {line}" for line in lines))
    problems: list[str] = []
    reads(lambda: table(path, ["image"], ["steps"], problems), UsageError)
    workflow = folder / "w.json"
    workflow.write_text(json.dumps({"1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}}}))
    run = command("batch", str(workflow), "--jobs", str(path), "--dry-run", "--out", str(folder / "out"), folder=folder)
    assert run.code in (0, 2), run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("kind", ["csv", "jsonl", "yaml"])
@settings(max_examples=80, deadline=None)
@given(rows=tables)
def test_any_job_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, rows: list[dict[str, Any]]
) -> None:
    any_table(tmp_path_factory.mktemp("t"), rows, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "yaml"])
@settings(max_examples=1500, deadline=None)
@given(rows=tables)
def test_any_of_very_many_job_tables(
    tmp_path_factory: pytest.TempPathFactory, kind: str, rows: list[dict[str, Any]]
) -> None:
    any_table(tmp_path_factory.mktemp("t"), rows, kind)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_job_table_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    for kind in ("csv", "jsonl", "yaml"):
        path = tmp_path_factory.mktemp("t") / f"jobs.{kind}"
        path.write_text(text, encoding="utf-8", newline="")
        reads(lambda path=path: table(path, ["image"], ["steps"], []), RunnerError)


LAUGHS = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
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


@given(anything)
def test_what_a_server_says_may_hold_whatever_it_likes(value: Any) -> None:
    text = json.dumps(value)
    assert json.dumps(parse_answer(text)) == text
