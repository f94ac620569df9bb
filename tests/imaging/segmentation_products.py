"""Products with exact alpha that the tests make themselves: bags with arches and twin straps, on studio backdrops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from prodgen_nodes.imaging.colorspace import linear_to_srgb
from scipy import ndimage
from torch import Tensor

_SUPER = 4
_CROSS = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True)
class Scene:
    """`photo` `[H,W,3]` sRGB, exact `alpha` `[H,W]`, the product's own `color` `[H,W,3]` sRGB."""

    photo: Tensor
    alpha: Tensor
    color: Tensor


def _shape(kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    body = (np.abs(x - 0.5) < 0.24 + 0.03 * (y - 0.5)) & (y > 0.48) & (y < 0.80)
    if kind == "jar":
        return (np.abs(x - 0.5) < 0.16) & (y > 0.4) & (y < 0.8)
    radius = np.hypot(x - 0.5, 1.0 * (y - 0.48))
    arch = (np.abs(radius - 0.17) < 0.016) & (y < 0.49)
    if kind == "twin":
        # A second strap close behind the first: a narrow gap of backdrop between them.
        inner = np.hypot(x - 0.5, 1.0 * (y - 0.48))
        arch |= (np.abs(inner - 0.115) < 0.014) & (y < 0.49)
    return body | arch


def scene(
    kind: str = "bag",
    seed: int = 0,
    size: int = 384,
    backdrop: tuple[float, float, float] = (0.80, 0.78, 0.76),
    product: tuple[float, float, float] = (0.25, 0.10, 0.07),
    noise: float = 1.0,
    shadow: float = 0.85,
) -> Scene:
    """One product on a studio floor: vignette, horizon, contact shadow, sensor noise. Colours in linear light."""
    rng = np.random.default_rng(seed)
    side = size * _SUPER
    y, x = (np.mgrid[0:side, 0:side].astype(np.float32) + 0.5) / side
    fine = _shape(kind, x + rng.uniform(-0.04, 0.04), y).astype(np.float32)
    alpha = fine.reshape(size, _SUPER, size, _SUPER).mean(axis=(1, 3))
    return photographed(alpha, np.asarray(product), rng, backdrop=backdrop, noise=noise, shadow=shadow)


def photographed(
    alpha: np.ndarray,
    product: np.ndarray,
    rng: np.random.Generator,
    *,
    backdrop: tuple[float, float, float] = (0.80, 0.78, 0.76),
    noise: float = 1.0,
    shadow: float = 0.85,
    floor: float = 0.8,
) -> Scene:
    """What covers `alpha` `[side,side]` in the colours `product` (`[3]` or `[side,side,3]`), as `scene` shows its own.

    `floor`: where it stands, as a share of the side.
    """
    size = len(alpha)
    y, x = (np.mgrid[0:size, 0:size].astype(np.float32) + 0.5) / size
    horizon = 0.55 + rng.uniform(-0.05, 0.1)
    light = (1 - 0.5 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)) * (1 + 0.12 / (1 + np.exp(-(y - horizon) / 0.02)))
    columns = (alpha[int((floor - 0.02) * size)] > 0.5).astype(np.float32)
    foot = columns[None, :] * (np.abs(y - floor) < 0.012).astype(np.float32)
    seam = ndimage.gaussian_filter(foot, (0.008 * size, 0.015 * size)) * 1.1
    wide = ndimage.gaussian_filter(foot, (0.03 * size, 0.06 * size)) * 1.5
    lit = light * (1 - shadow * np.clip(seam + wide, 0, 1))
    scene_light = np.asarray(backdrop, dtype=np.float32) * lit[..., None]
    grain = ndimage.gaussian_filter(rng.standard_normal((size, size)).astype(np.float32), 0.8)
    color = product.astype(np.float32) * (1 + 0.18 * grain + 0.25 * (0.5 - x))[..., None]
    mixed = color * alpha[..., None] + scene_light * (1 - alpha[..., None])
    photo = linear_to_srgb(torch.from_numpy(mixed.clip(0, 1).astype(np.float32)))
    photo = photo + noise / 255 * torch.from_numpy(rng.standard_normal(mixed.shape).astype(np.float32))
    photo = (photo.clamp(0, 1) * 255).round() / 255
    own = linear_to_srgb(torch.from_numpy(color.clip(0, 1).astype(np.float32)))
    return Scene(photo, torch.from_numpy(alpha.astype(np.float32)), own)


def edge_band(truth: np.ndarray) -> np.ndarray:
    """Within 4 steps of the edge."""
    wide = ndimage.binary_dilation(truth > 0.02, _CROSS, 4)
    return wide & ~ndimage.binary_erosion(truth > 0.98, _CROSS, 4)


def errors(alpha: Tensor, truth: Tensor) -> tuple[float, float, float]:
    """Mean absolute error, the same within the edge band, and IoU at 0.5."""
    a, t = alpha.numpy(), truth.numpy()
    difference = np.abs(a - t)
    both, either = (a > 0.5) & (t > 0.5), (a > 0.5) | (t > 0.5)
    return float(difference.mean()), float(difference[edge_band(t)].mean()), float(both.sum() / max(1, either.sum()))


def strap_gap(alpha: Tensor, truth: Tensor) -> float:
    """Mean alpha where backdrop shows close to straps, below the product's first row of each column."""
    a, t = alpha.numpy(), truth.numpy()
    near = ndimage.binary_dilation(t > 0.9, _CROSS, 6) & (t < 0.1)
    first = np.where((t > 0.9).any(axis=0), (t > 0.9).argmax(axis=0), t.shape[0])
    near &= np.arange(t.shape[0])[:, None] > first[None, :]
    return float(a[near].mean()) if near.any() else 0.0


def before_busy(made: Scene) -> Tensor:
    """The photo's product before spots of all colours."""
    noise = torch.rand(24, 24, 3, generator=torch.Generator().manual_seed(4))
    spots = torch.nn.functional.interpolate(noise.movedim(-1, 0)[None], size=made.alpha.shape, mode="bilinear")[0]
    return made.photo * made.alpha[..., None] + spots.movedim(0, -1) * (1 - made.alpha[..., None])
