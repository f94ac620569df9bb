"""Whatever a server says, at any endpoint and on the socket: an exit code of the contract, no traceback, no hang."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
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
from tests.support.hostile import HostileComfy, Said, endless, frame
from tests.support.runs import Desk, command, flat, inverting
from tests.support.speed import within

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
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(WORDS)
    | st.sampled_from(["../../x.png", "a\x1b]0;x\x07b", "\ud800", "x" * 3000, "x.exe", "CON", "\u202egnp.exe"])
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=12,
)


def mutated(shape: Any) -> st.SearchStrategy[Any]:
    """What a ComfyUI would say, with any part of it replaced by anything."""
    parts = list(_places(shape))

    def put(place: tuple[Any, ...], value: Any) -> Any:
        return _with(shape, place, value)

    return st.builds(put, st.sampled_from(parts), ANY_JSON)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from _places(item, (*place, key))


def _with(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = _with(value[place[0]], place[1:], new)
    return copy


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
LIES = st.one_of(
    st.tuples(st.sampled_from(ENDPOINTS), ANY_JSON),
    *(st.tuples(st.just(key), mutated(shape)) for key, shapes in SHAPES.items() for shape in shapes),
)
STATUSES = st.sampled_from([200, 200, 200, 200, 200, 400, 404, 500, 418])
MESSAGES = st.lists(
    ANY_JSON
    | mutated({"type": "progress", "data": {"prompt_id": "$ID", "node": "1", "value": 1, "max": 2}})
    | mutated({"type": "executing", "data": {"prompt_id": "$ID", "node": None, "display_node": "1"}})
    | mutated({"type": "execution_cached", "data": {"prompt_id": "$ID", "nodes": ["1"]}})
    | mutated({"type": "preview", "data": {"prompt_id": "$ID", "image": "x", "node_id": "1"}})
    | mutated({"type": "execution_success", "data": {"prompt_id": "$ID"}})
    | st.binary(max_size=64)
    | st.builds(lambda data: b"\x00\x00\x00\x04" + data, st.binary(max_size=32)),
    max_size=4,
)


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


def submitted(desk: Desk, *words: str) -> tuple[int, str]:
    """What `submit` does, with less patience: (the exit code, what it said)."""
    words = ("submit", *words, "--server", desk.url, "--out", str(desk.out), "--json")
    args = build_parser(words).parse_args(words)
    said: list[str] = []
    with JsonReporter(out=_Lines(said), err=_Lines(said)) as reporter:  # type: ignore[arg-type]  # it only writes
        try:
            request = prepare_request(args)
            url = resolve_server(args.server, say=reporter.notice)
            with Session(
                url, args.out, reporter, workflow="flat", limits=LIMITS, deadline=time.monotonic() + 20
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


def told(server: HostileComfy, lies: list[tuple[str, Any]], status: int, messages: list[Any]) -> None:
    server.forget()
    server.messages = messages
    for key, lie in lies:
        server.lies[key] = (
            lie
            if isinstance(lie, Said)
            else lambda lie=lie: Said(json.dumps(lie).replace("$ID", server.prompt_id).encode(), status)
        )


def check_any_answer(
    liar: HostileComfy, desk: Desk, lies: list[tuple[str, Any]], status: int, messages: list[Any], photo: bool
) -> None:
    told(liar, lies, status, messages)
    shutil.rmtree(desk.out, ignore_errors=True)
    with_photo = (str(desk.folder / "with_photo.json"), "--image", str(desk.folder / "photo.png"))
    began = time.monotonic()
    code, said = submitted(desk, *(with_photo if photo else (str(desk.folder / "flat.json"),)))
    assert code in CONTRACT, (code, said)
    assert within(15, began)
    assert "\x1b" not in said


any_answer = given(
    lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES, messages=MESSAGES, photo=st.booleans()
)  # most of them one lie at a time: two could hide each other
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=250, deadline=None, suppress_health_check=QUIET, derandomize=True)
@any_answer
def test_any_json_anywhere(
    liar: HostileComfy, desk: Desk, lies: list[tuple[str, Any]], status: int, messages: list[Any], photo: bool
) -> None:
    check_any_answer(liar, desk, lies, status, messages, photo)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@settings(max_examples=8000, deadline=None, suppress_health_check=QUIET)
@any_answer
def test_any_json_anywhere_thousands_of_times(
    liar: HostileComfy, desk: Desk, lies: list[tuple[str, Any]], status: int, messages: list[Any], photo: bool
) -> None:
    check_any_answer(liar, desk, lies, status, messages, photo)


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


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(endpoint=st.sampled_from(ENDPOINTS), raw=RAW, photo=st.booleans())
def test_any_bytes_anywhere(liar: HostileComfy, desk: Desk, endpoint: str, raw: bytes, photo: bool) -> None:
    check_any_answer(liar, desk, [(endpoint, Said(raw=raw))], 200, [], photo)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@settings(max_examples=2000, deadline=None, suppress_health_check=QUIET)
@given(endpoint=st.sampled_from(ENDPOINTS), raw=RAW, photo=st.booleans())
def test_any_bytes_anywhere_thousands_of_times(
    liar: HostileComfy, desk: Desk, endpoint: str, raw: bytes, photo: bool
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


@settings(max_examples=120, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(
    lies=st.lists(LIES, min_size=1, max_size=2), status=STATUSES, words=st.sampled_from(COMMANDS), as_json=st.booleans()
)
def test_any_json_to_the_other_commands(
    liar: HostileComfy, desk: Desk, lies: list[tuple[str, Any]], status: int, words: tuple[str, ...], as_json: bool
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


# the socket


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
    assert within(15, began)
