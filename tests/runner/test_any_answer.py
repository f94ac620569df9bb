"""Whatever a server says, at any endpoint and on the socket: an exit code of the contract, no traceback, no hang."""

from __future__ import annotations

import json
import shutil
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.absence import Limits
from runner.cli import build_parser
from runner.client import ComfyClient
from runner.console import json_text
from runner.errors import EXIT_OK, RunnerError
from runner.progress import JsonReporter
from runner.records import ServerFile
from runner.request import prepare_request
from runner.server_choice import resolve_server
from runner.session import Session
from runner.transport import NoAnswerError, TooLargeError
from tests.support.fake import FakeServer
from tests.support.hostile import NODES, STATS, HostileComfy, Said, endless, frame, png
from tests.support.runs import Desk, command, flat, inverting
from tests.support.spaces import any_json, as_json, corrupted, count_code, kept_to_the_contract, mutated

Lies = list[tuple[str, bytes | Said]]
CONTRACT = {0, 2, 3, 4, 5, 6, 7, 130}
"""130: a server may say that it knows nothing of a job any more: somebody took it out of the queue."""
ENDPOINTS = (
    "GET /system_stats", "GET /features", "GET /object_info", "POST /upload/image", "POST /prompt", "GET /api/jobs/",
    "GET /api/jobs?", "GET /history", "GET /queue", "GET /view", "GET /node_replacements", "GET /ws", "POST /api/jobs/",
    "POST /queue",
)  # fmt: skip
LIMITS = Limits(patience=0.1, silence=0.02, deaf=0.01, absent=0.02, cancel=0.1)
WORDS = [
    "system",
    "comfyui_version",
    "devices",
    "max_upload_size",
    "name",
    "subfolder",
    "prompt_id",
    "node_errors",
    "errors",
    "status",
    "outputs",
    "images",
    "filename",
    "type",
    "text",
    "execution_status",
    "execution_error",
    "messages",
    "id",
    "exception_message",
    "traceback",
    "node_id",
    "SaveImage",
    "EmptyImage",
    "LoadImage",
    "input",
    "required",
    "output",
    "queue_running",
    "queue_pending",
    "jobs",
    "priority",
    "completed",
    "failed",
    "cancelled",
    "pending",
    "error",
    "extra_info",
    "missing_node_type",
    "2",
    "$ID",
    "data",
    "node",
    "nodes",
    "value",
    "max",
    "progress",
    "executing",
    "COMBO",
    "options",
    "COMFY_AUTOGROW_V3",
    "COMFY_DYNAMICCOMBO_V3",
    "template",
    "key",
    "inputs",
    "min",
    "INT",
]
VALUES = any_json(WORDS)

