"""Redirects are not followed with a secret in hand, and one way through proxies is for all requests."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from runner.errors import UsageError
from runner.http.proxies import proxy_for, proxy_url
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, command, flat
from tests.support.tunnel import Tunnel

pytestmark = pytest.mark.usefixtures("clean_surroundings")
SECRET = "t0p-s3cret/w0rd"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_takes_a_secret_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setenv("COMFYUI_TOKEN", SECRET)
    with HostileComfy() as evil, HostileComfy() as server:
        server.lies["GET /ws"] = Said(b"", status, {"Location": f"ws://127.0.0.1:{evil.port}/ws"})
        run = Desk(tmp_path, server.url).submit(flat(1))
        assert run.code == 0, run.err  # polling is enough
        assert server.seen("GET", "/ws")
        server.lies = {"GET /view": Said(b"", status, {"Location": f"{evil.url}/view"})}
        run = Desk(tmp_path, server.url).submit(flat(2))
        assert run.code == 3
        assert evil.url in run.err
        assert evil.requests == []


def test_one_way_for_all_requests_the_socket_included(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that only the proxy knows; it asks for a login of its own."""
    tunnels: list[str] = []
    with HostileComfy() as server, Tunnel(server.port, tunnels) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://us:er%40@127.0.0.1:{port}")
        run = Desk(tmp_path, "comfy.invalid:8188").submit(flat(1))
        assert run.code == 0, run.err
        assert server.seen("GET", "/ws")
        assert any(line.startswith("CONNECT comfy.invalid:8188 ") for line in tunnels)
        assert any(line.startswith("GET http://comfy.invalid:8188/system_stats ") for line in tunnels)
        expected = "Basic " + base64.b64encode(b"us:er@").decode()
        assert all(f"Proxy-Authorization: {expected}" in line for line in tunnels)
        tunnels.clear()
        assert Desk(tmp_path, server.url).submit(flat(1)).code == 0  # this machine is never asked for via a proxy
        monkeypatch.setenv("NO_PROXY", "comfy.invalid")
        assert Desk(tmp_path, "comfy.invalid:8188").submit(flat(1)).code == 3
        assert tunnels == []
    assert "er%40" not in run.err + run.out


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("", "http://gpu.example.com:8188", False),
        ("gpu.example.com", "http://gpu.example.com:8188", True),
        (".example.com", "http://gpu.example.com", True),
        ("example.com:8188", "http://example.com:8188", True),
        ("192.168.0.0/16", "http://192.168.1.20:8188", True),
        ("192.168.0.0/16", "http://10.0.0.1:8188", False),
        ("*", "https://gpu.example.com", True),
        ("other.example, *", "https://gpu.example.com", True),
        ("*.example.com", "http://gpu.example.com:8188", True),
        ("*.example.com", "http://gpu.example.com.evil.example", False),
        ("a.example gpu.example.com\tb.example", "http://gpu.example.com", True),
        ("GPU.example.COM.", "http://gpu.Example.com.:8188", True),
        ("ple.com", "http://gpu.example.com", False),
        ("example.com:9999", "http://example.com:8188", False),
        ("*.example.com:443", "https://gpu.example.com", True),
        ("10.1.*", "http://10.1.2.3:8188", True),
        ("10.1.2.3:8188", "http://10.1.2.3:8188", True),
        ("[fd00::1]", "http://[fd00::1]:8188", True),
        ("[fd00::1]:8188", "http://[fd00::1]:8188", True),
        ("[fd00::1]:1", "http://[fd00::1]:8188", False),
        ("fd00::1", "http://[fd00::1]:8188", True),
        ("fd00::/8", "http://[fd00::1]:8188", True),
        (", ,.,:,[],/8,:80", "http://gpu.example.com:8188", False),
        ("", "http://127.1:8188", True),
        ("", "http://0.0.0.0:8188", True),
        ("", "http://[::ffff:127.0.0.1]:8188", True),
        ("", "http://2130706433", True),
        ("", "http://comfy.localhost:8188", True),
        ("", "http://localhost.:8188", True),
        ("", "http://0x7f.evil.example", False),
        ("", "http://2130706434000000", False),
        ("", "http://127.0.0.1:8188", True),
        ("", "http://127.8.8.8", True),
        ("", "http://localhost:8188", True),
        ("", "http://[::1]:8188", True),
        ("", "http://127.0.0.1.evil.example", False),
    ],
)
def test_what_is_reached_without_the_proxy(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, direct: bool
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_url(url) == "") is direct
    assert (proxy_for(url) is None) is direct


@pytest.mark.parametrize("proxy", ["http://[::1", "http://:3128", "http://host:port", "ftp://host:21", "://"])
def test_a_proxy_that_is_none_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(UsageError, match="cannot be used"):
        proxy_for("http://gpu.example.com:8188")


def test_a_proxy_that_is_not_spoken_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:s3cret@proxy.example:1080")
    run = command("status", "--server", "gpu.invalid:8188", folder=tmp_path)
    assert run.code == 2
    assert "socks5://proxy.example:1080" in run.err
    assert "$NO_PROXY" in run.err
    assert "s3cret" not in run.err
