"""The record and the log of a started server as somebody else left them: nobody's process ends, nothing hangs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import UsageError
from runner.local_server import lifecycle
from runner.local_server import process as server_process
from runner.local_server.lifecycle import Home
from runner.local_server.logs import show_log
from runner.processes import process_identity
from tests.support.comfy import REPO

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def _dead() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def _stopped(record: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder), server_process.free_port())
        home.state.mkdir()
        (home.state / "server.json").write_text(record, encoding="utf-8", errors="surrogatepass")
        said: list[str] = []
        assert lifecycle.stop_server(home=home, say=said.append) is False
        assert not (home.state / "server.json").exists()
        return said


@settings(max_examples=50)
@given(data=st.data())
def test_no_record_ends_a_process_it_does_not_know(data: st.DataObject, bystander: subprocess.Popen[bytes]) -> None:
    likely = {
        "url": st.just("http://127.0.0.1:8188"),
        "pid": st.sampled_from([bystander.pid, os.getpid(), -bystander.pid, -1, 0, 2**31, 2**63, True]),
        "identity": st.sampled_from([None, "", "boot:1"]),
        "comfyui": st.just("x"),
    }
    any_of_these = {name: value | VALUES for name, value in likely.items()}
    record = data.draw(
        st.fixed_dictionaries(likely) | st.fixed_dictionaries({}, optional=any_of_these) | VALUES, label="record"
    )
    assert _stopped(json.dumps(record)) == ["No ComfyUI that was started here is running."]
    assert bystander.poll() is None


@pytest.mark.parametrize("identity", [None, ""])
@pytest.mark.parametrize("url", ["http://127.0.0.1:8188", "http://127.0.0.1:99999", "http://elsewhere.test:80"])
def test_nothing_is_said_to_be_stopped_that_was_dead(identity: str | None, url: str) -> None:
    record = {"url": url, "pid": _dead(), "identity": identity, "comfyui": "x"}
    assert _stopped(json.dumps(record)) == ["No ComfyUI that was started here is running."]


def test_a_record_leads_to_no_server_elsewhere(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.state.mkdir()
    for url in ("http://elsewhere.test:80", "http://127.0.0.1:99999", "http://127.0.0.1:80@elsewhere.test", "x"):
        record: dict[str, Any] = {"url": url, "pid": os.getpid(), "identity": process_identity(os.getpid())}
        (home.state / "server.json").write_text(json.dumps(record | {"comfyui": "x"}))
        assert lifecycle.started_server(home) is None


STRANGE = ["pipe", "zero", "folder", "nothing", "loop"]


def _strange(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"zero": "/dev/zero", "nothing": "not-there", "loop": path.name}[kind])


def _said(home: Home, code: str) -> str:
    """In a process of its own, which may not take long or much memory."""
    limits = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
    head = "import sys; from pathlib import Path; from runner.local_server import lifecycle, logs, process\n"
    head += "home = lifecycle.Home(Path(sys.argv[1]))\n"
    done = subprocess.run(
        [sys.executable, "-c", limits + head + code, str(home.root)],
        cwd=REPO, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("kind", STRANGE)
def test_a_record_that_is_no_file_is_as_good_as_none(tmp_path: Path, kind: str) -> None:
    home = Home(tmp_path)
    for name in ("server.json", "install.json"):
        _strange(home.state / name, kind)
    asked = "print(lifecycle.started_server(home), process.installed_comfyui(home.root))"
    assert _said(home, asked).split() == ["None", "None"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("kind", STRANGE)
def test_a_log_that_is_no_file_is_said(tmp_path: Path, kind: str) -> None:
    log = Home(tmp_path).state / "server.log"
    _strange(log, kind)
    code = "from runner.errors import UsageError\n"
    code += (
        "try:\n    logs.show_log(3, home=home, follow=True)\nexcept UsageError as error:\n    print(error.message)\n"
    )
    code += "print(process.log_tail(home.state / 'server.log'))"
    said = _said(Home(tmp_path), code)
    assert str(log) in said
    assert "no log" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["pipe", "link", "nothing"])
def test_a_new_log_is_a_file_of_its_own(tmp_path: Path, kind: str) -> None:
    log, own = tmp_path / "server.log", tmp_path / "own.txt"
    own.write_text("of the user")
    if kind == "link":
        log.symlink_to(own)
    else:
        _strange(log, kind)
    (tmp_path / "main.py").write_text("print('here')")
    installation = server_process.Installation(tmp_path, Path(sys.executable), "", managed=False)
    server_process.spawn(installation, 1, log, cpu=True).wait(60)
    assert log.read_text() == "here\n"
    assert not log.is_symlink()
    assert own.read_text() == "of the user"


def test_a_long_log_of_one_line_is_not_read_whole(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with log.open("wb") as stream:
        stream.truncate(1 << 40)  # a hole: it takes no room
        stream.seek(1 << 40)
        stream.write(b"\nlast\n")
    assert server_process.log_tail(log).endswith("    last")
    with pytest.raises(UsageError, match="no log"):
        show_log(1, home=Home(tmp_path / "none"))
