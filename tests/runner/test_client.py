"""The client against servers that are none, that fail, or that never finish an answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ServerUnavailableError, UsageError, WorkflowRejectedError
from runner.execution.failures import is_out_of_memory, node_failure
from runner.http.auth import auth_headers, public_url
from runner.http.transport import NoAnswerError, NotReachedError
from runner.server.client import ComfyClient
from tests.support.fake import FakeServer
from tests.support.runs import Desk, inverting
from tests.support.speed import within


def test_a_busy_proxy_is_asked_again_and_then_answers() -> None:
    asked: list[str] = []

    def answer(path: str) -> tuple[int, bytes]:
        asked.append(path)
        return (503, b"busy") if len(asked) < 3 else (200, b'{"system": {}}')

    with FakeServer(answer) as server:
        assert ComfyClient(server.url).system_stats() == {"system": {}}
    assert len(asked) == 3


def test_a_submission_is_sent_once_whatever_happens() -> None:
    asked: list[str] = []

    def answer(path: str) -> tuple[int, bytes]:
        asked.append(path)
        return 503, b"busy"

    with FakeServer(answer) as server, pytest.raises(ServerUnavailableError):
        ComfyClient(server.url).post_prompt({}, "id", "client", {})
    assert asked == ["/prompt"]


def test_a_submission_without_an_answer_is_told_from_one_that_never_left() -> None:
    with pytest.raises(NotReachedError):
        ComfyClient("http://127.0.0.1:9").post_prompt({}, "id", "client", {})
    with FakeServer(raw=lambda connection: connection.close()) as server, pytest.raises(NoAnswerError):
        ComfyClient(server.url).post_prompt({}, "id", "client", {})


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"prompt_id": "x"}',
        b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"prompt_id": ',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 999\r\n\r\n{",
    ],
)
def test_an_answer_that_was_cut_off_is_no_answer(cut: bytes) -> None:
    """Part of one was taken for the answer of something that is no ComfyUI, and ended a batch."""
    with FakeServer(raw=lambda connection: connection.sendall(cut)) as server:
        client = ComfyClient(server.url)
        with pytest.raises(NoAnswerError, match="did not complete its answer"):
            client.post_prompt({}, "x", "y", {})
        with pytest.raises(NoAnswerError, match="did not complete its answer"):
            client.job("x")


def test_an_answer_that_ends_with_its_connection_is_one() -> None:
    whole = b'HTTP/1.0 200 OK\r\n\r\n{"prompt_id": "x"}'
    with FakeServer(raw=lambda connection: connection.sendall(whole)) as server:
        assert ComfyClient(server.url).post_prompt({}, "x", "y", {}).prompt_id == "x"


def test_a_500_in_plain_text_is_a_refusal_with_its_text() -> None:
    refused = pytest.raises(WorkflowRejectedError, match="Internal Server Error")
    with FakeServer(lambda _: (500, b"500 Internal Server Error")) as server, refused:
        ComfyClient(server.url).post_prompt({}, "id", "client", {})


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b"", "login"),
        (403, b"", "login"),
        (404, b"", "404"),
        (200, b"<html>", "not what a ComfyUI sends"),
        (200, b"[1]", "not what a ComfyUI sends"),
    ],
)
def test_answers_of_something_else(status: int, body: bytes, says: str) -> None:
    with FakeServer(lambda _: (status, body)) as server, pytest.raises(ServerUnavailableError, match=says):
        ComfyClient(server.url).system_stats()


def test_a_redirect_is_not_followed_with_our_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFYUI_TOKEN", "secret")
    with FakeServer(lambda _: (200, b"{}")) as elsewhere:

        def raw(connection: Any) -> None:
            head = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}/x?y=1\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode())

        with FakeServer(raw=raw) as server, pytest.raises(ServerUnavailableError) as failure:
            ComfyClient(server.url).system_stats()
    assert elsewhere.url in str(failure.value)


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_that_trickles_in_has_a_deadline(part: str) -> None:
    def raw(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        if part == "body":
            connection.sendall(b"Content-Length: 1000\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"X" if part == "head" else b"x")
            time.sleep(0.1)

    with FakeServer(raw=raw) as server:
        client = ComfyClient(server.url)
        began = time.monotonic()
        with pytest.raises(NoAnswerError):
            client.job("id", timeout=1.0)
        assert within(2.0, began)


def test_submit_to_something_that_is_no_comfyui(tmp_path: Path) -> None:
    for answer in ((500, b"oops"), (200, b"{}"), (200, b"<html>hello</html>")):
        with FakeServer(lambda _, answer=answer: answer) as server:
            desk = Desk(tmp_path, server.url)
            began = time.monotonic()
            run = desk.submit(inverting(), "--image", desk.photo())
        assert run.code == 3, run.err
        assert within(5, began)
        assert "Traceback" not in run.err


def test_a_connection_the_server_closed_meanwhile_is_replaced() -> None:
    def raw(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")  # and closes, without saying so

    with FakeServer(raw=raw) as server:
        client = ComfyClient(server.url)
        for _ in range(3):
            client.free()
            time.sleep(0.05)


@pytest.mark.parametrize("url", ["ftp://x", ":8188", "http://", "http://h:99999", "http:h", "a b", ""])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError):
        ComfyClient(url)


def test_credentials_come_from_the_environment_and_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://me:p%40ss@host:81/comfy/?q=1#f"
    assert public_url(url) == "https://host:81/comfy"
    assert auth_headers(url) == {"Authorization": "Basic bWU6cEBzcw=="}
    client = ComfyClient(url)
    target, headers = client.socket_target("id")
    assert target == "wss://host:81/comfy/ws?clientId=id&q=1"
    assert headers == {"Authorization": "Basic bWU6cEBzcw=="}
    assert "p@ss" not in f"{client.url} {client.transport.label} {target}"
    monkeypatch.setenv("COMFYUI_BASIC_AUTH", "a:b")
    assert auth_headers("http://host") == {"Authorization": "Basic YTpi"}
    monkeypatch.setenv("COMFYUI_TOKEN", "tok")
    assert auth_headers("http://host") == {"Authorization": "Bearer tok"}


@pytest.mark.parametrize(
    ("kind", "message", "memory"),
    [
        ("torch.OutOfMemoryError", "Allocation on device", True),
        ("RuntimeError", "CUDA out of memory. Tried to allocate 2 GiB", True),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried to allocate 13 bytes", True),
        ("MemoryError", "", True),
        ("ValueError", "the mask is 64×64", False),
    ],
)
def test_which_failures_mean_that_memory_ran_out(kind: str, message: str, memory: bool) -> None:
    error = {"exception_type": kind, "exception_message": message, "node_id": "3", "traceback": ["a\n", "b\n"]}
    assert is_out_of_memory(error) is memory
    assert str(node_failure(error, {"3": {"class_type": "KSampler"}})).startswith("K Sampler failed: ")


def test_a_node_that_cannot_fetch_its_own_weights_says_what_to_do() -> None:
    error = {"exception_type": "huggingface_hub.errors.LocalEntryNotFoundError", "node_id": "3"}
    failure = node_failure(error, {"3": {"class_type": "MeshGraphormer-DepthMapPreprocessor"}})
    assert "reach the internet once" in failure.advice
    assert "internet" not in node_failure({**error, "exception_type": "ValueError"}, {}).advice
