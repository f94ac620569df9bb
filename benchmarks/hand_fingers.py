"""Good hands, and the same with a finger more or two grown together: how many are rejected for their fingers' number.

    .venv/bin/python -m benchmarks.hand_fingers [HANDS.jsonl]

Without a file: the hands recorded in ComfyUI's template pictures (`tests/imaging/real_hands.json`). A line of the file:
`{"picture": PATH, "points": [[x, y] × 21], "others": [points of other hands in it]}`. The edits are those of the tests,
and so are the points in an edited picture: those of a detector that takes five fingers and passes the sixth over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.hands.look import Look, look  # noqa: E402 - the repository is not installed

from tests.imaging.finger_edits import filled_in, grown_together, in_a_row, painted_over  # noqa: E402
from tests.imaging.real_hands import recorded  # noqa: E402

Floats = NDArray[np.float64]
Case = tuple[Floats, Floats, list[Floats]]
_PACKAGES = "lib/python3*/site-packages/comfyui_workflow_templates_media_*/templates"


def hands(file: str | None) -> Iterator[Case]:
    """Picture, points and the points of the other hands in it."""
    if file is not None:
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            others = [np.array(points, dtype=np.float64) for points in entry.get("others", ())]
            yield _opened(Path(entry["picture"])), np.array(entry["points"], dtype=np.float64), others
        return
    found = [one for one in recorded() if one.hand]
    for one in found:
        path = next(Path(sys.prefix).glob(f"{_PACKAGES}/{one.picture}"))
        others = [other.points for other in found if other.picture == one.picture and other is not one]
        yield _opened(path), one.points, others


def _opened(path: Path) -> Floats:
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.float64) / 255


def seen(picture: Floats, points: Floats, others: list[Floats]) -> Look:
    tensors = [torch.from_numpy(other) for other in others]
    return look(torch.from_numpy(picture).float(), torch.from_numpy(points), torch.ones(21), tensors)


def main() -> None:
    looks: dict[str, list[Look]] = {}
    for number, (picture, points, others) in enumerate(hands(sys.argv[1] if len(sys.argv) > 1 else None)):
        finger = number % 4
        six = tuple(sorted((0, 1, 2, 3, finger)))
        cases = {
            "good": (picture, points),
            "moved": in_a_row(picture, points, (0, 1, 2, 3), 0.05),
            "six": in_a_row(picture, points, six),
            "grown together": (grown_together(picture, points, min(finger, 2)), points),
            "joined by a soft brush": (painted_over(picture, points, min(finger, 2)), points),
            "joined by filling in": (filled_in(picture, points, min(finger, 2)), points),
        }
        for kind, (edited, found) in cases.items():
            looks.setdefault(kind, []).append(seen(edited, found, others))
    print("| | hands | counted | rejected |\n|---|---|---|---|")
    for kind, all_of in looks.items():
        told = sum(one.unsure is None for one in all_of)
        print(f"| {kind} | {len(all_of)} | {told} | {sum(bool(one.reasons) for one in all_of)} |")


if __name__ == "__main__":
    main()
