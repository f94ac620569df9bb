"""The random walker on the pixel grid: soft labels that flow freely in smooth areas and stop at edges.

Minimises  sum w_ij (x_i - x_j)² + sum lambda_i (x_i - p_i)²  over the 4-connected grid by conjugate gradients with a
Jacobi preconditioner, started from the solution at half the size. Source: L. Grady, "Random walks for image
segmentation", IEEE TPAMI 28(11), 2006; the data term as in his "Multilabel random walker segmentation using prior
models", CVPR 2005.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..solver import conjugate_gradients


class _Laplacian:
    """`x -> (D + L) x` on the grid, with its work space kept: a fresh buffer per product costs more than the
    product."""

    def __init__(self, right: Tensor, down: Tensor, data: Tensor) -> None:
        self.right, self.down, self.data = right, down, data
        self._out, self._across, self._along = (torch.empty_like(part) for part in (data, right, down))

    def __call__(self, x: Tensor) -> Tensor:
        """The product; valid until the next call."""
        out = torch.mul(self.data, x, out=self._out)
        flow = torch.sub(x[:, 1:], x[:, :-1], out=self._across).mul_(self.right)
        out[:, :-1] -= flow
        out[:, 1:] += flow
        flow = torch.sub(x[1:], x[:-1], out=self._along).mul_(self.down)
        out[:-1] -= flow
        out[1:] += flow
        return out


def _solved(
    start: Tensor, right: Tensor, down: Tensor, data: Tensor, target: Tensor, steps: int, tolerance: float
) -> Tensor:
    diagonal = data.clone()
    diagonal[:, :-1] += right
    diagonal[:, 1:] += right
    diagonal[:-1] += down
    diagonal[1:] += down
    system = _Laplacian(right, down, data)
    limit = tolerance * tolerance * start.numel()
    return conjugate_gradients(
        system,
        diagonal.clamp_(min=1e-12),
        start.clone(),
        data * target - system(start),
        steps=steps,
        done=lambda z: float(torch.dot(z.flatten(), z.flatten())) < limit,
    )


def random_walker(
    right: Tensor, down: Tensor, data: Tensor, target: Tensor, steps: int = 60, start: Tensor | None = None
) -> Tensor:
    """Soft labels `[H,W]` for conductances `right` `[H,W-1]`, `down` `[H-1,W]`, data weights and targets `[H,W]`.

    `start` `[H,W]`: labels to go on from, where only few weights have changed since they were found.
    """
    height, width = data.shape
    if start is not None:
        steps //= 2
    elif min(height, width) >= 32:

        def pooled(x: Tensor) -> Tensor:
            return F.avg_pool2d(x[None, None], 2, ceil_mode=True, count_include_pad=False)[0, 0]

        full_right, full_down = F.pad(right, (0, 1)), F.pad(down, (0, 0, 0, 1))
        # Between two coarse pixels a walker passes the two fine conductances in series: the weaker one decides.
        half_right = _series(full_right, dim=1)
        half_down = _series(full_down, dim=0)
        weight = pooled(data)
        goal = pooled(data * target) / weight.clamp(min=1e-12)
        small_h, small_w = weight.shape
        coarse = random_walker(
            half_right[:small_h, : small_w - 1], half_down[: small_h - 1, :small_w], 4 * weight, goal, steps
        )
        start = F.interpolate(coarse[None, None], size=(height, width), mode="bilinear", align_corners=False)[0, 0]
    else:
        start = torch.full_like(target, 0.5)
        steps *= 3
    return _solved(start, right, down, data, target, steps, 3e-5).clamp(0.0, 1.0)


def _series(conductance: Tensor, dim: int) -> Tensor:
    """Conductances of the half-size grid along `dim`: harmonic along the step, summed across it."""
    height, width = conductance.shape
    padded = F.pad(conductance[None, None], (0, -width % 2, 0, -height % 2), mode="replicate")[0, 0]
    rolled = padded if dim == 1 else padded.T
    # Step from coarse k to k+1 crosses fine steps 2k (half), 2k+1, 2k+2 (half).
    inner, bridge = rolled[:, 0::2], rolled[:, 1::2]
    after = torch.cat((inner[:, 1:], inner[:, -1:]), dim=1)
    series = 1.0 / (0.5 / inner.clamp(min=1e-12) + 1.0 / bridge.clamp(min=1e-12) + 0.5 / after.clamp(min=1e-12))
    series = series[0::2] + series[1::2]
    return series if dim == 1 else series.T
