"""A photo named by its address, or piped in: fetched within limits, from nowhere that was not named."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.errors import PhotoError
from runner.files.reading import in_bytes
from runner.photos.fetched import fetch_photo, name_of, read_photo
from tests.support.comfy import REPO, ComfyServer
from tests.support.fake import QuietServer, Served
from tests.support.runs import Desk, command, copying, pixels

LINE = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f\x85\xa0"), max_size=12)
"""What a header may hold."""


def jpeg(color: str = "red") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(made, "JPEG")
    return made.getvalue()


class Host(Served):
    """A host of pictures: `/photo.jpg` is one, the rest is what hosts do besides."""

    def __init__(self) -> None:
        host = self
        self.seen: list[dict[str, str]] = []
        self.leads_to = ""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.seen.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
                status, headers, body = host.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        plain = path.partition("?")[0]
        if plain == "/leads":
            return 302, {"Location": self.leads_to}, b""
        if plain == "/slow":
            time.sleep(0.5)
        if plain == "/round":
            return 301, {"Location": "/round"}, b""
        if plain in ("/photo.jpg", "/slow", "/my%20bag.jpg", "/folder/"):
            return 200, {"Content-Type": "image/jpeg"}, jpeg()
        if plain == "/page":
            return 200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><p>log in first</p>"
        if plain == "/large":
            return 200, {}, b"\xff\xd8\xff" + bytes(3 << 20)
        if plain == "/lie":
            return 200, {"Content-Type": "image/jpeg", "Content-Length": "100000"}, jpeg()
        return 404, {}, b"nothing here"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_proxy(clean_surroundings: None) -> None:
    """Of the environment, nothing."""


@pytest.mark.parametrize("path", ["/photo.jpg", "/photo.jpg?width=2", "/my%20bag.jpg", "/folder/"])
def test_a_picture_comes_whole(host: Host, tmp_path: Path, path: str) -> None:
    fetched = fetch_photo(host.url + path, tmp_path)
    assert fetched.read_bytes() == jpeg()
    assert host.seen[-1]["path"] == path


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nothing.jpg", "answers 404"),
        ("/page", "web page"),
        ("/large", "larger than 1 MB"),
        ("/lie", "cannot be fetched"),
        ("/round", "leads on and on"),
    ],
)
def test_what_is_no_photo_is_refused_and_not_kept(host: Host, tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(PhotoError, match=words) as refused:
        fetch_photo(host.url + path, tmp_path, largest=1 << 20)
    assert str(tmp_path) not in str(refused.value)
    assert f"{host.url}{path}" in str(refused.value)  # of several, this one
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "where",
    ["https://127.0.0.1/x.jpg", "ftp://127.0.0.1/x.jpg", "file:///etc/hostname", "gopher://x/", "https:photo.jpg"],
)
def test_no_redirect_changes_the_scheme(host: Host, tmp_path: Path, where: str) -> None:
    host.leads_to = where
    before = len(host.seen)
    with pytest.raises(PhotoError):
        fetch_photo(f"{host.url}/leads", tmp_path)
    assert len(host.seen) == before + 1
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_stays_with_the_machine_that_was_named(host: Host, tmp_path: Path) -> None:
    host.leads_to = "/photo.jpg"
    assert fetch_photo(f"{host.url}/leads", tmp_path).read_bytes() == jpeg()
    for other in (f"http://localhost:{host.port}/photo.jpg", f"http://[::1]:{host.port}/photo.jpg", "http://10.0.0.1/"):
        host.leads_to = other
        with pytest.raises(PhotoError, match="your own network"):
            fetch_photo(f"{host.url}/leads", tmp_path)


@pytest.mark.parametrize("inside", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_public_name_does_not_lead_into_ones_own_network(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    """Whoever owns a name says where it leads, and may say 127.0.0.1."""
    real = socket.getaddrinfo

    def told(name: Any, port: Any, *more: Any, **named: Any) -> Any:
        return real(inside if name == "pictures.example.com" else name, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", told)
    before = len(host.seen)
    with pytest.raises(PhotoError, match=r"pictures\.example\.com leads to .*your own network"):
        fetch_photo(f"http://pictures.example.com:{host.port}/photo.jpg", tmp_path)
    assert len(host.seen) == before  # nothing was asked


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.builds(str.__add__, st.sampled_from(["", "http://", "//", "http://[", "https://"]), LINE))
@example(where="http://[::1/x")
@example(where="//[v1.x]/")
@example(where="http://[:::]/")
@example(where="http://h:99999/")
@example(where="http://\u00e6" + "a" * 70 + "./")
def test_whatever_a_redirect_says_is_followed_or_refused(host: Host, tmp_path: Path, where: str) -> None:
    host.leads_to = where
    try:
        fetch_photo(f"{host.url}/leads", tmp_path, seconds=2)
    except PhotoError as error:
        assert f"{host.url}/leads" in str(error)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.builds(
        "{0}://{1}{2}".format,
        st.sampled_from(["http", "https", "", "x"]),
        st.sampled_from(
            ["127.0.0.1:9", "[::1]:9", "[", "[:::]", "[v1.x]", "\udcff", "a..b", ".", "\u2100.x", "a" * 70]
        ),
        st.text(st.characters(codec=None, categories=["L", "Cs", "Cc", "N", "P"]), max_size=8).map("/".__add__),
    )
)
@example(text="http://127.0.0.1:9/\udcff.jpg")
def test_whatever_address_is_typed_is_asked_or_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PhotoError):
        fetch_photo(text, tmp_path, seconds=1)


@pytest.mark.parametrize("more", [[], ["http://127.0.0.1:9/b.jpg"]])
@pytest.mark.parametrize("address", ["http://127.0.0.1:9/\udcff.jpg", "http://[::1/x.jpg", "https://"])
def test_what_can_be_no_address_ends_with_2(tmp_path: Path, address: str, more: list[str]) -> None:
    run = command("packshot", address, *more, "--server", "127.0.0.1:9", folder=tmp_path)
    assert run.code == 2
    assert "address" in run.err


def test_what_takes_long_is_said_and_at_last_given_up(host: Host, tmp_path: Path) -> None:
    said: list[str] = []
    fetch_photo(f"{host.url}/slow", tmp_path, say=said.append, slow_s=0.05)
    assert [f"{host.url}/slow is slow" in text for text in said] == [True]
    with pytest.raises(PhotoError, match=r"slow cannot be fetched: it did not come within 0\.2 s\."):
        fetch_photo(f"{host.url}/slow", tmp_path, say=said.append, seconds=0.2)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("limit", "words"), [(1000, "1000 bytes"), (1 << 10, "1 kB"), (1 << 16, "64 kB"), (200 << 20, "200 MB")]
)
def test_a_limit_is_never_nothing(limit: int, words: str) -> None:
    assert in_bytes(limit) == words


def test_one_dead_address_does_not_stop_the_rest(host: Host, comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    dead = [f"{host.url}/nothing.jpg", "http://127.0.0.1:9/x.jpg"]
    words = [desk.workflow(copying()), dead[0], f"{host.url}/photo.jpg", str(desk.photo()), dead[1]]
    for _ in range(2):  # and the same again
        run = command(*words, "--server", desk.url, "--out", str(desk.out), folder=desk.out)
        assert run.code == 2, run.err
        assert all(f"failed: {address}" in run.err for address in dead)
        assert len(list(desk.out.glob("*.png"))) == 2
    events = command(*words, "--json", "--server", desk.url, "--out", str(tmp_path / "j"), folder=tmp_path).out
    failed = [event for event in map(json.loads, events.splitlines()) if event["event"] == "failed"]
    assert [event["exit_code"] for event in failed] == [2, 2]
    none = command(words[0], *dead, "--server", desk.url, "--out", str(tmp_path / "o"), folder=tmp_path)
    assert none.code == 2
    assert all(address in none.err for address in dead)


def test_nothing_of_ours_is_sent_along(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "COMFYUI_TOKEN": "geheim1", "COMFYUI_BASIC_AUTH": "me:geheim2", "COMFYUI_HEADERS": "X-API-Key: geheim3",
        "HF_TOKEN": "geheim4",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    fetch_photo(f"{host.url}/photo.jpg", tmp_path)
    assert "geheim" not in str(host.seen[-1])
    assert "authorization" not in host.seen[-1]
    assert "x-api-key" not in host.seen[-1]


@pytest.mark.parametrize("url", ["https://", "https:///x.jpg", "https://me:geheim@example.com/x.jpg", "ftp://x/y.jpg"])
def test_what_is_no_address_is_said_to_be_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(PhotoError) as refused:
        fetch_photo(url, tmp_path)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/a/my%20bag.jpg?x=1", "my bag.jpg"),
        ("https://example.com/%2e%2e%2f%2e%2e%2fetc", ".._.._etc"),
        ("https://example.com/", "example.com"),
        ("https://example.com/a%0ab.jpg", "a_b.jpg"),
    ],
)
def test_the_name_is_a_name_and_no_path(url: str, name: str) -> None:
    assert name_of(url).strip("._") == name.strip("._")
    assert "/" not in name_of(url)


class Piped(io.BytesIO):
    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "nothing came"), (b"hello", "standard input: "), (bytes(2000), "larger than")]
)
def test_what_is_piped_in_must_be_a_photo(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(PhotoError, match=words):
        read_photo(Piped(data), tmp_path, largest=1000)
    assert list(tmp_path.iterdir()) == []


def test_a_photo_from_the_web_is_made_and_nothing_is_left(
    host: Host, comfy_server: ComfyServer, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    run = desk.submit(copying(), f"{host.url}/photo.jpg", "--name", "{image}")
    assert run.code == 0, run.err
    assert [path.name for path in run.pictures] == ["photo.png"]
    assert run.sidecars[0]["images"][0]["file"] == "photo.jpg"


def test_a_pipe_in_and_a_pipe_out(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    words = [desk.workflow(copying()), "-", "--out", "-", "--server", desk.url]
    done = subprocess.run(
        [sys.executable, "-m", "runner", *words], input=jpeg(), cwd=REPO, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = tmp_path / "made.png"
    made.write_bytes(done.stdout)
    assert pixels(made).shape == (30, 40, 3)
    assert not desk.out.exists()
    said = done.stderr.decode().splitlines()
    assert said[-1].endswith("; written to standard output") and not any("prodgen-" in line for line in said), said


@pytest.mark.parametrize("more", [["--json"], ["--count", "2"]])
def test_standard_output_takes_one_result(tmp_path: Path, more: list[str]) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9")
    run = command("submit", desk.workflow(copying()), str(desk.photo()), "--out", "-", *more, folder=tmp_path)
    assert run.code == 2
    assert more[0] in run.err


def test_a_batch_keeps_what_it_has_fetched(host: Host, comfy_server: ComfyServer, tmp_path: Path) -> None:
    """The same command again asks for nothing again, and makes nothing again."""
    desk = Desk(tmp_path, comfy_server.url)
    words = [desk.workflow(copying()), f"{host.url}/photo.jpg", str(desk.photo()), "--server", desk.url, "--out"]
    first = command(*words, str(desk.out), folder=desk.out)
    assert first.code == 0, first.err
    asked = len(host.seen)
    second = command(*words, str(desk.out), folder=desk.out)
    assert second.code == 0, second.err
    assert len(host.seen) == asked
    assert len(list(desk.out.glob("*.png"))) == 2
