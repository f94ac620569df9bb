"""Colour statistics of weighted pixels in CIELAB, and the maps that carry one set of statistics onto another.

Pixels come strip by strip as planes `[3,n]` (see `planes`) with weights `[n]` above 0: one of 0.5 counts half.
Sources: Reinhard et al. 2001 (mean and deviation per channel); Pitié and Kokaram 2007 (MKL, the linear map that is
the optimal transport between Gaussians); one-dimensional optimal transport by quantiles for the histograms; Chan,
Golub, LeVeque 1979 (variances of parts put together).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..color_planes import A_SCALE, B_SCALE, L_OFFSET, L_SCALE

MAX_GAIN = 6.0
"""No statistics may stretch a channel by more: beyond, the 8-bit noise of a grey picture becomes coloured blotches."""
_BINS = 2048
"""Bins of a* and b* over ±`_SPAN`, an eighth of a unit each: finer than the steps of 8-bit colours."""
_SPAN = 128.0
"""All that sRGB can show lies within ±108."""
_FINE = 8
"""Pixels are counted in bins this many times finer, each then shared between the two bins it lies between."""
_PLACES = 32 * (_BINS - 1) + 1
"""Places at which the curves are read, 0.004 a*b* units apart: quicker than to interpolate between the bins."""
_PER_UNIT = (_BINS - 1) / (2 * _SPAN)
"""Bins to a unit of a* or b*."""
_SMOOTHING = 20.0
"""Deviation in bins (2.5 a*b* units) of the smoothing of both histograms: the comb of 8-bit colours must not become
steps, nor the noise of a picture that lost its colour become blotches."""
_TRANSFORM = 2304
"""Length of its Fourier transform: quick, and not less than the bins and what is repeated at their ends."""


@dataclass(frozen=True)
class Statistics:
    """Total weight, mean `[3]` and covariance `[3,3]` of L*a*b*, histograms `[2, _BINS]` of a* and b* (float64)."""

    weight: Tensor
    mean: Tensor
    covariance: Tensor
    histograms: Tensor


@dataclass(frozen=True)
class Transfer:
    """`apply` maps roots `[3,n]` (which it may overwrite) to roots; `mean` is where the source's mean L*a*b* goes."""

    apply: Callable[[Tensor], Tensor]
    mean: Tensor


def measured(lab: Tensor, weights: Tensor, with_histograms: bool) -> Statistics:
    """Statistics of one strip of L*a*b*, which is overwritten; without histograms these are empty `[2, 0]`."""
    weight = weights.sum(dtype=torch.float64)
    histograms = weight.new_empty(2, 0)
    if with_histograms:
        part = torch.nonzero(weights != 1).flatten()
        histograms = torch.stack([_histogram(plane, weights, part) for plane in lab[1:]])
    # About a mean, float32 keeps sums over one strip exact enough.
    about = (torch.mv(lab, weights) / weight).to(lab)
    centered = lab.sub_(about.unsqueeze(1))
    weighted = centered * weights
    shift = weighted.sum(dim=1).double() / weight
    covariance = torch.mm(weighted, centered.T).double() / weight - torch.outer(shift, shift)
    return Statistics(weight, about.double() + shift, covariance, histograms)


def pooled(parts: Sequence[Statistics]) -> Statistics:
    """The statistics of all strips together."""
    weights = torch.stack([part.weight for part in parts])
    weight = weights.sum()
    shares = weights / weight
    means = torch.stack([part.mean for part in parts])
    mean = shares @ means
    apart = means - mean
    covariances = torch.stack([part.covariance for part in parts])
    covariance = (shares[:, None, None] * covariances).sum(dim=0) + (apart * shares[:, None]).T @ apart
    return Statistics(weight, mean, covariance, torch.stack([part.histograms for part in parts]).sum(dim=0))


def reinhard(source: Statistics, target: Statistics, keep_lightness: bool) -> Transfer:
    """Mean and standard deviation of each Lab channel of `source` carried onto those of `target`."""
    deviation, wanted = (part.covariance.diagonal().clamp(min=0.0).sqrt() for part in (source, target))
    gain = (wanted / deviation.clamp(min=1e-6)).clamp(max=MAX_GAIN)
    return _affine(torch.diag(gain), source.mean, target.mean, keep_lightness)


def mkl(source: Statistics, target: Statistics, keep_lightness: bool) -> Transfer:
    """Mean and covariance of `source` carried onto those of `target` by the Monge–Kantorovich linear map."""
    values, vectors = torch.linalg.eigh(source.covariance)
    root = (vectors * values.clamp(min=1e-6).sqrt()) @ vectors.T
    inverse_root = (vectors / values.clamp(min=1e-6).sqrt()) @ vectors.T
    inner_values, inner_vectors = torch.linalg.eigh(root @ target.covariance @ root)
    inner = (inner_vectors * inner_values.clamp(min=0.0).sqrt()) @ inner_vectors.T
    matrix = inverse_root @ inner @ inverse_root
    gains, axes = torch.linalg.eigh((matrix + matrix.T) / 2)
    return _affine((axes * gains.clamp(0.0, MAX_GAIN)) @ axes.T, source.mean, target.mean, keep_lightness)


