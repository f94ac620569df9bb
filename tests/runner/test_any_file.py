"""Whatever a workflow file or a job table holds: it is read, or refused with an exit code of the contract and words."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from runner.data import without_lone_surrogates
from tests.support.comfy import REPO
from tests.support.hostile import HostileComfy
from tests.support.runs import Desk, command, flat, inverting, node
from tests.support.spaces import ANY_TEXT, any_json, as_json, corrupted, kept_to_the_contract, mutated

SCHEMA = str(REPO / "workflows" / "object_info.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all cases: a case writes its file over the last one's."""
    return tmp_path_factory.mktemp("any")


# workflow files


def published(name: str) -> Any:
    return json.loads((REPO / "workflows" / f"{name}.json").read_text(encoding="utf-8"))


CANVAS = {
    "nodes": [{"id": 1, "type": "LoadImage", "widgets_values": ["x.png"], "outputs": [{"links": [1]}]}],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    "version": 0.4,
}
GRAPHS = [
    flat(1),
    inverting(),
    {**inverting(), "n": node("PrimitiveFloat", "input: fill", value=0.5), "m": node("Note", text="%date:yy% {a|b}")},
    {"prompt": flat(1), "client_id": "x"},
    {"input": {"workflow": flat(1), "images": [{"name": "a.png", "image": "…"}]}},
    {"output": inverting(), "workflow": CANVAS},
    {"workflow_json": json.dumps(flat(1))},
    CANVAS,
]
WITH_A_DICT_FOR_A_PHOTO = {**inverting(), "1": node("LoadImage", "input: image", image={"a": None})}
PUBLISHED = [published(name) for name in ("cutout.v3", "packshot.v4", "series.v1", "vary.v1", "explore.v1")]
WORDS = [
    "class_type", "inputs", "_meta", "title", "image", "images", "filename_prefix", "input: image", "output: result",
    "prompt", "workflow", "output", "nodes", "links", "1", "2", "LoadImage", "SaveImage", "input: x = y",
]  # fmt: skip
VALUES = any_json(WORDS)
WORKFLOWS = (
    mutated(GRAPHS, VALUES).map(as_json)
    | mutated(PUBLISHED, VALUES).map(as_json)
    | VALUES.map(as_json)
    | corrupted(st.sampled_from([*map(as_json, GRAPHS), *map(as_json, PUBLISHED)]))
    | st.binary(max_size=60)
)


def in_a_picture(text: bytes) -> bytes:
    """A result that carries `text` as its graph."""
    stream, info = io.BytesIO(), PngInfo()
    info.add_text("prompt", text.decode("utf-8", "replace").replace("\0", ""))
    Image.new("RGB", (2, 2)).save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


PICTURES = WORKFLOWS.map(in_a_picture) | corrupted(st.just(in_a_picture(as_json(flat(1)))))


def any_workflow(folder: Path, server: HostileComfy, data: bytes, suffix: str, *, made: bool) -> None:
    """All that reads a workflow; `made`: it is sent to a server, too, and its results are saved."""
    path = folder / f"w{suffix}"
    path.write_bytes(data)
    kept_to_the_contract(command("inputs", str(path), "--all", "--object-info", SCHEMA, folder=folder), 0, 2)
    kept_to_the_contract(command("validate", str(path), "--object-info", SCHEMA, folder=folder), 0, 2, 4)
    kept_to_the_contract(command("batch", str(path), "--dry-run", folder=folder), 0, 2, 4)
    if made:
        server.forget()
        run = Desk(folder, server.url).submit(str(path), "--timeout", "60", "--json")
        kept_to_the_contract(run, 0, 2, 4, 5, 6)
        for done in run.of("done"):
            assert all(Path(file).stat().st_size for file in done["files"])


@settings(max_examples=120)
@given(WORKFLOWS, st.booleans())
@example(as_json(WITH_A_DICT_FOR_A_PHOTO), True)
def test_any_workflow_file(folder: Path, obliging: HostileComfy, data: bytes, made: bool) -> None:
    any_workflow(folder, obliging, data, ".json", made=made)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2500)
@given(WORKFLOWS, st.booleans())
def test_any_workflow_file_thousands_of_times(folder: Path, obliging: HostileComfy, data: bytes, made: bool) -> None:
    any_workflow(folder, obliging, data, ".json", made=made)


@settings(max_examples=40)
@given(PICTURES)
def test_any_picture_as_a_workflow(folder: Path, obliging: HostileComfy, data: bytes) -> None:
    any_workflow(folder, obliging, data, ".png", made=False)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=500)
@given(PICTURES)
def test_any_picture_as_a_workflow_hundreds_of_times(folder: Path, obliging: HostileComfy, data: bytes) -> None:
    any_workflow(folder, obliging, data, ".png", made=False)


# what a server's nodes are said to be