FILE = {"filename": "a_00001_.png", "subfolder": "", "type": "output"}
ERROR = {"node_id": "1", "exception_message": "m", "exception_type": "E", "traceback": ["  a", "b"]}
GROWING = {"template": {"input": {"required": {"a": ["IMAGE", {}]}}, "min": 1, "max": 3, "prefix": "p"}}
CHOOSING = {"options": [{"key": "x", "inputs": {"required": {}}}]}
DYNAMIC = {"g": ["COMFY_AUTOGROW_V3", GROWING], "d": ["COMFY_DYNAMICCOMBO_V3", CHOOSING]}
PLAIN = {"width": ["INT", {"min": 0, "max": 9}], "k": [["a"], {}]}
CACHED = {"messages": [["execution_cached", {"nodes": ["1"]}]]}
SHAPES: dict[str, list[Any]] = {
    "GET /system_stats": [
        {"system": {"comfyui_version": "1"}, "devices": [{"name": "a", "type": "cuda", "vram_free": 1}]}
    ],
    "GET /features": [{"max_upload_size": 1000000}],
    "GET /object_info": [
        {"EmptyImage": {"input": {"required": PLAIN}, "output": ["IMAGE"]}},
        {"SaveImage": {"input": {"required": DYNAMIC}, "output": [], "output_node": True}},
    ],
    "POST /upload/image": [{"name": "p.png", "subfolder": "s", "type": "input"}],
    "POST /prompt": [
        {"prompt_id": "x", "node_errors": {"1": {"errors": [{"message": "m", "details": "d", "type": "t"}]}}},
    ],
    "GET /api/jobs/": [
        {
            "id": "x",
            "status": "completed",
            "outputs": {"2": {"images": [FILE], "text": ["{}"]}},
            "execution_start_time": 1,
            "execution_end_time": 2,
            "execution_status": CACHED,
        },
        {"id": "x", "status": "failed", "outputs": {}, "execution_error": ERROR},
    ],
    "GET /api/jobs?": [{"jobs": [{"id": "x", "status": "pending", "priority": 1}]}],
    "GET /history": [{"$ID": {"status": {"status_str": "error", "messages": [["execution_error", ERROR]]}}}],
    "GET /queue": [{"queue_running": [[1, "$ID", {}, {}, []]], "queue_pending": [[2, "y", {}, {"prodgen": {}}, []]]}],
    "GET /node_replacements": [{"a": [{}]}],
    "POST /api/jobs/": [{"cancelled": True}],
}
RIGHT = {**SHAPES, "GET /view": [png()], "GET /system_stats": [STATS], "GET /object_info": [NODES]}
"""What a ComfyUI sends, whole: to be cut and joined."""
WRITTEN = {
    key: st.sampled_from([shape if isinstance(shape, bytes) else as_json(shape) for shape in shapes])
    for key, shapes in RIGHT.items()
}
LIES = st.one_of(
    st.tuples(st.sampled_from(ENDPOINTS), VALUES.map(as_json)),
    *(st.tuples(st.just(key), mutated(shapes, VALUES).map(as_json)) for key, shapes in SHAPES.items()),
    *(st.tuples(st.just(key), corrupted(written)) for key, written in WRITTEN.items()),
)
STATUSES = st.sampled_from([200, 200, 200, 200, 200, 400, 404, 500, 418])
SAID = [
    {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}, "sid": "x"}},
    {"type": "progress", "data": {"prompt_id": "$ID", "node": "1", "value": 1, "max": 2}},
    {
        "type": "progress_state",
        "data": {"prompt_id": "$ID", "nodes": {"1": {"value": 1, "max": 2, "state": "running"}}},
    },
    {"type": "executing", "data": {"prompt_id": "$ID", "node": None, "display_node": "1"}},
    {"type": "executed", "data": {"prompt_id": "$ID", "node": "2", "output": {"images": [FILE]}}},
    {"type": "execution_start", "data": {"prompt_id": "$ID", "timestamp": 1}},
    {"type": "execution_cached", "data": {"prompt_id": "$ID", "nodes": ["1"]}},
    {"type": "preview", "data": {"prompt_id": "$ID", "image": "x", "node_id": "1"}},
    {"type": "execution_success", "data": {"prompt_id": "$ID"}},
    {"type": "execution_error", "data": {"prompt_id": "$ID", **ERROR}},
    {"type": "execution_interrupted", "data": {"prompt_id": "$ID", "node_id": "1", "executed": []}},
]
BINARY = st.builds(
    lambda kind, data: struct.pack(">I", kind) + data,
    st.integers(0, 5) | st.integers(0, 2**32 - 1),
    st.binary(max_size=40) | corrupted(st.sampled_from([png(), struct.pack(">I", 1) + png(), as_json(SAID[1])])),
)
MESSAGES = st.lists(
    VALUES | mutated(SAID, VALUES) | mutated(SAID, VALUES) | BINARY | st.binary(max_size=64), max_size=4
)
FRAMES = st.lists(
    st.binary(max_size=40)
    | st.builds(
        frame,
        st.integers(0, 255) | st.sampled_from([0x81, 0x82, 0x01, 0x80, 0x88, 0x89]),
        st.binary(max_size=130) | corrupted(st.sampled_from([as_json(said) for said in SAID])),
        st.none() | st.none() | st.integers(0, 2**63),
    ),
    max_size=4,
)
"""What is no message, or not yet: frames of every kind, torn and with lengths that lie."""


@pytest.fixture(scope="module")
def liar() -> Iterator[HostileComfy]:
    with HostileComfy() as server:
        yield server


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, liar: HostileComfy) -> Desk:
    made = Desk(tmp_path_factory.mktemp("any"), liar.url)
    made.photo()
    made.workflow(flat(0xFF0000), "flat")
    made.workflow(
        {"1": inverting()["1"], "2": {**flat(0)["2"], "inputs": {"images": ["1", 0], "filename_prefix": "x"}}},
        "with_photo",
    )
    return made


