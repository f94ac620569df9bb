"""The desk: hands photos to batches, runs these one after the other, and knows when something has changed.

A batch is a folder of `out` for each workflow, with the ledger of every other batch. `work` is the only loop; it runs
on the thread that gets Ctrl-C, and everything else may be called from any thread.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner import events
from runner.batch.joining import give_up, join
from runner.batch.ledger import Ledger
from runner.batch.live import BatchReporter
from runner.batch.order import BatchOrder
from runner.batch.rows import Row
from runner.batch.store import in_words
from runner.desk.choices import MASK, Option, option_of, options, values_of
from runner.desk.keeping import kept_photo
from runner.desk.shots import OWN, Shot, Shots, folders, workflow_of
from runner.desk.with_cutout import with_cutout
from runner.errors import EXIT_INTERRUPTED, InterruptedRunError, RunnerError, ServerUnavailableError, UsageError
from runner.events.readable import readable
from runner.execution.seeds import first_seed
from runner.local_server.choice import resolve_server
from runner.report.product import Product
from runner.server.advice import without_options
from runner.server.client import ComfyClient
from runner.server.view import ServerView
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import recorded_object_info

STARTING, READY, AWAY = "starting", "ready", "away"
"""How it stands with the server."""
_AGAIN_S = 5.0
"""Between looks for a server that is away."""
_LOOK_S = 0.5
"""The longest that a signal waits on systems whose locks cannot be interrupted."""


@dataclass(frozen=True)
class Standing:
    """Whether there is a server; `said`: why not, or what is being done."""

    server: str = STARTING
    said: str = "Looking for ComfyUI …"


@dataclass(frozen=True)
class Snapshot:
    """How everything stands. `shots` are what a page shows of each, the newest first."""

    revision: int
    standing: Standing
    options: tuple[Option, ...]
    shots: tuple[tuple[Shot, Mapping[str, Any]], ...]


class Desk:
    """`order`: how to run (server, trust, time); its workflow and folder are the desk's business. `run_batch`: makes
    one batch. `notice`: told what a person at the command line should know."""

    def __init__(
        self,
        out: Path,
        order: BatchOrder,
        run_batch: Callable[[BatchOrder, BatchReporter], int],
        notice: Callable[[str], None],
    ) -> None:
        self.out = out
        self._order, self._run_batch, self._notice = order, run_batch, notice
        self._shots = Shots(out)
        self._guard = threading.Lock()
        self._reading = threading.Lock()
        self._wake = threading.Event()
        self._stale = threading.Event()
        self._ended = threading.Event()
        self._told: set[Path] = set()
        self._revision = 1
        self._standing = Standing()
        self._options = options()
        self._live: dict[tuple[Path, int], tuple[str, float | None]] = {}
        self._last: Snapshot | None = None
        self._data: dict[str, tuple[tuple[Product, tuple[int, ...]], Mapping[str, Any]]] = {}

    # what is asked of it

    def hand_in(self, workflow: str, name: str, data: bytes, given: Mapping[str, Any]) -> str:
        """A photo (its bytes, and what it was called) to make something of; returns the shot's id.

        Raises PhotoError where it is no usable photo, UsageError where what is asked for cannot be made.
        """
        option = option_of(workflow, self.options())
        values = values_of(option, given)
        return self._join(option, kept_photo(self.out, name, data), values)

    def try_with_mask(self, shot: Shot, data: bytes) -> str:
        """The same photo again, with a rough mask (a picture's bytes, white = product) that says what is product."""
        option = option_of(shot.workflow, self.options())
        if not option.takes_mask:
            raise UsageError(f"{option.title} takes no mask.")
        mask = kept_photo(self.out, "mask.png", data, is_mask=True)
        values = {name: value for name, value in shot.values.items() if name != "seed"}
        return self._join(option, shot.photo, values, mask)

    def make_too(self, shot: Shot, workflow: str, given: Mapping[str, Any]) -> str:
        """Something else of the same photo, with the same mask where one was painted."""
        option = option_of(workflow, self.options())
        mask = shot.entry.job.images.get(MASK)
        usable = Path(mask) if mask is not None and option.takes_mask else None
        return self._join(option, shot.photo, values_of(option, given), usable)

    def order(self, workflow: str, photo: Path | None, values: Mapping[str, Any], files: Mapping[str, Path]) -> str:
        """Any bundled workflow on a photo of this machine, which stays where it is; `files`: values that are files.
        Returns the shot's id.

        Raises UsageError, WorkflowError with every problem.
        """
        name = load_workflow(workflow).name
        is_offered = any(option.workflow == name for option in self.options())
        return self._enter(workflow, {**({"image": photo} if photo else {}), **files}, values, is_offered=is_offered)

    def _join(self, option: Option, photo: Path, values: Mapping[str, Any], mask: Path | None = None) -> str:
        images = {"image": photo, **({MASK: mask} if mask is not None else {})}
        return self._enter(option.workflow, images, values, is_offered=True)

    def _enter(self, name: str, images: Mapping[str, Path], values: Mapping[str, Any], *, is_offered: bool) -> str:
        """`is_offered`: it is one of those whose cut-out is delivered, too."""
        workflow = plain = load_workflow(name)
        if is_offered:
            workflow = with_cutout(workflow, self.out / OWN)
        folder = self.out / workflow.label
        template = "{image}_{channel}" if "channel" in values else f"{{image}}_{plain.name}"
        given = {**self._new_seed(workflow, folder), **values}
        where = images["image"].name if "image" in images else name
        number = join(folder, workflow, [Row(where, given, images)], template)[0]
        self._changed()
        self._wake.set()
        return next(shot.id for shot in self._shots.read() if shot.folder == folder and number in shot.numbers)

    @staticmethod
    def _new_seed(workflow: Workflow, folder: Path) -> dict[str, int]:
        """Where chance has a part in it, each attempt is another one."""
        name, start = first_seed(workflow, {}, recorded_object_info(WORKFLOWS_DIR), None)
        if name is None or start is None:
            return {}
        if not Ledger.exists(folder):
            return {name: start}
        with in_words(folder), contextlib.closing(Ledger(folder)) as ledger:
            return {name: start + len(ledger.entries())}

    def look_again(self) -> None:
        """What was missing on the server may be there by now."""
        self._stale.set()
        self._wake.set()

    # what it says

    @property
    def revision(self) -> int:
        """Another number whenever something has changed."""
        return self._revision

    def options(self) -> list[Option]:
        with self._guard:
            return list(self._options)

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        with self._reading:
            with self._guard:
                revision, standing, known = self._revision, self._standing, tuple(self._options)
                live = dict(self._live)
            if self._last is not None and self._last.revision == revision:
                return self._last
            shots = self._shots.read()
            self._last = Snapshot(revision, standing, known, tuple((shot, self._shown(shot, live)) for shot in shots))
            return self._last

    def _shown(self, shot: Shot, live: Mapping[tuple[Path, int], tuple[str, float | None]]) -> Mapping[str, Any]:
        """What a page shows of it; of one that has ended it is put together once."""
        known = self._data.get(shot.id)
        if known is not None and known[0] == (shot.product, shot.numbers):
            return known[1]
        data = shot.as_data(*live.get((shot.folder, shot.entry.id), ("", None)))
        if shot.has_ended:
            self._data[shot.id] = (shot.product, shot.numbers), data
        return data

    def shot(self, number: str) -> Shot | None:
        """By its id."""
        return next((shot for shot, _ in self.snapshot().shots if shot.id == number), None)

    # what it does

    def work(self) -> None:
        """Until `end` is called or a signal comes. Raises InterruptedRunError, KeyboardInterrupt then."""
        while not self._ended.is_set():
            self._wake.clear()
            try:
                if self._standing.server != READY or self._stale.is_set():
                    self._stale.clear()
                    self._reach()
                for folder in folders(self.out):
                    self._worked_on(folder)
            except InterruptedRunError:
                raise
            except ServerUnavailableError as error:
                self._stand(Standing(AWAY, str(error)))
                self._ended.wait(_AGAIN_S)
                continue
            while not self._wake.wait(_LOOK_S) and not self._ended.is_set():
                pass

    def end(self) -> None:
        """From another thread, between two batches."""
        self._ended.set()
        self._wake.set()

    def _reach(self) -> None:
        """Find a server, or start one, and what it can make."""

        def say(text: str) -> None:
            self._notice(text)
            self._stand(Standing(STARTING, text))

        quietly = self._standing.server != STARTING
        url = resolve_server(self._order.server, say=(lambda _: None) if quietly else say)
        client = ComfyClient(url)
        found = options(ServerView(client.object_info(), client.replacements()))
        with self._guard:
            self._options = found
        self._changed()
        self._stand(Standing(READY, ""))

    def _worked_on(self, folder: Path) -> None:
        """A ledger that is none, or another's, is told once and left alone."""
        try:
            self._run(folder)
        except UsageError as error:
            if folder not in self._told:
                self._told.add(folder)
                self._notice(f"warning: {error}")

    def _run(self, folder: Path) -> None:
        """Make what waits in one batch; a reason that concerns all of it is noted with each."""
        with in_words(folder), contextlib.closing(Ledger(folder)) as ledger:
            if not ledger.unfinished():
                return
        order = replace(self._order, workflow=workflow_of(folder), out=folder, joined=True)
        try:
            self._run_batch(order, DeskReporter(self, folder))
        except (InterruptedRunError, ServerUnavailableError):
            raise
        except RunnerError as error:
            give_up(folder, str(error), error.exit_code)
        finally:
            with self._guard:
                self._live = {key: value for key, value in self._live.items() if key[0] != folder}
            self._changed()

    def at(self, folder: Path, job: int, doing: str, share: float | None) -> None:
        """A job is at this step; `share` of it is through."""
        with self._guard:
            self._live[folder, job] = doing, share
        self._changed()

    def ended(self, folder: Path, job: int) -> None:
        with self._guard:
            self._live.pop((folder, job), None)
        self._changed()

    def said(self, text: str) -> None:
        self._notice(text)

    def _stand(self, standing: Standing) -> None:
        if standing != self._standing:
            with self._guard:
                self._standing = standing
            self._changed()

    def _changed(self) -> None:
        with self._guard:
            self._revision += 1


class DeskReporter(BatchReporter):
    """Tells the desk how far each job is, and the command line how each ended."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        super().__init__()
        self._desk, self._folder = desk, folder
        self._share: float | None = None

    def event(self, event: events.Event) -> None:
        shown = readable(event)
        if isinstance(shown, events.NodeStarted):
            self._share = shown.done / shown.total if shown.total else None
            self._desk.at(self._folder, event.job, shown.doing or shown.title, self._share)
        elif isinstance(shown, events.Progress):
            self._desk.at(self._folder, event.job, shown.describe() or shown.doing, self._share)
        elif isinstance(shown, events.Queued):
            self._desk.at(self._folder, event.job, "", None)
        elif shown.ends_job:
            self._desk.ended(self._folder, event.job)
            if isinstance(shown, events.Failed):
                self._desk.said(f"{self.title(event.job)}: {_as_the_page_says(shown)}")
            elif isinstance(shown, events.Done):
                self._desk.said(f"{self.title(event.job)}: {shown.describe()}")

    def notice(self, text: str) -> None:
        if text.startswith("warning"):
            self._desk.said(text)

    def say(self, text: str) -> None:
        pass

    def result(self, path: str) -> None:
        pass


def _as_the_page_says(failed: events.Failed) -> str:
    """A failure as it is with a page: what was interrupted goes on, and a mask is painted there, not named."""
    if failed.exit_code == EXIT_INTERRUPTED:
        return "not done yet; it is made when the studio is started again."
    return replace(failed, advice=without_options(failed.advice or "") or None).describe()
