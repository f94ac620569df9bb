"""What opens the door of a server: headers, queries and tokens go to it, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.http.auth import Access, auth_headers, decide
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, command, flat

pytestmark = pytest.mark.usefixtures("clean_surroundings")
SECRET = "t0p-s3cret/w0rd"


@pytest.mark.parametrize(
    "text",
    [
        f"X-API-Key: {SECRET}\nCF-Access-Client-Id: id.access\nCF-Access-Client-Secret: {SECRET}2\n",
        json.dumps({"X-API-Key": SECRET, "CF-Access-Client-Id": "id.access", "CF-Access-Client-Secret": f"{SECRET}2"}),
    ],
)
def test_free_headers_go_with_every_request_and_into_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("COMFYUI_HEADERS", text)
    with HostileComfy() as server:
        desk = Desk(tmp_path, server.url)
        run = desk.submit(flat(1), "--json")
        assert run.code == 0, run.err
        for _, _, headers in server.requests:
            assert headers["x-api-key"] == SECRET
            assert headers["cf-access-client-id"] == "id.access"
            assert headers["cf-access-client-secret"] == f"{SECRET}2"
        assert server.seen("GET", "/ws")
    assert SECRET not in run.out + run.err
    assert all(SECRET.encode() not in path.read_bytes() for path in run.files)


def test_a_query_in_the_address_goes_with_every_request(tmp_path: Path) -> None:
    with HostileComfy() as server:
        desk = Desk(tmp_path, f"127.0.0.1:{server.port}/?token={SECRET}")
        run = desk.submit(flat(1), "--json")
        assert run.code == 0, run.err
        assert all(f"token={SECRET}" in path for _, path, _ in server.requests)
        assert {path.partition("?")[0] for _, path, _ in server.requests} >= {
            "/ws",
            "/prompt",
            "/view",
            "/system_stats",
        }
    assert SECRET not in run.out + run.err
    assert all(SECRET.encode() not in path.read_bytes() for path in run.files)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMFYUI_HEADERS", "no colon here s3cret"),
        ("COMFYUI_HEADERS", '{"a": 1, "b": "s3cret"}'),
        ("COMFYUI_HEADERS", '{"X-Key": "s3cret"'),
        ("COMFYUI_HEADERS", '{"X-Key": "s3cret\\r\\nHost: evil"}'),
        ("COMFYUI_HEADERS", "Host: s3cret"),
        ("COMFYUI_HEADERS", "Sec-WebSocket-Key: s3cret"),
        ("COMFYUI_HEADERS", "X Key: s3cret"),
        ("COMFYUI_TOKEN", "s3cret\nHost: evil"),
        ("COMFYUI_TOKEN", "s3cret – long"),
    ],
)
def test_what_cannot_be_sent_is_said_without_repeating_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with HostileComfy() as server:
        run = command("status", "--server", server.url, folder=tmp_path)
    assert run.code == 2, run.err
    assert f"${name}" in run.err
    assert "s3cret" not in run.err
    assert server.requests == []


def test_a_list_of_servers_names_the_variable_of_each_ones_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.batch.servers import read_servers

    monkeypatch.setenv("FARM_HEADERS", "X-API-Key: farm")
    monkeypatch.setenv("COMFYUI_TOKEN", "general")
    listed = tmp_path / "farm.yaml"
    listed.write_text("- {url: gpu.example.com, headers_env: FARM_HEADERS}\n- http://other\n")
    servers = read_servers(listed, Access())
    decide(Access(), {server.url: server.access for server in servers})
    assert auth_headers("http://gpu.example.com") == {"X-API-Key": "farm"}
    assert auth_headers("http://other") == {"Authorization": "Bearer general"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_a_server_that_repeats_what_it_was_sent_gives_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("COMFYUI_TOKEN", SECRET)
    monkeypatch.setenv("COMFYUI_HEADERS", f"X-API-Key: {SECRET}2")
    echo = {"error": {"message": f"refused: Bearer {SECRET}, key {SECRET}2", "details": SECRET}, "node_errors": {}}
    for body in (echo, f"headers: {SECRET}".encode()):
        with HostileComfy() as server:
            server.lies["POST /prompt"] = Said(body, status)
            run = Desk(tmp_path, server.url).submit(flat(1), "--json", "--timeout", "2")
        assert run.code in (3, 4, 6)
        assert SECRET not in run.out + run.err
        assert SECRET not in json.dumps(run.out.replace("\\/", "/"))
