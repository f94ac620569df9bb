"""A person's description from a vision-language model behind an OpenAI-compatible endpoint.

`$PRODGEN_LLM_URL` names the endpoint (up to `/v1`), `$PRODGEN_LLM_MODEL` the model, `$PRODGEN_LLM_KEY` the key; the
key is sent as a header and shown nowhere. What to ask stands in the workflow itself, on a node titled
`question: persona`; the answer goes into its input `persona`. Another name (`question: description`) is another input.
Whatever goes wrong, the job still runs: the workflow's own rules decide then.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from runner.errors import RunnerError, UsageError
from runner.http.address import has_credentials, is_loopback_url, public_url
from runner.http.answers import retry_after
from runner.http.masking import Secrets
from runner.http.transport import Reply, Transport
from runner.photos.prepare import PreparedPhoto
from runner.workflow.graph import Graph, Workflow, is_link, node_title

URL_VARIABLE, MODEL_VARIABLE = "PRODGEN_LLM_URL", "PRODGEN_LLM_MODEL"
KEY_VARIABLE = "PRODGEN_LLM_KEY"
INPUT, WISH = "persona", "wish"
_QUESTION = re.compile(r"^\s*question\s*:\s*(\w+)\s*$", re.IGNORECASE)
_TEXT_WIDGETS = ("question", "value", "text", "string", "prompt")
_SIDE = 768
"""Pixels of the longer side: what a vision model looks at; more only costs tokens."""
_JPEG_QUALITY = 88
"""Without artefacts that a model would describe."""
_ANSWER_TOKENS = 2048
"""The form is short; a model that thinks first needs the rest."""
_MOST_BYTES = 1 << 20
_MOST_CHARACTERS = 20_000
"""Of an answer, and characters of it that are read: whatever is longer is no form."""
_TIMEOUT_S = 120.0
"""A large model on a small machine answers within it."""
_LONGEST_WAIT_S = 10.0
"""What an endpoint may ask to wait for before the rules answer instead."""
_TRY_AGAIN = (429, 500, 502, 503, 504)
"""HTTP: too many requests, and what a gateway says while its server is busy or away."""
_WHY = {
    400: "it did not understand the request; does the model take pictures?",
    401: f"it refuses the key; check ${KEY_VARIABLE}",
    403: f"the key may not use this model; check ${KEY_VARIABLE} and ${MODEL_VARIABLE}",
    404: f"there is no such address or model; ${URL_VARIABLE} usually ends in /v1, the model is ${MODEL_VARIABLE}",
    413: "the picture is too large for it",
    429: "it takes no more requests for now",
}


class PersonaError(RunnerError):
    """The model could not be asked, or gave no usable answer."""


@dataclass(frozen=True)
class Endpoint:
    """Whom to ask. The key is never printed."""

    url: str
    model: str = ""
    key: str = field(default="", repr=False)
    timeout: float = _TIMEOUT_S

    @property
    def label(self) -> str:
        """What may be printed and recorded."""
        return public_url(self.url)

    @property
    def exposed(self) -> bool:
        """Whether the key would cross a network unencrypted."""
        return bool(self.key) and urlsplit(self.url).scheme != "https" and not is_loopback_url(self.url)


def endpoint_from(text: str | None = None, environment: Mapping[str, str] = os.environ) -> Endpoint | None:
    """The endpoint of `URL` or `URL#model`, or else of the environment; None where neither names one.

    Raises UsageError for an address with a password in it.
    """
    url, _, model = (text or environment.get(URL_VARIABLE, "")).strip().partition("#")
    if not url:
        return None
    if has_credentials(url):
        raise UsageError(
            "the address of the persona's model holds a password.", advice=f"Put the key into ${KEY_VARIABLE} instead."
        )
    key = environment.get(KEY_VARIABLE, "").strip()
    return Endpoint(url.rstrip("/"), model or environment.get(MODEL_VARIABLE, "").strip(), key)


def persona_answer(
    workflow: Workflow,
    photo: PreparedPhoto,
    notice: Callable[[str], None],
    *,
    endpoint: Endpoint | None = None,
    wish: str = "",
    name: str = INPUT,
) -> str | None:
    """The model's words for the workflow's input `name`; None where nobody is to be asked or the asking failed.

    `endpoint` defaults to that of the environment; `wish`, what the user asks of the person, to the workflow's own. A
    failure is one notice and no error.
    """
    if workflow.input(name) is None:
        return None
    wished = workflow.input(WISH)
    wish = wish or (wished.default if wished is not None and isinstance(wished.default, str) else "")
    try:
        endpoint = endpoint or endpoint_from()
        if endpoint is None:
            return None
        question = question_in(workflow.graph, name)
        if question is None:
            notice(
                f"{workflow.label} has no node titled “question: {name}”: the model was not asked, the rules decide."
            )
            return None
        if wish.strip():
            question += f"\n\nThe user's wish, which comes first: {wish.strip()}"
        if endpoint.exposed:
            notice(f"The key for {endpoint.label} travels unencrypted: use an https address where there is one.")
        return describe(photo.data, question, endpoint)
    except RunnerError as error:
        notice(f"The {name}'s model was of no help: {error.message} The rules decide instead.")
        return None


def asked_inputs(workflow: Workflow) -> tuple[str, ...]:
    """The inputs that a language model may fill: those with a question, and `persona`."""
    titles = (_QUESTION.match(node_title(node)) for node in workflow.graph.values())
    names = [INPUT, *(title[1].lower() for title in titles if title)]
    return tuple(name for name in dict.fromkeys(names) if workflow.input(name) is not None)


def question_in(graph: Graph, name: str = INPUT) -> str | None:
    """The text of the node titled `question: <name>`; None without one."""
    for node in graph.values():
        title = _QUESTION.match(node_title(node))
        if title is None or title[1].lower() != name:
            continue
        for widget in _TEXT_WIDGETS:
            value = node["inputs"].get(widget)
            if isinstance(value, str) and value.strip() and not is_link(value):
                return value.strip()
    return None


def describe(photo: bytes, question: str, endpoint: Endpoint) -> str:
    """Ask about a picture (the bytes of a file); returns the answer's text.

    Raises PersonaError with the reason; no message of it holds the key or the server's own words.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    body: dict[str, Any] = {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": question},
                    {"type": "image_url", "image_url": {"url": picture_url(photo)}},
                ],
            }
        ],
        "max_tokens": _ANSWER_TOKENS,
        "stream": False,
    }
    if endpoint.model:
        body["model"] = endpoint.model
    reply = _ask(endpoint, headers, body)
    if reply.status == 400 and "max_tokens" in reply.text:  # newer endpoints have another name for it
        del body["max_tokens"]
        reply = _ask(endpoint, headers, body)
    if not 200 <= reply.status < 300:
        reason = _WHY.get(reply.status, "it moved elsewhere" if 300 <= reply.status < 400 else "it failed")
        raise PersonaError(f"{endpoint.label} answered {reply.status}: {reason}.")
    return _content(reply, endpoint)


