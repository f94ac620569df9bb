"""What the `models` commands say: lines for people, or JSON lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runner import console
from runner.models.manifest import Model, human_size
from runner.models.store import Verdict

_PROGRESS_STEP_S = 0.2
"""Five a second are smooth to the eye."""


@dataclass
class Output:
    """Lines for people, or JSON lines; a live progress line on a terminal only."""

    as_json: bool
    clock: Callable[[], float] = time.monotonic
    _last: float = field(default=0.0)
    _decile: int = field(default=-1)
    _live: bool = field(default=False)

    def event(self, **values: Any) -> None:
        if self.as_json:
            console.json_line(values)

    def line(self, text: str) -> None:
        self._end_live()
        (console.tell if self.as_json else console.show)(text)

    def progress(self, model: Model, done: int, total: int | None) -> None:
        now = self.clock()
        finished = total is not None and done >= total
        if now - self._last < _PROGRESS_STEP_S and not finished:
            return
        self._last = now
        self.event(event="progress", id=model.id, done=done, total=total)
        share = f"{done / total:4.0%} of {human_size(total)}" if total else human_size(done)
        if sys.stderr.isatty():
            console.redraw(f"  {model.file}  {share}")
            self._live = True
        elif not self.as_json and total and done * 10 // total != self._decile:
            self._decile = done * 10 // total
            self.line(f"  {model.file}  {share}")

    def _end_live(self) -> None:
        if self._live:
            console.redraw()
            self._live = False


def facts(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "purpose": model.purpose,
        "path": str(model.relative_path.as_posix()),
        "url": model.url,
        "bytes": model.bytes,
        "sha256": model.sha256,
        "sha256_status": model.sha256_status,
        "licence": model.licence,
        "commercial": model.commercial,
        "gated": model.gated,
        "alternatives": list(model.alternatives),
        "package": model.package and model.package.model_dump(),
        "improves": list(model.improves),
    }


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    path = str(verdict.path) if verdict.path else None
    return {"state": verdict.state.value, "file": path, "sha256": verdict.sha256, "detail": verdict.detail}
