"""A busy server is waited for, as long as it asks and no longer than said; a shut door ends a run with one line."""

from __future__ import annotations

import itertools
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from runner.batch.store import LEDGER_FILE
from runner.errors import ServerUnavailableError
from runner.http.answers import retry_after
from runner.http.transport import BusyError, NoAccessError
from runner.models.download import Downloader, DownloadError, WantedFile
from runner.models.source import chunks_of
from runner.server.availability import Absence
from runner.server.client import ComfyClient
from runner.server.records import ServerFile
from tests.support.certificate import self_signed
from tests.support.fake import FakeServer
from tests.support.hostile import HostileComfy, Said, endless
from tests.support.runs import Desk, command, copying, flat
from tests.support.speed import HANG_S, within


@pytest.fixture
def server() -> Iterator[HostileComfy]:
    with HostileComfy() as made:
        yield made


def first(said: Said, times: int, then: Callable[[], Said]) -> Callable[[], Said]:
    """`said` so many times, then the truth."""
    count = itertools.count()
    return lambda: said if next(count) < times else then()


@pytest.mark.each_once
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", ["submit", "batch"])
def test_a_busy_server_is_waited_for_and_each_job_runs_once(
    server: HostileComfy, tmp_path: Path, status: int, kind: str
) -> None:
    desk = Desk(tmp_path, server.url)
    server.lies["POST /prompt"] = first(Said(b"", status, {"Retry-After": "1"}), 2, lambda: Said({"node_errors": {}}))
    uploaded = Said({"name": "photo.png"})
    server.lies["POST /upload/image"] = first(Said(b"", status, {"Retry-After": "1"}), 5, lambda: uploaded)
    where = ["--image", str(desk.photo())] if kind == "submit" else ["--images", str(desk.photo())]
    began = time.monotonic()
    run = command(
        kind, desk.workflow(copying()), *where, "--server", server.url, "--out", str(desk.out), folder=desk.out
    )
    assert run.code == 0, run.err
    assert len(run.pictures) >= 1
    assert len(server.seen("POST", "/prompt")) == 3
    assert len(server.seen("POST", "/upload/image")) == 6
    assert time.monotonic() - began >= 7.0 - 0.5  # two and five times a second, as it asked
    assert f"HTTP {status}" in run.err


def test_a_busy_answer_to_a_job_that_arrived_all_the_same_does_not_run_it_twice(
    server: HostileComfy, tmp_path: Path
) -> None:
    """A proxy in a hurry says 503 when the server has the job."""
    server.takes_and_denies = True
    run = Desk(tmp_path, server.url).submit(flat(1))
    assert run.code == 0, run.err
    assert len(server.seen("POST", "/prompt")) == 1


def test_patience_ends_with_the_time_of_the_run(server: HostileComfy, tmp_path: Path) -> None:
    desk = Desk(tmp_path, server.url)
    for path in ("POST /prompt", "POST /upload/image"):
        server.lies = {path: Said(b"", 503, {"Retry-After": "3600"})}
        began = time.monotonic()
        run = desk.submit(copying(), "--image", desk.photo(), "--timeout", "2")
        assert run.code == 6, run.err
        assert within(20, began)


def test_patience_ends_by_itself_with_what_was_said(server: HostileComfy) -> None:
    client = ComfyClient(server.url)
    client.patience = 1.0
    server.lies["POST /upload/image"] = Said(b"", 429, {"Retry-After": "0"})
    with pytest.raises(BusyError, match="429"):
        client.upload_image(b"x", "a.png")
    assert len(server.seen("POST", "/upload/image")) > 2


def test_what_a_server_asks_for_is_read_in_every_form() -> None:
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    assert 20 < retry_after({"retry-after": soon}) <= 30
    for text, seconds in (
        ("5", 5),
        (" 1.5 ", 1.5),
        ("-3", 0),
        ("nan", 0),
        ("inf", 0),
        ("soon", 0),
        ("", 0),
        ("9" * 400, 0),
    ):
        assert retry_after({"retry-after": text}) == seconds


def test_what_only_the_user_can_open_is_not_waited_for() -> None:
    """Wherever a run waits for its server: a login that is asked for in the middle of it does not go away."""
    said: list[str] = []
    error = NoAccessError("a login is wanted")
    with pytest.raises(NoAccessError) as caught:
        Absence(10.0, said.append).went_away(error)
    assert caught.value is error
    assert said == []


def test_an_absence_waits_as_asked_and_never_past_its_patience() -> None:
    said: list[str] = []
    absence = Absence(10.0, said.append)
    absence.went_away(BusyError("busy", wait=3.0))
    assert 2.5 < absence.retry_at - time.monotonic() <= 3.0
    absence.went_away(BusyError("busy", wait=3600.0))
    assert absence.retry_at - time.monotonic() < 10.1
    assert len(said) == 1


SHUT = [
    (path, status)
    for path in ("GET /api/jobs/", "GET /view", "POST /prompt")
    for status in (401, 403, 302, 307, 407)
    if (path, status) != ("GET /view", 403)  # that says that the file is none of ours
]


@pytest.mark.each_once
@pytest.mark.parametrize(("path", "status"), SHUT)
@pytest.mark.parametrize("kind", ["submit", "batch"])
def test_a_door_that_shuts_on_a_running_job_ends_it_with_one_line(
    server: HostileComfy, tmp_path: Path, status: int, path: str, kind: str
) -> None:
    desk = Desk(tmp_path, server.url)
    server.lies[path] = Said(b"", status, {"Location": "http://login.example.com/"})
    where = ["--image", str(desk.photo())] if kind == "submit" else ["--images", str(desk.photo())]
    began = time.monotonic()
    run = command(
        kind, desk.workflow(copying()), *where, "--server", server.url, "--out", str(desk.out), folder=desk.out
    )
    assert run.code == 3, run.err
    assert within(20, began)
    word = "login.example.com" if status < 400 else "login (HTTP"
    assert 1 <= run.err.count(word) <= 2
    assert len(run.err.splitlines()) < 16


