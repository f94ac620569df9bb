"""Points of real hands: what MediaPipe finds in the pictures of ComfyUI's template packages, recorded.

`mediapipe==0.10.21` ships the weights (Apache-2.0: palm_detection_full.tflite, hand_landmark_full.tflite). It wants
another numpy than ComfyUI, so recording runs in an environment of its own, from the repository's root:

    python -m venv MEDIAPIPE && MEDIAPIPE/bin/pip install mediapipe==0.10.21
    MEDIAPIPE/bin/python -m tests.imaging.real_hands .venv

A new record loses what was judged by eye (`hand`): look at every picture again.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RECORD = Path(__file__).with_suffix(".json")
_PACKAGES = "lib/python3*/site-packages/comfyui_workflow_templates_media_*/templates/*.webp"
_PALM = [0, 1, 5, 9, 13, 17]
_PLAN = np.array(((0.0, 0.0), (-0.12, 0.14), (-0.127, 0.497), (-0.016, 0.513), (0.095, 0.476), (0.19, 0.418)))
_LEAST = 56.0


@dataclass(frozen=True)
class RealHand:
    """`points` `[21,2]` in pixels of a template picture; `hand`: whether a human hand is there, by eye."""

    picture: str
    points: NDArray[np.float64]
    hand: bool


def recorded() -> list[RealHand]:
    entries = json.loads(RECORD.read_text(encoding="utf-8"))
    return [RealHand(entry["picture"], np.array(entry["points"]), entry["hand"]) for entry in entries]


def length_of(points: NDArray[np.float64]) -> float:
    """Pixels from wrist to middle tip of the open hand, by the palm's points alone."""
    plan = np.column_stack((_PLAN, np.ones(6)))
    return float(np.linalg.svd(np.linalg.lstsq(plan, points[_PALM], rcond=None)[0][:2])[1][0])


def _record(environment: Path) -> None:
    from mediapipe.solutions import hands  # type: ignore[import-not-found,unused-ignore]

    detector = hands.Hands(static_image_mode=True, max_num_hands=8, min_detection_confidence=0.5)
    entries: list[dict[str, Any]] = []
    for path in sorted(environment.glob(_PACKAGES)):
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((1536, 1536))
        for hand in detector.process(np.array(picture)).multi_hand_landmarks or []:
            points = np.array([[p.x * picture.width, p.y * picture.height] for p in hand.landmark])
            if length_of(points) >= _LEAST:
                rounded = [[round(float(x), 1), round(float(y), 1)] for x, y in points]
                entries.append({"picture": path.name, "points": rounded, "hand": True})
    RECORD.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    _record(Path(sys.argv[1]))
