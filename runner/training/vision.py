"""How alike pictures are to a CLIP vision model: the cosine of its embeddings, asked of the server.

The product is looked at alone, cut out and centred on grey, so that neither its place nor its surroundings count; the
backdrop with what was around the product drawn over its place.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from runner.errors import NodeFailedError, WorkflowRejectedError
from runner.execution.job import JobSpec
from runner.execution.session import Session
from runner.server.view import server_view
from runner.training.graphs import node
from runner.training.measure import learnt_by_heart
from runner.training.pictures import png
from runner.untrusted import items, mapping, number
from runner.validation.check import check_graph
from runner.validation.problem import listed

NONE = "none"
"""Given as --clip-vision: by colours and silhouette, whatever is installed."""
_SIDE, _GREY = 336, (128, 128, 128)
_FOLDER, _KEPT = "prodgen_training/compared", "compared"
"""Below the server's input folder, and below --out."""
Row = tuple[float, ...]
Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Seen:
    """The embeddings of a picture's product (None: it has none) and backdrop (None: hardly any)."""

    product: Row | None
    backdrop: Row | None


class Vision:
    """Measures likeness by a CLIP vision model on the server; see `runner.training.measure.Yardstick`."""

    def __init__(self, file: str, session: Session, out: Path) -> None:
        """`out`: the session's output folder; below it answers are kept, so that none is asked for twice."""
        self._file, self._session, self._out = file, session, out
        self.name = f"CLIP vision {file}"
        self.said = f"Measured by the CLIP vision model {file}; look at the grid, too."

    def figure(self, picture: Image.Image, alpha: Image.Image) -> Seen:
        wanted = {"product": product_alone(picture, alpha), "backdrop": backdrop_alone(picture, alpha)}
        there = {name: png(one) for name, one in wanted.items() if one is not None}
        rows = dict(zip(there, self._rows(list(there.values())), strict=True)) if there else {}
        return Seen(rows.get("product"), rows.get("backdrop"))

    def product(self, painted: Seen, photos: Sequence[Seen]) -> float:
        """The cosine to the photo whose product it is most like; 0 where no product was found."""
        return max((cosine(painted.product, photo.product) for photo in photos), default=0.0)

    def backdrop(self, painted: Seen, photos: Sequence[Seen]) -> float:
        """How much more its backdrop is that of a photo than the photos' are each other's."""
        return learnt_by_heart(painted.backdrop, [photo.backdrop for photo in photos], cosine)

    def _rows(self, pictures: Sequence[bytes]) -> list[Row]:
        """The embedding of each picture: what was answered before, else the server's answer."""
        digest = hashlib.sha256(self._file.encode() + b"".join(hashlib.sha256(one).digest() for one in pictures))
        stem = Path(_KEPT) / f"seen_{digest.hexdigest()[:16]}"
        kept = self._out / stem.with_suffix(".json")
        rows = _kept_rows(kept)
        if len(rows) != len(pictures):
            for left in kept.parent.glob(f"{stem.name}*"):  # of one that was broken off
                left.unlink()
            self._ask(pictures, stem)
            rows = _kept_rows(kept)
        if len(rows) != len(pictures):
            raise NodeFailedError(
                f"{self._file} gave no embedding of {stem.name}.", advice="Update the node pack on the server."
            )
        return rows

    def _ask(self, pictures: Sequence[bytes], stem: Path) -> None:
        names = [f"{hashlib.sha256(data).hexdigest()[:16]}.png" for data in pictures]
        for name, data in zip(names, pictures, strict=True):
            self._session.client.upload_image(data, name, _FOLDER)
        graph = seeing(self._file, [f"{_FOLDER}/{name}" for name in names])
        outputs = {"shown": "shown"}  # for whoever wants to see what was looked at; the rows are in the job's record
        (result,) = self._session.run([JobSpec(1, "train", graph, outputs, stem)])
        if result.error is not None:
            raise result.error


