"""Whether the picture shows the five fingers that were found, one more, or two grown together; and where, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .anatomy import FINGERS
from .evidence import Evidence, gather
from .fingers import FingerMaps, see_fingers, stored
from .scoring import HandScore, palm, point_weights

LEAST = 100.0
"""A hand shorter than this many pixels shows neither creases nor a finger beside another: of 29 hands in template
pictures, most of them 60 to 100 long, none was found to have a sixth finger, and one of 32 good ones was."""
_FOUND = 18
"""So many of its 21 points must have been found: across fingers that nobody found nothing can be counted."""
_CLEAR = 0.5
"""So surely, on average, lines must be seen where the four fingers were found; less is hidden, dark or blurred."""
_EXTRA, _FUSED = 2.2, 1.2
"""What must be answered for a finger too many, and for two grown together (log odds): 3 of 100 good hands that were not
trained on reach them where they hold something or are small, of open ones fewer; at 0.9 and 0.1 it were 8."""
_SPREAD = 0.9
"""Of a hand's points: a hand is at least so much of their box long, where its palm looks short."""
_TIP = 0.3
"""A spare tip surer than this says where the finger too many is."""


NOT_LOOKED = "no picture was given: fingers too many or grown together were not looked for"
_LEFT = 0.3
"""What a wrong number of fingers leaves of a hand's score, however much of it is hidden: no sensible limit passes."""


@dataclass(frozen=True)
class Look:
    """`reasons`: what is wrong with the number of fingers, empty where nothing is; `unsure`: why that could not be
    told, or None; `extra` and `fused` are the log odds over what is needed to say so (0 where it was not told)."""

    reasons: tuple[str, ...]
    unsure: str | None
    extra: float = 0.0
    fused: float = 0.0


def counted(result: HandScore, seen: Look) -> HandScore:
    """The score of a hand with what was seen of its fingers: nothing is changed where their number is right or could
    not be told."""
    if not seen.reasons:
        return result
    return replace(result, placed=result.placed * _LEFT, reasons=(*seen.reasons, *result.reasons))


def look(image: Tensor, points: Tensor, scores: Tensor, others: list[Tensor]) -> Look:
    """Count the fingers of one hand in the picture `image` `[H,W,C]` sRGB.

    `points` `[21,2]` and `scores` `[21]` as found in it; `others`: the points of the other hands in the picture, whose
    fingers are not this one's.
    """
    weights = point_weights(points.double().unsqueeze(0), scores.unsqueeze(0))
    there = weights[0] > 0
    if int(there.sum()) < _FOUND:
        return Look((), "too little of the hand was found to count its fingers")
    known = points.double()[there]
    size = float(palm(torch.where(there.unsqueeze(1), points.double(), known.mean(dim=0)).unsqueeze(0), weights)[0])
    length = max(size, _SPREAD * float((known.amax(dim=0) - known.amin(dim=0)).max()))
    if length < LEAST:
        return Look((), f"the hand is only {length:.0f} px long: too small to count its fingers")
    maps = see_fingers(image, known, length)
    evidence = gather(maps, points, others)
    if evidence.clear < _CLEAR:
        return Look((), "the fingers are too hidden, dark or blurred to be counted")
    extra, fused = _weighed(evidence)
    extra, fused = extra - _EXTRA, fused - _FUSED
    reasons = []
    if extra > 0:
        reasons.append("a finger too many" + _beside(evidence, maps, points))
    if fused > 0:
        reasons.append(f"{_pair(evidence)} are grown together")
    return Look(tuple(reasons), None, extra, fused)


def _weighed(evidence: Evidence) -> tuple[float, float]:
    """Log odds of a finger too many, and of two grown together."""
    w = stored(evidence.figures.device)
    inner = F.relu(F.linear(evidence.figures.float(), w["count.0.weight"], w["count.0.bias"]))
    extra, fused = F.linear(inner, w["count.1.weight"], w["count.1.bias"]).tolist()
    return float(extra), float(fused)


def _beside(evidence: Evidence, maps: FingerMaps, points: Tensor) -> str:
    """Next to which finger the spare tip is, in words; nothing where none is seen."""
    if evidence.spare is None or evidence.tip < _TIP:
        return ""
    at = maps.at(points.float().to(maps.line.device))[1:].reshape(5, 4, 2)
    away = (at - at.new_tensor(evidence.spare)).norm(dim=-1).amin(dim=1)
    return f" (beside the {FINGERS[int(away.argmin())]})"


def _pair(evidence: Evidence) -> str:
    """The two neighbours with the least between them."""
    pair = int(evidence.apart.argmin())
    return f"{FINGERS[pair + 1]} and {FINGERS[pair + 2]}"
