"""The best save of a training: each painted from several prompts at several strengths, and measured.

score = likeness of the painted product to the photos − how much the painted backdrop is one of theirs (overfit).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from runner.errors import NodeFailedError
from runner.execution.job import JobSpec
from runner.execution.session import Session
from runner.training import sheet
from runner.training.flow import Saved
from runner.training.graphs import Training, trial
from runner.training.measure import Yardstick
from runner.training.pictures import Ready

GRID, TABLE = "best.jpg", "best.csv"
_COLUMNS = (
    "step", "scene", "strength", "product", "backdrop", "score", "measured_by", "lora", "picture",
    "not_measured", "not_measured_of_save",
)  # fmt: skip
STRENGTHS = (0.7, 1.0)
SCENES = (
    "stylish, studio photography, product photography, ultra realistic",
    "on a wooden table by a window, morning light, photograph",
)
"""What is painted: what the LoRA is for, and a place that no studio photo shows."""
_TILE, _LINE = 192, 32
"""Pixels of a picture on the sheet, and of its two lines of text."""


@dataclass(frozen=True)
class Trial:
    """One painted picture: what of, and what was measured on it; `problem`: why nothing was, "" where it was."""

    save: Saved
    scene: str
    strength: float
    picture: Path | None
    product: float = 0.0
    backdrop: float = 0.0
    measured_by: str = ""
    cutout: Path | None = None
    problem: str = ""

    @property
    def score(self) -> float:
        return self.product - self.backdrop


def photos_of(pictures: Sequence[Ready], yardstick: Yardstick) -> list[Any]:
    """What the photos are compared by; those without a mask cannot be."""
    return [yardstick.figure(one.picture, one.mask) for one in pictures if one.mask is not None]


def tried(
    training: Training, saves: Sequence[Saved], photos: Sequence[Any], session: Session, out: Path, yardstick: Yardstick
) -> list[Trial]:
    """Paint and measure every save × scene × strength; what is there already is not painted again."""
    return [
        _one(_painted(training, save, scene, strength, session, out), photos, yardstick)
        for save in saves
        for scene in SCENES
        for strength in STRENGTHS
    ]


def _one(trial: Trial, photos: Sequence[Any], yardstick: Yardstick) -> Trial:
    """The trial with its figures."""
    if trial.picture is None or trial.cutout is None:
        return trial
    with Image.open(trial.picture) as picture, Image.open(trial.cutout) as cutout:
        alpha = cutout.convert("RGBA").getchannel("A").resize(picture.size)
        painted = yardstick.figure(picture.convert("RGB"), alpha)
    if painted.product is None:
        return replace(trial, problem="no product was found in it")
    likeness, by_heart = yardstick.product(painted, photos), yardstick.backdrop(painted, photos)
    return replace(trial, product=likeness, backdrop=by_heart, measured_by=yardstick.name)


def _painted(training: Training, save: Saved, scene: str, strength: float, session: Session, out: Path) -> Trial:
    """The trial, painted and cut out, not yet measured.

    These are two jobs, the second of which begins with what the server remembers of the first: a picture that could
    not be cut out is there to be looked at.
    """
    stem = save.lora.parent / f"trial_{save.step:06}_scene{SCENES.index(scene) + 1}_{round(strength * 100):03}"
    paths = {}
    for output in ("sample", "cutout"):
        path = paths[output] = stem.with_name(f"{stem.name}_{output}.png")
        if path.is_file():
            continue
        path.unlink(missing_ok=True)
        graph = trial(training, save.lora_name, strength, f"{training.tag}, {training.kind}, {scene}", output)
        record = {"training": training.name, "step": save.step, "strength": strength}
        place = path.relative_to(out).with_suffix("")
        spec = JobSpec(
            save.step, f"train {training.name}", graph, {output: output}, place, training.seed, record
        )  # fmt: skip
        (result,) = session.run([spec])
        if isinstance(result.error, NodeFailedError):
            picture = paths["sample"] if output == "cutout" else None
            return Trial(save, scene, strength, picture, problem=" ".join(result.error.message.split()))
        if result.error is not None:
            raise result.error
        for file in () if result.saved is None else result.saved.files:
            if file.path != path:
                file.path.replace(path)
    return Trial(save, scene, strength, paths["sample"], cutout=paths["cutout"])


def measured(trials: Iterable[Trial]) -> list[Trial]:
    """Those that have figures."""
    return [one for one in trials if not one.problem]


def ranked(trials: Sequence[Trial]) -> list[tuple[Saved, float]]:
    """The saves with the mean score of those of their trials that were measured, the best first; of equal ones the one
    that learnt less long. A save of which nothing was measured is not among them."""
    scores: dict[int, list[float]] = {}
    for one in measured(trials):
        scores.setdefault(one.save.step, []).append(one.score)
    saves = {one.save.step: one.save for one in trials}
    means = [(saves[step], sum(values) / len(values)) for step, values in scores.items()]
    return sorted(means, key=lambda entry: (-round(entry[1], 6), entry[0].step))


def best_strength(trials: Sequence[Trial], save: Saved) -> float:
    """The strength at which a save scores best, on the mean of what was measured."""
    scores: dict[float, list[float]] = {}
    for one in measured(trials):
        if one.save.step == save.step:
            scores.setdefault(one.strength, []).append(one.score)
    return max(sorted(scores), key=lambda strength: sum(scores[strength]) / len(scores[strength]))


def write_table(trials: Sequence[Trial], out: Path) -> None:
    """`best.csv`, a line a picture, and `best.jpg`, a row a save."""
    failed = Counter(one.save.step for one in trials if one.problem)
    sheet.write_table(out / TABLE, _COLUMNS, (_line(one, failed[one.save.step]) for one in trials))
    cells = [[(one.picture, _label(one)) for one in row] for row in _rows(trials)]
    sheet.write_sheet(out / GRID, cells, _TILE, _LINE)


def _line(one: Trial, failed: int) -> dict[str, Any]:
    """`failed`: of how many pictures of its save nothing was measured."""
    figures = {"product": one.product, "backdrop": one.backdrop, "score": one.score}
    told: dict[str, Any] = {name: "" if one.problem else round(value, 4) for name, value in figures.items()}
    given = {"step": one.save.step, "scene": one.scene, "strength": one.strength, "lora": one.save.lora}
    given["measured_by"] = one.measured_by
    why = {"not_measured": one.problem, "not_measured_of_save": failed}
    return {**given, **told, "picture": one.picture or "", **why}


def _label(one: Trial) -> str:
    scene = SCENES.index(one.scene) + 1
    score = "not measured" if one.problem else f"score {one.score:.3f}"
    return f"step {one.save.step} scene {scene} x {one.strength:g}\n{score}"


def _rows(trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    for step in dict.fromkeys(one.save.step for one in trials):
        yield [one for one in trials if one.save.step == step]
