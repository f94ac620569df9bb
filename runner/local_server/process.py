"""One ComfyUI process: where it is installed, how it is started, whether it answers, and whether a pid is still it.

Every command of the runner imports this: what takes long to import is imported where it is needed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data import parse_answer
from runner.errors import ServerUnavailableError, UsageError
from runner.files.reading import read_text
from runner.http.answers import expect_ok, object_of
from runner.http.auth import auth_headers, withhold
from runner.http.transport import NoAccessError, NotReachedError, Transport
from runner.invocation import spell
from runner.local_server.log_end import last_lines
from runner.processes import process_identity
from runner.untrusted import mapping

PROJECT_ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
COMFYUI_VARIABLE, PYTHON_VARIABLE = "PRODGEN_COMFYUI", "PRODGEN_COMFYUI_PYTHON"
START_TIMEOUT_S = 300.0
"""A server that has written nothing for so long hangs; a slow one goes on writing."""
LONGEST_START_S = 1800.0
"""And one that has not answered after this never will, whatever it writes."""
STOP_TIMEOUT_S = 15.0
"""From the request to end to the end by force: ComfyUI finishes the step it is at."""


@dataclass(frozen=True)
class Installation:
    """The ComfyUI that `install.py` set up (`managed`), or somebody's own that it was pointed at."""

    comfyui: Path
    python: Path
    version: str
    managed: bool


def state_dir(root: Path = PROJECT_ROOT) -> Path:
    """The folder install.py and `serve` keep their records in."""
    return root / ".comfyui"


