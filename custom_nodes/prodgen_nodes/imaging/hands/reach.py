"""How far the fingers in a picture are from the nearest ones that a human hand can make.

The palm's affine map gives its pose in space but for a mirroring in depth and some doubt about the tilt. For each of
these poses, every finger's knuckle is known and the finger is three hinged bones of known length: a table of all
spreads and bends within the joints' limits, laid into the picture, holds a finger close to the points or it does not.
Exhaustive, so it has no starting point to go wrong with.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .anatomy import BEND_LIMITS, BONES, SPREAD_LIMITS

_STEPS = (5, 9, 9, 6)
"""Of the table: sideways, knuckle, middle joint, end joint."""
_DOUBT = (-0.18, 0.0, 0.18)
"""By how much the sine of the palm's tilt may be off: close to straight on, the cosine hardly tells."""
_AT_ONCE = 8
"""Hands: bounds the memory of the table of attitudes, and no result depends on it."""


@lru_cache(maxsize=4)
def attitudes(device: torch.device) -> tuple[Tensor, Tensor]:
    """Every attitude of index … little finger: `[4,K,4]` degrees sideways and of the three joints, and `[4,K,3,3]`,
    where joints 2 to 4 then are from the knuckle, in the palm's frame."""
    angles, fingers = [], []
    for finger in range(4):
        limits = (SPREAD_LIMITS[finger], *BEND_LIMITS)
        axes = [torch.linspace(low, high, n) for (low, high), n in zip(limits, _STEPS, strict=True)]
        degrees = torch.cartesian_prod(*axes)
        side, *bends = torch.deg2rad(degrees).unbind(dim=1)
        at = torch.zeros((side.shape[0], 3))
        angle, joints = torch.zeros_like(side), []
        for length, bend in zip(BONES[finger + 1], bends, strict=True):
            angle = angle + bend
            flat = torch.cos(angle)
            at = at + length * torch.stack((flat * torch.sin(side), flat * torch.cos(side), torch.sin(angle)), dim=1)
            joints.append(at)
        angles.append(degrees)
        fingers.append(torch.stack(joints, dim=1))
    return torch.stack(angles).to(device), torch.stack(fingers).to(device)


def palm_poses(linear: Tensor) -> Tensor:
    """Where the palm's three axes may go in the picture: `[N,P,3,2]` of the plate's linear map `[N,2,2]` (rows: axes).

    In units of the hand's length; the third axis, out of the palm, lies along the direction in which it is shortened.
    """
    _, values, vh = torch.linalg.svd(linear)
    size = values[:, :1].clamp(min=1e-9)
    openness = values[:, 1:] / size
    doubt = linear.new_tensor(_DOUBT)
    tilt = ((1 - openness.square()).clamp(min=0.0).sqrt() + doubt).clamp(0.0, 1.0)
    tilt = torch.cat((tilt, -tilt), dim=1)
    out = tilt.unsqueeze(-1) * vh[:, None, 1]
    flat = (linear / size.unsqueeze(-1)).unsqueeze(1).expand(-1, tilt.shape[1], -1, -1)
    return torch.cat((flat, out.unsqueeze(2)), dim=2)


def reach_errors(chains: Tensor, linear: Tensor, visible: Tensor) -> Tensor:
    """`[N,4]`: root mean square distance of each finger `[N,4,4,2]` (knuckle to tip, unit: the hand's length) from the
    nearest possible one, all four in the palm pose that suits them best; fingers weigh by `visible` `[N,4]`."""
    parts = range(0, chains.shape[0], _AT_ONCE)
    errors = [_errors(*(x[i : i + _AT_ONCE] for x in (chains, linear, visible))) for i in parts]
    return torch.cat(errors)


def _errors(chains: Tensor, linear: Tensor, visible: Tensor) -> Tensor:
    poses = palm_poses(linear).float()
    seen = (chains[:, :, 1:] - chains[:, :, :1]).float()
    _, table = attitudes(chains.device)
    # |possible - seen|², multiplied out, so that the large table meets the points in one dense product.
    spots, offsets = table.flatten(2), torch.einsum("npcd,nfjd->npfjc", poses, seen)
    square = torch.einsum("npcd,nped->npce", poses, poses)
    own = torch.einsum("fkjc,fkje->fkce", table, table)
    away = torch.matmul(square.flatten(2), own.flatten(2).flatten(0, 1).T).reshape(*square.shape[:2], *own.shape[:2])
    away = away - 2 * torch.einsum("fki,npfi->npfk", spots, offsets.flatten(3))
    away = (away.amin(dim=-1) + seen.square().sum(dim=(-1, -2)).unsqueeze(1)).clamp(min=0.0) / 3
    best = (away * visible[:, None]).sum(dim=-1).argmin(dim=1)
    chosen = away.gather(1, best[:, None, None].expand(-1, 1, 4))[:, 0]
    errors: Tensor = (chosen.sqrt() * visible).to(chains.dtype)
    return errors
