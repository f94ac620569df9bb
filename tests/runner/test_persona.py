"""The endpoint that describes a person: what is sent and taken; no fault of it stops a job or shows the key."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.errors import UsageError
from runner.execution.persona import (
    Endpoint,
    PersonaError,
    describe,
    endpoint_from,
    persona_answer,
    picture_url,
    question_in,
)
from runner.photos.prepare import PreparedPhoto, prepare_photo
from runner.workflow.graph import Workflow
from tests.support.comfy import REPO, ComfyServer
from tests.support.runs import Desk, inverting, node
from tests.support.speed import within

KEY = "sk-t0p-s3cret"
ANSWER = '{"person": "woman in her forties"}'


class FakeEndpoint:
    """A chat endpoint on this machine. `replies` are (status, headers, body) of the next answers; then real ones."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.replies: list[tuple[int, dict[str, str], bytes]] = []
        self.content: Any = ANSWER
        self.trickle: float | None = None
        """Seconds between single bytes of the body."""
        self.hang_up = False
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def address(self, timeout: float = 10.0) -> Endpoint:
        return Endpoint(self.url, "tiny-vl", KEY, timeout)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.seen.append((request.path, dict(request.headers), body))
        if self.hang_up:
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
            return
        good = json.dumps({"choices": [{"message": {"role": "assistant", "content": self.content}}]}).encode()
        status, headers, data = self.replies.pop(0) if self.replies else (200, {}, good)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        with contextlib.suppress(OSError):  # the other side stops listening where it is told too much
            if self.trickle is None:
                request.wfile.write(data)
                return
            for index in range(len(data)):
                request.wfile.write(data[index : index + 1])
                time.sleep(self.trickle)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    found = FakeEndpoint()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def photo() -> PreparedPhoto:
    return prepare_photo(REPO / "examples" / "handbag.jpg")


def workflow(**texts: str) -> Workflow:
    """A workflow with the inputs and the question that a persona needs; texts by title."""
    graph = {
        str(number): {"class_type": "PrimitiveStringMultiline", "inputs": {"value": text}, "_meta": {"title": title}}
        for number, (title, text) in enumerate(texts.items(), 1)
    }
    return Workflow("person", 1, Path("person.v1.json"), graph)


FULL = {"input: persona": "", "question: persona": "Describe one person."}


def test_what_is_sent_and_what_comes_back(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    assert describe(photo.data, "Who?", endpoint.address()) == ANSWER
    path, headers, body = endpoint.seen[0]
    assert path == "/v1/chat/completions" and headers["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "tiny-vl" and body["stream"] is False
    text, image = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "Who?"}
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert sent.format == "JPEG" and max(sent.size) == 768
        with Image.open(io.BytesIO(photo.data)) as original:
            small = original.convert("RGB").resize(sent.size, Image.Resampling.BOX)
        apart = np.abs(np.asarray(sent, dtype=float) - np.asarray(small, dtype=float))
    assert apart.mean() < 3


def test_no_key_no_header_and_no_model_no_field(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    describe(photo.data, "Who?", Endpoint(endpoint.url + "/"))
    _, headers, body = endpoint.seen[0]
    assert "Authorization" not in headers and "model" not in body


def test_what_is_transparent_is_white_and_small_stays_small() -> None:
    picture = Image.new("RGBA", (40, 20), (255, 0, 0, 0))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    data = base64.b64decode(picture_url(buffer.getvalue()).partition(",")[2])
    with Image.open(io.BytesIO(data)) as sent:
        assert sent.size == (40, 20) and sent.getextrema() == ((255, 255),) * 3
    with pytest.raises(PersonaError, match="photo"):
        picture_url(b"no picture")


def test_content_in_parts_is_joined(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    endpoint.content = [{"type": "text", "text": "a "}, {"type": "image"}, "x", {"type": "text", "text": "b"}]
    assert describe(photo.data, "Who?", endpoint.address()) == "a b"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "pictures"),
        (401, "PRODGEN_LLM_KEY"),
        (403, "PRODGEN_LLM_MODEL"),
        (404, "/v1"),
        (413, "too large"),
        (418, "failed"),
        (302, "moved"),
    ],
)
def test_refusals_are_told_apart_and_asked_once(
    endpoint: FakeEndpoint, photo: PreparedPhoto, status: int, said: str
) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}).encode()
    endpoint.replies = [(status, {"Location": "http://127.0.0.1:9/elsewhere"} if status == 302 else {}, body)]
    with pytest.raises(PersonaError, match=said) as caught:
        describe(photo.data, "Who?", endpoint.address())
    assert str(status) in caught.value.message and KEY not in str(caught.value)
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_endpoint_is_asked_once_more(endpoint: FakeEndpoint, photo: PreparedPhoto, status: int) -> None:
    endpoint.replies = [(status, {"Retry-After": "0"}, b"busy")]
    assert describe(photo.data, "Who?", endpoint.address()) == ANSWER
    endpoint.replies = [(status, {"Retry-After": "0"}, b"busy")] * 2
    with pytest.raises(PersonaError, match=str(status)):
        describe(photo.data, "Who?", endpoint.address())
    assert len(endpoint.seen) == 4


