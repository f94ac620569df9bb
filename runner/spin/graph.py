"""The graph of a turn: every photo cut out, all of them brought together, saved one by one and as a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FRAMES, FILM = "spin", "film"
"""The outputs: the numbered pictures, and the film."""
TURN = "turn"
"""The node that brings the photos together, and says how."""


@dataclass(frozen=True)
class Look:
    """How a turn looks. `size`: pixels of each side; `fill`: share of it that the turn's longest side takes; `shadow`:
    opacity 0..1; `fps`: pictures a second; `confidence`: below it a cut-out is refused."""

    size: int = 1200
    fill: float = 0.8
    background: str = "#ffffff"
    shadow: float = 0.5
    fps: float = 12.0
    confidence: float = 0.5


def turn(photos: Sequence[str], look: Look) -> dict[str, Any]:
    """The graph for photos by their names on the server, in the order of the turn."""
    graph: dict[str, Any] = {}
    for number, name in enumerate(photos, 1):
        photo, cut, frame = f"photo{number}", f"cut{number}", f"frame{number}"
        graph[photo] = _node("LoadImage", f"Photo {number}", image=name)
        graph[cut] = _node(
            "ProdgenSegmentProduct",
            f"Segment Product {number}",
            image=[photo, 0],
            transparency=[photo, 1],
            method="auto",
            min_confidence=look.confidence,
        )
        before = {"before": [f"frame{number - 1}", 0]} if number > 1 else {}
        graph[frame] = _node(
            "ProdgenSpinFrame", f"Add to Turn {number}", product=[cut, 0], mask=[cut, 1], photo=[photo, 0], **before
        )
    graph[TURN] = _node(
        "ProdgenSpin",
        "Turntable",
        turn=[f"frame{len(photos)}", 0],
        width=look.size,
        height=look.size,
        fill=look.fill,
        background=look.background,
    )
    shown = [TURN, 0]
    if look.shadow > 0:
        graph["shadow"] = _node(
            "ProdgenGroundShadow",
            "Ground and Shadow",
            image=[TURN, 0],
            mask=[TURN, 1],
            light_angle=330.0,
            light_height=60.0,
            softness=0.5,
            opacity=look.shadow,
            contact_only=True,
        )
        shown = ["shadow", 0]
    graph["save"] = _node("SaveImage", f"output: {FRAMES}", images=shown, filename_prefix="spin")
    graph["film"] = _node("CreateVideo", "Create Video", images=shown, fps=look.fps)
    graph["save_film"] = _node(
        "SaveVideo", f"output: {FILM}", video=["film", 0], filename_prefix="spin", format="mp4", codec="h264"
    )
    return graph


def _node(kind: str, title: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}