def chosen(named: str | None, session: Session) -> str | None:
    """The CLIP vision model that is asked: the named one, else the first that the server has; None: none is.

    Raises WorkflowRejectedError where the named one is not there, or the server's node pack is too old for it.
    """
    if named == NONE:
        return None
    if named is None:
        schemas = session.client.object_info(["CLIPVisionLoader", "ProdgenEmbedding"])
        required = mapping(mapping(mapping(schemas.get("CLIPVisionLoader")).get("input")).get("required"))
        offered = next(iter(items(required.get("clip_name"))), None)
        files = [name for name in items(offered) if isinstance(name, str)]
        return files[0] if files and "ProdgenEmbedding" in schemas else None
    graph = seeing(named, ["compared.png"])
    view = server_view(session.client, graph)
    problems = check_graph(graph, view.object_info, uploaded=["compared.png"], replaced=view.replaced)
    errors = [str(problem) for problem in problems if problem.is_fatal]
    if errors:
        raise WorkflowRejectedError(
            "\n".join([f"{session.client.url} cannot measure with {named}:", *listed(errors)]),
            advice=f"--clip-vision names another file of models/clip_vision, or `{NONE}`.",
        )
    return named


def seeing(file: str, pictures: Sequence[str]) -> dict[str, Any]:
    """The graph that reports the embedding of each of these uploaded pictures."""
    graph = {"vision": node("CLIPVisionLoader", "CLIP vision", clip_name=file)}
    for place, picture in enumerate(pictures):
        graph[f"picture{place}"] = node("LoadImage", "Picture", image=picture)
        graph[f"seen{place}"] = node(
            "CLIPVisionEncode", "Looked at", clip_vision=["vision", 0], image=[f"picture{place}", 0], crop="none"
        )
        graph[f"embedding{place}"] = node(
            "ProdgenEmbedding", f"embedding{place}", clip_vision_output=[f"seen{place}", 0]
        )
    graph["shown"] = node("SaveImage", "output: shown", images=["picture0", 0], filename_prefix="shown")
    return graph


def product_alone(picture: Image.Image, alpha: Image.Image) -> Image.Image | None:
    """The product on grey, in the middle of a square; None where there is none."""
    box = alpha.point(lambda level: 255 if level > 127 else 0).getbbox()
    if box is None:
        return None
    cut, solid = picture.convert("RGB").crop(box), alpha.crop(box)
    side = round(max(cut.size) * 1.1)
    page = Image.new("RGB", (side, side), _GREY)
    page.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2), solid)
    return page.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)


def backdrop_alone(picture: Image.Image, alpha: Image.Image) -> Image.Image | None:
    """The picture with its surroundings drawn over the product; None where hardly any of it is backdrop."""
    size = (_SIDE, _SIDE)
    touched = alpha.point(lambda level: 255 if level > 20 else 0)
    small, away = (one.resize(size, Image.Resampling.BOX) for one in (picture.convert("RGB"), touched))
    seen = np.asarray(away) == 0
    if seen.mean() < 0.02:
        return None
    filled = np.asarray(small, dtype=np.float64) * seen[..., None]
    weight = seen.astype(np.float64)
    result, known = filled.copy(), seen.copy()
    for radius in (4, 16, 64, _SIDE):
        near, share = _spread(filled, radius), _spread(weight[..., None], radius)
        now = ~known & (share[..., 0] > 0.01)
        result[now] = near[now] / share[now]
        known |= now
    return Image.fromarray(result.clip(0, 255).round().astype(np.uint8))


def _spread(values: Values, radius: int) -> Values:
    """The mean of the square around each place; places outside count as nothing."""
    for axis in (0, 1):
        wide = [(radius + 1, radius) if place == axis else (0, 0) for place in range(3)]
        sums = np.cumsum(np.pad(values, wide), axis=axis)
        length = values.shape[axis]
        width = 2 * radius + 1
        values = (np.take(sums, range(width, width + length), axis) - np.take(sums, range(length), axis)) / width
    return values


def cosine(one: Row | None, other: Row | None) -> float:
    """0 where one of them is not there."""
    if one is None or other is None or len(one) != len(other):
        return 0.0
    length = math.sqrt(sum(value * value for value in one) * sum(value * value for value in other))
    return sum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0


def _kept_rows(record: Path) -> list[Row]:
    """The rows of a job's record in the order of its pictures; empty where it is missing or damaged."""
    try:
        reports = mapping(mapping(json.loads(record.read_text(encoding="utf-8"))).get("reports"))
    except (OSError, ValueError):
        return []
    found = []
    for place in range(len(reports)):
        for row in items(mapping(reports.get(f"embedding{place}")).get("rows"))[:1]:
            numbers = [number(value) for value in items(row)]
            if numbers and None not in numbers:
                found.append(tuple(float(value) for value in numbers if value is not None))
    return found
