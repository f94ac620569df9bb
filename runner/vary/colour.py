"""How strongly a pass is colour-corrected, and how much lightness it gets back.

Diffusion drifts to magenta and darkens, pass by pass, the more the more it paints anew. Both remedies therefore grow
with the strength of the pass. The correction itself is the workflow's (CIELAB, in its Fix Product Color node); what is
decided here are the numbers it gets, from the numbers it reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.data import figure

USUAL_STRENGTH = 0.35
"""The strength of a usual pass: the one for which the lightness per pass is meant."""
LIGHTNESS_PER_PASS = 0.9
"""L* that a usual pass takes: between 0.8 and 1."""
FOLLOW = 0.25
"""The share of the picture before in the target of a pass; the rest is the first picture. A chain's colours may move
a little, smoothly, with what it paints, and can never wander off."""
_STEEPNESS = 6
"""Of the power in `correction`, whose docstring says where it leads."""
_AT_ONCE, _OVER_TIME = 0.8, 0.2
"""How much of what a chain is short of is given back with the next pass, and kept on being given."""


def correction(strength: float) -> float:
    """The share of the a* b* correction, 0..1: half at a touch of 0.1, nine tenths from 0.35 on."""
    return 1.0 - (1.0 - strength) ** _STEEPNESS


@dataclass
class Lightness:
    """L* to give back per pass: what passes of this strength usually take, led by what they have taken so far.

    L* is never matched as a histogram, which bands: it is only raised, by at most twice the usual amount.
    """

    per_pass: float = LIGHTNESS_PER_PASS
    _missing: float = field(default=0.0, init=False)
    _in_all: float = field(default=0.0, init=False)

    def boost(self, strength: float) -> float:
        """L* for a pass of this strength."""
        usual = self.per_pass * strength / USUAL_STRENGTH
        return min(max(usual + _AT_ONCE * self._missing + _OVER_TIME * self._in_all, 0.0), 2 * usual)

    def learn(self, report: Mapping[str, Any], boost: float) -> None:
        """Note from a pass's colour report how far its L* is from the target's."""
        before, wanted = report.get("mean_lab_before"), report.get("mean_lab_reference")
        if isinstance(before, list) and isinstance(wanted, list) and before and wanted:
            want, had = figure(wanted[0]), figure(before[0])
            if want is None or had is None:  # what is no number teaches nothing
                return
            self._missing = want - (had + boost)
            most = self.per_pass / _OVER_TIME
            self._in_all = min(max(self._in_all + self._missing, -most), most)


def colour_values(strength: float, boost: float, follow: float) -> dict[str, float]:
    """The workflow's inputs for a pass. Its node raises lightness inside the share it corrects: hence the division."""
    share = correction(strength)
    return {"color_strength": round(share, 4), "lightness_boost": round(boost / share, 4), "follow": follow}
