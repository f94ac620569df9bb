"""Hosts and servers that answer without an end, or without sense: given up in the time that was named, and called what
they are."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.errors import PhotoError, ServerUnavailableError
from runner.http.transport import NoAnswerError, NonsenseError, NotReachedError
from runner.photos.fetched import fetch_photo
from runner.server.availability import Absence
from runner.server.records import record_of_job
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, command, copying, flat

pytestmark = pytest.mark.usefixtures("clean_surroundings")
DRIPPING = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 9999\r\n\r\n\xff\xd8\xff"
HEADERS = b"HTTP/1.1 200 OK\r\n"
ANNOUNCED = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 209715201\r\n\r\n"


@pytest.fixture
def dripping() -> Iterator[Callable[[bytes, bytes], str]]:
    """The address of a host that begins with the one, and then says the other again and again."""
    stop, listening = threading.Event(), []

    def serve(begin: bytes, drop: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=drip, args=(connection,), daemon=True).start()

        def drip(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                connection.recv(4096)
                connection.sendall(begin)
                while not stop.wait(0.1):
                    connection.sendall(drop)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/photo.jpg"

    yield serve
    stop.set()
    for server in listening:
        server.close()


@pytest.mark.each_once
@pytest.mark.parametrize(("begin", "drop"), [(DRIPPING, b"x"), (HEADERS, b"X-A: b\r\n")], ids=["body", "headers"])
@pytest.mark.parametrize("many", [False, True], ids=["submit", "batch"])
def test_a_photo_that_drips_in_is_waited_for_as_long_as_was_said(
    tmp_path: Path, dripping: Callable[[bytes, bytes], str], begin: bytes, drop: bytes, many: bool
) -> None:
    """It was waited for two minutes, whatever --timeout said."""
    url = dripping(begin, drop)
    with HostileComfy() as server:
        desk = Desk(tmp_path, server.url)
        words = ["batch", desk.workflow(copying()), url] if many else ["submit", desk.workflow(copying()), url]
        began = time.monotonic()
        run = command(*words, "--timeout", "1", "--server", server.url, "--out", str(desk.out), folder=desk.out)
    assert time.monotonic() - began < 60
    assert run.code == 6, run.err
    assert "Out of time (--timeout)" in run.err and "Nothing was submitted" in run.err
    assert not server.seen("POST", "/prompt")


def test_a_photo_that_says_that_it_is_too_large_is_refused_at_once(
    tmp_path: Path, dripping: Callable[[bytes, bytes], str]
) -> None:
    url = dripping(ANNOUNCED, b"x")
    began = time.monotonic()
    with pytest.raises(PhotoError, match="larger than"):
        fetch_photo(url, tmp_path, seconds=100.0)
    assert time.monotonic() - began < 50


@pytest.mark.parametrize("status", [{"a": 1}, "finished", None, 5, [], "x" * 300_000])
def test_a_job_in_a_state_that_no_comfyui_knows_is_called_that(status: object) -> None:
    with pytest.raises(NonsenseError, match=r"its state is .") as caught:
        record_of_job({"id": "1", "status": status})
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NonsenseError("Its state is 'x'."), "The server is there, and for 5 s it did not answer as a ComfyUI does"),
        (ServerUnavailableError("A web page."), "The server is there, and for 120 s it did not answer as a ComfyUI"),
        (NoAnswerError("Nothing."), "The server went away and did not come back within 120 s"),
        (NotReachedError("Nobody."), "The server went away and did not come back within 120 s"),
    ],
)
def test_who_answers_nonsense_has_not_gone_away(
    error: ServerUnavailableError, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []
    absence, now = Absence(120.0, notices.append), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    absence.went_away(error)
    assert ("to come back" in notices[0]) == ("went away" in said)
    assert ("Asking it again for up to" in notices[0]) == ("is there" in said)
    now[0] += 4.0
    absence.went_away(error)
    now[0] += 117.0
    with pytest.raises(ServerUnavailableError) as caught:
        absence.went_away(error)
    assert str(caught.value).startswith(said)


def test_a_server_whose_records_make_no_sense_is_given_up_soon(tmp_path: Path) -> None:
    """It was waited for two minutes, as if it had gone."""
    with HostileComfy() as server:
        server.lies["GET /api/jobs/"] = Said({"id": "x", "status": {"a": 1}})
        began = time.monotonic()
        run = Desk(tmp_path, server.url).submit(flat(1))
    assert run.code == 3, run.err
    assert time.monotonic() - began < 60
    assert "what no ComfyUI says: its state is" in run.err and "went away" not in run.err
