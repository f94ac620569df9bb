"""A server that repeats what lets us in: it is in nothing that is shown or kept, however the server writes it."""

from __future__ import annotations

import base64
import html
import json
import string
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.http.masking import Secrets
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, command, copying

pytestmark = pytest.mark.usefixtures("clean_surroundings")


def every_percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def every_u(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


def entities(text: str) -> str:
    return "".join(f"&#{ord(character)};" if at % 2 else f"&#x{ord(character):x};" for at, character in enumerate(text))


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[1:-1],
    "every character as JSON": every_u,
    "an address": lambda text: quote(text, safe=""),
    "an address with slashes": quote,
    "a form": quote_plus,
    "every byte of an address": every_percent,
    "an address in an address": lambda text: quote(quote(text, safe=""), safe=""),
    "a page": html.escape,
    "every character of a page": entities,
    "hexadecimal": lambda text: text.encode().hex(),
    "base64": in_base64,
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of a header": lambda text: in_base64(f"Bearer {text}"),
    "base64 of a longer header": lambda text: in_base64(f"X-Key: {text} and more"),
}
SECRETS = st.text(string.ascii_letters + string.digits + "-_./+=:~!$&'()*,;@ \"<>\\%", min_size=12, max_size=60).filter(
    lambda text: text.strip() == text and any(map(str.isdigit, text)) and any(map(str.isalpha, text))
)
AROUND = st.text(max_size=30)


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
@settings(max_examples=40)
@given(secret=SECRETS, before=AROUND, after=AROUND)
@example(secret="t0p-s3cret/w0rd+0", before="\\", after='"}')
@example(secret="nex1t-s3cret-t0ken", before="a new line: \\n\\", after="")
def test_no_way_of_writing_a_secret_hides_it(write: Callable[[str], str], secret: str, before: str, after: str) -> None:
    written = write(secret)
    left = Secrets([secret]).masked(f"{before} {written} {after}".encode("utf-8", "replace")).decode()
    assert written not in left
    assert secret not in left
    assert len(left) < len(f"{before} {written} {after}")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@settings(max_examples=40)
@given(value=VALUES)
def test_an_answer_without_a_secret_stays_as_it_is(value: object) -> None:
    body = json.dumps({"a": value}).encode()
    assert Secrets(["t0p-s3cret/w0rd+0", "seed"]).masked(body) == body