# downloads


def test_a_certificate_in_between_is_named_at_once(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    waits: list[str] = []
    with HostileComfy() as host:
        host._server.socket = context.wrap_socket(host._server.socket, server_side=True)
        wanted = WantedFile(f"https://127.0.0.1:{host.port}/x.safetensors", tmp_path / "x.safetensors")
        with pytest.raises(DownloadError, match="self-signed") as failure:
            Downloader({}, notice=waits.append).fetch(wanted)
    assert "REQUESTS_CA_BUNDLE" in failure.value.advice
    assert waits == []


def test_a_download_without_an_end_is_given_up() -> None:
    import requests

    with FakeServer(raw=endless(b"HTTP/1.1 200 OK\r\n\r\n")) as host:
        response = requests.get(host.url, stream=True, timeout=10)
        with pytest.raises(DownloadError, match="goes on sending"):
            for _ in chunks_of(response, "x", largest=1 << 20):
                pass
        response.close()


def test_a_download_from_this_machine_never_goes_through_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with FakeServer(lambda _: (200, b"weights")) as host:
        fetched = Downloader({}).fetch(WantedFile(f"{host.url}/x.bin", tmp_path / "x.bin"))
    assert fetched.path.read_bytes() == b"weights"


def test_nobody_there_is_still_said_as_before(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailableError, match="No server answers"):
        ComfyClient("127.0.0.1:9").system_stats()


@pytest.mark.each_once
@pytest.mark.parametrize("what", ["GET /object_info", "POST /upload/image", "GET /features"])
@pytest.mark.parametrize("length", ["9999", "-5"])
def test_the_time_of_a_run_counts_before_it_has_sent_anything(
    server: HostileComfy, tmp_path: Path, what: str, length: str
) -> None:
    """A server that stops in the middle of an answer held a run of 3 s for 30."""
    desk = Desk(tmp_path, server.url)
    server.lies[what] = Said(b"{}", 200, {"Content-Length": length})
    began = time.monotonic()
    run = desk.submit(copying(), "--image", desk.photo(), "--timeout", "2")
    assert run.code in (3, 6), run.err
    words = ["--images", str(desk.photo()), "--out", str(desk.out), "--server", server.url, "--timeout", "2"]
    run = command("batch", desk.workflow(copying()), *words, folder=desk.out)
    assert run.code in (3, 6), run.err
    assert within(18, began)


NEVER = {
    "waits": Said({"id": "x", "status": "pending", "outputs": {}}),
    "works": Said({"id": "x", "status": "in_progress", "outputs": {}}),
    "says something": Said({"id": "x", "status": "perhaps", "outputs": {}}),
    "says nothing": Said(b""),
    "is busy": Said(b"", 503),
}


@pytest.mark.first(2)
@pytest.mark.parametrize("what", NEVER)
def test_a_batch_whose_server_takes_jobs_and_makes_none_ends_with_its_summary(
    server: HostileComfy, tmp_path: Path, what: str
) -> None:
    desk = Desk(tmp_path, server.url)
    server.lies["GET /api/jobs/"] = NEVER[what]
    photos = [desk.photo(f"{name}.png") for name in "abc"]
    table = tmp_path / "jobs.csv"
    table.write_text("\n".join(["image", *(photo.name for photo in photos)]))
    words = ["batch", desk.workflow(copying()), "--jobs", str(table), "--out", str(desk.out), "--server", server.url]
    run = command(*words, "--timeout", "2", folder=desk.out)
    assert run.code == 6, run.err
    assert "0 of 3 jobs done, 3 not finished" in run.err
    assert run.files == [desk.out / LEDGER_FILE]


class Told:
    """What a client says while the server keeps an answer back until it has said something."""

    def __init__(self, server: HostileComfy, route: str, answer: Said) -> None:
        self.said: list[str] = []
        self._server, self._route, self._answer = server, route, answer
        self._heard = threading.Event()
        self.client = ComfyClient(server.url)
        self.client.notice = self._notice

    def slowly(self) -> None:
        self.client.slow_s, self._server.lies[self._route] = 0.05, self._kept_back

    def at_once(self) -> None:
        self.client.slow_s, self._server.lies[self._route] = HANG_S, self._answer

    def _kept_back(self) -> Said:
        assert self._heard.wait(HANG_S)
        return self._answer

    def _notice(self, text: str) -> None:
        self.said.append(text)
        self._heard.set()


def test_an_upload_that_is_not_answered_is_spoken_of_meanwhile() -> None:
    """Eight minutes went by without a word."""
    with HostileComfy() as server:
        told = Told(server, "POST /upload", Said({"name": "photo.png", "subfolder": "", "type": "input"}))
        for pace in (told.slowly, told.at_once):
            pace()
            assert told.client.upload_image(b"bytes", "photo.png") == "photo.png"
        assert told.said == [f"{server.url} takes its time over photo.png: waiting for its answer."]


def test_a_result_that_drips_is_spoken_of_meanwhile() -> None:
    """A socket that speaks and a file that does not come: the seller saw nothing for minutes."""
    with HostileComfy() as server:
        told = Told(server, "GET /view", Said(b"bytes"))
        for pace in (told.slowly, told.at_once):
            pace()
            with told.client.open_file(ServerFile("bag.png")) as chunks:
                assert b"".join(chunks) == b"bytes"
        assert told.said == [f"{server.url} takes its time over bag.png: it is being fetched."]
