"""Which server a run goes to: the named one and no other, else one that answers, else ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import EXIT_NO_SERVER, ServerUnavailableError
from runner.local_server import choice, lifecycle
from runner.local_server import process as server_process
from runner.local_server.lifecycle import Home
from tests.support.comfy import ComfyServer


def test_a_named_server_that_does_not_answer_is_an_error_with_advice(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{server_process.free_port()}"
    with pytest.raises(ServerUnavailableError) as failure:
        choice.resolve_server([nobody], home=Home(tmp_path, server_process.free_port()))
    assert failure.value.exit_code == EXIT_NO_SERVER
    assert nobody in failure.value.message
    assert "--server" in failure.value.advice
    with pytest.raises(ServerUnavailableError) as failure:
        choice.resolve_server([nobody.replace("//", "//me:secret@")], home=Home(tmp_path, server_process.free_port()))
    assert nobody in failure.value.message
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9", "ftp://127.0.0.1", "http://", "http://127.0.0.1:notaport", "http://127.0.0.1:99999", ""]
)
def test_what_is_no_address_is_no_server(url: str) -> None:
    assert server_process.probe(url) is None


def test_without_any_server_the_advice_is_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lifecycle.URL_VARIABLE, raising=False)
    with pytest.raises(ServerUnavailableError) as failure:
        choice.resolve_server(home=Home(tmp_path, server_process.free_port()))
    assert "install.py" in failure.value.advice


def test_servers_that_answer_are_used_in_order(
    comfy_server: ComfyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = comfy_server.url
    nobody = f"http://127.0.0.1:{server_process.free_port()}"
    home = Home(tmp_path, server_process.free_port())
    assert choice.resolve_server([nobody, url + "/"], home=home) == url
    monkeypatch.setenv(lifecycle.URL_VARIABLE, url + "/")
    assert choice.resolve_server(home=home) == url
    monkeypatch.delenv(lifecycle.URL_VARIABLE)
    assert choice.resolve_server(home=Home(tmp_path, int(url.rpartition(":")[2]))) == url
