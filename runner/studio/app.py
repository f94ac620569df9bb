"""What the studio's page asks over HTTP, answered by the desk."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from runner.console import clean, json_text
from runner.desk.desk import Desk, Snapshot
from runner.desk.keeping import LARGEST
from runner.desk.shots import Shot
from runner.errors import RunnerError
from runner.files.reading import in_bytes
from runner.studio.archive import names_apart, zipped
from runner.studio.guard import Door, Guard
from runner.studio.pictures import SIDES, Copies

_HERE = Path(__file__).parent
_ASSETS = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/paint.js": ("paint.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_LARGEST_MASK = 32 << 20
"""Bytes of a painted mask: a PNG of black and white, as large as the page paints it, is a hundredth."""
_LOOK_S, _QUIET_S = 0.2, 15.0
"""Between looks for something new to tell a page, and the longest that one hears nothing."""
_LARGEST_HEAD = 16 << 10
"""Bytes of the settings that come with a photo."""

Answer = Callable[[Request], Awaitable[Response]]


class Studio:
    """The answers. `ended`: whether the studio is about to end, which ends what is being told to pages."""

    def __init__(self, desk: Desk, ended: Callable[[], bool]) -> None:
        self._desk, self._ended = desk, ended
        self._copies = Copies()

    def app(self, door: Door) -> Starlette:
        routes = [Route(path, _asset(*asset)) for path, asset in _ASSETS.items()]
        routes += [
            Route("/events", self._events),
            Route("/photos", _told(self._hand_in), methods=["POST"]),
            Route("/look", _told(self._look), methods=["POST"]),
            Route("/shots/{id}/mask", _told(self._mask), methods=["POST"]),
            Route("/shots/{id}/make", _told(self._make), methods=["POST"]),
            Route("/shots/{id}/small/{what}", self._small),
            Route("/shots/{id}/paint", self._to_paint_on),
            Route("/shots/{id}/full/{what}", self._full),
            Route("/shots/{id}/file/{name}", self._file),
            Route("/zip", self._zip),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Guard, door=door)])

    # what changes something

    async def _hand_in(self, request: Request) -> Response:
        data = await _body(request, LARGEST)
        settings = _settings(request)
        name = unquote(request.headers.get("x-name", ""))[:1000] or "photo"
        number = await run_in_threadpool(self._desk.hand_in, str(settings.get("workflow", "")), name, data, settings)
        return JSONResponse({"id": number})

    async def _mask(self, request: Request) -> Response:
        shot = await self._shot(request)
        if shot is None:
            return _gone()
        data = await _body(request, _LARGEST_MASK)
        return JSONResponse({"id": await run_in_threadpool(self._desk.try_with_mask, shot, data)})

    async def _make(self, request: Request) -> Response:
        shot = await self._shot(request)
        if shot is None:
            return _gone()
        settings = _settings(request)
        workflow = str(settings.get("workflow", ""))
        return JSONResponse({"id": await run_in_threadpool(self._desk.make_too, shot, workflow, settings)})

    async def _look(self, _request: Request) -> Response:
        """What was missing may have been installed since."""
        self._desk.look_again()
        return JSONResponse({})

    # what it says

    async def _events(self, _request: Request) -> Response:
        return StreamingResponse(self._told(), media_type="text/event-stream")

    async def _told(self) -> AsyncIterator[bytes]:
        """What has changed since this page was told last, for as long as it listens."""
        sent: dict[str, Mapping[str, Any]] = {}
        revision, spoke = 0, time.monotonic()
        while not self._ended():
            if self._desk.revision != revision:
                snapshot = await run_in_threadpool(self._desk.snapshot)
                revision = snapshot.revision
                yield _message(snapshot, sent)
                sent = {str(data["id"]): data for _, data in snapshot.shots}
                spoke = time.monotonic()
            elif time.monotonic() - spoke > _QUIET_S:
                yield b": still here\n\n"
                spoke = time.monotonic()
            await asyncio.sleep(_LOOK_S)

    async def _small(self, request: Request) -> Response:
        return await self._copy(request, request.path_params["what"], SIDES["card"])

    async def _to_paint_on(self, request: Request) -> Response:
        return await self._copy(request, "photo", SIDES["paint"])

    async def _copy(self, request: Request, what: str, side: int) -> Response:
        path = await self._path(request, what)
        data = None if path is None else await run_in_threadpool(self._copies.of, path, side)
        if data is None:
            return _gone()
        # The page asks for another address when the picture is another.
        return Response(data, media_type="image/webp", headers={"cache-control": "private, max-age=86400"})

    async def _full(self, request: Request) -> Response:
        what = request.path_params["what"]
        path = await self._path(request, what)
        kind = None if path is None else _TYPES.get(path.suffix.lower())
        if path is None or kind is None or what == "photo":  # a photo may be of a kind that no browser shows
            return await self._copy(request, what, SIDES["paint"])
        return FileResponse(path, media_type=kind)

    async def _file(self, request: Request) -> Response:
        """One of a shot's files, to be kept."""
        shot, name = await self._shot(request), request.path_params["name"]
        path = None if shot is None else next((path for path in shot.pictures() if path.name == name), None)
        if path is None:
            return _gone()
        return FileResponse(path, media_type="application/octet-stream", filename=path.name)

    async def _zip(self, request: Request) -> Response:
        """The files of every shot that was made, or of those that are named."""
        asked = set(request.query_params.getlist("id"))
        snapshot = await run_in_threadpool(self._desk.snapshot)
        shots = [shot for shot, _ in snapshot.shots if shot.result() and (not asked or shot.id in asked)]
        files = [path for shot in shots for path in shot.pictures()]
        if not files:
            return _gone()
        name = f"prodgen-{time.strftime('%Y-%m-%d')}.zip"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(zipped(names_apart(files)), media_type="application/zip", headers=headers)

    async def _path(self, request: Request, what: str) -> Path | None:
        shot = await self._shot(request)
        if shot is None:
            return None
        return {"photo": lambda: shot.photo, "cutout": shot.cutout, "result": shot.result}.get(what, lambda: None)()

    async def _shot(self, request: Request) -> Shot | None:
        return await run_in_threadpool(self._desk.shot, request.path_params["id"])


def _message(snapshot: Snapshot, sent: Mapping[str, Mapping[str, Any]]) -> bytes:
    """One event: how everything stands, and what of the shots this page does not know."""
    news = [data for _, data in snapshot.shots if sent.get(str(data["id"])) != data]
    record = {
        "standing": {"server": snapshot.standing.server, "said": clean(snapshot.standing.said)},
        "options": [option.as_data() for option in snapshot.options],
        "order": [data["id"] for _, data in snapshot.shots],
        "shots": news,
    }
    return f"data: {json_text(record)}\n\n".encode()


def _told(answer: Answer) -> Answer:
    """The same, with what is refused in words."""

    async def told(request: Request) -> Response:
        try:
            return await answer(request)
        except TooLargeError as error:
            return JSONResponse({"message": str(error), "advice": ""}, 413)
        except ClientDisconnect:
            return Response(status_code=400)
        except RunnerError as error:
            return JSONResponse({"message": clean(error.message), "advice": clean(error.advice)}, 422)

    return told


class TooLargeError(Exception):
    """More was sent than is taken."""


async def _body(request: Request, largest: int) -> bytes:
    """What was sent. Raises TooLargeError as soon as that is known."""
    refused = TooLargeError(f"This is larger than {in_bytes(largest)}.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > largest:
        raise refused
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > largest:
            raise refused
        pieces.append(piece)
    return b"".join(pieces)


def _settings(request: Request) -> dict[str, Any]:
    """What is to be made, as the page says it in a header; nothing where that is no JSON."""
    text = request.headers.get("x-settings", "")
    try:
        settings = json.loads(unquote(text)) if len(text) <= _LARGEST_HEAD else None
    except (ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _asset(name: str, kind: str) -> Answer:
    data = (_HERE / name).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(data, media_type=kind)

    return answer


def _gone() -> Response:
    return JSONResponse({"message": "There is no such thing (any more).", "advice": ""}, 404)