def picture_url(photo: bytes) -> str:
    """A data URL of the picture as a JPEG, at most 768 px, what is transparent white.

    Raises PersonaError for bytes that are no picture.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(photo)) as opened:
            opened.draft("RGB", (2 * _SIDE, 2 * _SIDE))
            opened.thumbnail((_SIDE, _SIDE))
            picture = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PersonaError("the photo could not be made smaller for it.") from error
    flat = Image.new("RGBA", picture.size, "white")
    flat.alpha_composite(picture)
    buffer = io.BytesIO()
    flat.convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _ask(endpoint: Endpoint, headers: Mapping[str, str], body: Mapping[str, Any]) -> Reply:
    """One question, asked a second time where the endpoint is busy. The transport follows no redirect: the key and the
    photo go where the user said and nowhere else."""
    deadline = time.monotonic() + endpoint.timeout
    try:
        transport = Transport(endpoint.url, {})
        data = json.dumps(body).encode()

        def post(timeout: float) -> Reply:
            where = "/chat/completions"
            return transport.request("POST", where, data, headers, timeout=timeout, largest=_MOST_BYTES)

        try:
            reply = post(endpoint.timeout)
            wait = _wait_asked(reply)
            if reply.status in _TRY_AGAIN and time.monotonic() + wait < deadline:
                time.sleep(wait)
                reply = post(deadline - time.monotonic())
        finally:
            transport.drop()
    except RunnerError as error:
        raise PersonaError(_without_key(error.message, endpoint.key)) from None
    except ValueError:  # a key with a line break in it, for one, is no header
        raise PersonaError(f"the request could not be made; check ${KEY_VARIABLE} and ${URL_VARIABLE}.") from None
    return reply


def _wait_asked(reply: Reply) -> float:
    """Seconds to wait before asking again: what the endpoint says, within reason."""
    return min(retry_after(reply.headers), _LONGEST_WAIT_S) if "retry-after" in reply.headers else 1.0


def _content(reply: Reply, endpoint: Endpoint) -> str:
    """The text of the first choice."""
    try:
        content = json.loads(reply.body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise PersonaError(f"{endpoint.label} did not answer as an OpenAI-compatible endpoint does.") from None
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict) and _is_text(part))
    if not isinstance(content, str) or not content.strip():
        raise PersonaError(f"{endpoint.label} gave an empty answer.")
    return _without_key(content.replace("\0", " ")[:_MOST_CHARACTERS], endpoint.key)


def _is_text(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("text", ""), str)


def _without_key(text: str, key: str) -> str:
    """`text` that may be shown and recorded."""
    return Secrets([key]).masked_text(text)
