"""Conjugate gradients against the direct solution, and where there is nothing to solve."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.solver import conjugate_gradients
from torch import Tensor


def system(size: int, seed: int) -> tuple[Tensor, Tensor]:
    """A symmetric positive definite matrix of uneven scale, and a right-hand side."""
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(size, size, generator=generator, dtype=torch.float64)
    scale = torch.logspace(-1, 1, size, dtype=torch.float64)
    return scale[:, None] * (root @ root.T / size + torch.eye(size)) * scale, torch.randn(
        size, generator=generator
    ).double()


@pytest.mark.parametrize("size", [1, 2, 7, 40])
@pytest.mark.parametrize("shape", ["flat", "plane"])
def test_it_finds_the_direct_solution(size: int, shape: str) -> None:
    matrix, right = system(size, size)
    form = (size,) if shape == "flat" else (1, size)
    start = torch.full(form, 0.5, dtype=torch.float64)
    found = conjugate_gradients(
        lambda x: (matrix @ x.flatten()).reshape(form),
        matrix.diagonal().clone().reshape(form),
        start,
        right.reshape(form) - (matrix @ start.flatten()).reshape(form),
        steps=4 * size,
        done=lambda z: float(z.abs().max()) < 1e-13,
    )
    assert torch.allclose(found.flatten(), torch.linalg.solve(matrix, right), rtol=1e-8, atol=1e-8)


def test_a_solution_is_left_as_it_is() -> None:
    matrix, right = system(5, 1)
    solved = torch.linalg.solve(matrix, right)
    for residual in (torch.zeros(5, dtype=torch.float64), right - matrix @ solved):
        found = conjugate_gradients(
            lambda x: matrix @ x, matrix.diagonal().clone(), solved.clone(), residual, steps=50, done=lambda _: False
        )
        assert torch.allclose(found, solved, rtol=0, atol=1e-12) and bool(found.isfinite().all())
