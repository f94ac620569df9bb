"""What still passes: the limits of the whole product, and what follows from them for a small place."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ..tensors import check_range

_LOCAL_SIMILARITY, _LOCAL_COLOR, _LOCAL_SHARPNESS = 0.58, 0.8, 0.16
"""A small place may agree less than the whole by this much SSIM, may differ in colour by this share of the p95 limit,
and may lose so much more of its detail."""

_HUE_CHROMA = 24.0
"""C* at which a hue angle counts in full: on a greyer product the same angle is hardly seen."""


@dataclass(frozen=True)
class Limits:
    """What still passes. dE00, hue degrees, halo and ghost are maxima; SSIM and sharpness are minima.

    Chosen on the tuned half of the pictures of `benchmarks/fidelity_damage.py`: 0 of 192 good ones fail, 1 of 214
    damages passes (`benchmarks/README.md`).
    """

    max_delta_e00_mean: float = 3.0
    """Light and JPEG stay below it; a pasted product has less than 0.5 (tests)."""
    max_delta_e00_p95: float = 8.0
    """What a twentieth of the pixels may exceed: clipped lights and the edges of prints."""
    max_hue_error_deg: float = 6.0
    """More is another colour, not another light."""
    min_ssim: float = 0.9
    """Of the whole product; below, it was redrawn and not relit."""
    max_edge_halo: float = 4.0
    """dE00 beyond any mixture: a rim of the old backdrop has from 4 upwards, a clean paste below 2.5 (tests)."""
    min_sharpness: float = 0.66
    """Share of the fine detail left; a blur of 2 px loses more, but for products with hardly any."""
    max_ghost: float = 0.45
    """Share of the outline that is repeated beside it."""

    def __post_init__(self) -> None:
        """Raises ParameterError for what limits nothing or everything: NaN, a maximum below 0, a minimum above 1."""
        for one in fields(self):
            low, high = (0.0, math.inf) if one.name.startswith("max_") else (-1.0, 1.0)
            check_range(getattr(self, one.name), low, high, one.name)

    @property
    def min_local_similarity(self) -> float:
        """-1 (nothing is too different) where SSIM is not limited either."""
        return self.min_ssim - _LOCAL_SIMILARITY if self.min_ssim > _LOCAL_SIMILARITY else -1.0

    @property
    def max_local_delta_e00(self) -> float:
        return _LOCAL_COLOR * self.max_delta_e00_p95

    @property
    def min_tile_sharpness(self) -> float:
        return self.min_sharpness - _LOCAL_SHARPNESS

    @property
    def max_hue_difference(self) -> float:
        """dH* of the largest hue angle on a product that is clearly coloured."""
        return 2 * _HUE_CHROMA * math.sin(math.radians(min(self.max_hue_error_deg, 180.0) / 2))
