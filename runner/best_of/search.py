"""The search: candidates one after the other, each judged when it is saved, until one is good enough."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import events
from runner.best_of import advice
from runner.best_of.candidate import Candidate, Verdict, judge, ranked
from runner.best_of.keep import SHEET, TABLE, Folder, copy_result
from runner.best_of.sheet import make_sheet, picture_of, thumbnail
from runner.errors import EXIT_OK, EXIT_QUALITY, JobTimeoutError, RunnerError, ServerUnavailableError
from runner.events.reporter import Reporter
from runner.execution.hooks import Hooks
from runner.execution.job import JobResult, JobSpec
from runner.execution.plan import Plan
from runner.execution.session import Session
from runner.files.whole import written_whole
from runner.workflow.graph import Graph, is_link

if TYPE_CHECKING:
    from PIL import Image


def find_best(plan: Plan, session: Session, reporter: Reporter, out: Path) -> int:
    """As many results as `--count` says, each the best of `--best-of` candidates of its own. Returns the exit code.

    Raises what ends the run as a whole: a rejected workflow, a server that is gone, the time limit, Ctrl-C, or a node
    that fails whatever the seed is. What was judged until then stays in its folder.
    """
    codes = [_Search(plan, session, reporter, out, number).run() for number in range(1, plan.count + 1)]
    return next((code for code in codes if code != EXIT_OK), EXIT_OK)


def reached_from(graph: Graph, sources: Iterable[str]) -> frozenset[str]:
    """These nodes and every node that what they give flows into."""
    reached = set(sources)
    while True:
        more = {
            node_id
            for node_id, node in graph.items()
            if node_id not in reached
            and any(is_link(value) and str(value[0]) in reached for value in node["inputs"].values())
        }
        if not more:
            return frozenset(reached)
        reached |= more


class _Search:
    """One result's search. `number`: which of `--count`."""

    def __init__(self, plan: Plan, session: Session, reporter: Reporter, out: Path, number: int) -> None:
        self._plan, self._session, self._reporter, self._out = plan, session, reporter, out
        self._of = plan.best_of or 1
        self._number = number
        self._first = (number - 1) * self._of + 1
        jobs = plan.jobs(self._first, self._of, number)
        first = next(jobs)
        self._jobs = itertools.chain([first], jobs)
        self._seeded = reached_from(dict(first.graph), plan.seed_nodes())
        self._folder = Folder.make(out, first.stem)
        self._targets: dict[int, Path] = {}
        self._candidates: list[Candidate] = []
        self._fatal: RunnerError | None = None
        self._thumbnails: dict[int, Future[Image.Image | None]] = {}
        self._worker = ThreadPoolExecutor(1)  # the server works meanwhile
        self._began = time.monotonic()

    def run(self) -> int:
        try:
            return self._run()
        finally:
            self._worker.shutdown(wait=False, cancel_futures=True)
            if self._candidates:
                self._reporter.notice(f"Every candidate and its figures: {self._folder.path / TABLE}")
            self._folder.remove_if_empty()

    def _run(self) -> int:
        try:
            self._session.run(self._as_candidates(), Hooks(finished=self._ended))
        except (JobTimeoutError, ServerUnavailableError):
            self._save_best()  # what was finished is not lost
            raise
        best = self._save_best()
        if best is not None and best.verdict == Verdict.PASSED:
            if self._fatal is not None:
                self._reporter.notice(f"The search ended early: {self._fatal}")
            return EXIT_OK
        if self._fatal is not None:
            raise self._fatal
        self._tell_none_passed(best)
        return EXIT_QUALITY

    def _as_candidates(self) -> Iterator[JobSpec]:
        for spec in self._jobs:
            self._targets[spec.index] = spec.stem
            yield replace(spec, stem=self._folder.stem(spec.index - self._first + 1, spec.seed))

    def _ended(self, result: JobResult) -> bool:
        """Judge one candidate; whether the search goes on."""
        number = result.spec.index - self._first + 1
        try:
            candidate = judge(number, result, self._plan.view.object_info, self._seeded)
        except RunnerError as error:
            self._fatal = self._fatal or error
            return False
        if candidate.verdict == Verdict.ERROR and any(other.reasons == candidate.reasons for other in self._candidates):
            self._fatal = self._fatal or result.error  # twice the same: it is not the seed
        if self._fatal is None or candidate.verdict != Verdict.CANCELLED:
            self._candidates.append(candidate)
            self._folder.write_table(self._candidates)
        picture = picture_of(candidate)
        if picture is not None:
            self._thumbnails[number] = self._worker.submit(_thumbnail_or_none, picture)
        self._tell(candidate)
        return self._fatal is None and not candidate.is_comfortable

    def _tell(self, candidate: Candidate) -> None:
        files = tuple(str(file.path) for file in candidate.saved.files) if candidate.saved else ()
        result = candidate.result
        self._reporter.event(
            events.Candidate(
                result.spec.index,
                result.prompt_id,
                candidate=candidate.number,
                of=self._of,
                seed=candidate.seed,
                verdict=candidate.verdict.value,
                score=candidate.score,
                reasons=candidate.reasons,
                files=files,
            )
        )
        if candidate.saved is not None and not candidate.gates and candidate.number == 1:
            self._reporter.notice(
                f"No node of {self._plan.workflow.label} judges its result (Product Fidelity would): "
                "candidates are only checked for black pictures, and the first usable one is taken."
            )

    def _save_best(self) -> Candidate | None:
        """Save the best candidate (aside, if it did not pass), the table and the contact sheet."""
        shown = [candidate for candidate in self._candidates if candidate.verdict != Verdict.CANCELLED]
        best = next((candidate for candidate in ranked(shown) if candidate.saved is not None), None)
        if best is not None and best.saved is not None:
            passed = best.verdict == Verdict.PASSED
            aside = self._folder.path / f"best_failed_seed{best.seed}"
            note = {
                "candidate": best.number,
                "judged": len(shown),
                "of": self._of,
                "verdict": best.verdict.value,
                "score": best.score,
                "folder": str(self._folder.path.relative_to(self._out)),
            }
            saved = copy_result(
                best.saved, self._out / self._targets[best.result.spec.index] if passed else aside, note
            )
            if passed:
                self._tell_saved(best, [str(file.path) for file in saved.files], str(saved.sidecar))
        if shown:
            self._folder.write_table(self._candidates, best)
            self._write_sheet(sorted(shown, key=lambda candidate: candidate.number), best)
        return best

    def _write_sheet(self, shown: list[Candidate], best: Candidate | None) -> None:
        ready = {number: future.result() for number, future in self._thumbnails.items() if not future.cancelled()}
        small: dict[int, Any] = {number: picture for number, picture in ready.items() if picture is not None}
        sheet = make_sheet(shown, small, best, passed=best is not None and best.verdict == Verdict.PASSED)
        target = self._folder.path / SHEET
        try:
            with written_whole(target, "wb") as stream:
                sheet.save(stream, "JPEG", quality=90)
        except OSError as error:  # the results and the table are there
            self._reporter.notice(f"The contact sheet could not be written: {error}")

    def _tell_saved(self, best: Candidate, files: list[str], sidecar: str) -> None:
        job, prompt_id = best.result.spec.index, best.result.prompt_id
        output_names = [file.output for file in best.saved.files] if best.saved else []
        for path, output in zip(files, output_names, strict=True):
            self._reporter.event(events.Output(job, prompt_id, path=path, output=output))
        score = "" if best.score is None else f" with a score of {best.score:g}"
        self._reporter.notice(f"The best of {len(self._candidates)}: candidate {best.number}, seed {best.seed}{score}.")
        seconds = round(time.monotonic() - self._began, 3)
        warnings, doubts = (best.saved.warnings, best.saved.doubts) if best.saved else ((), ())
        self._reporter.event(events.Done(job, prompt_id, tuple(files), sidecar, seconds, warnings, doubts))

    def _tell_none_passed(self, best: Candidate | None) -> None:
        judged = [
            candidate for candidate in self._candidates if candidate.verdict not in (Verdict.CANCELLED, Verdict.ERROR)
        ]
        if not judged:  # nothing to do with quality
            errors = [candidate.result.error for candidate in self._candidates if candidate.result.error is not None]
            raise errors[0]
        count = self._plan.count
        which = f"Result {self._number} of {count}: " if count > 1 else ""
        lines = [f"{which}None of {len(judged)} candidates passed. Why, the most frequent reason first:"]
        lines += [f"  - {reason}" for reason in advice.why_none_passed(self._candidates)]
        tips = advice.what_to_try(self._candidates, best)
        if best is not None:
            tips.insert(0, f"The best one (seed {best.seed}) is kept aside in {self._folder.path}.")
        self._reporter.event(
            events.Failed(
                0,  # no single job
                best.result.prompt_id if best else None,
                message="\n".join(lines),
                exit_code=EXIT_QUALITY,
                advice="\n  ".join(tips),
            )
        )


def _thumbnail_or_none(path: Path) -> Image.Image | None:
    try:
        return thumbnail(path)
    except (OSError, ValueError, SyntaxError):
        return None