RECORDED = json.loads(Path(SCHEMA).read_text(encoding="utf-8"))
SCHEMAS = [
    {name: RECORDED[name] for name in sorted({node["class_type"] for node in graph.values()})} for graph in PUBLISHED
]
RECORDS = (
    mutated(SCHEMAS, any_json(["input", "required", "optional", "output", "COMBO", "options", "default"])).map(as_json)
    | VALUES.map(as_json)
    | corrupted(st.sampled_from([*map(as_json, SCHEMAS)]))
)


def any_record(folder: Path, data: bytes, name: str) -> None:
    (folder / "nodes.json").write_bytes(data)
    recorded = ("--object-info", str(folder / "nodes.json"))
    kept_to_the_contract(command("inputs", name, "--all", *recorded, folder=folder), 0, 2)
    kept_to_the_contract(command("validate", name, *recorded, folder=folder), 0, 2, 4)


@settings(max_examples=60)
@given(RECORDS, st.sampled_from(["cutout", "packshot", "series", "vary"]))
@example(
    as_json({"LoadImage": {"input": 5, "output": "x"}, "ProdgenSegmentProduct": {"input": {"a": [1]}}}), "packshot"
)
def test_any_record_of_a_servers_nodes(folder: Path, data: bytes, name: str) -> None:
    any_record(folder, data, name)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=1000)
@given(RECORDS, st.sampled_from(["cutout", "packshot", "series", "vary"]))
def test_any_record_of_a_servers_nodes_a_thousand_times(folder: Path, data: bytes, name: str) -> None:
    any_record(folder, data, name)


# job tables

ROWS: list[Any] = [
    [{"image": "photo.png", "fill": 0.3, "name": "a", "seeds": "1-3", "group": "g"}],
    [{"1.image": "photo.png", "fill": 0.7}, {"1.image": "photo.png", "fill": "0,7", "count": 2, "category": "c"}],
    [{"image": "photo.png", "seeds": [1, 2], "fill": [0.1, 0.2]}, {"image": "photo.png", "seeds": {"from": 1}}],
]
COLUMNS = ["image", "1.image", "fill", "name", "seeds", "count", "group", "category", "seed", "1.x"]
CELLS = any_json(COLUMNS)
ANY_ROWS = mutated(ROWS, CELLS) | st.lists(st.dictionaries(st.sampled_from(COLUMNS) | ANY_TEXT, CELLS, max_size=4))
YAMLS = [
    "jobs:\n- &a {image: photo.png, fill: 0.7}\n- {<<: *a, name: b}\n",
    "defaults: &d {image: photo.png}\njobs:\n  - <<: *d\n    seeds: 1-3\n  - {<<: *d, fill: [0.1, 0.2]}\n",
    "- image: photo.png\n  name: |\n    two\n    lines\n- image: photo.png\n  group: 'it''s'\n",
]


def as_csv(rows: Any, delimiter: str = ",") -> bytes:
    rows = [row if isinstance(row, dict) else {"image": row} for row in rows] if isinstance(rows, list) else []
    columns = list(dict.fromkeys(str(key) for row in rows for key in row))
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(map(without_lone_surrogates, columns))
    for row in rows:
        writer.writerow([without_lone_surrogates(str(row.get(column, ""))) for column in columns])
    return stream.getvalue().encode()


def as_lines(rows: Any) -> bytes:
    return b"\n".join(map(as_json, rows if isinstance(rows, list) else [rows]))


def as_yaml(rows: Any) -> bytes:
    return b"".join(b"- " + as_json(row) + b"\n" for row in rows) if isinstance(rows, list) else as_json(rows)


WRITTEN = {
    "csv": ANY_ROWS.map(as_csv) | st.builds(as_csv, ANY_ROWS, st.sampled_from(";\t|")),
    "jsonl": ANY_ROWS.map(as_lines),
    "yaml": ANY_ROWS.map(as_yaml) | st.sampled_from(YAMLS).map(str.encode),
}
TABLES = {kind: rows | corrupted(rows) | st.binary(max_size=60) for kind, rows in WRITTEN.items()}


def any_table(folder: Path, kind: str, data: bytes) -> None:
    (folder / "photo.png").write_bytes(b"x")
    workflow, jobs = folder / "jobs_of.json", folder / f"jobs.{kind}"
    workflow.write_bytes(as_json(GRAPHS[2]))
    jobs.write_bytes(data)
    words = ["batch", str(workflow), "--jobs", str(jobs), "--dry-run", "--out", str(folder / "none")]
    run = command(*words, folder=folder)
    kept_to_the_contract(run, 0, 2, 4)  # 4: by a ComfyUI that happens to be here and does not have its photo
    assert not (folder / "none").exists()


@pytest.mark.parametrize("kind", TABLES)
@settings(max_examples=50)
@given(st.data())
def test_any_job_table(folder: Path, kind: str, data: st.DataObject) -> None:
    any_table(folder, kind, data.draw(TABLES[kind]))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", TABLES)
@settings(max_examples=1500)
@given(st.data())
def test_any_job_table_thousands_of_times(folder: Path, kind: str, data: st.DataObject) -> None:
    any_table(folder, kind, data.draw(TABLES[kind]))
