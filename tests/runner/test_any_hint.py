"""Whatever comes on the socket is a hint and ends no run; no body and no answer goes on for ever."""

from __future__ import annotations

import shutil
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.http.transport import NoAnswerError, TooLargeError
from runner.server.client import ComfyClient
from runner.server.records import ServerFile
from tests.support.answers import FRAMES, MESSAGES
from tests.support.fake import FakeServer
from tests.support.hostile import HostileComfy, Said, endless, frame
from tests.support.lied import check_run, in_parts, submitted, told
from tests.support.runs import Desk
from tests.support.speed import within

any_hint = given(messages=MESSAGES, frames=FRAMES, photo=st.booleans())


def check_any_hint(liar: HostileComfy, lied_desk: Desk, messages: list[Any], frames: list[bytes], photo: bool) -> None:
    told(liar, [], 200, messages)
    liar.raw_messages = frames
    assert check_run(lied_desk, photo) == 0


@settings(max_examples=75, derandomize=True)
@any_hint
def test_no_hint_on_the_socket_ends_a_run(
    liar: HostileComfy, lied_desk: Desk, messages: list[Any], frames: list[bytes], photo: bool
) -> None:
    check_any_hint(liar, lied_desk, messages, frames, photo)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@in_parts
@settings(max_examples=500)
@any_hint
def test_no_hint_on_the_socket_ends_a_run_thousands_of_times(
    liar: HostileComfy, lied_desk: Desk, part: int, messages: list[Any], frames: list[bytes], photo: bool
) -> None:
    check_any_hint(liar, lied_desk, messages, frames, photo)


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
def test_a_bad_hint_on_the_socket_never_ends_a_run(liar: HostileComfy, lied_desk: Desk, raw: bytes) -> None:
    told(liar, [], 200, [])
    liar.raw_messages = [raw]
    shutil.rmtree(lied_desk.out, ignore_errors=True)
    assert submitted(lied_desk, str(lied_desk.folder / "flat.json"))[0] == 0


def test_a_message_without_an_end_is_given_up(liar: HostileComfy, lied_desk: Desk) -> None:
    """Its listener would otherwise keep all of it."""
    told(liar, [("GET /ws", Said(raw=b"HTTP/1.1 101 X\r\nX: " + b"a" * 200_000))], 200, [])
    shutil.rmtree(lied_desk.out, ignore_errors=True)
    assert submitted(lied_desk, str(lied_desk.folder / "flat.json"))[0] == 0


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


def test_a_state_that_no_comfyui_knows_does_not_hold_the_run_for_ever(liar: HostileComfy, lied_desk: Desk) -> None:
    told(liar, [("GET /api/jobs/", {"id": "$ID", "status": "thinking", "outputs": {}})], 200, [])
    began = time.monotonic()
    assert submitted(lied_desk, str(lied_desk.folder / "flat.json"))[0] == 3
    assert within(15, began)
