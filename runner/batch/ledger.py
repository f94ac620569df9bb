"""The truth about a batch: one SQLite file beside its results, written before each step and never after the fact.

Several runners share it. A job belongs to the runner that claimed it. What a runner that is gone held
(`runner.batch.registry`) is anybody's again, with the id it was last submitted under.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from runner.batch import sql
from runner.batch.entries import VERSION, Entry, Incompatibility, JobState, as_text, read_entry, seed_column
from runner.batch.plan import CUTTING, BatchJob, Stems
from runner.batch.registry import STALE_S, Registry
from runner.batch.store import Store, is_full, transaction
from runner.data import storable
from runner.errors import UsageError
from runner.invocation import quoted

_OTHER = {"options": "other options"}
"""How a fact of which there are several is told."""

_CUTTING = re.compile(rf"(^|, )({'|'.join(CUTTING)})=[^,]*")


def _comparable(name: str, fact: str) -> str:
    """A fact as it is noted now: options of earlier versions hold how the products are cut out, which may vary."""
    return _CUTTING.sub("", fact).removeprefix(", ") or "none" if name == "options" else fact


class Ledger:
    """One runner's view of a batch. Thread-safe. Every change is on the disk when the call returns.

    What happens to a job is written by the runner that holds it and by no other: one that was held up (a laptop that
    slept) until others took its jobs is told so by `False`, and nothing is changed.

    Attributes:
        store: the file.
        runners: who is at work on the batch; `runners.owner` is this one.
    """

    def __init__(
        self,
        out: Path,
        *,
        on_full: Callable[[str], None] = lambda _: None,
        on_gone: Callable[[str], None] | None = None,
        wait_s: float = 60.0,
        stale_s: float = STALE_S,
    ) -> None:
        """For `on_full`, `on_gone` and `wait_s` see `Store`, for `stale_s` `runner.batch.registry`."""
        self.store = Store(out, on_full=on_full, on_gone=on_gone, wait_s=wait_s)
        self.runners = Registry(self.store, stale_s=stale_s)

    @staticmethod
    def exists(out: Path) -> bool:
        return Store.exists(out)

    def close(self) -> None:
        self.runners.stop_beating()
        self.store.close()

    # what is to be done

    @transaction
    def bind(self, facts: Mapping[str, str]) -> None:
        """Note what the batch is made with, or find out that this folder belongs to another one.

        Raises UsageError where the ledger was made with another workflow or by another version.
        """
        written = self.facts()
        for name, fact in {"ledger": VERSION, **facts}.items():
            value = storable(fact)  # as it is read again
            if _comparable(name, written.get(name, value)) != _comparable(name, value):
                raise UsageError(
                    f"This folder's batch was made with {_OTHER.get(name, f'another {name}')} ({written[name]}, now "
                    f"{value}).",
                    advice=f"Name another folder: --out {quoted(str(self._free()))}",
                )
            self.store.change(sql.ADD_FACT, name=name, value=value)

    @transaction
    def add(self, jobs: Iterable[BatchJob]) -> int:
        """Enter the jobs it does not have yet; returns how many. A stem that is taken gets a number."""
        added = 0
        stem_of = {row["key"]: row["stem"] for row in self.store.rows(sql.STEMS)}
        keys, stems = {*stem_of, *self.formers()}, Stems(stem_of.values())
        for job in jobs:
            if job.key in keys:
                continue
            keys.add(job.key)
            stem = job.stem.as_posix()
            if stem_of.get(job.former_key) == stem:
                self.store.change(sql.RENAME_KEY, key=job.key, former_key=job.former_key)
                continue
            self.store.change(
                sql.ADD_JOB,
                key=job.key,
                stem=stems.free(stem),
                title=job.title,
                group=job.group,
                category=job.category,
                values=as_text(job.values),
                images=as_text(job.images),
                seed=seed_column(job.seed),
            )
            added += 1
        return added

    @transaction
    def ask_otherwise(self, instead: Mapping[int, BatchJob], answered: Mapping[int, BatchJob]) -> None:
        """Jobs that nobody holds wait again as what is asked for `instead`; who asks for them as before means these.
        What is done has `answered` another job, too."""
        for job, new in instead.items():
            entry = self.entry(job)
            if entry.state not in (JobState.WAITING, JobState.FAILED, JobState.DONE):
                continue  # another runner was sooner
            self.store.change(sql.ADD_FORMER, key=entry.key, job=job)
            self.store.change(sql.FORGET_FORMER, key=new.key)
            values, images = as_text(new.values), as_text(new.images)
            seed = seed_column(new.seed)
            self.store.change(sql.ASK_OTHERWISE, job=job, key=new.key, values=values, images=images, seed=seed)
            self.store.change(sql.TRY_AGAIN, job=job)
            self.store.change(sql.MAKE_AGAIN, job=job)
            self._to(job, JobState.WAITING, "cut out in another way")
        for job, new in answered.items():
            self.store.change(sql.ADD_FORMER, key=new.key, job=job)

    @transaction
    def try_failed_again(self, asked: Iterable[BatchJob] | None = None) -> int:
        """Failed jobs wait again (those of them that are `asked` for), unless another runner is at work; returns how
        many."""
        if self.runners.others_beat():
            return 0
        failed = {row["id"]: row["key"] for row in self.store.rows(sql.JOBS_IN_STATE, state=JobState.FAILED)}
        if asked is not None:
            former, keys = self.formers(), {job.key for job in asked}
            wanted = {former[key] for key in keys if key in former}
            failed = {job: key for job, key in failed.items() if key in keys or job in wanted}
        self.try_again(failed)
        return len(failed)

    @transaction
    def try_again(self, failed: Iterable[int]) -> None:
        """These failed jobs wait again."""
        for job in failed:
            # A failed job is made anew: its old id would only tell the old failure.
            self.store.change(sql.TRY_AGAIN, job=job)
            self._to(job, JobState.WAITING, "tried again")

    @transaction
    def make_again(self, jobs: Iterable[int], why: str) -> None:
        """Jobs that were done wait again."""
        for job in jobs:
            self.store.change(sql.MAKE_AGAIN, job=job)
            self._to(job, JobState.WAITING, why)

    @transaction
    def found_done(self, results: Mapping[str, tuple[str, Sequence[str], Sequence[str]]]) -> int:
        """Jobs, by their keys, whose (sidecar, files, checks not passed) are there although this ledger is new; returns
        how many."""
        count = 0
        for key, (sidecar, files, lacks) in results.items():
            for row in self.store.rows(sql.WAITING_WITH_KEY, key=key):
                job, there = row["id"], {"sidecar": sidecar, "files": as_text(files), "warnings": as_text(lacks)}
                self.store.change(sql.FOUND_DONE, job=job, **there, now=time.time())
                self._to(job, JobState.DONE, "known by its files")
                count += 1
        return count

    # claims

    @transaction
    def claim(self, worker: str = "", unless: Sequence[str] = (), others: Sequence[str] = ()) -> Entry | None:
        """The next job that nobody has and that `worker` can run, now ours; None when there is none.

        Args:
            unless: workers of this runner that are to be left what they can run: only what none of them can is claimed.
            others: workers of this runner that are there. What was submitted to one of them before is theirs to look
                for first, unless they cannot run it.
        """
        return self._claim(worker, unless, others)

    @transaction
    def claim_or_end(
        self, worker: str, unless: Sequence[str], others: Sequence[str], holding: Iterable[int]
    ) -> tuple[Entry | None, bool]:
        """As `claim`; and, seen at the same moment, whether nothing is left for this worker.

        Looked at one after the other, a job that is passed on in between would be seen by neither look.

        Args:
            holding: the jobs that the worker has claimed and not ended.
        """
        entry = self._claim(worker, unless, others)
        if entry is not None:
            return entry, False
        owner = self.runners.owner
        return None, self.store.row(sql.MAY_COME, owner=owner, server=worker, holding=as_text(list(holding))) is None

    @transaction
    def claim_hopeless(self) -> list[tuple[Entry, list[Incompatibility]]]:
        """The waiting jobs that no worker of any runner can run, now ours, to be failed."""
        return [(self._take(row), self.incompatibilities(row["id"])) for row in self._nowhere()]

    @transaction
    def cannot_run(self, worker: str, jobs: Mapping[int, Incompatibility]) -> None:
        """These jobs are not for this worker of this runner."""
        rows = [
            {
                "job": job,
                "owner": self.runners.owner,
                "server": worker,
                "label": reason.worker,
                "why": reason.why,
                "exit_code": reason.exit_code,
            }
            for job, reason in jobs.items()
        ]
        self.store.change_each(sql.ADD_INCOMPATIBILITY, rows)

    @transaction
    def pass_on(self, job: int, worker: str, reason: Incompatibility) -> bool:
        """A job of ours turned out not to run on this worker: another may have it. False when there is no other."""
        if not self._holds(job):
            return True  # another has it
        self.cannot_run(worker, {job: reason})
        if self._nowhere(job):
            return False
        self._release(job, f"cannot run on {reason.worker}")
        return True

    @transaction
    def give_back(self, jobs: Iterable[int] | None = None, note: str = "") -> None:
        """What is ours and not finished (or these jobs of it) is anybody's again."""
        for row in self.store.rows(sql.HELD_BY, owner=self.runners.owner):
            if jobs is None or row["id"] in jobs:
                self._release(row["id"], note)

    def leave(self) -> None:
        """Give everything back and go. On a full disk, others find out by the silent heartbeat."""
        self.runners.stop_beating()
        self.store.stop_waiting()
        try:
            self.give_back(note="its runner ended")
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
        self.runners.leave()

    # what happens to a job

    @transaction
    def submitted(self, job: int, prompt_id: str, replaces: Sequence[str], server: str) -> bool:
        """To be called before the server hears of it."""
        if not self._holds(job):
            return False
        before = as_text(list(replaces))
        self.store.change(sql.SUBMITTED, job=job, prompt_id=prompt_id, replaces=before, server=server, now=time.time())
        self._to(job, JobState.SUBMITTED)
        return True

    @transaction
    def moved(self, job: int, state: JobState, note: str = "") -> bool:
        if not self._holds(job):
            return False
        self._to(job, state, note)
        return True

    @transaction
    def done(
        self, job: int, sidecar: str, files: Sequence[str], warnings: Sequence[str], metrics: Mapping[str, Any]
    ) -> bool:
        """Its files are there, under their names. Paths are relative to the output folder."""
        if not self._holds(job):
            return False
        self.store.change(
            sql.DONE,
            job=job,
            sidecar=sidecar,
            files=as_text(list(files)),
            warnings=as_text(list(warnings)),
            metrics=as_text(metrics),
            now=time.time(),
        )
        self._to(job, JobState.DONE)
        return True

    @transaction
    def failed(self, job: int, error: str, exit_code: int, metrics: Mapping[str, Any] | None = None) -> bool:
        if not self._holds(job):
            return False
        figures = as_text(metrics or {})
        self.store.change(sql.FAILED, job=job, error=error, exit_code=exit_code, metrics=figures, now=time.time())
        self._to(job, JobState.FAILED, error.splitlines()[0] if error else "")
        return True

    # what it says

    def entries(self, state: JobState | None = None) -> list[Entry]:
        rows = self.store.rows(sql.ALL_JOBS) if state is None else self.store.rows(sql.JOBS_IN_STATE, state=state)
        return [read_entry(row) for row in rows]

    def entry(self, job: int) -> Entry:
        return read_entry(self.store.rows(sql.JOB, job=job)[0])

    def held(self) -> set[int]:
        """The jobs some runner is at work on, this one or another."""
        return {row["id"] for row in self.store.rows(sql.HELD)}

    def others_at_work(self) -> list[str]:
        """Every other runner that is at work on a job: which process it is."""
        rows = self.store.rows(sql.OTHERS_AT_WORK, owner=self.runners.owner)
        return [f"process {row['pid']} on {row['host']}" for row in rows]

    def counts(self) -> dict[str, int]:
        return {row["state"]: row["jobs"] for row in self.store.rows(sql.COUNTS)}

    def waiting(self, most: int = 1000) -> int:
        """How many jobs nobody has; counted up to `most`."""
        return int(self.store.rows(sql.COUNT_WAITING, most=most)[0][0])

    def unfinished(self) -> int:
        counts = self.counts()
        return sum(counts.values()) - counts.get(JobState.DONE, 0) - counts.get(JobState.FAILED, 0)

    def formers(self) -> dict[str, int]:
        """Keys under which jobs were asked for before → the job that answers now."""
        return {row["key"]: row["job"] for row in self.store.rows(sql.FORMERS)}

    def done_keys(self) -> set[str]:
        """What is done, by every key under which it may be asked for."""
        done = {entry.id: entry.key for entry in self.entries(JobState.DONE)}
        return {*done.values(), *(key for key, job in self.formers().items() if job in done)}

    def facts(self) -> dict[str, str]:
        return {row["name"]: row["value"] for row in self.store.rows(sql.FACTS)}

    def incompatibilities(self, job: int) -> list[Incompatibility]:
        """The workers that cannot run a job."""
        rows = self.store.rows(sql.INCOMPATIBILITIES, job=job)
        return [Incompatibility(worker=row["label"], why=row["why"], exit_code=row["exit_code"]) for row in rows]

    # inside

    def _free(self) -> Path:
        """A folder beside this batch's that is not there yet."""
        out = self.store.path.parent.parent
        return next(path for number in count(2) if not (path := out.with_name(f"{out.name}_{number}")).exists())

    def _claim(self, worker: str, unless: Sequence[str], others: Sequence[str]) -> Entry | None:
        self._free_stale()
        row = self.store.row(
            sql.CLAIMABLE,
            owner=self.runners.owner,
            server=worker,
            unless=as_text(list(unless)),
            others=as_text(list(others)),
        )
        return None if row is None else self._take(row)

    def _holds(self, job: int) -> bool:
        return self.store.row(sql.HOLDS, job=job, owner=self.runners.owner) is not None

    def _take(self, row: sqlite3.Row) -> Entry:
        self.store.change(sql.SET_OWNER, job=row["id"], owner=self.runners.owner)
        self._to(row["id"], JobState.CLAIMED)
        return read_entry(row)

    def _release(self, job: int, note: str) -> None:
        self.store.change(sql.SET_OWNER, job=job, owner=None)
        self._to(job, JobState.WAITING, note)

    def _to(self, job: int, state: JobState, note: str = "") -> None:
        self.store.change(sql.SET_STATE, job=job, state=state)
        self.store.change(
            sql.ADD_CHANGE, job=job, state=state, owner=self.runners.owner, note=note or None, now=time.time()
        )

    def _free_stale(self) -> None:
        """Claims of runners that are gone are nobody's any more."""
        living = self.runners.living()
        for row in self.store.rows(sql.HELD):
            if row["owner"] not in living:
                self._release(row["id"], "its runner is gone")

    def _nowhere(self, job: int | None = None) -> list[sqlite3.Row]:
        """The waiting jobs (or this one, in any state) that no worker of a living runner can run."""
        living = as_text(sorted(self.runners.living()))
        workers = self.store.rows(sql.COUNT_WORKERS, living=living)[0][0]
        return self.store.rows(sql.RUN_NOWHERE, job=job, living=living, workers=workers) if workers else []
