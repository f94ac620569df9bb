"""One ComfyUI server behind one small interface. Reads are retried, writes that could act twice are not."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from runner.errors import PhotoError, ServerUnavailableError, WorkflowRejectedError
from runner.http.answers import expect_access, expect_ok, expect_ready, json_of, object_of
from runner.http.auth import admit, auth_headers
from runner.http.bodies import LARGEST_FILE, complete, multipart
from runner.http.transport import (
    BusyError,
    NoAnswerError,
    NotReachedError,
    Reply,
    Transport,
)
from runner.server.availability import Deadline
from runner.server.records import (
    JobRecord,
    JobStatus,
    QueuedJob,
    Receipt,
    ServerFile,
    queued_jobs,
    record_of_history,
    record_of_job,
)
from runner.untrusted import items, mapping, number, text, whole_number
from runner.workflow.schema import well_formed

GET_TRIES = 4
"""Of what may be repeated: with the pauses between them at most 0.7 s."""
BACKOFF_S = 0.1
"""The first pause; each next one is twice as long, up to the cap."""
BACKOFF_CAP_S = 2.0
"""A server that is back should not wait for us."""
Graph = Mapping[str, Any]


class FileGoneError(Exception):
    """The server listed this file and does not have it (a cached result whose file was deleted)."""


class ServerFaultError(WorkflowRejectedError):
    """HTTP 500 to a submission: this graph is more than the server can take, or something in front of it fell over."""


class ComfyClient:
    """Requests to one ComfyUI. Thread-safe.

    Raises `ServerUnavailableError` (or its kinds in `runner.http.transport`) when the server cannot be reached, does
    not answer in time, asks for a login or answers nonsense.
    """

    def __init__(self, url: str) -> None:
        self.url = admit(url)
        self.transport = Transport(self.url, auth_headers(self.url))
        self.slow_s = 10.0
        """Seconds after which an upload that has no answer yet is spoken of."""
        self.patience = 0.0
        """How long a server that says it is busy (429, 503) is asked again, in seconds."""
        self.deadline = Deadline(None)
        self.notice: Callable[[str], None] = _unheard
        """Told once about each wait for a busy server."""
        self._largest_upload: int | None = None
        self._has_jobs_api = True

    def socket_target(self, client_id: str) -> tuple[str, dict[str, str]]:
        """The WebSocket's URL (it may hold the query of the address: not to be shown) and its headers."""
        parts = urlsplit(self.url)
        secure = "wss" if parts.scheme == "https" else "ws"
        path = self.transport.with_query(f"/ws?{urlencode({'clientId': client_id})}")
        return f"{secure}://{parts.netloc}{path}", auth_headers(self.url)

    # what the server is

    def system_stats(self) -> dict[str, Any]:
        return object_of(self._get("/system_stats"))

    def features(self) -> dict[str, Any]:
        return object_of(self._get("/features"))

    def largest_upload(self) -> int | None:
        """The largest upload in bytes, or None where the server does not say."""
        if self._largest_upload is None:
            limit = number(self.features().get("max_upload_size"))  # a float where it was set
            self._largest_upload = int(limit) if limit is not None and limit > 0 else 0
        return self._largest_upload or None

    def object_info(self, classes: Iterable[str] | None = None) -> dict[str, Any]:
        """The description of these node classes (of all without any). A class the server lacks is not in it."""
        if classes is None:
            return well_formed(object_of(self._get("/object_info", timeout=120.0)))
        schemas: dict[str, Any] = {}
        for name in sorted(set(classes)):
            answer = object_of(self._get(f"/object_info/{quote(name, safe='', errors='replace')}"))
            schemas.update(well_formed(answer))  # one by one: no more than one endless answer is held at a time
        return schemas

    def replacements(self) -> set[str]:
        """The node classes that the server itself rewrites to newer ones; empty where it does not say."""
        reply = self._send("GET", "/node_replacements", timeout=self.deadline.at_most(30.0))
        return set(mapping(json_of(reply))) if reply.status == 200 else set()

    # what goes there

    def upload_image(self, data: bytes, name: str, folder: str = "") -> str:
        """Put a file into the server's input folder, or a folder below it; returns the name the server gave it.

        Raises PhotoError where it is larger than the server accepts.
        """
        limit = self.largest_upload()
        if limit is not None and limit < len(data) + 1024:
            raise PhotoError(
                f"{name} is {len(data) / 2**20:.1f} MB, and the server takes no more than {limit / 2**20:.0f} MB.",
                advice="Make it smaller, or start ComfyUI with a larger --max-upload-size (in MB).",
            )
        body, kind = multipart(data, name, folder)

        def once() -> Reply:
            reply = self._send(
                "POST", "/upload/image", body, {"Content-Type": kind}, timeout=self.deadline.at_most(120.0)
            )
            expect_ready(reply, self.url)
            return reply

        with self._told_if_slow(f"{self.url} takes its time over {name}: waiting for its answer."):
            reply = self._tried(once)
        if reply.status == 413:
            raise PhotoError(
                f"{name} is {len(data) / 2**20:.1f} MB, and something in front of the server takes less (HTTP 413).",
                advice="Make it smaller, or raise the limit there (nginx: client_max_body_size).",
            )
        answer = object_of(expect_ok(reply, self.url, "/upload/image"))
        kept, folder = text(answer.get("name")), text(answer.get("subfolder"))
        if not kept or not kept.isprintable() or not folder.isprintable():
            raise ServerUnavailableError(
                f"{self.url} does not say under which name it keeps {name}; a ComfyUI would.",
                advice="Check that the address is that of a ComfyUI server.",
            )
        return f"{folder}/{kept}".lstrip("/")

    def has_file(self, name: str) -> bool:
        """Whether the server has this file: in its input folder, or where a name like `a/b.png [output]` says."""
        place = re.fullmatch(r"(.*?)\s*\[(input|output|temp)\]", name.strip())
        path, folder = (place[1], place[2]) if place else (name.strip(), "input")
        subfolder, _, filename = path.replace("\\", "/").rpartition("/")
        if not filename or not name.isprintable():
            return False
        try:
            with self.open_file(ServerFile(filename, subfolder, folder)):
                return True
        except FileGoneError:
            return False

    def post_prompt(
        self, graph: Graph, prompt_id: str, client_id: str, extra_data: Mapping[str, Any], *, timeout: float = 30.0
    ) -> Receipt:
        """Queue a graph under an id made here. Never repeated: a second copy would run a second time.

        Raises NotReachedError where nothing was queued (BusyError: the server takes nothing just now). Raises
        NoAnswerError where it may have been queued; look for `prompt_id` before sending it again. Raises
        WorkflowRejectedError where the server refused the graph, or (ServerFaultError) failed over it.
        """
        message = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id, "extra_data": extra_data}
        body = json.dumps(message, allow_nan=False).encode("ascii")  # escaped: a name may hold what UTF-8 cannot
        reply = self._send("POST", "/prompt", body, {"Content-Type": "application/json"}, timeout=timeout)
        if reply.status == 200:
            answer = object_of(reply)
            return Receipt(str(answer.get("prompt_id", prompt_id)), mapping(answer.get("node_errors")))
        expect_access(reply, self.url)
        expect_ready(reply, self.url)
        from runner.server.refusal import explain_refusal

        fault = ServerFaultError if reply.status >= 500 else WorkflowRejectedError
        raise fault(explain_refusal(reply, graph))

    def cancel_job(self, prompt_id: str, *, timeout: float = 10.0, tries: int = 2) -> bool:
        """Cancel one job, waiting or running, and no other. False when it had already ended or is not known."""
        path = f"/api/jobs/{quote(prompt_id, safe='')}/cancel"
        reply = self._tried(lambda: self._send("POST", path, b"", timeout=timeout), tries=tries)
        if reply.status == 404:  # before /api/jobs existed: only a waiting job can be taken back by its id
            body = json.dumps({"delete": [prompt_id]}).encode()
            reply = self._send("POST", "/queue", body, {"Content-Type": "application/json"}, timeout=timeout)
            return reply.status == 200
        return bool(object_of(expect_ok(reply, self.url, path)).get("cancelled"))

    def free(self) -> None:
        """Ask the server to unload its models and drop its caches before the next job."""
        body = json.dumps({"unload_models": True, "free_memory": True}).encode()
        headers = {"Content-Type": "application/json"}
        expect_ok(self._tried(lambda: self._send("POST", "/free", body, headers)), self.url, "/free")

    # what comes back

    def job(self, prompt_id: str, *, timeout: float = 15.0) -> JobRecord | None:
        """The job's record, or None when the server knows nothing of it. Asked once: callers poll."""
        if self._has_jobs_api:
            reply = self._send("GET", f"/api/jobs/{quote(prompt_id, safe='')}", timeout=timeout)
            if reply.status == 200:
                return record_of_job(object_of(reply))
            if (
                reply.status == 404
                and "not found" in reply.text.lower()
                and "json" in reply.headers.get("content-type", "")
            ):
                return None
            if reply.status != 404:
                expect_ok(reply, self.url, "/api/jobs")
            self._has_jobs_api = False
        queued = {job.prompt_id: job for job in self.queue()}  # before the history: a job moves from here to there
        entry = self.history(prompt_id)
        if entry is not None:
            return record_of_history(prompt_id, entry)
        if prompt_id in queued:
            return JobRecord(prompt_id, JobStatus.IN_PROGRESS if queued[prompt_id].running else JobStatus.PENDING)
        return None

    def history(self, prompt_id: str) -> dict[str, Any] | None:
        entry = object_of(self._get(f"/history/{quote(prompt_id, safe='')}")).get(prompt_id)
        return entry if isinstance(entry, dict) else None

    def queue(self) -> list[QueuedJob]:
        """Every job on the server in the order they run: the running one, then those waiting."""
        answer = object_of(self._get("/queue"))
        waiting = sorted(queued_jobs(answer.get("queue_pending"), running=False), key=lambda job: job.order)
        return [*queued_jobs(answer.get("queue_running"), running=True), *waiting]

    def position(self, prompt_id: str) -> int | None:
        """How many jobs run before this one, or None when it does not wait."""
        if not self._has_jobs_api:
            ids = [job.prompt_id for job in self.queue()]
            return ids.index(prompt_id) if prompt_id in ids else None
        answer = object_of(self._get("/api/jobs?status=pending,in_progress", tries=1))
        jobs = [mapping(job) for job in items(answer.get("jobs"))]
        waiting = (job for job in jobs if job.get("status") == JobStatus.PENDING)
        mine = next((job for job in waiting if job.get("id") == prompt_id), None)
        if mine is None:
            return None
        priority = number(mine.get("priority")) or 0
        running = JobStatus.IN_PROGRESS
        first = [job for job in jobs if job.get("status") == running or (number(job.get("priority")) or 0) < priority]
        return len(first)

    @contextmanager
    def open_file(self, file: ServerFile, *, largest: int = LARGEST_FILE) -> Iterator[Iterator[bytes]]:
        """The content of an output, in chunks. Raises FileGoneError when the server does not have it any more."""
        slow = f"{self.url} takes its time over {file.filename}: it is being fetched."
        with self._told_if_slow(slow), self.transport.stream(f"/view?{file.query}") as (response, chunks):
            if response.status in (400, 403, 404):
                raise FileGoneError(file.filename)
            if response.status != 200:
                expect_access(Reply(response.status, self.transport.headers_of(response), b""), self.url)
                raise NoAnswerError(f"{self.url} answers HTTP {response.status} for the file {file.filename}.")
            announced = response.getheader("Content-Length")
            yield complete(chunks, whole_number(announced), largest, file.filename)

    # the ways there

    def _get(self, path: str, *, timeout: float = 30.0, tries: int = GET_TRIES) -> Reply:
        def once() -> Reply:
            reply = self._send("GET", path, timeout=self.deadline.at_most(timeout))
            expect_ready(reply, self.url)
            if reply.status == 500:
                raise NoAnswerError(f"{self.url} is not ready (HTTP 500 for {path.partition('?')[0]}).")
            return reply

        return expect_ok(self._tried(once, tries=tries), self.url, path)

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, *,
        timeout: float = 30.0,
    ) -> Reply:  # fmt: skip
        return self.transport.request(method, path, body, headers, timeout=timeout)

    @contextmanager
    def _told_if_slow(self, words: str) -> Iterator[None]:
        """Say so where what is done in the block takes long."""
        timer = threading.Timer(self.slow_s, lambda: self.notice(words))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _tried(self, attempt: Callable[[], Reply], *, tries: int = GET_TRIES) -> Reply:
        """Repeat what may safely be repeated, with capped and jittered pauses; a busy server is waited for."""
        until = time.monotonic() + (self.patience if tries > 1 else 0.0)
        number, told = 1, False
        while True:
            try:
                return attempt()
            except (NotReachedError, NoAnswerError) as error:
                now = time.monotonic()
                pause = min(BACKOFF_CAP_S, BACKOFF_S * 2 ** min(number - 1, 8)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
                if isinstance(error, BusyError) and now < until:
                    pause = min(max(pause, error.wait), until - now)
                    if not told:
                        self.notice(f"{error.message} Waiting up to {until - now:.0f} s for it.")
                    told = True
                elif number >= tries:
                    self.deadline.check()  # a request that was cut short by it says nothing of the server
                    raise
            number += 1
            time.sleep(self.deadline.at_most(pause))
            self.deadline.check()


def _unheard(_text: str) -> None:
    pass
