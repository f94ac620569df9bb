"""What a person sees while the installer works, and the one exception every failure becomes."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType


class InstallError(Exception):
    """Something a person can put right. `advice` is the next step; `usage` means the command line was wrong."""

    def __init__(self, message: str, advice: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.exit_code = 2 if usage else 1


def say(line: str = "") -> None:
    """One line for the person at the terminal."""
    print(line, flush=True)


class Step:
    """`with Step("Python environment") as step:` – its name, what it is doing, and how long it took.

    A terminal gets one line that counts the seconds; anything else gets plain lines.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._doing = ""
        self._begin = time.monotonic()
        self._live = sys.stdout.isatty()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Step:
        if self._live:
            self._ticker.start()
        else:
            say(f"- {self._title} …")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        seconds = time.monotonic() - self._begin
        if self._live:
            self._ticker.join()
            self._show("")
            print("\r", end="")
        if kind is None:
            say(f"- {self._title}: done in {seconds:.1f} s")
        else:
            say(f"- {self._title}: not finished")

    def doing(self, what: str, *, worth_a_line: bool = False) -> None:
        """What the step is at now; `worth_a_line` shows it where there is no terminal, too."""
        self._doing = what
        if worth_a_line and not self._live:
            say(f"    {what}")

    def _tick(self) -> None:
        while not self._ended.wait(0.2):
            seconds = time.monotonic() - self._begin
            self._show(f"- {self._title} · {seconds:.0f} s · {self._doing}")

    @staticmethod
    def _show(line: str) -> None:
        """Replace the terminal's last line. Blanks instead of a control sequence: every terminal knows blanks."""
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line[:width].ljust(width), end="", flush=True)
