"""One ComfyUI server behind one small interface. Reads are retried, writes that could act twice are not."""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from runner.auth import auth_headers, login_advice, public_url
from runner.errors import PhotoError, ServerUnavailableError, WorkflowRejectedError
from runner.records import JobRecord, QueuedJob, Receipt, ServerFile, record_of_history, record_of_job
from runner.transport import NoAccessError, NoAnswerError, NotReachedError, Reply, Transport

GET_TRIES = 4
BACKOFF_S = 0.1
BACKOFF_CAP_S = 2.0
_TEMPORARY = (429, 502, 503, 504)
Graph = Mapping[str, Any]


class FileGoneError(Exception):
    """The server listed this file and does not have it (a cached result whose file was deleted)."""


class ServerFaultError(WorkflowRejectedError):
    """HTTP 500 to a submission: this graph is more than the server can take, or something in front of it fell over."""


class ComfyClient:
    """Requests to one ComfyUI. Thread-safe.

    Raises `ServerUnavailableError` (or its kinds in `runner.transport`) when the server cannot be reached, does not
    answer in time, asks for a login or answers nonsense.
    """

    def __init__(self, url: str) -> None:
        self.transport = Transport(url, auth_headers(url))
        self.url = public_url(url)
        self._server_url = url.rstrip("/")
        self._upload_limit: int | None = None
        self._has_jobs_api = True

    def socket_target(self, client_id: str) -> tuple[str, dict[str, str]]:
        """The WebSocket's URL (without credentials) and the headers to open it with."""
        scheme, _, rest = self.url.partition("://")
        secure = "wss" if scheme == "https" else "ws"
        return f"{secure}://{rest}/ws?{urlencode({'clientId': client_id})}", auth_headers(self._server_url)

    # what the server is

    def system_stats(self) -> dict[str, Any]:
        return _object(self._get("/system_stats"))

    def features(self) -> dict[str, Any]:
        return _object(self._get("/features"))

    def upload_limit(self) -> int | None:
        """The largest upload in bytes, or None where the server does not say."""
        if self._upload_limit is None:
            limit = self.features().get("max_upload_size")
            self._upload_limit = int(limit) if isinstance(limit, int | float) else 0  # a float where it was set
        return self._upload_limit or None

    def object_info(self, classes: Iterable[str] | None = None) -> dict[str, Any]:
        """The description of these node classes (of all without any). A class the server lacks is not in it."""
        if classes is None:
            return _object(self._get("/object_info", timeout=120.0))
        found: dict[str, Any] = {}
        for name in sorted(set(classes)):
            found.update(_object(self._get(f"/object_info/{quote(name, safe='')}")))
        return found

    # what goes there

    def upload_image(self, data: bytes, name: str) -> str:
        """Put a file into the server's input folder; returns the name the server gave it.

        Raises:
            PhotoError: it is larger than the server accepts.
        """
        limit = self.upload_limit()
        if limit is not None and limit < len(data) + 1024:
            raise PhotoError(
                f"{name} is {len(data) / 2**20:.1f} MB, and the server takes no more than {limit / 2**20:.0f} MB.",
                advice="Make it smaller, or start ComfyUI with a larger --max-upload-size (in MB).",
            )
        body, kind = _multipart(data, name)
        reply = self._tried(lambda: self._send("POST", "/upload/image", body, {"Content-Type": kind}, timeout=120.0))
        if reply.status == 413:
            raise PhotoError(
                f"{name} is {len(data) / 2**20:.1f} MB, and something in front of the server takes less (HTTP 413).",
                advice="Make it smaller, or raise the limit there (nginx: client_max_body_size).",
            )
        answer = _object(self._expect_ok(reply, "/upload/image"))
        return f"{answer.get('subfolder') or ''}/{answer['name']}".lstrip("/")

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

        Raises:
            NotReachedError: nothing was queued.
            NoAnswerError: it may have been queued; look for `prompt_id` before sending it again.
            WorkflowRejectedError: the server refused the graph, or (ServerFaultError) failed over it.
        """
        message = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id, "extra_data": extra_data}
        body = json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8")
        reply = self._send("POST", "/prompt", body, {"Content-Type": "application/json"}, timeout=timeout)
        if reply.status == 200:
            answer = _object(reply)
            return Receipt(str(answer.get("prompt_id", prompt_id)), dict(answer.get("node_errors") or {}))
        self._expect_access(reply)
        from runner.rejection import explain_refusal

        if reply.status in _TEMPORARY:
            raise NoAnswerError(f"{self.url} is not ready: HTTP {reply.status}.")
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
        return bool(_object(self._expect_ok(reply, path)).get("cancelled"))

    def free(self) -> None:
        """Ask the server to unload its models and drop its caches before the next job."""
        body = json.dumps({"unload_models": True, "free_memory": True}).encode()
        headers = {"Content-Type": "application/json"}
        self._expect_ok(self._tried(lambda: self._send("POST", "/free", body, headers)), "/free")

    # what comes back

    def job(self, prompt_id: str, *, timeout: float = 15.0) -> JobRecord | None:
        """The job's record, or None when the server knows nothing of it. Asked once: callers poll."""
        if self._has_jobs_api:
            reply = self._send("GET", f"/api/jobs/{quote(prompt_id, safe='')}", timeout=timeout)
            if reply.status == 200:
                return record_of_job(_object(reply))
            if (
                reply.status == 404
                and "not found" in reply.text.lower()
                and "json" in reply.headers.get("content-type", "")
            ):
                return None
            if reply.status != 404:
                self._expect_ok(reply, "/api/jobs")
            self._has_jobs_api = False
        queued = {job.prompt_id: job for job in self.queue()}  # before the history: a job moves from here to there
        entry = self.history(prompt_id)
        if entry is not None:
            return record_of_history(prompt_id, entry)
        if prompt_id in queued:
            return JobRecord(prompt_id, "in_progress" if queued[prompt_id].running else "pending")
        return None

    def history(self, prompt_id: str) -> dict[str, Any] | None:
        entry = _object(self._get(f"/history/{quote(prompt_id, safe='')}")).get(prompt_id)
        return entry if isinstance(entry, dict) else None

    def queue(self) -> list[QueuedJob]:
        """Every job on the server in the order they run: the running one, then those waiting."""
        answer = _object(self._get("/queue"))
        waiting = sorted(answer.get("queue_pending") or [], key=lambda item: item[0])
        running = answer.get("queue_running") or []
        return [QueuedJob(item[1], True, dict(item[3] or {})) for item in running] + [
            QueuedJob(item[1], False, dict(item[3] or {})) for item in waiting
        ]

    def position(self, prompt_id: str) -> int | None:
        """How many jobs run before this one, or None when it does not wait."""
        if not self._has_jobs_api:
            ids = [job.prompt_id for job in self.queue()]
            return ids.index(prompt_id) if prompt_id in ids else None
        answer = _object(self._get("/api/jobs?status=pending,in_progress", tries=1))
        jobs = [job for job in answer.get("jobs") or [] if isinstance(job, dict)]
        mine = next((job for job in jobs if job.get("id") == prompt_id and job.get("status") == "pending"), None)
        if mine is None:
            return None
        first = [j for j in jobs if j.get("status") == "in_progress" or j.get("priority", 0) < mine.get("priority", 0)]
        return len(first)

    @contextmanager
    def open_file(self, file: ServerFile) -> Iterator[Iterator[bytes]]:
        """The content of an output, in chunks. Raises FileGoneError when the server does not have it any more."""
        with self.transport.stream(f"/view?{file.query}") as (response, chunks):
            if response.status in (400, 403, 404):
                raise FileGoneError(file.filename)
            if response.status != 200:
                raise NoAnswerError(f"{self.url} answers HTTP {response.status} for the file {file.filename}.")
            announced = response.getheader("Content-Length")
            yield _complete(chunks, int(announced) if announced and announced.isdigit() else None, file.filename)

    # the ways there

    def _get(self, path: str, *, timeout: float = 30.0, tries: int = GET_TRIES) -> Reply:
        def once() -> Reply:
            reply = self._send("GET", path, timeout=timeout)
            if reply.status in _TEMPORARY or reply.status == 500:
                raise NoAnswerError(f"{self.url} is not ready: HTTP {reply.status} for {path}.")
            return reply

        return self._expect_ok(self._tried(once, tries=tries), path)

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, *,
        timeout: float = 30.0,
    ) -> Reply:  # fmt: skip
        return self.transport.request(method, path, body, headers, timeout=timeout)

    @staticmethod
    def _tried(attempt: Any, *, tries: int = GET_TRIES) -> Reply:
        """Repeat what may safely be repeated, with capped and jittered pauses."""
        for number in range(tries):
            try:
                reply: Reply = attempt()
                return reply
            except (NotReachedError, NoAnswerError):
                if number + 1 == tries:
                    raise
                time.sleep(min(BACKOFF_CAP_S, BACKOFF_S * 2**number) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        raise AssertionError("tries must be at least 1")

    def _expect_ok(self, reply: Reply, path: str) -> Reply:
        if reply.status == 200:
            return reply
        self._expect_access(reply)
        raise ServerUnavailableError(
            f"{self.url} answers HTTP {reply.status} for {path.partition('?')[0]}; a ComfyUI would not.",
            advice="Check that the address is that of a ComfyUI server.",
        )

    def _expect_access(self, reply: Reply) -> None:
        if reply.status in (401, 403):
            raise NoAccessError(
                f"{self.url} asks for a login (HTTP {reply.status}).",
                advice=login_advice(self.url),
            )
        if 300 <= reply.status < 400:
            target = public_url(reply.headers.get("location", "")) or "another address"
            raise ServerUnavailableError(
                f"{self.url} sends us on to {target}.", advice="If you trust it, name that address with --server."
            )


def _complete(chunks: Iterator[bytes], announced: int | None, name: str) -> Iterator[bytes]:
    received = 0
    for chunk in chunks:
        received += len(chunk)
        yield chunk
    if announced is not None and received != announced:
        raise NoAnswerError(f"The download of {name} broke off after {received} of {announced} bytes.")


def _object(reply: Reply) -> dict[str, Any]:
    try:
        data = json.loads(reply.body)
    except ValueError:
        data = None
    if isinstance(data, dict):
        return data
    raise ServerUnavailableError(
        f"The server's answer is not what a ComfyUI sends: {reply.text[:80]!r}.",
        advice="Check that the address is that of a ComfyUI server.",
    )


def _multipart(data: bytes, name: str) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    safe = name.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{safe}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return b"".join(
        (head.encode(), data, f"\r\n--{boundary}--\r\n".encode())
    ), f"multipart/form-data; boundary={boundary}"
