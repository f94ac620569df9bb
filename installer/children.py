"""The programs an installation runs: heard line by line, ended with us, and ended when they have fallen silent."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from installer.pythons import clean_environment


@dataclass(frozen=True)
class Ended:
    """How a program ended, and everything it wrote. `silent`: it was ended, because nothing came from it any more."""

    code: int
    output: str
    silent: bool = False


@dataclass(frozen=True)
class Children:
    """`log` collects what they write. `keep_open`: a descriptor they inherit.

    It holds the installation's lock, so that a program that lost its parent (SIGKILL) is waited for by the next run.
    """

    log: Path
    keep_open: int | None = None

    def run(
        self,
        command: Sequence[str],
        *,
        each: Callable[[str], None] = lambda _: None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        silence: float | None = None,
        errors_apart: bool = False,
    ) -> Ended:
        """Run a program to its end; `each` hears every line it writes.

        Args:
            silence: seconds without a line after which it is taken for hung. How long it takes in all does not count.
            errors_apart: what it writes to standard error goes into the log only.
        """
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ {' '.join(command)}\n")
            log.flush()
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment) if environment is not None else clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log if errors_apart else subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                pass_fds=() if self.keep_open is None else (self.keep_open,),
                start_new_session=os.name == "posix",
            )
            lines: list[str] = []
            try:
                assert process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
                heard = _listen(process.stdout)
                while (line := heard.get(timeout=silence)) is not None:
                    log.write(line)
                    log.flush()
                    lines.append(line)
                    each(line)
                return Ended(process.wait(), "".join(lines))
            except queue.Empty:
                _end(process)
                return Ended(process.wait(), "".join(lines), silent=True)
            except BaseException:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                _end(process)
                raise


def _listen(stream: IO[str]) -> queue.SimpleQueue[str | None]:
    """The lines of a stream as they come, then None."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen() -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=listen, daemon=True).start()
    return lines


def _end(process: subprocess.Popen[str]) -> None:
    """It, and what it has started."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