@pytest.mark.parametrize("asked", ["3600", "Wed, 21 Oct 2015 07:28:00 GMT", "nan", "-5"])
def test_no_wait_is_long(endpoint: FakeEndpoint, photo: PreparedPhoto, asked: str) -> None:
    endpoint.replies = [(429, {"Retry-After": asked}, b"")]
    start = time.monotonic()
    with contextlib.suppress(PersonaError):
        describe(photo.data, "Who?", endpoint.address(timeout=4))
    assert within(6, start)


def test_an_endpoint_without_max_tokens(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    endpoint.replies = [(400, {}, b'{"error": {"message": "Unsupported parameter: max_tokens"}}')]
    assert describe(photo.data, "Who?", endpoint.address()) == ANSWER
    assert "max_tokens" in endpoint.seen[0][2] and "max_tokens" not in endpoint.seen[1][2]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Welcome</html>", "OpenAI-compatible"),
        (b"", "OpenAI-compatible"),
        (b"\xff\xfe\x00", "OpenAI-compatible"),
        (b"[" * 200_000, "OpenAI-compatible"),
        (b"[]", "OpenAI-compatible"),
        (b'{"choices": []}', "OpenAI-compatible"),
        (b'{"choices": [{"message": {"content": null}}]}', "empty"),
        (b'{"choices": [{"message": {"content": "  "}}]}', "empty"),
        (b'{"choices": [{"message": {"content": 7}}]}', "empty"),
        (b" " * (2 << 20), "more than"),
    ],
)
def test_answers_that_are_none(endpoint: FakeEndpoint, photo: PreparedPhoto, body: bytes, said: str) -> None:
    endpoint.replies = [(200, {}, body)]
    with pytest.raises(PersonaError, match=said):
        describe(photo.data, "Who?", endpoint.address())


