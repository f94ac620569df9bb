"""Made product pairs with a known truth: an original, what a relight should give, and what a model made of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from prodgen_nodes.imaging.colorspace import delta_e00, lab_to_srgb, linear_to_srgb, srgb_to_lab, srgb_to_linear
from prodgen_nodes.imaging.filters import gaussian_blur
from torch import Tensor


@dataclass(frozen=True)
class Pair:
    """All `[1,H,W,3]` sRGB and `[1,H,W]`; `truth` is the scene with the original under the scene's light."""

    original: Tensor
    generated: Tensor
    truth: Tensor
    mask: Tensor

    def error(self, result: Tensor) -> float:
        """Mean ΔE00 to the truth inside the product."""
        inside = self.mask > 0.99
        return float(delta_e00(srgb_to_lab(result)[inside], srgb_to_lab(self.truth)[inside]).mean())


def grid(side: int) -> tuple[Tensor, Tensor]:
    """y and x `[side, side]`, -1..1."""
    line = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return y, x


def jar(side: int = 320, seed: int = 0, hue_shift: float = 200.0, darkness: float = 0.5) -> Pair:
    """A purple jar with a pale label and a dark lid that a model turned brown, in another light.

    The generated picture has its own hue, less chroma and slightly blurred detail, all inside the product.
    """
    generator = torch.Generator().manual_seed(seed)
    y, x = grid(side)
    body = ((x.abs() / 0.5) ** 6 + (((y - 0.1) / 0.65) ** 2) ** 4) < 1
    lid = (x.abs() < 0.42) & (y > -0.75) & (y < -0.5)
    label = (x.abs() < 0.35) & ((y - 0.15).abs() < 0.25)
    mask = gaussian_blur((body | lid).float()[None], 0.7)
    grain = gaussian_blur(torch.randn(1, side, side, generator=generator), 1.2)[0] * 0.25
    colors = torch.tensor((0.22, 0.05, 0.30)).expand(side, side, 3).clone()
    colors[label] = torch.tensor((0.60, 0.52, 0.62))
    colors[lid] = torch.tensor((0.06, 0.02, 0.09))
    stripes = 1 + 0.15 * torch.sign(torch.sin(24 * y))
    surface = (colors * (stripes * (1 + grain)).clamp(0.4, 1.6).unsqueeze(-1)).clamp(0, 1)
    shade = (1.1 - 0.5 * x.abs())[..., None]
    light = (darkness * torch.exp(0.7 * x - 0.4 * y))[..., None]
    alpha = mask[0, ..., None]
    backdrop = torch.full((side, side, 3), 0.85)
    scene = torch.stack((0.25 + 0.1 * x, 0.2 + 0.05 * y, torch.full_like(x, 0.12)), dim=-1)
    product = (surface * shade).clamp(0, 1)
    lit = (product * light).clamp(0, 1)
    original = linear_to_srgb(product * alpha + backdrop * (1 - alpha))
    truth = linear_to_srgb(lit * alpha + scene * (1 - alpha))
    lab = srgb_to_lab(linear_to_srgb(lit))
    angle = torch.deg2rad(torch.tensor(hue_shift))
    a, b = lab[..., 1] * 0.5, lab[..., 2] * 0.5
    turned = torch.stack((lab[..., 0], a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()), dim=-1)
    drifted = srgb_to_linear(lab_to_srgb(turned).clamp(0, 1))
    drifted = gaussian_blur(drifted.permute(2, 0, 1)[None], 1.0)[0].permute(1, 2, 0)
    generated = linear_to_srgb(drifted * alpha + scene * (1 - alpha))
    return Pair(original[None], generated[None], truth[None], mask)


def sphere(side: int, light: tuple[float, float], gloss: float, sharpness: float = 40.0) -> tuple[Tensor, Tensor]:
    """A coloured sphere lit from `light` with a highlight; sRGB `[1,H,W,3]` on white, and its mask `[1,H,W]`."""
    y, x = grid(side)
    inside = torch.hypot(x, y) < 0.7
    nx, ny = x / 0.7, y / 0.7
    nz = (1 - nx**2 - ny**2).clamp(min=0).sqrt()
    lx, ly = light
    lz = (1 - lx * lx - ly * ly) ** 0.5
    length = (lx * lx + ly * ly + (lz + 1) ** 2) ** 0.5
    diffuse = (nx * lx + ny * ly + nz * lz).clamp(min=0)
    specular = ((nx * lx + ny * ly + nz * (lz + 1)) / length).clamp(min=0) ** sharpness * gloss
    linear = (0.1 + 0.9 * diffuse)[..., None] * torch.tensor((0.3, 0.05, 0.3)) + specular[..., None]
    picture = torch.where(inside[..., None], linear_to_srgb(linear.clamp(0, 1)), torch.tensor(0.95))
    return picture[None], inside.float()[None]


def mirror(side: int, seed: int) -> Tensor:
    """What a mirroring sphere shows: blotches that are others in every scene; sRGB `[1,H,W,3]` on white."""
    generator = torch.Generator().manual_seed(seed)
    blotches = torch.rand(1, 3, 16, 16, generator=generator)
    shown = torch.nn.functional.interpolate(blotches, size=(side, side), mode="bicubic").clamp(0, 1) ** 2
    y, x = grid(side)
    inside = (torch.hypot(x, y) < 0.7)[None, ..., None]
    return torch.where(inside, linear_to_srgb(shown.permute(0, 2, 3, 1)), torch.tensor(0.95))
