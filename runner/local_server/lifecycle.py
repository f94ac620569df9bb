"""The life of the server that `install.py` installed: found, started once, stopped.

A started server listens on loopback only and stays for the next run. `.comfyui/server.json` says which process it is,
`.comfyui/server.log` holds what it wrote, and `.comfyui/server.lock` keeps two runners from starting two.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner import console
from runner.data import parse_answer
from runner.errors import ServerUnavailableError
from runner.files.lock import FileLock, LockTimeoutError
from runner.files.reading import read_text
from runner.files.whole import written_whole
from runner.http.auth import withhold
from runner.invocation import spell
from runner.local_server import process as server_process
from runner.local_server.process import PROJECT_ROOT, START_TIMEOUT_S, Installation, Silence, state_dir
from runner.processes import process_identity
from runner.untrusted import mapping, text

URL_VARIABLE = "COMFYUI_URL"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Home:
    """The project whose server is meant, and the port ComfyUI is looked for and started on first."""

    root: Path = PROJECT_ROOT
    port: int = 8188
    any_port: bool = True
    """Whether another port will do where that one is taken."""
    silence: float = START_TIMEOUT_S
    """Seconds without an answer or a line in its log after which a live server counts as hung."""

    @property
    def url(self) -> str:
        return f"http://{server_process.LOOPBACK}:{self.port}"

    @property
    def state(self) -> Path:
        return state_dir(self.root)


HERE = Home()
_LARGEST_RECORD = 1 << 20
_LARGEST_PID, _LARGEST_PORT = 2**31 - 1, 65535
_OURS = re.compile(rf"http://{re.escape(server_process.LOOPBACK)}:(?P<port>[0-9]{{1,5}})")
"""Where a server that was started here listens."""


def say_to_stderr(line: str) -> None:
    """Standard output belongs to results; what a person reads on the way goes here."""
    console.tell(line)


@dataclass(frozen=True)
class StartedServer:
    """The record of a server this project started. `identity` tells its process from a later one with that pid."""

    url: str
    pid: int
    identity: str
    comfyui: str

    def is_alive(self) -> bool:
        return process_identity(self.pid) == self.identity


def started_server(home: Home = HERE) -> StartedServer | None:
    """The server this project started, if its process still runs. The record of a dead one is removed."""
    record = home.state / "server.json"
    try:
        server = _recorded(mapping(parse_answer(read_text(record, largest=_LARGEST_RECORD))))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        server = None
    if server is not None and server.is_alive():
        return server
    with contextlib.suppress(OSError):
        record.unlink()
    return None


def _recorded(record: Mapping[str, Any]) -> StartedServer | None:
    """The server that a record is about; None where it is not as it is written here. Anybody may have written it: what
    it says becomes an address that is asked and a process that is ended."""
    url, identity, comfyui = (text(record.get(name)) for name in ("url", "identity", "comfyui"))
    address, pid = _OURS.fullmatch(url), record.get("pid")
    if address is None or not 0 < int(address["port"]) <= _LARGEST_PORT or not identity:
        return None
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid <= _LARGEST_PID:
        return None
    return StartedServer(url, pid, identity, comfyui)


def ensure_started(*, say: Say = say_to_stderr, home: Home = HERE) -> str:
    """The URL of this project's own server, started if it does not run. Safe to call from several processes at once."""
    installation = server_process.installed_comfyui(home.root)
    running = started_server(home)
    if running is not None:
        withhold(running.url)
        if server_process.probe(running.url) is not None:
            return running.url
    if installation is None:
        raise ServerUnavailableError(
            "No ComfyUI answers and none is installed here.",
            advice=f"Run `python install.py`, or start your own and name it with --server URL or ${URL_VARIABLE}.",
        )
    with _start_lock(home, say):
        running = started_server(home)
        if running is not None:
            if _answers_in_time(running, home, say):
                return running.url
            if running.is_alive():
                say(f"The ComfyUI started earlier (process {running.pid}) hangs: starting it again.")
            server_process.terminate(running.pid, running.identity)
        return _start(installation, home, say)


def _answers_in_time(server: StartedServer, home: Home, say: Say) -> bool:
    """Whether it answers before it is dead or hangs. A live one may be loading weights, and answers nobody meanwhile:
    to end it would throw away what others have in its queue."""
    silence, progress, told = Silence(home.state / "server.log"), _Waiting(say), False
    try:
        while server.is_alive():
            if server_process.probe(server.url, timeout=5.0) is not None:
                return True
            if silence.seconds() > home.silence or silence.watched() > server_process.LONGEST_START_S:
                return False
            if not told:
                say(f"The ComfyUI started earlier (process {server.pid}) is there and does not answer yet; waiting.")
                told = True
            progress.update(silence.watched())
            time.sleep(0.2)
    finally:
        progress.clear()
    return False


