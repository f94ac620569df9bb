"""The table of all objects, and the same as COCO's annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runner.cutouts.finds import Find, Picture
from runner.data import to_json
from runner.files import spreadsheet

COLUMNS = (
    "group", "category", "picture", "number", "label", "score", "left", "top", "width", "height", "area", "share",
    "file", "crop", "notes", "picture_notes", "state", "reason",
)  # fmt: skip


def index(pictures: Sequence[Picture]) -> str:
    """The CSV: one line per object, and one per picture that has none."""
    return spreadsheet.table(COLUMNS, _rows(pictures))


def _rows(pictures: Sequence[Picture]) -> Iterator[dict[str, Any]]:
    for picture in pictures:
        folders = picture.place.split("/")[:-1]
        job = picture.entry.job
        common = {
            "group": job.group or "/".join(folders[:1]),
            "category": job.category or "/".join(folders[1:]),
            "picture": picture.place,
            "picture_notes": "; ".join(picture.notes),
            "state": picture.entry.state,
            "reason": (picture.entry.error or "").partition("\n")[0],
        }
        for find in picture.finds or (None,):
            yield {**common, **({} if find is None else _cells(find, picture))}


def _cells(find: Find, picture: Picture) -> dict[str, Any]:
    left, top, right, bottom = find.box
    pixels = picture.width * picture.height
    return {
        "number": find.number, "label": find.label, "score": find.score, "left": left, "top": top,
        "width": right - left, "height": bottom - top, "area": find.area,
        "share": round(find.area / pixels, 5) if pixels else "", "file": find.file, "crop": find.crop,
        "notes": "; ".join(find.notes),
    }  # fmt: skip


def coco(pictures: Sequence[Picture]) -> str:
    """COCO's `instances` JSON: images, annotations with compressed RLE, score and file, categories by name."""
    labels = sorted({find.label for picture in pictures for find in picture.finds})
    ids = {label: number for number, label in enumerate(labels, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate((one for one in pictures if one.finds), 1):
        images.append({"id": number, "file_name": picture.place, "width": picture.width, "height": picture.height})
        for find in picture.finds:
            left, top, right, bottom = find.box
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": ids[find.label],
                    "segmentation": dict(find.segmentation),
                    "area": find.area,
                    "bbox": [left, top, right - left, bottom - top],
                    "iscrowd": 0,
                    "score": find.score,
                    "file": find.file,
                }
            )
    categories = [{"id": number, "name": label, "supercategory": ""} for label, number in ids.items()]
    return to_json({"images": images, "annotations": annotations, "categories": categories}) + "\n"
