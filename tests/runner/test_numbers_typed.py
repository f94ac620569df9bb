"""Seeds, counts and other numbers as people and spreadsheets write them: taken as meant, or refused before anything is
sent; never thrown away."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.batch.order import BatchOrder
from runner.batch.plan import MOST_JOBS
from runner.batch.rows import MANY_SEEDS, seed_list
from runner.batch.setup import prepare
from runner.cli.parser import LONGEST_S, MOST
from runner.errors import UsageError
from tests.support.hostile import HostileComfy
from tests.support.runs import Graph, Run, command, copying, inverting, node

NOWHERE = "http://127.0.0.1:9"
WHOLE = [("1.0", 1), ("7", 7), (" 7 ", 7), ("1e3", 1000), ("+4", 4), ("9007199254740993.0", 9007199254740993)]
NONE = ["abc", "0x10", "true", "1;2", "1-3", "1.5", "1e400", "nan"]


def seeded() -> Graph:
    graph = copying()
    graph["7"] = node("PrimitiveInt", "input: seed", value=5)
    return graph


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(seeded()))
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    return path


Ask = Callable[[Path, str], list[str]]


def by_table(workflow: Path, seed: str) -> list[str]:
    table = workflow.parent / "jobs.csv"
    table.write_text(f'image,seed\na.png,"{seed}"\n')
    return ["batch", str(workflow), "--jobs", str(table)]


def by_option(workflow: Path, seed: str) -> list[str]:
    return ["submit", str(workflow), str(workflow.parent / "a.png"), "--set", f"seed={seed}"]


def by_node(workflow: Path, seed: str) -> list[str]:
    return ["batch", str(workflow), str(workflow.parent / "a.png"), "--set", f"7.value={seed}"]


def by_settings(workflow: Path, seed: str) -> list[str]:
    (workflow.parent / "prodgen.toml").write_text(f'[set]\nseed = "{seed}"\n')
    return ["submit", str(workflow), str(workflow.parent / "a.png")]


WAYS = [by_table, by_option, by_node, by_settings]


def run(words: list[str], out: Path, *more: str) -> Run:
    return command(*words, "--out", str(out), *more, folder=out)


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("seed", NONE)
def test_a_seed_that_is_none_is_refused_before_a_server_is_asked(workflow: Path, ask: Ask, seed: str) -> None:
    for more in (("--dry-run",), ("--server", NOWHERE)):
        said = run(ask(workflow, seed), workflow.parent / "out", *more)
        assert said.code == 2, said.err
        assert f"{seed!r} is not a whole number" in said.err and "unexpected" not in said.err, said.err


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(("seed", "meant"), WHOLE)
def test_a_whole_number_is_one_however_it_is_written(workflow: Path, ask: Ask, seed: str, meant: int) -> None:
    said = run(ask(workflow, seed), workflow.parent / "out", "--dry-run", "--json")
    assert said.code == 0, said.err
    (planned,) = said.of("planned")
    assert [int(float(value)) if value == seed else value for value in planned["values"].values()] == [meant]
    assert all(value == meant for value in planned["values"].values()), planned


def test_a_dry_run_of_one_photo_takes_no_list_where_the_run_takes_none(workflow: Path) -> None:
    for more in (("--dry-run",), ("--server", NOWHERE)):
        said = run(by_option(workflow, "1,5"), workflow.parent / "out", *more)
        assert said.code == 2 and "'1,5' is not a whole number" in said.err, said.err
    Image.new("RGB", (8, 8), "blue").save(workflow.parent / "b.png")
    several = [*by_option(workflow, "1,5"), str(workflow.parent / "b.png")]
    assert len(run(several, workflow.parent / "out", "--dry-run", "--json").of("planned")) == 4
    words = ["batch", *by_option(workflow, "1,5")[1:]]
    assert len(run(words, workflow.parent / "out", "--dry-run", "--json").of("planned")) == 2


def test_rows_that_differ_in_their_seeds_are_several_jobs(workflow: Path) -> None:
    table = workflow.parent / "jobs.csv"
    table.write_text("image,seed\na.png,1.0\na.png,2.0\na.png,3.0\n")
    setup = prepare(BatchOrder(str(workflow), workflow.parent / "out", jobs=table))
    assert [job.seed for job in setup.jobs] == [1, 2, 3] and not setup.twice


def test_nor_where_the_recorded_nodes_do_not_know_all(workflow: Path) -> None:
    graph = inverting()
    graph["7"] = node("PrimitiveInt", "input: seed", value=5)
    workflow.write_text(json.dumps(graph))
    said = run(by_option(workflow, "1.5"), workflow.parent / "out", "--server", NOWHERE)
    assert said.code == 2 and "'1.5' is not a whole number" in said.err, said.err


def test_what_a_seed_is_made_with_is_what_was_asked_for(workflow: Path, obliging: HostileComfy) -> None:
    obliging.forget()
    said = run(by_option(workflow, "9.0"), workflow.parent / "out", "--server", obliging.url)
    if said.code == 0:
        assert said.sidecars[0]["seed"] == 9
    else:  # it does not know these nodes
        assert said.code == 4, said.err


def test_the_last_of_many_seeds_must_fit_too(workflow: Path) -> None:
    words = ["submit", str(workflow), str(workflow.parent / "a.png"), "--seed", str(2**63 - 1), "--count", "3"]
    for more in (("--dry-run",), ("--server", NOWHERE)):
        said = run(words, workflow.parent / "out", *more)
        assert said.code == 2 and "too large" in said.err, said.err


@pytest.mark.parametrize(
    ("table", "more"),
    [("image,seed,seeds\na.png,7,1;2\n", ()), ("image,seed\na.png,7\n", ("--seeds", "1-3"))],
)
def test_a_seed_beside_seeds_is_not_thrown_away(workflow: Path, table: str, more: tuple[str, ...]) -> None:
    path = workflow.parent / "jobs.csv"
    path.write_text(table)
    said = run(["batch", str(workflow), "--jobs", str(path), *more], workflow.parent / "out", "--dry-run")
    assert said.code == 2 and "set the same input" in said.err and "line 2" in said.err, said.err


def test_seeds_that_are_typed_count_more_than_a_file(workflow: Path) -> None:
    (workflow.parent / "prodgen.toml").write_text("[set]\nseed = 7\n")
    words = ["batch", str(workflow), str(workflow.parent / "a.png"), "--seeds", "1-3"]
    said = run(words, workflow.parent / "out", "--dry-run", "--json")
    assert [one["values"]["seed"] for one in said.of("planned")] == [1, 2, 3], said.err


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.datetimes()
    | st.binary(max_size=3) | st.sets(st.integers(0, 9), max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
ROWS = st.dictionaries(
    st.sampled_from(["image", "seed", "name", "count", "seeds", "group", "category", "5.filename_prefix", "7.value"]),
    VALUES,
    max_size=4,
)


any_row = given(row=ROWS)


@settings(max_examples=75)
@any_row
def test_any_row_is_taken_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]) -> None:
    check_any_row(tmp_path_factory, row)


@pytest.mark.slow
@settings(max_examples=300)
@any_row
def test_any_of_hundreds_of_rows_is_taken_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]
) -> None:
    check_any_row(tmp_path_factory, row)


def check_any_row(tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("row")
    Image.new("RGB", (8, 8), "red").save(folder / "a.png")
    (folder / "w.json").write_text(json.dumps(seeded()))
    table = folder / "jobs.yaml"
    table.write_text(yaml.safe_dump([{"image": "a.png", **row}], allow_unicode=True), encoding="utf-8", newline="\n")
    try:
        setup = prepare(BatchOrder(str(folder / "w.json"), folder / "out", jobs=table))
    except UsageError as error:
        assert "jobs.yaml" in str(error) or "jobs" in str(error)
        return
    for job in setup.jobs:
        json.dumps([dict(job.values), job.seed], allow_nan=False)
        if "seed" in row and not isinstance(row["seed"], str) and "7.value" not in row and row["seed"] is not None:
            assert isinstance(row["seed"], (int, float)) and not isinstance(row["seed"], bool)
            assert job.seed == row["seed"], "another seed than was asked for"


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, datetime.date(2024, 1, 1), float("inf"), float("nan"), True, 1.5])
@pytest.mark.parametrize("column", ["seed", "count"])
def test_what_is_no_number_is_told_with_its_row(workflow: Path, column: str, value: Any) -> None:
    table = workflow.parent / "jobs.yaml"
    table.write_text(yaml.safe_dump([{"image": "a.png"}, {"image": "a.png", column: value}]))
    said = run(["batch", str(workflow), "--jobs", str(table)], workflow.parent / "out", "--dry-run")
    assert said.code == 2 and "job 2" in said.err and column in said.err and "unexpected" not in said.err, said.err


# how many


@pytest.mark.parametrize("count", ["99999999999", "4006381333931", str(MANY_SEEDS + 1), "9" * 5000, "1e30"])
def test_an_absurd_count_is_refused_with_the_limit(workflow: Path, count: str) -> None:
    table = workflow.parent / "jobs.csv"
    table.write_text(f"image,count\na.png,{count}\n")
    said = run(["batch", str(workflow), "--jobs", str(table)], workflow.parent / "out", "--dry-run")
    assert said.code == 2 and str(MANY_SEEDS) in said.err and "line 2" in said.err and len(said.err) < 500, said.err


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (("--count", "99999999999"), MOST),
        (("--count", "9" * 5000), 0),
        (("--ray-workers", "99999999999"), MOST),
        (("--timeout", "1e300"), LONGEST_S),
        (("--timeout", str(LONGEST_S + 1)), LONGEST_S),
        (("--timeout", "inf"), LONGEST_S),
        (("--seed", "9" * 40), 2**64 - 1),
        (("--seeds", "1-100000,200000-300000"), MANY_SEEDS),
        (("--seeds", str(2**64)), MANY_SEEDS),
    ],
)
def test_an_absurd_number_gets_one_clear_line(workflow: Path, words: tuple[str, str], limit: int) -> None:
    line = ["batch", str(workflow), str(workflow.parent / "a.png"), *words]
    said = run(line, workflow.parent / "out", "--dry-run")
    assert said.code == 2 and words[0] in said.err and "unexpected" not in said.err, said.err
    assert not limit or str(limit) in said.err, said.err


def test_too_many_jobs_in_all_are_refused_before_they_fill_the_memory(workflow: Path) -> None:
    table = workflow.parent / "jobs.csv"
    table.write_text("image,count\n" + f"a.png,{MANY_SEEDS}\n" * (MOST_JOBS // MANY_SEEDS + 1))
    said = run(["batch", str(workflow), "--jobs", str(table)], workflow.parent / "out", "--dry-run")
    assert said.code == 2 and f"up to {MOST_JOBS}" in said.err, said.err


def test_seed_lists_as_a_spreadsheet_writes_them() -> None:
    assert seed_list("1.0") == (1,) and seed_list("1.0;2.0 5-6") == (1, 2, 5, 6)
