"""A source distribution, fetched as a plain file with pip's own parts: nothing in it is built, imported or unpacked.

`pip download` asks a source distribution what it is, and for that runs its setup.py. So only what comes before is taken
from pip: its settings, its look into the index or the folder they name, and its connection (proxy, certificates,
logins). These parts are pip's own affair and may change with its version. Hence a process of its own, run as
`python sdist.py NAME VERSION BYTES TARGET [OPTION OF pip download …]`: whatever fails in it is no more than a download
that failed, told in its last line.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pip._internal.cli.status_codes import SUCCESS
from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import CommandError
from pip._vendor.requests import RequestException

_CHUNK = 1 << 20
"""Bytes read at a time."""


class FileCommand(DownloadCommand):  # type: ignore[misc]
    """`pip download` up to the point where it has found the file; then the bytes, and no more."""

    def run(self, options: Any, args: list[str]) -> int:
        name, version, size, target = args
        session = self.get_default_session(options)
        finder = self._build_package_finder(options, session, ignore_requires_python=True)
        links = [found.link for found in finder.find_all_candidates(name) if str(found.version) == version]
        link = next((link for link in links if link.filename.endswith(".tar.gz")), None)
        if link is None:
            raise CommandError(f"no source distribution of {name} {version} was found (or the index not reached)")
        try:
            _save(session, link.url_without_fragment, int(size), Path(target))
        except RequestException as error:
            raise CommandError(f"{link.filename}: the download broke off ({type(error).__name__})") from error
        return int(SUCCESS)


def _save(session: Any, url: str, size: int, target: Path) -> None:
    """What `url` holds, at `target`. Raises CommandError where it has not `size` bytes; no more than that is read."""
    with session.get(url, headers={"Accept-Encoding": "identity"}, stream=True) as response, target.open("wb") as sink:
        response.raise_for_status()
        came = 0
        while came <= size and (block := response.raw.read(_CHUNK)):
            came += len(block)
            sink.write(block)
    if came != size:
        raise CommandError(f"{came if came < size else f'more than {size}'} bytes came, {size} were expected")


if __name__ == "__main__":
    command = FileCommand("download", "Fetch a source distribution as a file.")
    sys.exit(command.main([*sys.argv[5:], *sys.argv[1:5]]))
