"""The life of the installed server: started once, found again, stopped; strangers are never touched."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread, Timer

import pytest

from runner.errors import EXIT_NO_SERVER, ServerUnavailableError
from runner.local_server import lifecycle
from runner.local_server import process as server_process
from runner.local_server.lifecycle import Home
from runner.local_server.process import Installation
from runner.processes import process_identity
from tests.support.comfy import REPO, copy_comfyui
from tests.support.runs import command
from tests.support.speed import HANG_S, within

COMMAND = """
import sys
from pathlib import Path
from runner.local_server import choice, lifecycle
from runner.errors import RunnerError
home = lifecycle.Home(Path(sys.argv[1]), int(sys.argv[2]))
try:
    sys.exit(choice.serve_command(stop="--stop" in sys.argv, home=home))
except RunnerError as failure:
    sys.stderr.write(str(failure))
    sys.exit(failure.exit_code)
"""


def _serve(home: Home, *arguments: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != lifecycle.URL_VARIABLE}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(home.root), str(home.port), *arguments],
        cwd=REPO,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _record_installation(root: Path, comfyui: Path, python: Path) -> None:
    folder = server_process.state_dir(root)
    folder.mkdir(parents=True, exist_ok=True)
    record = {"comfyui": str(comfyui), "python": str(python), "version": "0.30.0", "managed": True}
    (folder / "install.json").write_text(json.dumps(record))


def _pretend_comfyui(root: Path, main: str) -> Home:
    """A home whose installed ComfyUI is a real process running `main`."""
    comfyui = root / "ComfyUI"
    comfyui.mkdir()
    (comfyui / "main.py").write_text(main)
    _record_installation(root, comfyui, Path(sys.executable))
    return Home(root, server_process.free_port())


def _wait_for(condition: Callable[[], object], seconds: float = HANG_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


class _NotComfyUI(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"hello": "I am another program"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


def test_a_server_is_started_once_found_again_and_stopped(comfy_installation: Installation, tmp_path: Path) -> None:
    comfyui = copy_comfyui(comfy_installation, tmp_path / "ComfyUI")
    _record_installation(tmp_path, comfyui, comfy_installation.python)
    stranger = HTTPServer(("127.0.0.1", 0), _NotComfyUI)
    Thread(target=stranger.serve_forever, args=(0.02,), daemon=True).start()
    home = Home(tmp_path, stranger.server_port)  # the usual port is taken by something that is not ComfyUI
    try:
        both = [_serve(home), _serve(home)]
        texts = [one.communicate(timeout=HANG_S) for one in both]
        assert [one.returncode for one in both] == [0, 0], texts
        urls = {out.strip() for out, _ in texts}
        assert len(urls) == 1, texts
        url = urls.pop()
        assert url != home.url
        assert sum("Starting ComfyUI" in err for _, err in texts) == 1
        server = lifecycle.started_server(home)
        assert server is not None
        assert server.url == url
        stats = server_process.probe(url)
        assert stats is not None
        argv = stats["system"]["argv"]
        assert argv[argv.index("--listen") + 1] == "127.0.0.1"

        begin = time.monotonic()
        again, said = _serve(home).communicate(timeout=HANG_S)
        assert again.strip() == url
        assert "already runs" in said
        assert within(3, begin)

        _, said = _serve(home, "--stop").communicate(timeout=HANG_S)
        assert f"Stopped the ComfyUI at {url}" in said
        assert server_process.probe(url) is None
        assert process_identity(server.pid) != server.identity
        assert not (home.state / "server.json").exists()
        _, said = _serve(home, "--stop").communicate(timeout=HANG_S)
        assert "No ComfyUI that was started here is running" in said
    finally:
        lifecycle.stop_server(home=home)
        stranger.shutdown()


def test_a_stale_record_never_kills_the_process_that_got_its_number(tmp_path: Path) -> None:
    home = Home(tmp_path, server_process.free_port())
    home.state.mkdir(parents=True)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    try:
        record = {"url": home.url, "pid": bystander.pid, "identity": "an-earlier-boot:4711", "comfyui": "x"}
        (home.state / "server.json").write_text(json.dumps(record))
        lines: list[str] = []
        assert lifecycle.stop_server(home=home, say=lines.append) is False
        assert bystander.poll() is None
        assert not (home.state / "server.json").exists()
        assert "No ComfyUI that was started here" in lines[0]
    finally:
        bystander.kill()
        bystander.wait()


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(120)"


@pytest.mark.parametrize("code", [STUBBORN, "import time; print(flush=True); time.sleep(120)"])
@pytest.mark.parametrize("own_child", [True, False])
def test_what_is_ended_has_ended_whoever_its_parent_is(code: str, own_child: bool) -> None:
    """One that does not listen is killed; one whose parent has not noticed yet is not waited for."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    identity = process_identity(process.pid)
    assert identity is not None
    end = f"from runner.local_server.process import terminate; print(terminate({process.pid}, {identity!r}, 0.5))"
    try:
        if own_child:
            assert server_process.terminate(process.pid, identity, timeout=0.5)
        else:
            said = subprocess.run(
                [sys.executable, "-c", end], cwd=REPO, capture_output=True, timeout=HANG_S, check=True
            )
            assert said.stdout.split() == [b"True"]
        assert process_identity(process.pid) is None
        assert not server_process.terminate(process.pid, identity)
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_server_of_another_user_is_not_waited_for() -> None:
    pid, code = os.getpid(), "import os, psutil; from runner.local_server.process import terminate\n"
    code += "from runner.processes import process_identity\n"
    code += f"known = process_identity({pid}); os.setuid(65534); terminate({pid}, known)"
    said = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False)
    assert "belongs to another user" in said.stderr


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", '{"pid": "x"}', '{"url": 1}', "[" * 100_000),
        '{"url": 1, "pid": "x", "identity": 3, "comfyui": null}',
        '{"comfyui": 1, "python": 2, "version": 3, "managed": 4}',
    ],
)
def test_a_broken_record_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    home = Home(tmp_path, server_process.free_port())
    home.state.mkdir(parents=True)
    (home.state / "server.json").write_text(content)
    (home.state / "install.json").write_text(content)
    assert lifecycle.started_server(home) is None
    assert server_process.installed_comfyui(tmp_path) is None


