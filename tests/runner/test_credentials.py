"""Tokens and passwords: from the environment to the server, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.comfy import ComfyServer
from tests.support.proxy import Proxy
from tests.support.runs import Desk, command, inverting


def test_a_token_from_the_environment_is_sent_and_never_shown(
    comfy_server: ComfyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "t0p-s3cret-t0ken"
    with Proxy(comfy_server.port, token=secret) as proxy:
        desk = Desk(tmp_path, proxy.url)
        refused = desk.submit(inverting(), "--image", desk.photo())
        assert refused.code == 3
        monkeypatch.setenv("COMFYUI_TOKEN", secret)
        run = desk.submit(inverting(), "--image", desk.photo(), "--json")
    assert run.code == 0, run.err
    assert secret not in run.out + run.err
    for path in run.files:
        assert secret.encode() not in path.read_bytes()
    assert secret not in comfy_server.log_path.read_text()
    assert secret not in json.dumps(comfy_server.get("/history"))


def test_a_password_in_the_address_of_the_environment_is_used_and_never_shown(
    comfy_server: ComfyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMFYUI_URL", f"http://seller:pa55word@127.0.0.1:{comfy_server.port}")
    desk = Desk(tmp_path, "")
    arguments = [word for word in desk.arguments(inverting(), "--image", desk.photo()) if word not in ("--server", "")]
    run = command(*arguments, folder=desk.out)
    assert run.code == 0, run.err
    assert run.sidecars[0]["server"] == comfy_server.url
    assert "pa55word" not in run.out + run.err + json.dumps(run.sidecars)
