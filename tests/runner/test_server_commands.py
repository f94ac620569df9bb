"""`serve --port`, `logs` and `status` of several servers."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from runner.errors import UsageError
from runner.local_server import choice, logs
from runner.local_server.lifecycle import Home
from runner.local_server.log_end import last_lines
from runner.local_server.logs import show_log
from tests.support.comfy import ComfyServer
from tests.support.fake import FakeServer
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import command


def test_a_port_that_is_taken_is_said_and_no_other_is_taken(tmp_path: Path) -> None:
    with FakeServer(lambda _: (200, b"{}")) as other:
        port = int(other.url.rpartition(":")[2])
        with pytest.raises(UsageError, match="no ComfyUI"):
            choice.serve_command(port=port, home=Home(tmp_path))


def test_a_comfyui_at_that_port_is_named_and_left(
    comfy_server: ComfyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    assert choice.serve_command(port=comfy_server.port, say=said.append, home=Home(tmp_path)) == 0
    assert capsys.readouterr().out == f"http://127.0.0.1:{comfy_server.port}\n"
    assert "not started here" in said[-1]


@pytest.mark.parametrize("words", [["--port", "0"], ["--port", "x"], ["--port", "70000"], ["--stop", "--port", "81"]])
def test_no_port_is_taken_for_one(tmp_path: Path, words: list[str]) -> None:
    assert command("serve", *words, folder=tmp_path).code == 2


def test_the_log_is_shown_without_what_moves_a_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path)
    with pytest.raises(UsageError, match="no ComfyUI was started here yet"):
        show_log(3, home=home)
    home.state.mkdir(parents=True)
    drawn = b"".join(b"\r%d%%" % part for part in range(101))
    (home.state / "server.log").write_bytes(
        b"first\n" + b"x" * (2 << 20) + b"\nwindow \x1b]0;gotcha\x07name\n" + drawn + b"\n\xff\xfe last\n"
    )
    assert show_log(3, home=home) == 0
    shown = capsys.readouterr().out
    assert shown == "window name\n100%\n\ufffd\ufffd last\n"
    assert len(last_lines(home.state / "server.log", 2)) == 2


def test_a_log_that_is_begun_anew_is_followed_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(b"old\nof the first server\n")
    lines = logs._growing(log, len(b"old\n"))
    assert next(lines) == "of the first server"
    log.write_bytes(b"new\n10%\r20%\n")
    assert [next(lines), next(lines)] == ["new", "20%"]
    log.unlink()
    log.mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        next(lines)


def nobody() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("path", ["/system_stats", "/queue"])
@pytest.mark.parametrize("lie", [b"<p>log in</p>", b"[1]", b"", b"{"])
def test_a_server_that_answers_nonsense_is_named(tmp_path: Path, path: str, lie: bytes) -> None:
    with HostileComfy() as good, HostileComfy() as bad:
        bad.lies[f"GET {path}"] = Said(lie)
        farm = tmp_path / "farm.yaml"
        farm.write_text(f"- {good.url}\n- {bad.url}\n")
        shown = command("status", "--servers", str(farm), folder=tmp_path)
        alone = command("status", "--server", bad.url, folder=tmp_path)
    wrong = [line for line in shown.out.splitlines() if bad.url in line]
    assert (shown.code, len(wrong)) == (0, 1), shown.out
    assert (alone.code, bad.url in alone.err) == (3, True)


def test_the_state_of_every_server_that_is_named(comfy_server: ComfyServer, tmp_path: Path) -> None:
    away = nobody()
    both = command("status", "--server", away, "--server", comfy_server.url, "--json", folder=tmp_path)
    rows = [json.loads(line) for line in both.out.splitlines()]
    assert both.code == 0
    assert [row["server"] for row in rows] == [away, comfy_server.url]
    assert "error" in rows[0] and rows[1]["jobs"] == []
    shown = command("status", "--server", away, "--server", comfy_server.url, folder=tmp_path)
    assert shown.code == 0
    assert away in shown.out.splitlines()[0] and f"at {comfy_server.url}" in shown.out
    none = command("status", "--server", away, "--server", nobody(), folder=tmp_path)
    assert none.code == 3
    farm = tmp_path / "farm.yaml"
    farm.write_text(f"- {away}\n- {comfy_server.url}\n")
    listed = command("status", "--servers", str(farm), "--json", folder=tmp_path)
    assert [json.loads(line)["server"] for line in listed.out.splitlines()] == [away, comfy_server.url]


def test_a_server_that_says_too_much_is_shown_in_short(liar: HostileComfy, tmp_path: Path) -> None:
    """The JSON has all of it."""
    liar.forget()
    devices = [{"name": "x" * 100_000, "vram_free": 10**300, "vram_total": -5}] * 200
    liar.lies["GET /system_stats"] = Said({"system": {"comfyui_version": "9"}, "devices": devices})
    jobs = [[number, f"id-{number}-" + "y" * 5000, {}, {}, []] for number in range(2_000)]
    liar.lies["GET /queue"] = Said({"queue_running": [], "queue_pending": jobs})
    run = command("status", "--server", liar.url, folder=tmp_path)
    assert run.code == 0
    assert len(run.out) < 40_000
    assert all(len(line) < 300 for line in run.out.splitlines())
    assert "160 more devices" in run.out
    assert "1960 more jobs" in run.out
    assert "? of ? GB" in run.out
    liar.forget()
