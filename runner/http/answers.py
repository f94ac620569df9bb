"""A server's answers, whatever they are: read without trusting their shape, or put into words when they are none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from runner.data import BadDataError, parse_answer
from runner.errors import ServerUnavailableError
from runner.http.address import public_url
from runner.http.auth import login_advice
from runner.http.transport import BusyError, NoAccessError, NoAnswerError, Reply

BUSY = (429, 503)
"""Not now, and nothing was done."""
TEMPORARY = (*BUSY, 502, 504)
_IS_IT_COMFYUI = "Check that the address is that of a ComfyUI server."


def object_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer. Raises ServerUnavailableError for anything else."""
    data = json_of(reply)
    if isinstance(data, dict):
        return data
    is_page = reply.body.lstrip()[:1] == b"<"
    raise ServerUnavailableError(
        f"The server's answer is not what a ComfyUI sends: {reply.text[:80]!r}.",
        advice=f"This is a web page, perhaps that of a login. {_IS_IT_COMFYUI}" if is_page else _IS_IT_COMFYUI,
    )


def json_of(reply: Reply) -> Any:
    """What the body says; None where it is no JSON (or nested deeper, or with longer numbers, than anybody means)."""
    try:
        return parse_answer(reply.body)
    except BadDataError:
        return None


def expect_ok(reply: Reply, url: str, path: str) -> Reply:
    """The answer, if it is one. `path` may hold a query, which is not repeated.

    Raises NoAccessError where a login is wanted, or we are sent to another address: waiting changes nothing. Raises
    BusyError, NoAnswerError where it may answer later. Raises ServerUnavailableError where this is no ComfyUI.
    """
    if reply.status == 200:
        return reply
    expect_access(reply, url)
    expect_ready(reply, url)
    raise ServerUnavailableError(
        f"{url} answers HTTP {reply.status} for {path.partition('?')[0]}; a ComfyUI would not.", advice=_IS_IT_COMFYUI
    )


def expect_access(reply: Reply, url: str) -> None:
    """Raises NoAccessError where a login is wanted, or we are sent elsewhere: no redirect is followed."""
    if reply.status in (401, 403):
        raise NoAccessError(f"{url} asks for a login (HTTP {reply.status}).", advice=login_advice(url))
    if reply.status == 407:
        raise NoAccessError(
            "The proxy asks for a login (HTTP 407).", advice="Write it into $HTTP_PROXY: user:password@."
        )
    if 300 <= reply.status < 400:
        from urllib.parse import urljoin

        try:
            target = public_url(urljoin(f"{url}/", reply.headers.get("location", "")))
        except ValueError:
            target = ""
        where = target if target and target != url else "another address"
        raise NoAccessError(
            f"{url} sends us on to {where} (HTTP {reply.status}).",
            advice="If you trust it, name that address instead (--server, $COMFYUI_URL). If it is a login: "
            + login_advice(url),
        )


def expect_ready(reply: Reply, url: str) -> None:
    """Raises BusyError where nothing was done, NoAnswerError where it may have been."""
    if reply.status in BUSY:
        raise BusyError(f"{url} is busy (HTTP {reply.status}).", wait=retry_after(reply.headers))
    if reply.status in TEMPORARY:
        raise NoAnswerError(f"{url} is not ready (HTTP {reply.status}).")


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds that `Retry-After` asks for (a number or a date); 0 where it says nothing sensible."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        import time

        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError, IndexError, OverflowError):
            return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
