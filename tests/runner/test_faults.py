"""Sockets that drop or go silent, servers that die, Ctrl-C at any moment: reproduced for real, on a real server."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websocket
from PIL import Image

from runner.errors import ServerUnavailableError
from runner.events import Done, Event, Queued
from runner.events.reporter import Reporter
from runner.execution.job import JobSpec
from runner.execution.session import Session
from runner.local_server.process import Installation
from runner.server.availability import Limits
from runner.server.client import ComfyClient
from tests.support.comfy import ComfyServer
from tests.support.proxy import Proxy
from tests.support.runs import Desk, Graph, inverting, pixels, slow
from tests.support.speed import within


class Recorder(Reporter):
    """Keeps what a run says."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.notices: list[str] = []
        self.on_event: Callable[[Event], None] = lambda _: None

    def event(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def notice(self, text: str) -> None:
        self.notices.append(text)


def specs(count: int, links: int = 6) -> list[JobSpec]:
    graphs: list[Graph] = [slow(links, size=256, seed=time.monotonic_ns() % 10**9 + i) for i in range(count)]
    return [JobSpec(i + 1, "slow", graph, {"99": "result"}, Path(f"r{i + 1}")) for i, graph in enumerate(graphs)]


def run_jobs(
    url: str, folder: Path, recorder: Recorder, jobs: list[JobSpec], *, limits: Limits | None = None
) -> list[Any]:
    with Session(url, folder, recorder, workflow="slow", limits=limits) as session:
        return session.run(jobs)


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


# the socket


def test_a_dropped_socket_is_opened_again_under_a_fresh_id_and_nothing_is_lost(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    with Proxy(comfy_server.port) as proxy:
        recorder = Recorder()
        drops = iter(range(3))

        def drop(event: Event) -> None:
            if event.kind == "node" and next(drops, None) is not None:
                proxy.drop_websockets()

        recorder.on_event = drop
        results = run_jobs(proxy.url, tmp_path, recorder, specs(5))
    assert [result.error for result in results] == [None] * 5
    assert proxy.websockets_seen > 1
    assert len(set(proxy.client_ids)) == len(proxy.client_ids)
    assert len({event.prompt_id for event in recorder.events if isinstance(event, Queued)}) == 5  # none ran twice
    assert len(list(tmp_path.glob("*.png"))) == 5


def test_a_socket_that_is_open_and_dead_does_not_hold_the_run(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        recorder = Recorder()
        recorder.on_event = lambda event: proxy.freeze_websockets() if event.kind == "started" else None
        began = time.monotonic()
        results = run_jobs(proxy.url, tmp_path, recorder, specs(3))
        assert within(60, began)
    assert [result.error for result in results] == [None] * 3
    assert len({event.prompt_id for event in recorder.events if isinstance(event, Queued)}) == 3


def test_without_any_socket_the_records_are_enough(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        proxy.refuse_websockets = True
        desk = Desk(tmp_path, proxy.url)
        photo = desk.photo()
        run = desk.submit(inverting(), "--image", photo, "--json")
    assert run.code == 0, run.err
    assert (pixels(run.pictures[0]).astype(int) + pixels(photo) >= 254).all()


def test_a_server_out_of_reach_during_the_download_is_waited_for(comfy_server: ComfyServer, tmp_path: Path) -> None:
    with Proxy(comfy_server.port) as proxy:
        proxy.download_pause = 0.05
        recorder = Recorder()
        cut = threading.Event()

        def cut_the_line() -> None:
            while not any(part.stat().st_size for part in tmp_path.glob("*.part")):
                time.sleep(0.005)
            proxy.outage(4.0)
            proxy.download_pause = 0.0
            cut.set()

        threading.Thread(target=cut_the_line, daemon=True).start()
        noise = np.random.default_rng(5).integers(0, 256, (700, 700, 3), dtype=np.uint8)
        graph = inverting()
        graph["1"]["inputs"]["image"] = comfy_server.upload(Image.fromarray(noise))
        results = run_jobs(proxy.url, tmp_path, recorder, [JobSpec(1, "far", graph, {"3": "result"}, Path("r"))])
    assert cut.is_set()
    assert [result.error for result in results] == [None]
    again = [notice for notice in recorder.notices if "tried again" in notice]
    assert again and len(again) == len(set(again)), "each reason is said once, however long it lasts"
    assert len([event for event in recorder.events if event.kind == "queued"]) == 1  # fetched again, not made again
    assert (pixels(tmp_path / "r.png").astype(int) + noise >= 254).all()


# the server


class OwnServer:
    """A server these tests may stall and kill. Uploads are limited to 1 MB.

    A test server dies with the thread that started it, so one thread that lives as long as this does all the starting.
    """

    def __init__(self, server: ComfyServer) -> None:
        self.server = server
        self._starter = ThreadPoolExecutor(1)
        self.start().result()

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> Future[ComfyServer]:
        return self._starter.submit(self.server.start)

    def kill(self) -> None:
        self.server.kill()

    def close(self) -> None:
        self.kill()
        self._starter.shutdown()


@pytest.fixture(scope="module")
def own_server(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    server = ComfyServer(comfy_installation, tmp_path_factory.mktemp("own"))
    server.arguments = ["--max-upload-size", "1"]
    own = OwnServer(server)
    yield own
    own.close()


def test_a_photo_over_the_servers_limit(own_server: OwnServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, own_server.url)
    run = desk.submit(inverting(), "--image", desk.photo(size=(900, 700)))  # 1.9 MB of noise
    assert run.code == 2
    assert "MB" in run.err
    assert "--max-upload-size" in run.err
    assert desk.submit(inverting(), "--image", desk.photo(size=(300, 200))).code == 0


def stall(stalled: socket.socket) -> None:
    """Ask for answers (pings) and read none of them, until the server can send this client nothing more."""
    stalled.settimeout(2.0)
    ping = b"\x89\xfd" + bytes(4) + b"x" * 125
    with contextlib.suppress(TimeoutError):
        for _ in range(200):
            stalled.sendall(ping * 1000)
        pytest.fail("the server goes on answering")


def flood_until_silent(client: ComfyClient, witness: websocket.WebSocket) -> None:
    """Make the server send everybody a status until a client that does read gets no more of them.

    The server looks at a client's buffer only every 64 kB, which are some 700 of these messages.
    """
    body, headers = b'{"clear": true}', {"Content-Type": "application/json"}
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for _ in range(200):
            client.transport.request("POST", "/queue", body, headers)
        received = 0
        with contextlib.suppress(websocket.WebSocketTimeoutException):
            while received < 200:
                witness.recv()
                received += 1
        if received < 100:
            return
    pytest.fail("the stalled client did not stall the server")


def test_a_client_that_stops_reading_blocks_the_messages_but_not_the_run(own_server: OwnServer, tmp_path: Path) -> None:
    port = own_server.server.port
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    witness = websocket.create_connection(f"ws://127.0.0.1:{port}/ws?clientId=witness", timeout=1)
    try:
        stalled.connect(("127.0.0.1", port))
        stalled.sendall(
            b"GET /ws?clientId=stalled HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        stall(stalled)
        flood_until_silent(ComfyClient(own_server.url), witness)
        recorder = Recorder()
        began = time.monotonic()
        results = run_jobs(own_server.url, tmp_path, recorder, specs(3))
        assert within(60, began)
        assert [result.error for result in results] == [None] * 3
        assert not [event for event in recorder.events if event.kind == "node"]  # the socket said nothing
    finally:
        stalled.close()
        witness.close()


def test_a_server_killed_in_the_middle_is_waited_for_and_its_lost_jobs_run_again(
    own_server: OwnServer, tmp_path: Path
) -> None:
    recorder = Recorder()
    restarts: list[Future[ComfyServer]] = []

    def kill_and_restart(event: Event) -> None:
        if isinstance(event, Done) and not restarts:
            own_server.kill()
            restarts.append(own_server.start())

    recorder.on_event = kill_and_restart
    results = run_jobs(own_server.url, tmp_path, recorder, specs(5))
    assert [result.error for result in results] == [None] * 5
    assert len(list(tmp_path.glob("*.png"))) == 5
    text = "\n".join(recorder.notices)
    assert "come back" in text
    assert "answers again" in text
    assert "submitting it again" in text
    retries = [event for event in recorder.events if isinstance(event, Queued) and event.retry_of]
    assert retries
    by_id = {event.prompt_id: event.job for event in recorder.events if isinstance(event, Queued)}
    for event in retries:
        assert by_id[event.retry_of] == event.job
    replaced = [json.loads(path.read_text())["replaces"] for path in tmp_path.glob("*.json")]
    assert [ids for ids in replaced if ids] == [[event.retry_of] for event in retries] or len(retries) > 1


def test_a_server_that_does_not_come_back(own_server: OwnServer, tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.on_event = lambda event: own_server.kill() if isinstance(event, Done) else None
    began = time.monotonic()
    with pytest.raises(ServerUnavailableError) as failure:
        run_jobs(own_server.url, tmp_path, recorder, specs(4), limits=Limits(patience=2.0))
    assert failure.value.exit_code == 3
    assert within(20, began)
    assert "did not come back" in str(failure.value)
    assert len(list(tmp_path.glob("*.png"))) >= 1  # what was finished before is kept
    assert not list(tmp_path.glob("*.part"))
    failed = [event for event in recorder.events if event.kind == "failed"]
    assert failed