def _affine(matrix: Tensor, mean_from: Tensor, mean_to: Tensor, keep_lightness: bool) -> Transfer:
    """L*a*b* `mean_from` goes to `mean_to`, differences from it go through `matrix`; L* may be left as it is."""
    if keep_lightness:
        matrix, mean_to = matrix.clone(), mean_to.clone()
        matrix[0] = matrix.new_tensor((1.0, 0.0, 0.0))
        mean_to[0] = mean_from[0]
    to_lab = matrix.new_tensor(((0.0, L_SCALE, 0.0), (A_SCALE, -A_SCALE, 0.0), (0.0, B_SCALE, -B_SCALE)))
    zero = matrix.new_tensor((L_OFFSET, 0.0, 0.0))
    on_roots = torch.linalg.solve(to_lab, matrix @ to_lab)
    offset = torch.linalg.solve(to_lab, mean_to - zero - matrix @ (mean_from - zero))

    def apply(roots: Tensor) -> Tensor:
        return torch.addmm(offset.to(roots)[:, None], on_roots.to(roots), roots)

    return Transfer(apply, mean_to)


def histogram(source: Statistics, target: Statistics) -> Transfer:
    """a* and b* distributions of `source` carried onto those of `target`; L* stays untouched.

    Two smooth monotone curves (quantile to quantile, interpolated), so that neighbouring colours stay neighbours.
    """
    curves = torch.stack([_quantile_curve(s, t) for s, t in zip(source.histograms, target.histograms, strict=True)])
    fine = F.interpolate(curves.unsqueeze(0), size=_PLACES, mode="linear", align_corners=True)[0]
    moved = (source.histograms * curves).sum(dim=1) / source.histograms.sum(dim=1)

    def apply(roots: Tensor) -> Tensor:
        on_roots = (fine / fine.new_tensor(((A_SCALE,), (-B_SCALE,)))).to(roots)
        x, y, z = roots
        for plane, curve, scale in ((x, on_roots[0], A_SCALE), (z, on_roots[1], -B_SCALE)):
            torch.add(y, curve.index_select(0, _places(plane.sub_(y), scale)), out=plane)
        return roots

    return Transfer(apply, torch.cat((source.mean[:1], moved)))


def _places(values: Tensor, scale: float) -> Tensor:
    """The nearest of the `_PLACES` over the whole span to `values · scale` (a* or b*, `[n]`), which are overwritten."""
    per_unit = (_PLACES - 1) / (2 * _SPAN)
    return values.mul_(scale * per_unit).add_(_SPAN * per_unit + 0.5).clamp_(0, _PLACES - 1).int()


def _histogram(values: Tensor, weights: Tensor, part: Tensor) -> Tensor:
    """`[_BINS]` float64 of a* or b* `[n]`: every pixel shared between the two bins it lies between.

    `part` are the indices of the pixels that do not weigh 1: whole ones are counted in a third of the time.
    """
    fine = (_BINS - 1) * _FINE
    place = (values * (_PER_UNIT * _FINE)).add_(_SPAN * _PER_UNIT * _FINE).round_().clamp_(0, fine - 1).int()
    counts = torch.bincount(place, minlength=fine).double()
    if part.numel():
        less = weights.index_select(0, part).sub_(1.0)
        counts += torch.bincount(place.index_select(0, part), weights=less.double(), minlength=fine)
    counts = counts.view(_BINS - 1, _FINE)
    share = torch.arange(_FINE, device=values.device, dtype=torch.float64) / _FINE
    upper = counts @ share
    return F.pad(counts.sum(dim=1) - upper, (0, 1)) + F.pad(upper, (1, 0))


def _quantile_curve(source: Tensor, target: Tensor) -> Tensor:
    """`[_BINS]`: where each bin centre of the source goes, from the two histograms `[_BINS]`."""
    cdf_s, cdf_t = _cumulative(source), _cumulative(target)
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


def _cumulative(histogram: Tensor) -> Tensor:
    """Smooth cumulative distribution `[_BINS]` (float64, 0..1) at the bin centres."""
    reach = int(4 * _SMOOTHING)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=histogram.device) / _SMOOTHING) ** 2).double()
    padded = F.pad(histogram.view(1, 1, -1), (reach, reach), mode="replicate").flatten()
    spectrum = torch.fft.rfft(padded, _TRANSFORM) * torch.fft.rfft(kernel / kernel.sum(), _TRANSFORM)
    smooth: Tensor = torch.fft.irfft(spectrum, _TRANSFORM)[2 * reach : 2 * reach + _BINS].clamp(min=0.0)
    # The centre of a bin lies amid its own mass.
    cumulative = smooth.cumsum(0) - smooth / 2
    return cumulative / smooth.sum()
