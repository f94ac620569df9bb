"""A server that was named is never replaced; what answers instead is said; secrets stay with their host."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner import serve, server_process
from runner.address import is_loopback, parse_address, public_url
from runner.auth import Access, auth_headers, decide
from runner.errors import UsageError
from runner.proxies import proxy_for, proxy_url
from runner.serve import Place
from tests.support.certificate import self_signed
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, Graph, Run, command, flat, node

SECRET = "t0p-s3cret/w0rd"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("COMFYUI_URL", "COMFYUI_TOKEN", "COMFYUI_BASIC_AUTH", "COMFYUI_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    decide(Access())
    yield
    decide(Access())


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HostileComfy]:
    """A ComfyUI at the usual local address: what a named server must never be replaced by."""
    with HostileComfy() as server:
        monkeypatch.setattr(serve, "HERE", Place(tmp_path / "project", server.port))
        yield server


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
            ["serve"],
        )
    ]


def copying() -> Graph:
    """Photo in, photo out."""
    return {
        "1": node("LoadImage", "input: image", image="none.png"),
        "2": node("SaveImage", "output: result", images=["1", 0], filename_prefix="copied"),
    }


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
    for words in commands(Desk(tmp_path, ""), *more):
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
    assert serve.serve_command(place=serve.HERE) == serve.serve_command(stop=True, place=serve.HERE) == 0
    assert len(usual.requests) == 2
    assert SECRET not in json.dumps(usual.requests)
    monkeypatch.setenv("COMFYUI_URL", usual.url)  # named, it is shown them
    assert command("status", folder=tmp_path).code == 0
    assert {headers.get("x-api-key") for headers in usual.seen("GET", "/queue")} == {SECRET}


def test_of_several_named_servers_the_first_that_can_be_used_is(usual: HostileComfy, tmp_path: Path) -> None:
    where = nobody()
    run = command("status", "--server", where, "--server", usual.url, folder=tmp_path)
    assert run.code == 0
    assert where in run.err
    both = command("status", "--server", where, "--server", "gpu.invalid", folder=tmp_path)
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


# how an address is written


@pytest.mark.parametrize(
    "form", ["127.0.0.1:{port}", "http://127.0.0.1:{port}/", "HTTP://127.0.0.1:{port}", "localhost:{port}"]
)
def test_host_and_port_are_enough_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    with HostileComfy() as server:
        text = form.format(port=server.port)
        desk = Desk(tmp_path, text)
        assert desk.submit(flat(1)).code == 0
        assert command("status", "--server", text, folder=tmp_path).code == 0
        monkeypatch.setenv("COMFYUI_URL", text)
        assert command("validate", desk.workflow(flat(1)), folder=tmp_path).code == 0
        listed = tmp_path / "farm.yaml"
        listed.write_text(f"- {text}\n")
        batch = [
            "batch",
            desk.workflow(copying(), "copying"),
            "--images",
            str(desk.photo()),
            "--out",
            str(tmp_path / "b"),
        ]
        run = command(*batch, "--servers", str(listed), folder=tmp_path)
        assert run.code == 0, run.err


@pytest.mark.parametrize(
    ("text", "url", "login", "query"),
    [
        ("gpu:8188", "http://gpu:8188", "", ""),
        ("https://Host.example/Comfy/", "https://host.example/Comfy", "", ""),
        ("http://me:pa%2Fss@host:1", "http://host:1", "me:pa/ss", ""),
        ("http://me:pa/ss@host:1/x", "http://host:1/x", "me:pa/ss", ""),
        ("http://me:p?a#s@host:1", "http://host:1", "me:p?a#s", ""),
        ("http://me:p@ss@host:1", "http://host:1", "me:p@ss", ""),
        ("me:pass@host:1", "http://host:1", "me:pass", ""),
        ("http://token@host", "http://host", "token", ""),
        ("http://host/?token=a/b@c", "http://host", "", "token=a/b@c"),
        ("http://me:x@host/a?token=t#f", "http://host/a", "me:x", "token=t"),
        ("http://[::1]:8188", "http://[::1]:8188", "", ""),
        ("http://host/köln", "http://host/k%C3%B6ln", "", ""),
    ],
)
def test_an_address_is_taken_apart(text: str, url: str, login: str, query: str) -> None:
    address = parse_address(text)
    assert (address.url, address.login, address.query) == (url, login, query)
    assert public_url(text).lower() in (url.lower(), url.lower().replace("%c3%b6", "ö"))
    assert parse_address(address.url).url == address.url
    for secret in filter(None, (login.partition(":")[2], query)):
        assert secret not in repr(address) + public_url(text)


@given(
    user=st.text("ab1:", max_size=3),
    password=st.text("xY9/?#@:%&= ", min_size=1, max_size=8),
    end=st.sampled_from(["", "/", "/p", "?q=1"]),
)
@example(user="me", password="12/34", end="")
@example(user="me", password="a@b/c", end="/p")
def test_no_way_to_write_a_password_shows_it(user: str, password: str, end: str) -> None:
    """Used, or refused with words; never shown. (Its marker is in every password, so that it can be looked for.)"""
    marked = f"Zq{password}Zq"
    text = f"http://{user}:{marked}@host.example:8188{end}"
    said = public_url(text)
    try:
        said += parse_address(text).url
    except UsageError as error:
        said += str(error)
    assert "Zq" not in said


@pytest.mark.parametrize("text", ["http://me:12/34@host:1", "http://me:p@ss/word@host", "http://host/a@b/c"])
def test_where_a_password_might_end_is_not_guessed(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="@"):
        parse_address(text)
    run = command("status", "--server", text, folder=tmp_path)
    assert run.code == 2
    assert not any(part in run.err for part in ("12/34", "p@ss", "ss/word", "a@b"))


@pytest.mark.parametrize(
    "words", [("validate",), ("validate", "--json"), ("inputs",), ("inputs", "--json"), ("status",)]
)
@pytest.mark.parametrize("how", ["--server", "$COMFYUI_URL"])
def test_a_login_in_the_address_is_used_and_printed_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], how: str
) -> None:
    with HostileComfy() as server:
        for login in (SECRET, "plain-s3cret"):
            text = server.url.replace("//", f"//seller:{login}@")
            desk = Desk(tmp_path, "")
            flow = [] if words[0] == "status" else [desk.workflow(flat(1))]
            more = ["--server", text] if how == "--server" else []
            monkeypatch.setenv("COMFYUI_URL", "" if more else text)
            run = command(words[0], *flow, *words[1:], *more, folder=tmp_path)
            assert run.code == 0, run.err
            assert login not in run.out + run.err
            expected = "Basic " + base64.b64encode(f"seller:{login}".encode()).decode()
            assert {headers.get("authorization") for _, _, headers in server.requests} == {expected}
            server.requests.clear()


# what opens a door


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


# redirects and proxies


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


class Tunnel:
    """A proxy that leads everything to one port and notes what it was asked."""

    def __init__(self, port: int, asked: list[str]) -> None:
        self._port, self._asked = port, asked
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as upstream:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1)
            self._asked.append(head.decode("latin-1"))
            if head.startswith(b"CONNECT"):
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                upstream.sendall(head)
            other = threading.Thread(target=_pump, args=(client, upstream), daemon=True)
            other.start()
            _pump(upstream, client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


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


def test_a_proxy_that_is_not_spoken_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:s3cret@proxy.example:1080")
    run = command("status", "--server", "gpu.invalid:8188", folder=tmp_path)
    assert run.code == 2
    assert "socks5://proxy.example:1080" in run.err
    assert "$NO_PROXY" in run.err
    assert "s3cret" not in run.err


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("[::1]", True), ("LOCALHOST", True),
        ("127.0.0.1.evil.example", False), ("localhost.evil.example", False), ("evil-localhost", False), ("", False),
        (None, False), ("10.0.0.1", False), ("0.0.0.0", False),
    ],
)  # fmt: skip
def test_which_hosts_are_this_machine(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected
