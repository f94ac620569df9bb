"""Conjugate gradients with a Jacobi preconditioner, for the sparse systems of the matting and of the random walker.

Source: M. R. Hestenes, E. Stiefel, "Methods of conjugate gradients for solving linear systems",
J. Res. NBS 49(6), 1952.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_EATEN = 1e-20
"""A curvature this small is rounding: nothing is left to solve, and dividing by it would only spoil the solution."""


def conjugate_gradients(
    product: Callable[[Tensor], Tensor],
    diagonal: Tensor,
    solution: Tensor,
    residual: Tensor,
    *,
    steps: int,
    done: Callable[[Tensor], bool],
) -> Tensor:
    """Solve A x = b from the guess `solution`, which is worked on in place and returned.

    All tensors have one shape `[...]`; `diagonal` and `residual` are used up. `product(x)` is A x, valid until the next
    call, for a symmetric positive definite A with this `diagonal`; `residual` is b - A x of the guess. At most `steps`
    steps; `done(z)` says of the preconditioned residual, about the error that is left, whether it is small enough.
    """
    inverse = diagonal.reciprocal_()
    z = inverse * residual
    direction = z.clone()
    energy = torch.dot(residual.flatten(), z.flatten())
    for _ in range(steps):
        if done(z):
            break
        image = product(direction)
        curvature = torch.dot(direction.flatten(), image.flatten())
        if float(curvature) <= _EATEN:
            break
        rate = energy / curvature
        solution.addcmul_(direction, rate)
        residual.addcmul_(image, -rate)
        torch.mul(inverse, residual, out=z)
        new_energy = torch.dot(residual.flatten(), z.flatten())
        direction.mul_(new_energy / energy.clamp(min=1e-30)).add_(z)
        energy = new_energy
    return solution