def submitted(desk: Desk, *words: str, previews: bool = False) -> tuple[int, str]:
    """What `submit` does, with less patience: (the exit code, what it said)."""
    words = ("submit", *words, "--server", desk.url, "--out", str(desk.out), "--json")
    args = build_parser(words).parse_args(words)
    said: list[str] = []
    with JsonReporter(out=_Lines(said), err=_Lines(said)) as reporter:  # type: ignore[arg-type]  # it only writes
        try:
            request = prepare_request(args)
            url = resolve_server(args.server, say=reporter.notice)
            with Session(
                url,
                args.out,
                reporter,
                workflow="flat",
                limits=LIMITS,
                deadline=time.monotonic() + 20,
                previews=previews,
            ) as session:
                results = session.run(request.plan(session).jobs())
        except RunnerError as error:
            return error.exit_code, json_text(str(error))
    errors = [result.error for result in results if result.error is not None]
    return (errors[0].exit_code if errors else EXIT_OK), "".join(said)


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        text.encode("utf-8")
        self._lines.append(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def told(server: HostileComfy, lies: Lies, status: int, messages: list[Any]) -> None:
    server.forget()
    server.messages = messages
    for key, lie in lies:
        server.lies[key] = (
            lie
            if isinstance(lie, Said)
            else lambda lie=lie: Said(lie.replace(b"$ID", server.prompt_id.encode()), status)
        )


def check_any_answer(liar: HostileComfy, desk: Desk, lies: Lies, status: int, messages: list[Any], photo: bool) -> int:
    """The exit code of one run, after what must hold of every run."""
    told(liar, lies, status, messages)
    return check_run(desk, photo)


def check_run(desk: Desk, photo: bool) -> int:
    shutil.rmtree(desk.out, ignore_errors=True)
    with_photo = (str(desk.folder / "with_photo.json"), "--image", str(desk.folder / "photo.png"))
    began = time.monotonic()
    words = with_photo if photo else (str(desk.folder / "flat.json"),)
    code, said = submitted(desk, *words, previews=photo)
    count_code(code)
    assert code in CONTRACT, (code, said)
    assert time.monotonic() - began < 60
    assert "\x1b" not in said
    left = [path for path in desk.out.rglob("*") if path.is_file()] if desk.out.exists() else []
    assert not [path for path in left if path.suffix == ".part"]
    for line in said.splitlines() if code == EXIT_OK else ():
        for name in json.loads(line).get("files", []) if line.startswith("{") else ():
            assert Path(name) in left
    for path in left:
        if path.suffix == ".json":
            record = json.loads(path.read_bytes())
            assert all((path.parent / file["file"]).is_file() for file in record["files"])
    return code


any_answer = given(
    lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES, messages=MESSAGES, photo=st.booleans()
)  # most of them one lie at a time: two could hide each other
in_parts = pytest.mark.parametrize("part", range(4))
"""A case waits more than it works: `-n 4 --dist load` runs the parts side by side."""


@settings(max_examples=200, derandomize=True)
@any_answer
def test_any_json_anywhere(
    liar: HostileComfy, desk: Desk, lies: Lies, status: int, messages: list[Any], photo: bool
) -> None:
    check_any_answer(liar, desk, lies, status, messages, photo)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=1500)
@any_answer
def test_any_json_anywhere_thousands_of_times(
    liar: HostileComfy, desk: Desk, part: int, lies: Lies, status: int, messages: list[Any], photo: bool
) -> None:
    check_any_answer(liar, desk, lies, status, messages, photo)


# a batch that was lied to