def _start(installation: Installation, home: Home, say: Say) -> str:
    log = home.state / "server.log"
    first_choice = home.port
    if home.any_port and not server_process.port_is_free(home.port):
        first_choice = server_process.free_port()
    try:
        return _start_on(first_choice, installation, home, log, say)
    except ServerUnavailableError:
        # ComfyUI opens its port last, after some 15 s: somebody else may have taken it in the meantime.
        if not home.any_port or server_process.port_is_free(first_choice):
            raise
        say(f"Port {first_choice} was taken meanwhile; trying another.")
        return _start_on(server_process.free_port(), installation, home, log, say)


def _start_on(port: int, installation: Installation, home: Home, log: Path, say: Say) -> str:
    url = f"http://{server_process.LOOPBACK}:{port}"
    say(f"Starting ComfyUI {installation.version} at {url}; this takes 15 to 60 s. Log: {log}")
    # Our own copy needs none of the nodes that call paid web services: it starts faster and stays offline.
    arguments = ["--disable-api-nodes"] if installation.managed else []
    process = server_process.spawn(installation, port, log, arguments=arguments)
    record = home.state / "server.json"
    server = StartedServer(url, process.pid, process_identity(process.pid) or "", str(installation.comfyui))
    progress = _Waiting(say)
    try:
        with written_whole(record) as stream:
            stream.write(json.dumps(asdict(server), indent=2) + "\n")
        server_process.wait_until_ready(url, process, log, on_wait=progress.update)
    except BaseException:  # also Ctrl-C: a server nobody waited for must not stay behind
        server_process.terminate(server.pid, server.identity)
        with contextlib.suppress(OSError):
            record.unlink()
        raise
    finally:
        progress.clear()
    say(f"ComfyUI is ready at {url} and stays for the next run (`{spell('serve', '--stop')}` ends it).")
    return url


class _Waiting:
    """One line that counts the seconds on a terminal; a line every ten seconds elsewhere."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._live = say is say_to_stderr and sys.stderr.isatty()
        self._shown = 0

    def update(self, seconds: float) -> None:
        whole = int(seconds)
        if whole == self._shown:
            return
        if self._live:
            console.redraw(f"waiting for ComfyUI … {whole} s")
            self._shown = whole
        elif whole >= self._shown + 10:
            self._say(f"waiting for ComfyUI … {whole} s")
            self._shown = whole

    def clear(self) -> None:
        if self._live and self._shown:
            console.redraw()


@contextlib.contextmanager
def _start_lock(home: Home, say: Say) -> Iterator[None]:
    """Held by the one process that starts the server.

    Raises ServerUnavailableError where another run holds it for too long, or what a start writes cannot be written.
    """
    lock = FileLock(
        home.state / "server.lock",
        on_wait=lambda: say("Another run is starting ComfyUI; waiting for it."),
        timeout=server_process.LONGEST_START_S + 60,
    )
    try:
        with lock:
            yield
    except LockTimeoutError:
        raise ServerUnavailableError(
            "Another run has been starting ComfyUI for minutes without success.",
            advice=f"Look at {home.state / 'server.log'}, end the other run, and try again.",
        ) from None
    except OSError as error:
        if error.filename is not None and home.state not in (Path(error.filename), Path(error.filename).parent):
            raise
        raise ServerUnavailableError(
            f"{error.filename or home.state}: cannot be written ({error.strerror or error}); ComfyUI was not started.",
            advice=f"If it is another user's installation, ask them to run `{spell('serve')}`: then it is found. "
            f"Or name a server with --server URL or ${URL_VARIABLE}.",
        ) from error


def stop_server(*, say: Say = say_to_stderr, home: Home = HERE) -> bool:
    """End the server this project started, and no other. Returns whether there was one."""
    server = started_server(home)
    if server is None:
        say("No ComfyUI that was started here is running.")
        withhold(home.url)
        if server_process.probe(home.url) is not None:
            say(f"The one at {home.url} was started by somebody else and is left alone.")
        return False
    server_process.terminate(server.pid, server.identity)
    with contextlib.suppress(OSError):  # the record of a dead server counts for nothing
        (home.state / "server.json").unlink()
    say(f"Stopped the ComfyUI at {server.url}.")
    return True
