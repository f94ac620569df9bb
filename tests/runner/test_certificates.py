"""Servers and hosts behind TLS: what is wrong with a certificate is said at once, and nothing secret is sent to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.models.download import Downloader, WantedFile
from runner.models.source import DownloadError
from tests.runner.model_host import model_host
from tests.support.certificate import self_signed
from tests.support.comfy import REPO
from tests.support.fake import FakeServer
from tests.support.hostile import HostileComfy
from tests.support.proxy import Proxy
from tests.support.runs import Desk, command, flat

pytestmark = pytest.mark.usefixtures("clean_surroundings")
SECRET = "s3cr3t-t0k3n"

REFUSED = {
    "self-signed": ("self-signed", "--ca-file"),
    "of another host": ("127.0.0.1", "the address that it was made for"),
    "expired": ("expired", "renew it"),
}


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("pems")
    return {
        "self-signed": self_signed(folder / "unknown"),
        "of another host": self_signed(folder / "other", "comfy.example.com"),
        "expired": self_signed(folder / "expired", expired=True),
    }


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("words", ["submit", "batch", "status", "validate"])
def test_each_fault_of_a_certificate_is_named_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pems: dict[str, tuple[Path, Path]], kind: str, words: str
) -> None:
    monkeypatch.setenv("COMFYUI_TOKEN", SECRET)
    named = [] if kind == "self-signed" else ["--ca-file", str(pems[kind][0])]  # believed, and wrong all the same
    with HostileComfy() as comfy, Proxy(comfy.port, tls=pems[kind]) as proxy:
        desk = Desk(tmp_path, proxy.url)
        workflow = desk.workflow(flat(1))
        (tmp_path / "jobs.jsonl").write_text('{"1.color": 1}')
        more = {"submit": [workflow], "validate": [workflow], "status": []}
        more["batch"] = [workflow, "--jobs", str(tmp_path / "jobs.jsonl"), "--out", str(desk.out)]
        run = command(words, *more[words], "--server", proxy.url, *named, folder=desk.out)
        assert proxy.requests == []
    assert run.code == 3, run.err
    assert len(run.err.strip().splitlines()) == 2
    assert "not trusted" in run.err
    for word in REFUSED[kind]:
        assert word in run.err
    assert SECRET not in run.err


def test_http_where_https_is_spoken_and_the_other_way_round(tmp_path: Path, pems: dict[str, tuple[Path, Path]]) -> None:
    with HostileComfy() as comfy, Proxy(comfy.port, tls=pems["self-signed"]) as proxy:
        run = command("status", "--server", proxy.url.replace("https:", "http:"), folder=tmp_path)
        assert run.code == 3
        assert "speaks https only" in run.err
        assert "https://" in run.err.splitlines()[1]
        run = command("status", "--server", comfy.url.replace("http:", "https:"), folder=tmp_path)
        assert run.code == 3
        assert "does not speak https" in run.err


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_speaks_neither_is_not_said_to_speak_https(tmp_path: Path, answer: bytes) -> None:
    def raw(connection: socket.socket) -> None:
        connection.sendall(answer)

    with FakeServer(raw=raw) as server:
        run = command("status", "--server", server.url, folder=tmp_path)
    assert run.code == 3
    assert "https only" not in run.err


# downloads


@contextmanager
def behind_tls(content: bytes, pem: tuple[Path, Path]) -> Iterator[Proxy]:
    with model_host(content) as host, Proxy(host.server.server_port, tls=pem) as proxy:
        yield proxy


def refused(url: str, target: Path) -> DownloadError:
    began = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        Downloader(tokens={url.split("/")[2]: SECRET}, backoff=20.0).fetch(WantedFile(url, target))
    assert time.monotonic() - began < 15, "it was tried again"
    assert SECRET not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", REFUSED)
def test_a_download_from_a_host_that_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pems: dict[str, tuple[Path, Path]], kind: str
) -> None:
    if kind != "self-signed":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pems[kind][0]))
    with behind_tls(b"x", pems[kind]) as proxy:
        error = refused(f"{proxy.url}/a", tmp_path / "a")
        assert proxy.requests == []
    assert REFUSED[kind][0] in error.message
    assert ("REQUESTS_CA_BUNDLE" if kind == "self-signed" else REFUSED[kind][1]) in error.advice


def test_a_download_over_https_from_a_host_that_speaks_http(tmp_path: Path) -> None:
    with model_host(b"x") as host:
        assert "does not speak https" in refused(f"https://{host.netloc}/a", tmp_path / "a").message


@pytest.mark.parametrize("holds", [None, "no certificate"])
def test_certificates_of_the_environment_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holds: str | None
) -> None:
    """The model's file was blamed."""
    bundle = tmp_path / "bundle.pem"
    if holds is not None:
        bundle.write_text(holds)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert refused("https://127.0.0.1:9/a", tmp_path / "a").message.startswith(f"$REQUESTS_CA_BUNDLE {bundle}")


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://a:99999/", "http://\udcff/", "http://*/", "gopher://a/", "http://", "//"]
)
def test_a_host_that_sends_us_on_to_no_address(tmp_path: Path, location: str) -> None:
    with model_host(b"x") as host:
        host.redirect = location.encode("utf-8", "surrogateescape").decode("latin-1")
        refused(host.url, tmp_path / "a")


@pytest.mark.parametrize("token", ["line\nbreak", "→", "\0"])
def test_a_token_that_no_header_can_carry(tmp_path: Path, token: str) -> None:
    with model_host(b"x") as host, pytest.raises(Exception, match="no HTTP header can carry") as caught:
        Downloader(tokens={host.netloc: token}).fetch(WantedFile(host.url, tmp_path / "a"))
    assert token not in str(caught.value)


@pytest.mark.parametrize("mirror", ["mirror", "http://[::1", "ftp://a", "http://user:p/w@a/b@c", "http://a b/"])
def test_a_mirror_that_is_none_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: str) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("HF_ENDPOINT", mirror)
    run = command("models", "download", "sd15", "--comfyui", str(tmp_path), folder=tmp_path)
    assert run.code == 2
    assert "$HF_ENDPOINT" in run.out + run.err
    assert "p/w" not in run.out + run.err


# a console and a file system of another code


@pytest.mark.first(1)
@pytest.mark.skipif(os.name != "posix", reason="the file system's code is the locale's there")
@pytest.mark.parametrize(
    "variables", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}]
)
def test_names_of_files_are_utf8_whatever_the_locale_says(tmp_path: Path, variables: dict[str, str]) -> None:
    """`report` could not make the names that the ledger holds, and a table's photos were names no file can have."""
    with HostileComfy() as server:
        desk = Desk(tmp_path, server.url)
        workflow = desk.workflow(flat(1), "→😀")
        (tmp_path / "é😀.jsonl").write_text('{"1.color": 1, "name": "日本😀"}\n', encoding="utf-8")
        out = tmp_path / "ü😀"
        batch = ["batch", workflow, "--jobs", str(tmp_path / "é😀.jsonl"), "--out", str(out), "--server", server.url]
        for words in (batch, [*batch, "--resume"], ["report", str(out)], ["batch", "nix😀", "--images", "→"]):
            run = subprocess.run(
                [sys.executable, "-m", "runner", *words], cwd=REPO, env={**os.environ, "LC_ALL": "C", **variables},
                capture_output=True, check=False,
            )  # fmt: skip
            assert b"Traceback" not in run.stderr
            assert run.returncode == (2 if "nix😀" in words else 0), run.stderr
    assert (out / "日本😀.png").is_file()
