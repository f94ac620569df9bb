"""Colour statistics of weighted pixels in CIELAB, and the maps that carry one set of statistics onto another.

Every function takes pixels `[n,3]` with weights `[n]`: a pixel of weight 0 does not exist, one of 0.5 counts half.
Sources: Reinhard et al. 2001 (mean and deviation per channel); Pitié and Kokaram 2007 (MKL, the linear map that is
the optimal transport between Gaussians); one-dimensional optimal transport by quantiles for the histograms.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import EmptyMaskError

LabMap = Callable[[Tensor], Tensor]
"""Maps CIELAB `[...,3]` to CIELAB `[...,3]`."""

MAX_GAIN = 6.0
"""No statistics may stretch a channel by more: beyond, the 8-bit noise of a grey picture becomes coloured blotches."""
_BINS = 2048
_SPAN = 128.0
_SMOOTHING = 20.0
"""Deviation in bins (2.5 a*b* units) of the smoothing of both histograms: the comb of 8-bit colours must not become
steps, nor the noise of a picture that lost its colour become blotches."""


def _mean(lab: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean `[3]` and the normalised weights `[n]`, in float64."""
    weights = weights.double()
    total = weights.sum()
    if not float(total) > 0:
        raise EmptyMaskError("there is nothing to measure: the mask is empty in one of the two pictures.")
    weights = weights / total
    return weights @ lab.double(), weights


def reinhard_map(source: Tensor, source_weights: Tensor, target: Tensor, target_weights: Tensor) -> LabMap:
    """Mean and standard deviation of each Lab channel of `source` carried onto those of `target`."""
    mean_s, w_s = _mean(source, source_weights)
    mean_t, w_t = _mean(target, target_weights)
    std_s = torch.sqrt(w_s @ (source.double() - mean_s) ** 2)
    std_t = torch.sqrt(w_t @ (target.double() - mean_t) ** 2)
    gain = (std_t / std_s.clamp(min=1e-6)).clamp(max=MAX_GAIN)
    return _affine(torch.diag(gain), mean_s, mean_t)


def mkl_map(source: Tensor, source_weights: Tensor, target: Tensor, target_weights: Tensor) -> LabMap:
    """Mean and covariance of `source` carried onto those of `target` by the Monge–Kantorovich linear map."""
    mean_s, w_s = _mean(source, source_weights)
    mean_t, w_t = _mean(target, target_weights)
    centered_s, centered_t = source.double() - mean_s, target.double() - mean_t
    cov_s = centered_s.T @ (centered_s * w_s[:, None])
    cov_t = centered_t.T @ (centered_t * w_t[:, None])
    values, vectors = torch.linalg.eigh(cov_s)
    root = (vectors * values.clamp(min=1e-6).sqrt()) @ vectors.T
    inverse_root = (vectors / values.clamp(min=1e-6).sqrt()) @ vectors.T
    inner_values, inner_vectors = torch.linalg.eigh(root @ cov_t @ root)
    inner = (inner_vectors * inner_values.clamp(min=0.0).sqrt()) @ inner_vectors.T
    matrix = inverse_root @ inner @ inverse_root
    gains, axes = torch.linalg.eigh((matrix + matrix.T) / 2)
    return _affine((axes * gains.clamp(0.0, MAX_GAIN)) @ axes.T, mean_s, mean_t)


def _affine(matrix: Tensor, mean_from: Tensor, mean_to: Tensor) -> LabMap:
    offset = mean_to - matrix @ mean_from

    def apply(lab: Tensor) -> Tensor:
        return lab @ matrix.T.to(lab) + offset.to(lab)

    return apply


def histogram_map(source: Tensor, source_weights: Tensor, target: Tensor, target_weights: Tensor) -> LabMap:
    """a* and b* distributions of `source` carried onto those of `target`; L* stays untouched.

    Two smooth monotone curves (quantile to quantile, interpolated), so that neighbouring colours stay neighbours.
    """
    curves = [_quantile_curve(source[:, c], source_weights, target[:, c], target_weights) for c in (1, 2)]

    def apply(lab: Tensor) -> Tensor:
        a, b = (_look_up(curve.to(lab), lab[..., c]) for c, curve in zip((1, 2), curves, strict=True))
        return torch.stack((lab[..., 0], a, b), dim=-1)

    return apply


def _quantile_curve(source: Tensor, source_weights: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
    """`[_BINS]`: where each bin centre of the source goes."""
    cdf_s, cdf_t = _cumulative(source, source_weights), _cumulative(target, target_weights)
    positions = torch.linspace(-_SPAN, _SPAN, _BINS, dtype=torch.float64, device=source.device)
    # Inverting needs a strictly rising curve; the slope added is worth 1e-7 of the pixels over the whole span.
    rise = torch.linspace(0.0, 1e-7, _BINS, dtype=torch.float64, device=source.device)
    cdf_s, cdf_t = cdf_s + rise, cdf_t + rise
    # Where hardly any source pixel lies, the quantiles say nothing: beyond the outermost 1e-4 the ends just move along.
    inner = torch.nonzero((cdf_s > 1e-4) & (cdf_s < 1 - 1e-4)).flatten()
    upper = torch.searchsorted(cdf_t, cdf_s.contiguous()).clamp(1, _BINS - 1)
    below, above = cdf_t[upper - 1], cdf_t[upper]
    share = ((cdf_s - below) / (above - below)).clamp(0.0, 1.0)
    curve = positions[upper - 1] + share * (positions[upper] - positions[upper - 1])
    if inner.numel() == 0:
        return curve
    first, last = int(inner[0]), int(inner[-1])
    curve[:first] = curve[first] + positions[:first] - positions[first]
    curve[last + 1 :] = curve[last] + positions[last + 1 :] - positions[last]
    return curve


def _cumulative(values: Tensor, weights: Tensor) -> Tensor:
    """Smooth cumulative distribution `[_BINS]` (float64, 0..1) at the bin centres."""
    total = weights.double().sum()
    if not float(total) > 0:
        raise EmptyMaskError("there is nothing to measure: the mask is empty in one of the two pictures.")
    place = ((values.double() + _SPAN) * ((_BINS - 1) / (2 * _SPAN))).clamp(0, _BINS - 1)
    lower = place.floor().clamp(max=_BINS - 2).long()
    part = place - lower
    histogram = torch.bincount(lower, weights=weights.double() * (1 - part), minlength=_BINS)
    histogram += torch.bincount(lower + 1, weights=weights.double() * part, minlength=_BINS)
    reach = int(4 * _SMOOTHING)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=values.device) / _SMOOTHING) ** 2).double()
    padded = F.pad(histogram.view(1, 1, -1), (reach, reach), mode="replicate")
    smooth = F.conv1d(padded, (kernel / kernel.sum()).view(1, 1, -1)).flatten()
    # The centre of a bin lies amid its own mass.
    cumulative = smooth.cumsum(0) - smooth / 2
    return cumulative / smooth.sum()


def _look_up(curve: Tensor, values: Tensor) -> Tensor:
    place = ((values + _SPAN) * ((_BINS - 1) / (2 * _SPAN))).clamp(0, _BINS - 1)
    lower = place.floor().clamp(max=_BINS - 2).long()
    return torch.lerp(curve[lower], curve[lower + 1], place - lower)