def check_lied_to_batch(liar: HostileComfy, desk: Desk, lies: Lies, status: int) -> None:
    """Whatever became of the jobs, the next run finishes them: nothing is lost, and no job stands in its way."""
    out = desk.folder / "batch"
    shutil.rmtree(out, ignore_errors=True)
    table = desk.folder / "colours.jsonl"
    table.write_text('{"1.color": 255}\n{"1.color": 65280}\n')
    words = ["batch", str(desk.folder / "flat.json"), "--jobs", str(table), "--out", str(out), "--server", liar.url]
    liar.announces = True
    told(liar, lies, status, [])
    kept_to_the_contract(command(*words, "--timeout", "1", folder=out), *CONTRACT)
    told(liar, [], 200, [])
    kept_to_the_contract(command(*words, "--timeout", "60", "--resume", folder=out), 0)
    liar.announces = False
    made = [path for path in out.rglob("*") if path.is_file() and path.suffix in (".png", ".json")]
    assert len({path.stem for path in made if path.suffix == ".json"}) >= 2
    for path in made:
        if path.suffix == ".json":
            assert all((path.parent / file["file"]).is_file() for file in json.loads(path.read_bytes())["files"])


lied_to = given(lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES)


@settings(max_examples=8, derandomize=True)
@lied_to
def test_a_batch_that_was_lied_to_is_finished_by_the_next_run(
    liar: HostileComfy, desk: Desk, lies: Lies, status: int
) -> None:
    check_lied_to_batch(liar, desk, lies, status)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=100)
@lied_to
def test_a_batch_that_was_lied_to_is_finished_by_the_next_run_hundreds_of_times(
    liar: HostileComfy, desk: Desk, part: int, lies: Lies, status: int
) -> None:
    check_lied_to_batch(liar, desk, lies, status)


# bytes instead of HTTP, and what JSON can be at its worst

RAW = st.binary(max_size=80) | st.builds(
    lambda head, body: head + body,
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n",
            b"HTTP/9.9 20000 \xff\xff\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
            b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 429 Slow\r\nRetry-After: nan\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 503 No\r\nRetry-After: Fri, 99 Foo\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
            b"HTTP/1.1 200 " + b"a" * 70_000,
        ]
    ),
    st.binary(max_size=40),
)


any_bytes = given(endpoint=st.sampled_from(ENDPOINTS), raw=RAW, photo=st.booleans())


@settings(max_examples=60, derandomize=True)
@any_bytes
def test_any_bytes_anywhere(liar: HostileComfy, desk: Desk, endpoint: str, raw: bytes, photo: bool) -> None:
    check_any_answer(liar, desk, [(endpoint, Said(raw=raw))], 200, [], photo)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=350)
@any_bytes
def test_any_bytes_anywhere_thousands_of_times(
    liar: HostileComfy, desk: Desk, part: int, endpoint: str, raw: bytes, photo: bool
) -> None:
    check_any_answer(liar, desk, [(endpoint, Said(raw=raw))], 200, [], photo)


WORST = {
    "deep": b"[" * 100_000,
    "deep and closed": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "a number of 5000 digits": b'{"max_upload_size": ' + b"9" * 5000 + b"}",
    "a number beyond every float": b'{"max_upload_size": 1e999, "status": "completed"}',
    "NaN": b'{"max_upload_size": NaN, "status": "completed", "outputs": NaN}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"system": {"comfyui_version": "1"}}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "half a surrogate": b'{"name": "\\ud800", "prompt_id": "\\udfff"}',
    "nothing": b"",
    "two objects": b"{}{}",
    "a page": b"<html><title>Log in</title></html>",
}


@pytest.mark.parametrize("kind", WORST)
def test_the_worst_json_everywhere(liar: HostileComfy, desk: Desk, kind: str) -> None:
    for endpoint in ENDPOINTS:
        for photo in (False, True) if endpoint in ("GET /features", "POST /upload/image") else (False,):
            check_any_answer(liar, desk, [(endpoint, Said(WORST[kind]))], 200, [], photo)


COMMANDS = (("status",), ("cancel",), ("validate", "FLAT"), ("inputs", "FLAT"))


@settings(max_examples=120, derandomize=True)
@given(
    lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES, words=st.sampled_from(COMMANDS), as_json=st.booleans()
)
def test_any_json_to_the_other_commands(
    liar: HostileComfy, desk: Desk, lies: Lies, status: int, words: tuple[str, ...], as_json: bool
) -> None:
    told(liar, lies, status, [])
    said = [str(desk.folder / "flat.json") if word == "FLAT" else word for word in words]
    if as_json and words != ("cancel",):
        said.append("--json")
    run = command(*said, "--server", liar.url, folder=desk.out)
    assert run.code in CONTRACT, run.err
    assert "Traceback" not in run.err
    assert not any(ord(character) < 32 and character not in "\n\t" for character in run.out + run.err)
    if "--json" in said:
        assert all(isinstance(event, dict) for event in run.events)