def test_a_long_answer_is_cut_and_the_key_is_not_in_it(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    endpoint.content = f"your key is {KEY} " + "x" * 100_000
    found = describe(photo.data, "Who?", endpoint.address())
    assert len(found) <= 20_000 and KEY not in found


def test_a_server_that_trickles_runs_out_of_time(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    endpoint.trickle = 0.2
    start = time.monotonic()
    with pytest.raises(PersonaError, match="did not complete"):
        describe(photo.data, "Who?", endpoint.address(timeout=1.5))
    assert within(4, start)


def test_a_server_that_hangs_up_or_is_not_there(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    endpoint.hang_up = True
    with pytest.raises(PersonaError, match="did not complete"):
        describe(photo.data, "Who?", endpoint.address())
    with pytest.raises(PersonaError, match="No server answers"):
        describe(photo.data, "Who?", Endpoint("http://127.0.0.1:9/v1", key=KEY))
    with pytest.raises(PersonaError, match="not a server's address"):
        describe(photo.data, "Who?", Endpoint("ftp://example.invalid", key=KEY))
    with pytest.raises(PersonaError, match="PRODGEN_LLM_KEY") as caught:
        describe(photo.data, "Who?", Endpoint(endpoint.url, key="two\nlines"))
    assert "lines" not in str(caught.value)


def test_the_endpoint_comes_from_the_environment_and_never_shows_the_key() -> None:
    environment = {"PRODGEN_LLM_URL": "https://llm.example/v1/", "PRODGEN_LLM_MODEL": "vl", "PRODGEN_LLM_KEY": KEY}
    found = endpoint_from(None, environment)
    assert found == Endpoint("https://llm.example/v1", "vl", KEY)
    assert KEY not in repr(found) and KEY not in str(found)
    other = endpoint_from("http://127.0.0.1:8000/v1#other-vl", environment)
    assert other is not None and (other.url, other.model) == ("http://127.0.0.1:8000/v1", "other-vl")
    assert endpoint_from(None, {}) is None and endpoint_from("", {"PRODGEN_LLM_KEY": KEY}) is None
    with pytest.raises(UsageError, match="password"):
        endpoint_from("https://me:pa55@llm.example/v1", {})
    assert Endpoint("http://192.168.1.9/v1", key=KEY).exposed and not Endpoint("http://192.168.1.9/v1").exposed
    assert not Endpoint("https://llm.example/v1", key=KEY).exposed


def test_the_workflows_question_is_asked_with_the_wish(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    notices: list[str] = []
    found = persona_answer(
        workflow(**FULL), photo, notices.append, endpoint=endpoint.address(), wish="a woman in her fifties"
    )
    assert found == ANSWER and not notices
    asked = endpoint.seen[0][2]["messages"][0]["content"][0]["text"]
    assert asked == "Describe one person.\n\nThe user's wish, which comes first: a woman in her fifties"
    persona_answer(workflow(**FULL, **{"input: wish": "winter"}), photo, notices.append, endpoint=endpoint.address())
    assert endpoint.seen[1][2]["messages"][0]["content"][0]["text"].endswith("winter")


def test_the_environment_is_enough(
    endpoint: FakeEndpoint, photo: PreparedPhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"PRODGEN_LLM_{name}", raising=False)
    assert persona_answer(workflow(**FULL), photo, notices.append) is None and not notices
    monkeypatch.setenv("PRODGEN_LLM_URL", endpoint.url)
    monkeypatch.setenv("PRODGEN_LLM_KEY", KEY)
    assert persona_answer(workflow(**FULL), photo, notices.append) == ANSWER
    assert persona_answer(workflow(**{"question: persona": "Who?"}), photo, notices.append) is None
    assert len(endpoint.seen) == 1 and not notices, "a workflow without the input is not asked about"


def test_a_failure_is_one_notice_without_the_key(endpoint: FakeEndpoint, photo: PreparedPhoto) -> None:
    notices: list[str] = []
    endpoint.replies = [(401, {}, KEY.encode())]
    assert persona_answer(workflow(**FULL), photo, notices.append, endpoint=endpoint.address()) is None
    assert len(notices) == 1 and "401" in notices[0] and "rules decide" in notices[0] and KEY not in notices[0]
    none = workflow(**{"input: persona": ""})
    assert persona_answer(none, photo, notices.append, endpoint=endpoint.address()) is None
    assert "question: persona" in notices[1] and len(endpoint.seen) == 1


def test_the_question_is_found_by_its_title() -> None:
    assert question_in(workflow(**{"Question: Persona": " Who? "}).graph) == "Who?"
    assert question_in(workflow(**{"question: person": "Who?"}).graph) is None
    node = {"class_type": "ProdgenPersonaQuestion", "inputs": {"product": ["1", 0], "wish": "", "question": "Who?"}}
    assert question_in({"4": {**node, "_meta": {"title": "question: persona"}}}) == "Who?"
    linked = {"class_type": "X", "inputs": {"value": ["1", 0]}, "_meta": {"title": "question: persona"}}
    assert question_in({"4": linked}) is None


def test_submit_asks_before_the_job_and_keeps_the_key_to_itself(
    endpoint: FakeEndpoint, comfy_server: ComfyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: photo → endpoint → the workflow's input `persona` → the text that the job saves."""
    monkeypatch.setenv("PRODGEN_LLM_URL", endpoint.url)
    monkeypatch.setenv("PRODGEN_LLM_KEY", KEY)
    desk = Desk(tmp_path, comfy_server.url)
    graph = {
        **inverting(),
        "5": node("PrimitiveStringMultiline", "input: persona", value=""),
        "6": node("PrimitiveStringMultiline", "question: persona", value="Who could hold this?"),
        "7": node("PreviewAny", "output: words", source=["5", 0]),
    }
    run = desk.submit(graph, "--image", desk.photo())
    assert run.code == 0, run.err
    ((_, _, asked),) = endpoint.seen
    assert asked["messages"][0]["content"][0]["text"] == "Who could hold this?"
    (sidecar,) = run.sidecars
    assert sidecar["inputs"]["persona"] == ANSWER
    assert ANSWER in "".join(path.read_text("utf-8") for path in run.files if path.suffix == ".txt")
    everything = run.out + run.err + "".join(path.read_bytes().decode("latin-1") for path in run.files)
    assert KEY not in everything

    own = desk.submit(graph, "--image", desk.photo(), "--set", "persona=a man with a hat")
    assert own.code == 0, own.err
    assert len(endpoint.seen) == 1  # the user's own words are not asked for