def installed_comfyui(root: Path = PROJECT_ROOT) -> Installation | None:
    """The installed ComfyUI, or None when there is none (never installed, or moved away since)."""
    try:
        record = parse_answer(read_text(state_dir(root) / "install.json"))
        installation = Installation(
            comfyui=root / record["comfyui"],  # an absolute path stays absolute, the managed one moves with the project
            python=root / record["python"],
            version=str(record["version"]),
            managed=bool(record["managed"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return installation if (installation.comfyui / "main.py").is_file() and installation.python.is_file() else None


def chosen_comfyui(root: Path = PROJECT_ROOT) -> Installation | None:
    """The ComfyUI that the environment names (folder and Python), otherwise the installed one, otherwise None."""
    comfyui, python = os.environ.get(COMFYUI_VARIABLE), os.environ.get(PYTHON_VARIABLE)
    if comfyui and python:
        return Installation(Path(comfyui), Path(python), version="", managed=False)
    return installed_comfyui(root)


def ask(url: str, timeout: float = 2.0) -> dict[str, Any]:
    """ComfyUI's own description of the server behind `url` (`/system_stats`).

    Raises NotReachedError, NoAnswerError, BusyError where nothing answers, or not now. Raises NoAccessError where only
    the user can open it: its certificate is not trusted, it asks for a login, it sends us on. Raises
    ServerUnavailableError where what answers is no ComfyUI. Raises UsageError where `url` is no address.
    """
    transport = Transport(url, auth_headers(url))
    try:
        reply = transport.request("GET", "/system_stats", timeout=timeout)
        stats = object_of(expect_ok(reply, transport.label, "/system_stats"))
    except (NotReachedError, NoAccessError):
        raise
    except ServerUnavailableError as error:
        late = isinstance(error.__cause__, TimeoutError)  # busy, and asking twice would take twice as long
        if not late and transport.speaks_tls_instead(timeout):
            raise NoAccessError(
                f"What answers at {transport.label} speaks https only.", advice="Write its address with https://."
            ) from error
        raise
    finally:
        transport.drop()
    if "comfyui_version" not in mapping(stats.get("system")):
        raise ServerUnavailableError(
            f"What answers at {transport.label} is not a ComfyUI.", advice="Check that the address is right."
        )
    return stats


def probe(url: str, timeout: float = 2.0) -> dict[str, Any] | None:
    """The same, or None if no ComfyUI answers there."""
    try:
        return ask(url, timeout)
    except (ServerUnavailableError, UsageError):
        return None


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        if os.name == "posix":  # on Windows this option would let us share a port that is taken
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Some loopback port that nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.bind((LOOPBACK, 0))
        return int(candidate.getsockname()[1])


def has_accelerator(python: Path) -> bool:
    """Whether the torch of this Python can use a GPU. ComfyUI refuses to start without one unless told `--cpu`.

    A machine without any GPU device file is answered at once; otherwise torch itself is asked, which takes seconds.
    """
    if sys.platform.startswith("linux"):
        devices = ("/dev/nvidiactl", "/dev/kfd", "/dev/dri", "/dev/dxg")
        if not any(Path(device).exists() for device in devices):
            return False
    question = (
        "import torch; mps = torch.backends.mps.is_available(); "
        "xpu = getattr(torch, 'xpu', None) is not None and torch.xpu.is_available(); "
        "print('yes' if torch.cuda.is_available() or mps or xpu else 'no')"
    )
    try:
        answer = subprocess.run(
            [str(python), "-c", question], capture_output=True, text=True, timeout=120, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.strip().endswith("yes")


def spawn(
    installation: Installation,
    port: int,
    log_path: Path,
    *,
    cpu: bool | None = None,
    arguments: Sequence[str] = (),
    prefix: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start ComfyUI on a loopback port, detached from this terminal, its output going to `log_path`.

    `cpu` None finds out whether there is a GPU. `prefix` is put before the command line.
    """
    if cpu is None:
        cpu = not has_accelerator(installation.python)
    command = [*prefix, str(installation.python), "-u", "main.py", "--listen", LOOPBACK, "--port", str(port)]
    command += ["--disable-auto-launch", *arguments]
    environment = dict(os.environ)
    environment["PYTHONUNBUFFERED"] = "1"
    environment.pop("PYTHONPATH", None)  # ours must not shadow ComfyUI's own modules
    fetched = installation.comfyui / "models" / "controlnet_aux"  # by `models download`
    if fetched.is_dir():
        environment.setdefault("AUX_ANNOTATOR_CKPTS_PATH", str(fetched))
    if cpu:
        command.append("--cpu")
        # Idle OpenMP threads would spin on every core; but to put them to sleep after every single operation costs a
        # third of the time. 20 000 turns (some 50 µs) bridge the gaps within a node.
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        environment.setdefault("GOMP_SPINCOUNT", "20000")
    log_path.parent.mkdir(parents=True, exist_ok=True)
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    if log_path.is_symlink() or not log_path.is_file():
        log_path.unlink(missing_ok=True)  # a link would empty what it leads to, a pipe would be waited for
    with log_path.open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=installation.comfyui,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **detached,
        )


def wait_until_ready(
    url: str,
    process: subprocess.Popen[bytes],
    log_path: Path,
    *,
    silence: float = START_TIMEOUT_S,
    on_wait: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Block until the started server answers; returns its description.

    `on_wait` is called about five times a second with the seconds waited so far. A log that grows for longer than
    `silence` is a sign of life.

    Raises ServerUnavailableError where it ended or hangs; the message carries the end of its log.
    """
    withhold(url)
    quiet = Silence(log_path)
    while True:
        if process.poll() is not None:
            raise ServerUnavailableError(
                f"ComfyUI ended while starting (exit code {process.returncode}). The end of its log:\n"
                + log_tail(log_path),
                advice=f"The whole log is in {log_path}. `python install.py` repairs an incomplete installation.",
            )
        stats = probe(url, timeout=5.0)
        if stats is not None:
            return stats
        if quiet.seconds() > silence or quiet.watched() > LONGEST_START_S:
            raise ServerUnavailableError(
                f"ComfyUI hangs while it starts: it does not answer after {quiet.watched():.0f} s and has written "
                f"nothing for {quiet.seconds():.0f} s. The end of its log:\n" + log_tail(log_path),
                advice=f"The whole log is in {log_path}. A node pack of yours that waits for something is the usual "
                "cause: its name is in the last lines.",
            )
        if on_wait is not None:
            on_wait(quiet.watched())
        time.sleep(0.2)


class Silence:
    """For how long a log has not grown, as far as it was watched."""

    def __init__(self, log_path: Path) -> None:
        self._log = log_path
        self._begin = self._heard = time.monotonic()
        self._written = _size(log_path)

    def seconds(self) -> float:
        now = time.monotonic()
        if (size := _size(self._log)) != self._written:
            self._written, self._heard = size, now
        return now - self._heard

    def watched(self) -> float:
        """Since this was made."""
        return time.monotonic() - self._begin


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def log_tail(log_path: Path, lines: int = 25) -> str:
    """The last lines of a log, indented; a sentence when there is none."""
    try:
        last = last_lines(log_path, lines)
    except OSError:
        return "    (there is no log)"
    return "\n".join(f"    {line}" for line in last) or "    (the log is empty)"


def terminate(pid: int, identity: str, timeout: float = STOP_TIMEOUT_S) -> bool:
    """End a process that is still the one `identity` describes; never another that took over its number.

    Returns whether there was such a process. Raises ServerUnavailableError when it is another user's.
    """
    if not identity or process_identity(pid) != identity:
        return False
    import psutil

    deadline = time.monotonic() + timeout
    try:
        process = psutil.Process(pid)
        process.terminate()
        # A zombie of another parent has ended, too, and psutil would wait until that parent notices.
        while process_identity(pid) == identity:
            if time.monotonic() > deadline:
                process.kill()
                deadline = float("inf")
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(0.05)  # which collects a child of ours
    except psutil.NoSuchProcess:  # it has just ended by itself
        return True
    except psutil.AccessDenied as error:
        raise ServerUnavailableError(
            f"The ComfyUI started here (process {pid}) belongs to another user and cannot be ended.",
            advice=f"Let the user who started it run `{spell('serve', '--stop')}`.",
        ) from error
    return True
