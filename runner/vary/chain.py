"""Runs the passes of a transform, each a job of its own; in a chain the result of one is the picture of the next."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.errors import EXIT_OK, ServerUnavailableError
from runner.execution.job import JobResult, JobSpec
from runner.execution.plan import Plan
from runner.execution.save import SavedJob
from runner.execution.session import Session
from runner.gallery.folder import facts
from runner.gallery.rest import Rest
from runner.photos.prepare import prepare_photo
from runner.server.availability import RETRY_S, Absence, Limits
from runner.vary.colour import Lightness, colour_values
from runner.vary.transforms import Pass, Transform

_REPORT_KEY = "mean_lab_reference"


@dataclass(frozen=True)
class Choices:
    """What the user chose besides the transform. `loops` 0: until Ctrl-C."""

    transform: Transform
    loops: int
    chained: bool
    steps: int
    sampler: str
    follow: float
    lightness: float
    rest: Rest
    extra_words: str = ""


@dataclass
class Passes:
    """One run of `vary`. `plan`: names[0] is the picture to vary, names[1] the first picture, the target of colours."""

    plan: Plan
    session: Session
    choices: Choices
    folder: str
    image: Path
    _made: int = field(default=0, init=False)

    def run(self) -> int:
        """All loops; returns the exit code. A chain ends with the first pass that fails, other passes go on."""
        code = EXIT_OK
        if self.choices.chained:
            return self._chain()
        for _ in self._loops():
            results = self._run_apart()
            errors = [result.error for result in results if result.error is not None]
            code = code or (errors[0].exit_code if errors else EXIT_OK)
            if len(errors) == len(results):
                break
        return code

    def _run_apart(self) -> list[JobResult]:
        """One loop in which every pass begins with the picture itself."""
        lightness = Lightness(self.choices.lightness)
        specs = (self._spec(one, lightness) for one in self.choices.transform.loop())
        if not self.choices.rest:
            return self.session.run(specs)
        results: list[JobResult] = []
        for spec in specs:
            self._rest(self._made - 1)
            results += self.session.run([spec])
        return results

    def _chain(self) -> int:
        lightness = Lightness(self.choices.lightness)
        current, came_from = self.plan.pictures.names[0], self.image.name
        for _ in self._loops():
            for one in self.choices.transform.loop():
                self._rest(self._made)
                boost = lightness.boost(one.strength)
                (result,) = self.session.run([self._spec(one, lightness, current, came_from)])
                if result.error is not None:
                    return result.error.exit_code
                if result.saved is None:
                    return EXIT_OK
                lightness.learn(colour_report(result.saved), boost)
                picture = result.saved.files[0].path
                current, came_from = self._upload(picture), picture.name
        return EXIT_OK

    def _loops(self) -> Iterator[int]:
        return itertools.count() if self.choices.loops == 0 else iter(range(self.choices.loops))

    def _rest(self, made: int) -> None:
        if made:
            self.choices.rest.take(made, self.session.notice)

    def _spec(self, one: Pass, lightness: Lightness, current: str | None = None, came_from: str = "") -> JobSpec:
        """The next picture's job."""
        choices = self.choices
        self._made += 1
        figures = facts(scale=one.scale, strength=one.strength, steps=choices.steps, sampler=choices.sampler)
        stem = f"{self.folder}/{{date}}_{choices.transform.name}_{self._made:04d}_{figures}_seed{{seed}}"
        colour = colour_values(one.strength, lightness.boost(one.strength), choices.follow)
        names = self.plan.pictures.names
        asked = replace(
            self.plan,
            template=stem,
            pictures=replace(self.plan.pictures, images=(self.image,), names=(current or names[0], names[1])),
            values={**self.plan.values, "cfg": one.scale, "denoise": one.strength, **colour},
            seed=((self.plan.seed or 0) + self._made - 1) % 2**64,
        )
        (spec,) = asked.jobs(1, 1)
        loop, number = divmod(self._made - 1, choices.transform.pictures)
        note = {
            "transform": choices.transform.name,
            "loop": loop + 1,
            "pass": number + 1,
            "of": choices.transform.pictures,
            "from": came_from or self.image.name,
            "extra_words": choices.extra_words,
        }
        return replace(spec, index=number + 1, record={**spec.record, "vary": note})

    def _upload(self, picture: Path) -> str:
        """Give the server a result back; a server that is restarting is waited for."""
        photo = prepare_photo(picture)
        absence = Absence(Limits().patience, self.session.notice)
        while True:
            try:
                name = self.session.client.upload_image(photo.data, photo.upload_name)
            except ServerUnavailableError as error:
                absence.went_away(error)
                time.sleep(RETRY_S)
                continue
            absence.came_back()
            return name


def colour_report(saved: SavedJob) -> Mapping[str, Any]:
    """What the colour correction of a job reported; empty where nothing did."""
    for report in saved.reports:
        if isinstance(report.value, Mapping) and _REPORT_KEY in report.value:
            return report.value
    return {}
