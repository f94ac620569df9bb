"""Servers behind https, a path and a login, and the file that lists several: one by one and in a batch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.batch.servers import read_servers
from runner.errors import UsageError
from runner.http.auth import Access, decide
from tests.runner.test_batch import batch, folder_of_photos, results
from tests.support.certificate import self_signed
from tests.support.comfy import ComfyServer
from tests.support.proxy import Proxy
from tests.support.runs import Desk, Run, command, inverting, pixels

SECRET = "t0p-s3cret-w0rd"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("pem"))


@pytest.fixture(autouse=True)
def decided_anew() -> Iterator[None]:
    yield
    decide(Access())


def assert_inverted(run: Run, photo: Path) -> None:
    assert run.code == 0, run.err
    assert (pixels(run.pictures[0]).astype(int) + pixels(photo) >= 254).all()


def assert_nowhere(folder: Path, *said: str) -> None:
    """The secret is in no text and in no file, the ledger and what it has written ahead included."""
    for text in said:
        assert SECRET not in text
    for path in folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


# certificates


def test_a_self_signed_certificate_is_refused_unless_it_is_named_or_all_are_taken(
    comfy_server: ComfyServer, tmp_path: Path, pem: tuple[Path, Path]
) -> None:
    with Proxy(comfy_server.port, tls=pem) as proxy:
        desk = Desk(tmp_path, proxy.url)
        photo = desk.photo()
        refused = desk.submit(inverting(), "--image", photo)
        assert refused.code == 3
        for word in ("self-signed", "--insecure", "--ca-file"):
            assert word in refused.err
        assert proxy.requests == []
        assert_inverted(desk.submit(inverting(), "--image", photo, "--ca-file", pem[0], out=tmp_path / "named"), photo)
        assert proxy.websockets_seen == 1  # over TLS, too
        assert_inverted(desk.submit(inverting(), "--image", photo, "--insecure", out=tmp_path / "any"), photo)
        assert proxy.websockets_seen == 2
        assert desk.submit(inverting(), "--image", photo).code == 3  # what one command was told is not for the next
        for words in (("status",), ("validate", desk.workflow(inverting())), ("inputs", desk.workflow(inverting()))):
            run = command(*words, "--server", proxy.url, "--ca-file", str(pem[0]), folder=tmp_path)
            assert run.code == 0, run.err


def test_a_certificate_of_another_host_is_refused_even_when_it_is_named(
    comfy_server: ComfyServer, tmp_path: Path
) -> None:
    other = self_signed(tmp_path, "comfy.example.com")
    with Proxy(comfy_server.port, tls=other) as proxy:
        run = Desk(tmp_path, proxy.url).submit(inverting(), "--image", "x.png", "--ca-file", other[0])
        assert run.code == 2  # the photo is looked at first
        desk = Desk(tmp_path, proxy.url)
        run = desk.submit(inverting(), "--image", desk.photo(), "--ca-file", other[0])
    assert run.code == 3
    assert "not trusted" in run.err
    assert "127.0.0.1" in run.err


def test_a_certificate_file_that_is_none(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "https://127.0.0.1:9")
    for path, word in ((tmp_path / "none.pem", "No such file"), (desk.photo(), "PEM")):
        run = desk.submit(inverting(), "--image", desk.photo(), "--ca-file", path)
        assert run.code == 2
        assert word in run.err
        assert path.name in run.err


# logins and paths


@pytest.mark.parametrize("kind", ["token", "login"])
def test_behind_https_a_path_and_a_login(
    comfy_server: ComfyServer, tmp_path: Path, pem: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    guarded = {"token": SECRET} if kind == "token" else {"login": f"seller:{SECRET}"}
    with Proxy(comfy_server.port, tls=pem, prefix="/studio/comfy", **guarded) as proxy:  # type: ignore[arg-type]
        desk = Desk(tmp_path, proxy.url + "/")
        photo = desk.photo()
        without = desk.submit(inverting(), "--image", photo, "--ca-file", pem[0])
        assert without.code == 3
        assert "asks for a login" in without.err
        assert "$COMFYUI_TOKEN" in without.err
        monkeypatch.setenv(
            "COMFYUI_TOKEN" if kind == "token" else "COMFYUI_BASIC_AUTH",
            SECRET if kind == "token" else f"seller:{SECRET}",
        )
        one = desk.submit(inverting(), "--image", photo, "--ca-file", pem[0], "--json", out=tmp_path / "one")
        assert_inverted(one, photo)
        assert proxy.websockets_seen == 1
        photos = folder_of_photos(desk, "a.png", "b.png", "c.png")
        many = batch(desk, inverting(), "--images", photos, "--ca-file", pem[0])
        assert many.code == 0, many.err
        assert proxy.websockets_seen == 2
    assert results(desk.out) == ["a.png", "b.png", "c.png"]
    for name in results(desk.out):
        assert (pixels(desk.out / name).astype(int) + pixels(photos / name) >= 254).all()
    assert one.sidecars[0]["server"] == proxy.url
    assert_nowhere(tmp_path, one.out, one.err, many.out, many.err, comfy_server.log_path.read_text())
    assert SECRET not in json.dumps(comfy_server.get("/history"))


def test_each_server_of_a_list_gets_its_own_login_and_no_other(
    comfy_server: ComfyServer, tmp_path: Path, pem: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRST_TOKEN", f"first-{SECRET}")
    monkeypatch.setenv("SECOND_LOGIN", f"me:second-{SECRET}")
    monkeypatch.setenv("COMFYUI_TOKEN", f"general-{SECRET}")
    with (
        Proxy(comfy_server.port, tls=pem, token=f"first-{SECRET}") as first,
        Proxy(comfy_server.port, login=f"me:second-{SECRET}", prefix="/b") as second,
        Proxy(comfy_server.port, token=f"general-{SECRET}") as third,
    ):
        listed = tmp_path / "servers.yaml"
        listed.write_text(f"""
            servers:
            - url: {first.url}
              name: cellar
              window: 1
              token_env: FIRST_TOKEN
              ca_file: {pem[0]}
            - {{url: {second.url}/, basic_env: SECOND_LOGIN}}
            - {third.url}
        """)
        desk = Desk(tmp_path, "")
        photos = folder_of_photos(desk, *[f"{number}.png" for number in range(12)])
        words = ["batch", desk.workflow(inverting()), "--servers", str(listed), "--images", str(photos)]
        run = command(*words, "--out", str(desk.out), folder=desk.out)
        assert run.code == 0, run.err
        assert len(results(desk.out)) == 12
        assert [proxy.websockets_seen for proxy in (first, second, third)] == [1, 1, 1]
        assert sum(proxy.count("POST", "/prompt") for proxy in (first, second, third)) == 12
    assert_nowhere(tmp_path, run.out, run.err)


# the file


def test_everything_wrong_with_a_list_of_servers_is_told_at_once_without_repeating_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SET", "x")
    path = tmp_path / "servers.yaml"
    path.write_text(f"""
        - url: http://me:{SECRET}@one
        - url: two.example.com:port
        - {{url: "http://three", token: {SECRET}}}
        - {{url: "http://four", windw: 2}}
        - {{url: "http://five", window: 0}}
        - {{url: "http://six", token_env: "{SECRET}!"}}
        - {{url: "http://seven", token_env: NOT_SET_ANYWHERE}}
        - {{url: "http://eight", insecure: sometimes}}
        - {{url: "http://nine", ca_file: none.pem}}
        - 10
        - {{name: nobody}}
        - {{url: "http://fine", basic_env: SET, window: 3, name: fine}}
    """)
    desk = Desk(tmp_path, "")
    run = command(
        *("batch", desk.workflow(inverting()), "--servers", str(path), "--images", str(desk.photo().parent)),
        *("--out", str(desk.out)),
        folder=desk.out,
    )
    assert run.code == 2
    for number, word in (
        (1, "holds a password"), (2, "is no address"), (3, "token_env"), (4, "'window'"),
        (5, "from 1 to"), (6, "not the name of an environment variable"), (7, "$NOT_SET_ANYWHERE is not set"),
        (8, "neither true nor false"), (9, "none.pem"), (10, "neither a URL"), (11, "there is no url"),
    ):  # fmt: skip
        assert word in next(line for line in run.err.splitlines() if f"server {number}:" in line)
    assert "server 12" not in run.err
    assert SECRET not in run.err
    assert not desk.out.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "list of servers"), ("a: 1", "list of servers"), ("- [", "not valid YAML (line"), ("[]", "list of servers")],
)
def test_a_file_that_is_no_list(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "servers.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        read_servers(path, Access())
    with pytest.raises(UsageError, match="no such file"):
        read_servers(tmp_path / "none.yaml", Access())


def test_slips_on_the_command_line(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "servers.yaml")
    folder_of_photos(desk, "a.png")
    assert "--servers servers.yaml" in batch(desk, inverting(), "--images", tmp_path / "in").err
    desk.url = "http://127.0.0.1:9"
    twice = batch(desk, inverting(), "--images", tmp_path / "in", "--server", "http://127.0.0.1:9/")
    assert twice.code == 2
    assert "named twice" in twice.err
    secret = batch(desk, inverting(), "--images", tmp_path / "in", "--server", f"http://me:{SECRET}@host")
    assert secret.code == 2
    assert SECRET not in secret.err
