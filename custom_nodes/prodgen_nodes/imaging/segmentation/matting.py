"""Closed-form matting of the unknown band of a trimap, at any picture size: only band pixels are ever touched.

Source: A. Levin, D. Lischinski, Y. Weiss, "A closed-form solution to natural image matting", IEEE TPAMI 30(2), 2008.
Pixels mix in linear light, so the colours are linearised first; the known pixels are eliminated exactly and the rest
is solved by Jacobi-preconditioned conjugate gradients.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..solver import conjugate_gradients
from ..transfer import decode_
from .pixels import PixelSet

_EPSILON = 1e-6
"""Regulariser of the window covariances, in linear light squared: about a third of an 8-bit step near white."""
_WINDOW = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
"""Levin et al. 2008: windows of 3×3, whose pixels see each other within 5×5."""
_REACH = tuple((dy, dx) for dy in range(-2, 3) for dx in range(-2, 3))
_CHUNK = 1 << 18
"""Pixels whose rows are built at a time: 25 floats each, some 26 MB."""


def _inverse_covariance(centred: Tensor) -> list[list[Tensor]]:
    """Inverses, 3×3 entries `[n]`, of the regularised covariances of `[3,9,n]`, by the adjugate."""
    red, green, blue = centred

    def moment(x: Tensor, y: Tensor) -> Tensor:
        return (x * y).sum(dim=0) / 9.0

    a, d, f = (moment(plane, plane) + _EPSILON / 9.0 for plane in (red, green, blue))
    b, c, e = moment(red, green), moment(red, blue), moment(green, blue)
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d
    dd, ee, ff = a * f - c * c, b * c - a * e, a * d - b * b
    scale = 1.0 / (a * aa + b * bb + c * cc).clamp(min=1e-30)
    aa, bb, cc, dd, ee, ff = (entry * scale for entry in (aa, bb, cc, dd, ee, ff))
    return [[aa, bb, cc], [bb, dd, ee], [cc, ee, ff]]


def _affinities(colors: Tensor, members: Tensor) -> list[list[Tensor]]:
    """How much alike two pixels of a window are, 9×9 entries `[n]`; `colors` `[3,m]`, `members` `[9,n]` windows."""
    count = members.shape[1]
    centred = torch.stack([plane.index_select(0, members.reshape(-1)).view(9, count) for plane in colors])
    # Edge windows hold two colours, so two of three variances vanish: single precision would lose the small ones, and
    # with them the definiteness that the solver needs.
    centred = centred.double()
    centred -= centred.mean(dim=1, keepdim=True)
    inverse = _inverse_covariance(centred)
    pull = [(a * centred[0]).addcmul_(b, centred[1]).addcmul_(c, centred[2]) for a, b, c in inverse]
    out: list[list[Tensor]] = [[] for _ in range(9)]
    for one in range(9):
        for other in range(9):
            if other < one:
                out[one].append(out[other][one])
                continue
            alike = pull[0][one] * centred[0, other]
            alike.addcmul_(pull[1][one], centred[1, other]).addcmul_(pull[2][one], centred[2, other])
            out[one].append(alike.add_(1.0).div_(9.0).float())
    return out


def matting_rows(colors: Tensor, pixels: PixelSet, unknown: PixelSet) -> tuple[Tensor, Tensor]:
    """Rows of the matting Laplacian for `unknown`: neighbour positions in `pixels` and weights, both `[n,25]`.

    `colors` `[3,len(pixels)]` linear; `pixels` must hold everything within two steps of `unknown`.
    """
    centres = unknown.grown().inner()
    members = pixels.find(centres, _WINDOW)
    windows = centres.find(unknown, _WINDOW)
    del centres  # its table of places is as large as the picture
    weights = torch.zeros((25, len(unknown)), device=colors.device)
    for start in range(0, len(unknown), _CHUNK):
        part = windows[:, start : start + _CHUNK]
        held = part >= 0
        if not bool(held.any()):
            continue
        first, last = int(part[held].min()), int(part.max()) + 1
        alike = _affinities(colors, members[:, first:last])
        for (dy, dx), places, valid in zip(_WINDOW, part, held, strict=True):
            inside = None if bool(valid.all()) else valid.float()
            window = (places - first).clamp_(min=0)
            own = 4 - 3 * dy - dx
            for slot, (ey, ex) in enumerate(_WINDOW):
                affinity = alike[own][slot].index_select(0, window)
                row = weights[(dy + ey + 2) * 5 + dx + ex + 2, start : start + _CHUNK]
                row -= affinity if inside is None else affinity * inside
            weights[12, start : start + _CHUNK] += 1.0 if inside is None else inside
    # One step at a time: for a large photo's band this is the largest table. Beyond the picture there is nothing, and
    # the weight there is 0.
    places = torch.cat([pixels.find(unknown, [step]).clamp_(min=0) for step in _REACH])
    return places.T.contiguous(), weights.T.contiguous()


def closed_form_matte(
    srgb: Tensor,
    start: Tensor,
    unknown: Tensor,
    steps: int = 120,
    tolerance: float = 1e-3,
) -> Tensor:
    """Alpha `[H,W]` that keeps `start` where `unknown` is False and solves for it elsewhere.

    `srgb` `[H,W,3]`; `start` `[H,W]` 0..1: exact outside the band, the first guess inside; `unknown` `[H,W]` bool.
    """
    band = PixelSet.of(unknown)
    if len(band) == 0:
        return start.clone()
    pixels = band.grown(2)
    positions, weights = matting_rows(decode_(pixels.colors(srgb)), pixels, band)
    own = positions[:, 12].long()
    values = start.reshape(-1).index_select(0, pixels.index).unsqueeze(1)
    del pixels  # its table, too

    def product(x: Tensor) -> Tensor:
        return F.embedding_bag(positions, x, mode="sum", per_sample_weights=weights)[:, 0]

    full = torch.zeros_like(values)
    solution = conjugate_gradients(
        lambda direction: product(full.index_copy_(0, own, direction.unsqueeze(1))),
        weights[:, 12].clamp(min=1e-6),
        values[:, 0].index_select(0, own),
        -product(values),
        steps=steps,
        done=lambda z: float(z.abs().mean()) < tolerance * 0.1,
    )
    alpha = start.reshape(-1).clone()
    alpha[band.index] = solution.clamp_(0.0, 1.0)
    return alpha.reshape(start.shape)
