"""Shows a picture in whatever this machine opens pictures with; a machine without a screen gets its path."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from runner.errors import UsageError

VIEWER_VARIABLE = "PRODGEN_VIEWER"


def viewer_command(
    wanted: str | None, environment: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> list[str] | None:
    """The command that opens a picture: `wanted`, `$PRODGEN_VIEWER` or the desktop's own. None: there is none.

    `none` (as `wanted` or in the variable) opens nothing. Raises UsageError for what is no command.
    """
    named = (wanted if wanted is not None else environment.get(VIEWER_VARIABLE, "")).strip()
    if named:
        if named.casefold() == "none":
            return None
        try:
            return shlex.split(named)
        except ValueError as error:
            raise UsageError(
                f"{named!r} is no command that opens pictures: {str(error).lower()}.",
                advice=f"Mend --viewer or ${VIEWER_VARIABLE}; `none` opens nothing.",
            ) from error
    if platform == "darwin":
        return ["open"]
    if platform == "win32":
        return ["cmd", "/c", "start", ""]
    has_screen = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    opener = shutil.which("xdg-open") if has_screen else None
    return [opener] if opener else None


class Viewer:
    """Opens pictures as they come; what goes wrong is said once and never stops the work."""

    def __init__(self, command: list[str] | None, notice: Callable[[str], None]) -> None:
        self._command, self._notice = command, notice
        self._last: subprocess.Popen[bytes] | None = None
        if command is None:
            notice(f"No picture viewer here: open the files yourself, or name one with --viewer or ${VIEWER_VARIABLE}.")

    def show(self, path: Path | str) -> None:
        if self._command is None:
            return
        try:
            self._last = subprocess.Popen(
                [*self._command, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C ends the exploring, not the viewer
            )
        except OSError as error:
            self._notice(f"{self._command[0]} does not start ({error.strerror or error}): open the files yourself.")
            self._command = None
