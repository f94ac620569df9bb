"""How a server's address may be written, and that no way of writing it shows a password."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.errors import UsageError
from runner.http.address import is_loopback, parse_address, public_url
from tests.support.hostile import HostileComfy
from tests.support.runs import Desk, command, copying, flat

pytestmark = pytest.mark.usefixtures("clean_surroundings")
SECRET = "t0p-s3cret/w0rd"


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


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("[::1]", True), ("LOCALHOST", True),
        ("127.0.0.1.evil.example", False), ("localhost.evil.example", False), ("evil-localhost", False), ("", False),
        (None, False), ("10.0.0.1", False), ("0.0.0.0", False), ("127.1", True), ("2130706433", True),
        ("::ffff:127.0.0.1", True), ("::ffff:10.0.0.1", False), ("a.localhost", True), ("0x7f.1", True),
        ("127.0.0.1 .evil.example", False), ("dead", False), ("1e1.evil", False),
    ],
)  # fmt: skip
def test_which_hosts_are_this_machine(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected
