"""The best save of a training: each painted from several prompts at several strengths, and measured.

score = likeness of the painted product to the photos − how much the painted backdrop is one of theirs (overfit).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from runner.errors import NodeFailedError
from runner.execution.job import JobSpec
from runner.execution.session import Session
from runner.files.spreadsheet import row
from runner.files.whole import written_whole
from runner.training.flow import Saved
from runner.training.graphs import Training, trial
from runner.training.measure import Yardstick
from runner.training.pictures import Ready

GRID, TABLE = "best.jpg", "best.csv"
STRENGTHS = (0.7, 1.0)
SCENES = (
    "stylish, studio photography, product photography, ultra realistic",
    "on a wooden table by a window, morning light, photograph",
)
"""What is painted: what the LoRA is for, and a place that no studio photo shows."""
_COLUMNS = ("step", "scene", "strength", "product", "backdrop", "score", "measured_by", "lora", "picture")
_TILE, _LINE, _GAP = 192, 32, 8
"""Pixels of a picture on the sheet, its two lines of text, the space between."""


@dataclass(frozen=True)
class Trial:
    """One painted picture: what of, and what was measured on it."""

    save: Saved
    scene: str
    strength: float
    picture: Path | None
    product: float = 0.0
    backdrop: float = 0.0
    measured_by: str = ""
    cutout: Path | None = None

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
    likeness, by_heart = yardstick.product(painted, photos), yardstick.backdrop(painted, photos)
    return replace(trial, product=likeness, backdrop=by_heart, measured_by=yardstick.name)


def _painted(training: Training, save: Saved, scene: str, strength: float, session: Session, out: Path) -> Trial:
    """The trial, painted and cut out, not yet measured."""
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
            return Trial(save, scene, strength, None)
        if result.error is not None:
            raise result.error
        for file in () if result.saved is None else result.saved.files:
            if file.path != paths[file.output]:
                file.path.replace(paths[file.output])
    return Trial(save, scene, strength, paths["sample"], cutout=paths["cutout"])


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
    lines = io.StringIO()
    writer = csv.DictWriter(lines, _COLUMNS)
    writer.writeheader()
    for one in trials:
        figures = {"product": one.product, "backdrop": one.backdrop, "score": one.score}
        told = {name: round(value, 4) for name, value in figures.items()}
        given = {"step": one.save.step, "scene": one.scene, "strength": one.strength, "measured_by": one.measured_by}
        writer.writerow(
            row({**given, **told, "lora": one.save.lora, "picture": one.picture or "no product was found in it"})
        )
    with written_whole(out / TABLE, newline="") as stream:
        stream.write(lines.getvalue())
    data = io.BytesIO()
    _grid(trials).save(data, "JPEG", quality=88)
    with written_whole(out / GRID, "wb") as picture:
        picture.write(data.getvalue())


def _grid(trials: Sequence[Trial]) -> Image.Image:
    rows = list(_rows(trials))
    across = max(len(cells) for cells in rows)
    size = (across * (_TILE + _GAP) + _GAP, len(rows) * (_TILE + _LINE + _GAP) + _GAP)
    page = Image.new("RGB", size, (250, 250, 250))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default()
    for down, cells in enumerate(rows):
        for right, one in enumerate(cells):
            left, top = _GAP + right * (_TILE + _GAP), _GAP + down * (_TILE + _LINE + _GAP)
            if one.picture is not None:
                with Image.open(one.picture) as opened:
                    tile = opened.convert("RGB")
                tile.thumbnail((_TILE, _TILE))
                page.paste(tile, (left, top))
            scene = SCENES.index(one.scene) + 1
            text = f"step {one.save.step} scene {scene} × {one.strength:g}\nscore {one.score:.3f}"
            draw.multiline_text((left, top + _TILE + 2), text, (20, 20, 20), font)
    return page


def _rows(trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    for step in dict.fromkeys(one.save.step for one in trials):
        yield [one for one in trials if one.save.step == step]
