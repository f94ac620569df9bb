"""A server that was named is never replaced, and what answers instead is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.local_server import choice, lifecycle
from runner.local_server import process as server_process
from tests.support.certificate import self_signed
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, Run, command, copying, flat

pytestmark = pytest.mark.usefixtures("clean_surroundings")
SECRET = "t0p-s3cret/w0rd"


def nobody() -> str:
    return f"127.0.0.1:{server_process.free_port()}"


def commands(desk: Desk, *more: str) -> list[list[str]]:
    """Every command that uses a server, as a user types it."""
    workflow, photo = desk.workflow(flat(0xFF0000)), str(desk.photo())
    batched = ["batch", desk.workflow(copying(), "copying"), "--images", str(desk.photo("in.png"))]
    return [
        [*words, *more]
        for words in (
            ["submit", workflow, "--out", str(desk.out)],
            [*batched, "--out", str(desk.out / "batch")],
            ["status"],
            ["cancel"],
            ["validate", workflow],
            ["smoke", "packshot", "--image", photo, "--out", str(desk.out)],
            ["explore", "a teapot", "--out", str(desk.out), "--number", "1"],
            ["vary", photo, "finalize", "--prompt", "a teapot", "--out", str(desk.out)],
        )
    ]


def refused(run: Run, usual: HostileComfy, *says: str) -> None:
    assert run.code == 3, (run.out, run.err)
    for word in says:
        assert word in run.err
    assert "Traceback" not in run.err
    assert usual.requests == []


@pytest.mark.parametrize("how", ["--server", "$COMFYUI_URL"])
def test_a_named_server_that_is_not_there_is_replaced_by_no_command(
    usual: HostileComfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    where = nobody()
    more = ["--server", where] if how == "--server" else []
    if not more:
        monkeypatch.setenv("COMFYUI_URL", where)
    more_commands = [] if more else [["serve"]]  # which names no server itself
    for words in [*commands(Desk(tmp_path, ""), *more), *more_commands]:
        refused(command(*words, folder=tmp_path / "out"), usual, f"http://{where}", "connection refused")


ANSWERS: list[tuple[Said, list[str]]] = [
    (Said(b"", 302, {"Location": "https://login.example.com/sso?token=hidden"}), ["https://login.example.com/sso"]),
    (Said(b"", 301, {"Location": "/elsewhere"}), ["/elsewhere"]),
    (Said(b"", 308), ["another address"]),
    (Said(b"", 401), ["asks for a login", "$COMFYUI_TOKEN", "$COMFYUI_HEADERS"]),
    (Said(b"", 403), ["asks for a login"]),
    (Said(b"", 429, {"Retry-After": "60"}), ["429", "busy"]),
    (Said(b"", 503, {"Retry-After": "60"}), ["503", "busy"]),
    (Said(b"", 404), ["404", "a ComfyUI would not"]),
    (Said(b"", 500), ["500"]),
    (Said(b"<html>hello</html>"), ["not what a ComfyUI sends"]),
    (Said({"system": {}}), ["not a ComfyUI"]),
    (Said([1]), ["not what a ComfyUI sends"]),
    (Said(raw=b"SSH-2.0-OpenSSH_9.6\r\n"), ["did not complete its answer"]),
]


@pytest.mark.parametrize(
    ("said", "words"), ANSWERS, ids=[str(said.status) + str(n) for n, (said, _) in enumerate(ANSWERS)]
)
def test_what_answered_instead_is_said(
    usual: HostileComfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said, words: list[str]
) -> None:
    with HostileComfy() as other:
        other.lies["GET /system_stats"] = said
        desk = Desk(tmp_path, "")
        for more in (["--server", other.url], []):
            monkeypatch.setenv("COMFYUI_URL", "" if more else other.url)
            for arguments in (["status", *more], ["submit", desk.workflow(flat(1)), "--out", str(desk.out), *more]):
                run = command(*arguments, folder=desk.out)
                refused(run, usual, *words)
                assert "hidden" not in run.err


def test_a_host_that_does_not_exist_and_one_that_speaks_no_tls(usual: HostileComfy, tmp_path: Path) -> None:
    refused(command("status", "--server", "gpu.invalid:8188", folder=tmp_path), usual, "http://gpu.invalid:8188")
    refused(
        command("status", "--server", usual.url.replace("http:", "https:"), folder=tmp_path), usual, "not speak https"
    )


def test_a_certificate_that_is_not_trusted_is_named_at_once(usual: HostileComfy, tmp_path: Path) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    with HostileComfy() as other:
        other._server.socket = context.wrap_socket(other._server.socket, server_side=True)
        run = command("status", "--server", f"https://127.0.0.1:{other.port}", folder=tmp_path)
    refused(run, usual, "self-signed", "--ca-file")


def test_a_blank_server_is_a_slip_and_not_the_usual_one(usual: HostileComfy, tmp_path: Path) -> None:
    """`--server "$NOT_SET"`."""
    run = command("status", "--server", "", folder=tmp_path)
    assert run.code == 2
    assert usual.requests == []


def test_without_a_name_the_usual_one_is_used_and_sees_no_secret(
    usual: HostileComfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMFYUI_TOKEN", SECRET)
    monkeypatch.setenv("COMFYUI_HEADERS", f"X-API-Key: {SECRET}")
    desk = Desk(tmp_path, "")
    for words in ([*commands(desk)[0]], [*commands(desk)[1]], ["status"], ["cancel"]):
        usual.requests.clear()
        run = command(*words, folder=desk.out)
        assert run.code == 0, run.err
        assert usual.requests
        assert SECRET not in json.dumps(usual.requests)
    usual.requests.clear()
    assert choice.serve_command(home=lifecycle.HERE) == 0
    assert choice.serve_command(stop=True, home=lifecycle.HERE) == 0
    assert len(usual.requests) == 2
    assert SECRET not in json.dumps(usual.requests)
    monkeypatch.setenv("COMFYUI_URL", usual.url)  # named, it is shown them
    assert command("status", folder=tmp_path).code == 0
    assert {headers.get("x-api-key") for headers in usual.seen("GET", "/queue")} == {SECRET}


def test_of_several_named_servers_the_first_that_can_be_used_is(usual: HostileComfy, tmp_path: Path) -> None:
    where = nobody()
    run = command("cancel", "--server", where, "--server", usual.url, folder=tmp_path)
    assert run.code == 0
    assert where in run.err
    both = command("cancel", "--server", where, "--server", "gpu.invalid", folder=tmp_path)
    assert both.code == 3
    assert where in both.err
    assert "gpu.invalid" in both.err


def test_inputs_never_asks_another_server_and_does_without(
    usual: HostileComfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMFYUI_URL", where := nobody())
    run = command("inputs", "packshot", folder=tmp_path)
    assert run.code == 0
    assert where in run.err
    assert usual.requests == []
