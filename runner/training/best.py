"""The best save of a training: each painted from several prompts at several strengths, and measured.

score = likeness of the painted product to the photos − how much the painted backdrop is one of theirs (overfit).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from runner.errors import NodeFailedError
from runner.execution.job import JobSpec
from runner.execution.session import Session
from runner.training import sheet
from runner.training.flow import Saved
from runner.training.graphs import Training, trial
from runner.training.measure import Figure, backdrop_likeness, figure_of, product_likeness
from runner.training.pictures import Ready

GRID, TABLE = "best.jpg", "best.csv"
_COLUMNS = ("step", "scene", "strength", "product", "backdrop", "score", "lora", "picture")
STRENGTHS = (0.7, 1.0)
SCENES = (
    "stylish, studio photography, product photography, ultra realistic",
    "on a wooden table by a window, morning light, photograph",
)
"""What is painted: what the LoRA is for, and a place that no studio photo shows."""
SAID = "Measured by colours and silhouette of the product (no CLIP vision model was asked); look at the grid, too."
_TILE, _LINE = 192, 32
"""Pixels of a picture on the sheet, and of its two lines of text."""


@dataclass(frozen=True)
class Trial:
    """One painted picture: what of, and what was measured on it."""

    save: Saved
    scene: str
    strength: float
    picture: Path | None
    product: float
    backdrop: float

    @property
    def score(self) -> float:
        return self.product - self.backdrop


def photos_of(pictures: Sequence[Ready]) -> list[Figure]:
    """What the photos are compared by; those without a mask cannot be."""
    return [figure_of(one.picture, one.mask) for one in pictures if one.mask is not None]


def tried(
    training: Training, saves: Sequence[Saved], photos: Sequence[Figure], session: Session, out: Path
) -> list[Trial]:
    """Paint and measure every save × scene × strength; what is there already is not painted again."""
    return [
        _one(training, save, scene, strength, photos, session, out)
        for save in saves
        for scene in SCENES
        for strength in STRENGTHS
    ]


def _one(
    training: Training, save: Saved, scene: str, strength: float, photos: Sequence[Figure], session: Session, out: Path
) -> Trial:
    stem = save.lora.parent / f"trial_{save.step:06}_scene{SCENES.index(scene) + 1}_{round(strength * 100):03}"
    paths = {name: stem.with_name(f"{stem.name}_{name}.png") for name in ("sample", "cutout")}
    if not all(path.is_file() for path in paths.values()):
        for path in paths.values():
            path.unlink(missing_ok=True)  # half of a broken-off one
        graph = trial(training, save.lora_name, strength, f"{training.tag}, {training.kind}, {scene}")
        outputs = {"sample": "sample", "cutout": "cutout"}
        record = {"training": training.name, "step": save.step, "strength": strength}
        place = stem.relative_to(out)
        spec = JobSpec(save.step, f"train {training.name}", graph, outputs, place, training.seed, record)
        (result,) = session.run([spec])
        if isinstance(result.error, NodeFailedError):  # nothing that could be a product was painted
            return Trial(save, scene, strength, None, 0.0, 0.0)
        if result.error is not None:
            raise result.error
        for file in () if result.saved is None else result.saved.files:
            if file.path != paths[file.output]:
                file.path.replace(paths[file.output])
    with Image.open(paths["sample"]) as picture, Image.open(paths["cutout"]) as cutout:
        painted = figure_of(picture.convert("RGB"), cutout.convert("RGBA").getchannel("A").resize(picture.size))
    likeness, learnt_by_heart = product_likeness(painted, photos), backdrop_likeness(painted, photos)
    return Trial(save, scene, strength, paths["sample"], likeness, learnt_by_heart)


def ranked(trials: Sequence[Trial]) -> list[tuple[Saved, float]]:
    """The saves with the mean score of their trials, the best first; of equal ones the one that learnt less long."""
    scores: dict[int, list[float]] = {}
    for one in trials:
        scores.setdefault(one.save.step, []).append(one.score)
    saves = {one.save.step: one.save for one in trials}
    means = [(saves[step], sum(values) / len(values)) for step, values in scores.items()]
    return sorted(means, key=lambda entry: (-round(entry[1], 6), entry[0].step))


def best_strength(trials: Sequence[Trial], save: Saved) -> float:
    """The strength at which a save scores best."""
    scores: dict[float, float] = {}
    for one in trials:
        if one.save.step == save.step:
            scores[one.strength] = scores.get(one.strength, 0.0) + one.score
    return max(sorted(scores), key=lambda strength: scores[strength])


def write_table(trials: Sequence[Trial], out: Path) -> None:
    """`best.csv`, a line a picture, and `best.jpg`, a row a save."""
    sheet.write_table(out / TABLE, _COLUMNS, map(_line, trials))
    cells = [[(one.picture, _label(one)) for one in row] for row in _rows(trials)]
    sheet.write_sheet(out / GRID, cells, _TILE, _LINE)


def _line(one: Trial) -> dict[str, Any]:
    figures = {"product": one.product, "backdrop": one.backdrop, "score": one.score}
    told = {name: round(value, 4) for name, value in figures.items()}
    given = {"step": one.save.step, "scene": one.scene, "strength": one.strength, "lora": one.save.lora}
    return {**given, **told, "picture": one.picture or "no product was found in it"}


def _label(one: Trial) -> str:
    scene = SCENES.index(one.scene) + 1
    return f"step {one.save.step} scene {scene} × {one.strength:g}\nscore {one.score:.3f}"


def _rows(trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    for step in dict.fromkeys(one.save.step for one in trials):
        yield [one for one in trials if one.save.step == step]