def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    home = _pretend_comfyui(tmp_path, "print('loading'); raise RuntimeError('libcudart.so.13 is missing')\n")
    process = _serve(home)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == EXIT_NO_SERVER
    assert out == ""
    assert "libcudart.so.13 is missing" in err
    assert "server.log" in err
    assert not (home.state / "server.json").exists()


TALKS = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"system": {"comfyui_version": "0.30.0"}}')

for number in range(14):
    print("loading", number, flush=True)
    time.sleep(1)
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answer).serve_forever()
"""


@pytest.mark.parametrize(
    "main",
    [
        "print('asking a server', flush=True); import time; time.sleep(9999)",
        pytest.param(TALKS, marks=pytest.mark.slow),
    ],
)
def test_a_start_that_hangs_is_told_from_one_that_is_slow(tmp_path: Path, main: str) -> None:
    """The slow one takes longer in all than it may be silent."""
    home = _pretend_comfyui(tmp_path, main)
    installation = server_process.installed_comfyui(tmp_path)
    assert installation is not None
    log = tmp_path / "log"
    process = server_process.spawn(installation, home.port, log, cpu=True)
    try:
        if main == TALKS:
            server_process.wait_until_ready(home.url, process, log, silence=10)
        else:
            with pytest.raises(ServerUnavailableError, match="hangs while it starts") as failure:
                server_process.wait_until_ready(home.url, process, log, silence=3)
            assert "asking a server" in failure.value.message
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(os.name != "posix", reason="SIGINT is sent the POSIX way")
def test_ctrl_c_while_starting_leaves_no_server_behind(tmp_path: Path) -> None:
    home = _pretend_comfyui(tmp_path, "import time\ntime.sleep(300)\n")
    process = _serve(home)
    _wait_for(lambda: lifecycle.started_server(home))
    server = lifecycle.started_server(home)
    assert server is not None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=HANG_S)
    assert process.returncode != 0
    _wait_for(lambda: process_identity(server.pid) is None)
    assert not (home.state / "server.json").exists()


def test_a_killed_runner_frees_the_start_lock(tmp_path: Path) -> None:
    home = _pretend_comfyui(tmp_path, "raise SystemExit('this one ends at once')\n")
    holder = "import sys, time; from pathlib import Path; from runner.local_server import lifecycle\n"
    holder += (
        "with lifecycle._start_lock(lifecycle.Home(Path(sys.argv[1])), print):\n"
        "    print('held', flush=True); time.sleep(99)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], cwd=REPO, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    waiting = _serve(home)
    assert waiting.stderr is not None
    assert "Another run is starting ComfyUI" in waiting.stderr.readline()
    assert waiting.poll() is None
    process.kill()
    process.communicate()
    _, err = waiting.communicate(timeout=HANG_S)
    assert "this one ends at once" in err


BUSY = """
import pathlib, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        while not pathlib.Path("free").exists():  # one thread for all, as of a server that loads weights
            time.sleep(0.1)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"system": {"comfyui_version": "0.30.0"}}')

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answer)
pathlib.Path("free").touch() if not pathlib.Path("started").exists() else None
pathlib.Path("started").touch()
server.serve_forever()
"""


@pytest.mark.parametrize("hangs", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_live_server_that_does_not_answer_is_waited_for_until_it_counts_as_hung(tmp_path: Path, hangs: bool) -> None:
    """It was ended after 20 s, with everything in its queue."""
    home = replace(_pretend_comfyui(tmp_path, BUSY), silence=6.0 if hangs else 300.0)
    said: list[str] = []
    try:
        url = lifecycle.ensure_started(say=said.append, home=home)
        first = lifecycle.started_server(home)
        assert first is not None
        (tmp_path / "ComfyUI" / "free").unlink()
        free = (tmp_path / "ComfyUI" / "free").touch
        if not hangs:
            Timer(12.0, free).start()  # longer than a look takes: it is looked at more than once
        else:
            (tmp_path / "ComfyUI" / "started").unlink()
        assert lifecycle.ensure_started(say=said.append, home=home) == url or hangs
        again = lifecycle.started_server(home)
        assert again is not None
        assert (again.pid == first.pid) == (not hangs)
        assert any("does not answer yet; waiting" in line for line in said)
        assert any("hangs: starting it again" in line for line in said) == hangs
    finally:
        lifecycle.stop_server(home=home)


def test_a_server_that_is_dead_is_started_again_at_once(tmp_path: Path) -> None:
    home = _pretend_comfyui(tmp_path, BUSY)
    said: list[str] = []
    try:
        lifecycle.ensure_started(say=said.append, home=home)
        first = lifecycle.started_server(home)
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        _wait_for(lambda: not first.is_alive())
        (tmp_path / "ComfyUI" / "started").unlink()
        lifecycle.ensure_started(say=said.append, home=home)
        again = lifecycle.started_server(home)
        assert again is not None and again.pid != first.pid
        assert not any("waiting" in line and "answer yet" in line for line in said)
    finally:
        lifecycle.stop_server(home=home)


@pytest.mark.parametrize("name", ["server.log", "server.lock", "server.json"])
def test_where_a_start_cannot_write_it_says_so_and_leaves_no_server_behind(tmp_path: Path, name: str) -> None:
    home = _pretend_comfyui(tmp_path, BUSY)
    (home.state / name).mkdir(parents=True)
    with pytest.raises(ServerUnavailableError, match=rf"{re.escape(name)}.*cannot be written") as caught:
        lifecycle.ensure_started(say=lambda line: None, home=home)
    assert caught.value.advice and "serve" in caught.value.advice
    started = tmp_path / "ComfyUI" / "started"
    if started.exists():
        _wait_for(lambda: server_process.probe(home.url) is None)


def test_serve_names_no_server(tmp_path: Path) -> None:
    """It never started anything at the address it was given."""
    assert "--server" not in command("serve", "--help", folder=tmp_path).out
    assert command("serve", "--server", "http://127.0.0.1:9", folder=tmp_path).code == 2
