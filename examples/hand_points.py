"""Where the hands are in a folder of pictures: the list that `train_fingers.py` and `benchmarks/hand_fingers.py` read.

    python -m venv MEDIAPIPE && MEDIAPIPE/bin/pip install mediapipe==0.10.21
    MEDIAPIPE/bin/python hand_points.py FOLDER --out hands.jsonl

MediaPipe (Apache-2.0) ships its weights and wants another numpy than ComfyUI, hence an environment of its own. A line
of the list: `{"picture": PATH, "points": [[x, y] × 21], "others": [points of other hands in it]}`, in pixels of the
picture as it is meant to be seen. Look at what was found before training on it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import mediapipe  # type: ignore[import-not-found,unused-ignore]
import numpy as np
from PIL import Image, ImageOps

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
LEAST = 55
"""Pixels of the longer side of a hand's box: in a smaller one no crease is seen."""
MOST_HANDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("hands.jsonl"))
    options = parser.parse_args()
    detector = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=MOST_HANDS)
    with options.out.open("w", encoding="utf-8") as out:
        for path in sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in SUFFIXES):
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
            answers = detector.process(np.asarray(picture)).multi_hand_landmarks or []
            size = np.array(picture.size)
            hands = [np.array([[point.x, point.y] for point in hand.landmark]) * size for hand in answers]
            hands = [hand for hand in hands if np.ptp(hand, axis=0).max() >= LEAST]
            for number, hand in enumerate(hands):
                others = [other.round(1).tolist() for place, other in enumerate(hands) if place != number]
                entry = {"picture": str(path.resolve()), "points": hand.round(1).tolist(), "others": others}
                out.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