# the socket: all it says is a hint


any_hint = given(messages=MESSAGES, frames=FRAMES, photo=st.booleans())


def check_any_hint(liar: HostileComfy, desk: Desk, messages: list[Any], frames: list[bytes], photo: bool) -> None:
    told(liar, [], 200, messages)
    liar.raw_messages = frames
    assert check_run(desk, photo) == 0


@settings(max_examples=150, derandomize=True)
@any_hint
def test_no_hint_on_the_socket_ends_a_run(
    liar: HostileComfy, desk: Desk, messages: list[Any], frames: list[bytes], photo: bool
) -> None:
    check_any_hint(liar, desk, messages, frames, photo)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=500)
@any_hint
def test_no_hint_on_the_socket_ends_a_run_thousands_of_times(
    liar: HostileComfy, desk: Desk, part: int, messages: list[Any], frames: list[bytes], photo: bool
) -> None:
    check_any_hint(liar, desk, messages, frames, photo)


@pytest.mark.parametrize(
    "raw",
    [
        frame(0x81, b"x" * 10, announced=1 << 62),
        frame(0x81, b"", announced=0) * 50,
        frame(0x01, b'{"type": "pro') + frame(0x80, b'gress"}'),
        frame(0x80, b"a continuation of nothing"),
        frame(0x8F, b"no such code"),
        frame(0xF1, b"reserved bits"),
        frame(0x88, b""),
        frame(0x88, b"\xff"),
        frame(0x89, b"ping" * 40),
        b"\x81\xff\x00",
        b"\x00" * 100,
        b"HTTP/1.1 200 OK\r\n\r\n",
        frame(0x81, b"[" * 100_000),
        frame(0x82, b"\x00\x00\x00\x04\xff\xff\xff\xff"),
        frame(0x81, b'{"type": "progress", "data": {"prompt_id": "$ID", "node": "1", "value": 1e999, "max": NaN}}'),
    ],
)
def test_a_bad_hint_on_the_socket_never_ends_a_run(liar: HostileComfy, desk: Desk, raw: bytes) -> None:
    told(liar, [], 200, [])
    liar.raw_messages = [raw]
    shutil.rmtree(desk.out, ignore_errors=True)
    assert submitted(desk, str(desk.folder / "flat.json"))[0] == 0


def test_a_message_without_an_end_is_given_up(liar: HostileComfy, desk: Desk) -> None:
    """Its listener would otherwise keep all of it."""
    told(liar, [("GET /ws", Said(raw=b"HTTP/1.1 101 X\r\nX: " + b"a" * 200_000))], 200, [])
    shutil.rmtree(desk.out, ignore_errors=True)
    assert submitted(desk, str(desk.folder / "flat.json"))[0] == 0


# limits


def test_every_body_that_is_read_has_a_limit_and_its_message() -> None:
    endless_json = endless(b"HTTP/1.1 200 OK\r\n\r\n{")
    with FakeServer(raw=endless_json) as server:
        client = ComfyClient(server.url)
        for ask in (client.system_stats, client.features, client.queue, client.object_info):
            with pytest.raises(TooLargeError, match="sends more than 64 MB"):
                ask()
        with (
            pytest.raises(TooLargeError, match="is larger than"),
            client.open_file(ServerFile("a.png"), largest=1 << 20) as chunks,
        ):
            for _ in chunks:
                pass
    announced = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
    with FakeServer(raw=announced) as server, pytest.raises((TooLargeError, NoAnswerError)):
        ComfyClient(server.url).system_stats()


def test_a_state_that_no_comfyui_knows_does_not_hold_the_run_for_ever(liar: HostileComfy, desk: Desk) -> None:
    told(liar, [("GET /api/jobs/", {"id": "$ID", "status": "thinking", "outputs": {}})], 200, [])
    began = time.monotonic()
    assert submitted(desk, str(desk.folder / "flat.json"))[0] == 3
    assert time.monotonic() - began < 15
