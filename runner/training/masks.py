"""What is product in a photo, cut out on the server for those photos of a training where nobody has said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from runner.errors import RunnerError
from runner.events import Event, Failed
from runner.events.reporter import Relay, Reporter
from runner.execution.plan import prepare_run
from runner.execution.session import Session
from runner.files.whole import written_whole
from runner.training.cut_masks import CutMasks
from runner.training.dataset import Sample

WORKFLOW = "cutout"
_WORK = "cutouts"
_ADVICE = "What to try: a mask of it (--masks DIR: white is product), or leave the photo out."
"""`--set` is a recipe's here: what a cut-out advises to set cannot be typed."""


def cut_out(
    samples: Sequence[Sample], folder: Path, url: str, reporter: Reporter, deadline: float | None = None
) -> dict[str, str]:
    """Write `folder/<name>.png` (white is product) for every sample that has neither alpha nor mask.

    Returns why it could not be done, by the names of the photos that are left without.
    """
    wanted = [one for one in samples if one.alpha() is None]
    left: dict[str, str] = {}
    if not wanted:
        return left
    work = folder.parent / _WORK

    def told(event: Event) -> None:
        reporter.event(replace(event, advice=_ADVICE) if isinstance(event, Failed) and event.advice else event)

    relay = Relay(told, reporter.notice, reporter.once)
    with Session(url, work, relay, workflow=WORKFLOW, deadline=deadline) as session:
        for sample in wanted:
            try:
                _cut_out_one(sample, session, work, folder)
            except RunnerError as error:
                if error.exit_code not in (2, 5):
                    raise
                left[sample.name] = error.message
    return left


def _cut_out_one(sample: Sample, session: Session, work: Path, folder: Path) -> None:
    run = prepare_run(WORKFLOW, work, images=[sample.path], template="{image}")
    (result,) = session.run(run.plan(session).jobs())
    if result.error is not None:
        raise result.error
    files = [] if result.saved is None else [file.path for file in result.saved.files]
    for path in files:
        with Image.open(path) as picture:
            if picture.mode != "RGBA":
                continue
            alpha = picture.getchannel("A")
        mask = folder / f"{sample.name}.png"
        with written_whole(mask, "wb") as stream:
            alpha.save(stream, "PNG")
        CutMasks(folder).note(mask, sample.path)
        return