@settings(max_examples=40)
@given(secret=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_an_answer_with_a_secret_is_still_an_answer(secret: str, before: str, after: str) -> None:
    for body in (
        json.dumps({"message": f"{before}{secret}{after}", secret: [secret]}),
        json.dumps({"message": f"{before}{secret}{after}", secret: [secret]}, ensure_ascii=False),
    ):
        assert secret not in str(json.loads(Secrets([secret]).masked(body.encode("utf-8", "replace"))))


@pytest.mark.parametrize("secret", ["image", "prompt", "completed", "123456", "seed", "0.30"])
def test_a_password_that_is_a_word_spoils_no_answer(secret: str) -> None:
    answer = {
        "image": ["image_upload", {"image": "prompt"}], "prompt": "completed", "number": 1234567, "exactly": 123456,
        "seeds": "seed", "version": "0.30.0",
    }  # fmt: skip
    masked = json.loads(Secrets([secret]).masked(json.dumps(answer).encode()))
    assert {**masked, "exactly": 123456, "version": "0.30.0"} == answer
    said = json.dumps({"exception_message": f"the password {secret} is wrong"}).encode()
    assert secret.encode() not in Secrets([secret]).masked(said)


def test_an_answer_in_another_encoding_is_masked_too() -> None:
    body = '{"message": "t0p-s3cret-w0rd"}'
    for encoding in ("utf-16", "utf-32", "utf-16-le"):
        assert "s3cret" not in str(json.loads(Secrets(["t0p-s3cret-w0rd"]).masked(body.encode(encoding))))


@pytest.mark.parametrize("endless", ["\\", "%", "%25", "&#0", "\\u00", "t0p-s3cret\\", "t", "\\\\x"])
def test_no_answer_takes_longer_to_mask_than_it_is_long(endless: str) -> None:
    secrets = Secrets(["t0p-s3cret\\\\\\w0rd", "\\\\\\\\\\\\1a"])
    short, long = ((endless * many + " t0p-s3cret\\\\\\w0rd").encode() for many in (1_000, 16_000))
    began = time.process_time()
    secrets.masked(short)
    middle = time.process_time()
    assert b"w0rd" not in secrets.masked(long)
    assert time.process_time() - middle < 60 * max(middle - began, 0.005)


# whole commands

SECRET = "t0p-s3cret/w0rd+42"
DOORS = {
    "a token": {"COMFYUI_TOKEN": SECRET},
    "a login": {"COMFYUI_BASIC_AUTH": f"seller:{SECRET}"},
    "a header": {"COMFYUI_HEADERS": f"X-API-Key: {SECRET}"},
    "a cookie": {"COMFYUI_HEADERS": f"Cookie: theme=dark; session={SECRET}"},
    "a query": {"COMFYUI_URL": f"http://HOST/?token={quote(SECRET, safe='')}"},
    "a password in the address": {"COMFYUI_URL": f"http://seller:{quote(SECRET, safe='')}@HOST"},
}


def talkative(server: HostileComfy, said: str, *, fails: bool) -> None:
    """Repeats it wherever a ComfyUI says anything that may be shown or kept."""
    report = {"title": said, "passed": False, "reasons": [said], "doubts": [said], "note": said, said: 1}
    error = {"node_id": "2", "node_type": said, "exception_message": said, "exception_type": said, "traceback": [said]}
    files = [{"filename": "made.png", "subfolder": "", "type": "output"}]
    outputs = {"2": {"images": files}, "1": {"text": [json.dumps(report), said]}, said: {"text": [said]}}
    state = {"status": "failed", "execution_error": error} if fails else {"status": "completed", "outputs": outputs}
    server.lies["GET /system_stats"] = Said(
        {"system": {"comfyui_version": said, "pytorch_version": said}, "devices": [{"name": said, "type": "cpu"}]}
    )
    server.lies["GET /api/jobs/"] = lambda: Said({"id": server.prompt_id, **state})
    data = {"prompt_id": "$ID", "node": said, "value": 1, "max": 2}
    server.messages = [
        {"type": "executing", "data": data},
        {"type": "progress", "data": data},
        {"type": "execution_cached", "data": {"prompt_id": "$ID", "nodes": [said]}},
        {"type": "execution_success", "data": {"prompt_id": "$ID"}},
    ]


@pytest.mark.each_once
@pytest.mark.parametrize("fails", [True, False], ids=["failed", "done"])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_what_a_server_repeats_is_in_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: dict[str, str], fails: bool
) -> None:
    """It stood in the terminal, the JSON lines, the table of metrics, the page, the ledger and the sidecar."""
    with HostileComfy() as server:
        for name, value in door.items():
            monkeypatch.setenv(name, value.replace("HOST", f"127.0.0.1:{server.port}"))
        named = [] if "COMFYUI_URL" in door else ["--server", server.url]
        login = f"seller:{SECRET}"
        ways = [write(word) for write in WRITTEN.values() for word in (SECRET, login)]
        talkative(server, f"refused: Authorization: Bearer {SECRET}; {'; '.join(ways)}", fails=fails)
        desk = Desk(tmp_path, server.url)
        (tmp_path / "in").mkdir()
        desk.photo("in/a.png")
        flow, log = desk.workflow(copying()), tmp_path / "kept" / "log.txt"
        kept, out = tmp_path / "kept", tmp_path / "kept" / "batch"
        kept.mkdir()
        photo, more = str(tmp_path / "in" / "a.png"), ["--verbose", "--log", str(log)]
        runs = [
            command("submit", flow, "--image", photo, "--out", str(kept / "one"), *named, *more, folder=kept),
            command("submit", flow, "--image", photo, "--out", str(kept / "two"), *named, "--json", folder=kept),
            command(
                "batch", flow, "--images", str(tmp_path / "in"), "--out", str(out), "--metrics", str(kept / "m.csv"),
                *named, *more, folder=kept,
            ),
            command("report", str(out), folder=kept),
            command("status", *named, folder=kept),
        ]  # fmt: skip
    assert [run.code for run in runs] == ([5, 5, 5, 0, 0] if fails else [0] * 5), runs
    said = "".join(run.out + run.err for run in runs)
    assert "refused: " in said
    written = said.encode() + b"".join(path.read_bytes() for path in sorted(kept.rglob("*")) if path.is_file())
    assert b"refused: " in written
    for way in {*ways, SECRET, login, in_base64(login)}:
        assert way.encode() not in written
