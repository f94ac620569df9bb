"""The ComfyUI of one actor, on the actor's node: started on loopback, watched, started again, ended with the actor."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from runner.errors import InterruptedRunError, RunnerError, ServerUnavailableError
from runner.files.lock import FileLock, LockTimeoutError
from runner.local_server import process as server_process
from runner.local_server.process import (
    COMFYUI_VARIABLE,
    LOOPBACK,
    PYTHON_VARIABLE,
    Installation,
    chosen_comfyui,
    free_port,
)
from runner.processes import process_identity

ARGUMENTS_VARIABLE = "PRODGEN_COMFYUI_ARGS"
"""On a node: more arguments for its ComfyUIs, as on a command line."""
STOP_S = 1.5
"""ComfyUI saves nothing on its way out: what does not end by itself by then is ended."""
_LOOK_S = 0.2
"""How often it is looked whether it still runs."""
_SHORT_LIFE_S = 60.0
"""One that ended sooner did not die of a job: it is not started again without a pause."""

# The kernel ends the started process with the thread that started it, also when that is killed.
_WITH_PARENT = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execv(sys.argv[2], sys.argv[2:])"
)


def node_installation() -> Installation:
    """The ComfyUI of this node: what its environment names, or what `install.py` set up there.

    Raises ServerUnavailableError where there is none.
    """
    installation = chosen_comfyui()
    if installation is None:
        raise ServerUnavailableError(
            "There is no ComfyUI on this node.",
            advice=f"Run `python install.py` there, or set ${COMFYUI_VARIABLE} (its folder) and ${PYTHON_VARIABLE} "
            "(its Python) before `ray start`.",
        )
    return installation


class NodeFolder:
    """A folder of this node for one worker: what its ComfyUI saved stays there when the actor is killed."""

    def __init__(self, name: str) -> None:
        """Raises ServerUnavailableError when somebody else owns the folder they are kept in."""
        base = Path(tempfile.gettempdir()) / f"prodgen-{os.getuid() if hasattr(os, 'getuid') else 'batch'}"
        base.mkdir(mode=0o700, exist_ok=True)
        if hasattr(os, "getuid") and (base.is_symlink() or base.stat().st_uid != os.getuid()):
            raise ServerUnavailableError(f"{base} belongs to somebody else.", advice="Set $TMPDIR on that node.")
        for number in range(1, 100):
            lock_file = base / f"{name}-{number}.lock"
            self._lock = FileLock(lock_file, timeout=0)
            # Another runner's worker of that name may be on this node.
            with contextlib.suppress(LockTimeoutError, FileNotFoundError):
                self._lock.__enter__()
                if os.fstat(self._lock.fileno()).st_ino != lock_file.stat().st_ino:  # it has just removed it
                    continue
                self._file = lock_file
                self.path = base / f"{name}-{number}"
                self.path.mkdir(exist_ok=True)
                return
        raise ServerUnavailableError(f"{base} is full of folders in use.")

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._file.unlink()
        self._lock.__exit__(None, None, None)


class OwnComfy:
    """Keeps one ComfyUI running, always on the same port, until `close`."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.say = say
        self._folder = folder
        self._guard = threading.Condition()
        self._ended = False
        self._url: str | None = None
        self._error: RunnerError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None

    def url(self) -> str:
        """Its address, once it answers; started when it does not run.

        Raises ServerUnavailableError where it does not start; the message holds the end of its log. Raises
        InterruptedRunError where `close` was called.
        """
        with self._guard:
            if self._keeper is None or not self._keeper.is_alive():
                self._error = None
                # One thread starts it every time: the kernel ends a process with the thread that started it.
                self._keeper = threading.Thread(target=self._keep, name="comfyui-keeper", daemon=True)
                self._keeper.start()
            self._guard.wait_for(lambda: self._url or self._error or self._ended)
            if self._error is not None:
                raise self._error
            if self._ended or self._url is None:
                raise InterruptedRunError("interrupted")
            return self._url

    def close(self) -> None:
        """End it, within two seconds."""
        with self._guard:
            self._ended = True
            self._guard.notify_all()
            process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)

    # on the keeper's thread

    def _keep(self) -> None:
        try:
            self._end_leftover()
            installation = node_installation()
            port = free_port()
            while not self._ended:
                began = time.monotonic()
                process = self._start(installation, port)
                while process.poll() is None:
                    time.sleep(_LOOK_S)
                with self._guard:
                    if self._ended:
                        return
                    self._url = None
                self.say(f"ComfyUI ended (exit code {process.returncode}) and is started again.")
                if time.monotonic() - began < _SHORT_LIFE_S:
                    time.sleep(1.0)
        except RunnerError as error:
            self._gave_up(error)
        except Exception as error:
            self._gave_up(ServerUnavailableError(f"ComfyUI could not be started: {type(error).__name__}: {error}"))

    def _gave_up(self, error: RunnerError) -> None:
        with self._guard:
            self._error, self._url = error, None
            self._guard.notify_all()

    def _start(self, installation: Installation, port: int) -> subprocess.Popen[bytes]:
        url, log = f"http://{LOOPBACK}:{port}", self._folder / "server.log"
        arguments = ["--disable-api-nodes"] if installation.managed else []
        arguments += shlex.split(os.environ.get(ARGUMENTS_VARIABLE, ""))
        arguments += ["--output-directory", str(self._folder / "output"), "--temp-directory", str(self._folder)]
        arguments += ["--database-url", f"sqlite:///{self._folder / 'comfyui.db'}"]
        prefix = [sys.executable, "-ISc", _WITH_PARENT, str(os.getpid())] if sys.platform.startswith("linux") else []
        with self._guard:
            if self._ended:
                raise InterruptedRunError("interrupted")
            process = server_process.spawn(installation, port, log, arguments=arguments, prefix=prefix)
            self._process = process
        record = {"pid": process.pid, "identity": process_identity(process.pid)}
        (self._folder / "server.json").write_text(json.dumps(record), encoding="utf-8")
        try:
            server_process.wait_until_ready(url, process, log)
        except BaseException:
            process.kill()
            process.wait()
            raise
        with self._guard:
            self._url = url
            self._guard.notify_all()
        return process

    def _end_leftover(self) -> None:
        """The ComfyUI of an actor that was killed, where the kernel did not end it."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            record = json.loads((self._folder / "server.json").read_text(encoding="utf-8"))
            if record["identity"]:
                server_process.terminate(int(record["pid"]), str(record["identity"]))
