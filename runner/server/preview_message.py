"""The picture so far, saved while a job samples (`submit --preview`): one file per job, replaced at every step."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from json import loads
from pathlib import Path

from runner import events
from runner.files.whole import written_whole

PREVIEW_WITH_METADATA = 4
"""ComfyUI's number for this binary message (its `protocol.BinaryEventTypes`)."""
METHOD = {"preview_method": "auto"}
"""A job's `extra_data` that has the server decode previews, whatever it was started with."""
_MAX_BYTES = 16 << 20
"""Of a preview, a JPEG of some tens of kilobytes: more is not decoded."""


def unpacked(payload: bytes, masked: Callable[[bytes], bytes] = bytes) -> dict[str, object] | None:
    """`{"prompt_id", "display_node_id", …, "image": bytes}` of a binary message; None for anything else. `masked`
    takes out of the JSON what must not be shown.

    Layout: event number (4 bytes, big-endian), length of the JSON that follows (4 bytes), the JSON, the picture.
    """
    if not 8 < len(payload) <= _MAX_BYTES or struct.unpack_from(">I", payload)[0] != PREVIEW_WITH_METADATA:
        return None
    (length,) = struct.unpack_from(">I", payload, 4)
    try:
        metadata = loads(masked(payload[8 : 8 + length]))
    except (ValueError, RecursionError):
        return None
    return {**metadata, "image": payload[8 + length :]} if isinstance(metadata, dict) else None


class PreviewFiles:
    """Passes events on; a preview's picture goes to `<stem>_preview.jpg` first. A full disk costs only that."""

    def __init__(self, folder: Path, report: Callable[[events.Event], None], notice: Callable[[str], None]) -> None:
        self._folder, self._report, self._notice = folder, report, notice
        self._paths: dict[str | None, Path] = {}
        self._failed = False

    def __call__(self, event: events.Event) -> None:
        if not isinstance(event, events.Preview):
            self._report(event)
        elif event.image and not self._failed:
            try:
                path = self._path(event)
                with written_whole(path, "wb") as stream:
                    stream.write(event.image)
            except OSError as error:
                self._failed = True
                self._notice(f"Previews cannot be saved: {error.strerror or error}. The job goes on.")
            else:
                self._report(replace(event, path=str(path), image=b""))

    def _path(self, event: events.Preview) -> Path:
        """Each job's own; a file that was there before stays."""
        if event.prompt_id not in self._paths:
            suffix = ".png" if event.image.startswith(b"\x89PNG") else ".jpg"
            stem = self._folder / event.stem
            stem.parent.mkdir(parents=True, exist_ok=True)
            path, number = stem.with_name(f"{stem.name}_preview{suffix}"), 2
            while path.exists():
                path, number = stem.with_name(f"{stem.name}_preview_{number}{suffix}"), number + 1
            self._paths[event.prompt_id] = path
        return self._paths[event.prompt_id]
