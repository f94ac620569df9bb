"""The worker that is an actor, with one of the test's own behind its link: what is lost on the way is made good."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runner import __version__
from runner.batch.cluster.actor_worker import ActorWorker
from runner.batch.cluster.link import LostError
from runner.batch.cluster.messages import Delivery, Ended, Job, Message, Order, Over, Ready
from runner.batch.entries import JobState
from runner.batch.ledger import Ledger
from runner.batch.live import BatchLines
from runner.batch.plan import BatchJob
from runner.batch.throughput import Throughput
from runner.batch.worker import Batch
from runner.execution.job import Attempt, JobSpec
from runner.server.records import JobRecord, JobStatus, ServerFile
from runner.server.view import ServerView
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info
from tests.support.hostile import png
from tests.support.runs import flat
from tests.support.speed import HANG_S

FILE = ServerFile("flat_00001_.png", "", "output")


class Held(dict[ServerFile, bytes]):
    """The files of a delivery, which nobody gets to see before `let_go`."""

    def __init__(self, files: dict[ServerFile, bytes]) -> None:
        super().__init__(files)
        self.asked, self.let_go = threading.Event(), threading.Event()

    def __getitem__(self, file: ServerFile) -> bytes:
        self.asked.set()
        self.let_go.wait(HANG_S)
        return super().__getitem__(file)


class Actor:
    """The link and what is at its end. It is lost the moment that its first delivery is being saved."""

    def __init__(self) -> None:
        self.began = 0
        self.contents = Held({FILE: png()})
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._number = 0

    def begin(self, _order: Order, _stopped: threading.Event) -> None:
        self.began += 1
        if self.began > 1:
            self.contents.let_go.set()
        self._messages = queue.SimpleQueue()
        info = recorded_object_info(WORKFLOWS_DIR)
        self._messages.put(Ready("node", __version__, ServerView(info, has_file=lambda _: True), {"server": "x"}))

    def offer(self, _run: str, job: Job) -> None:
        graph = flat(1)
        spec = JobSpec(job.entry.id, "flat", graph, {"2": "result"}, job.entry.job.stem)
        image = {"filename": FILE.filename, "subfolder": "", "type": "output"}
        record = JobRecord(job.prompt_id, JobStatus.COMPLETED, {"2": {"images": [image]}})
        contents: Any = self.contents if self.began == 1 else {FILE: png()}
        delivery = Delivery(Attempt(spec, prompt_id=job.prompt_id), record, contents, 0.1, {"ram_mb": 1.0})
        self._messages.put(Ended(job.entry.id, job.prompt_id, 0.1, delivery))

    def news(self, _run: str, _after: int, wait: float) -> list[tuple[int, Message]]:
        if self.began == 1 and self.contents.asked.is_set():
            raise LostError("its node was switched off")
        with contextlib.suppress(queue.Empty):
            self._number += 1
            return [(self._number, self._messages.get(timeout=min(wait, 0.05)))]
        return []

    def finish(self, _run: str) -> None:
        self._messages.put(Over())

    def halt(self, _run: str) -> None:
        pass


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_actor_that_is_lost_while_its_delivery_is_saved_holds_nothing_up(tmp_path: Path, jobs: int) -> None:
    """What was being saved then counted as being saved for ever: nothing was saved any more, and the batch hung."""
    ledger, view, actor = Ledger(tmp_path), BatchLines(), Actor()
    ledger.runners.beat()
    ledger.add([BatchJob("", Path(f"{number}"), {}, seed=number) for number in range(jobs)])
    workflow = Workflow("flat", None, tmp_path / "flat.json", flat(1))
    worker = ActorWorker("actor", actor, "folder", Batch(tmp_path, workflow, ledger, view, Throughput()), Counter())
    ledger.runners.add_worker(worker.url)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    thread.join(HANG_S)
    assert not thread.is_alive()
    assert actor.began == 2
    assert ledger.counts() == {JobState.DONE: jobs}
    assert len(list(tmp_path.glob("*.png"))) == jobs
    assert not list(tmp_path.glob("*.part"))
    ledger.close()
