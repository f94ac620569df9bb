"""The shadow a product throws on the ground it stands on, and the mask of that ground.

Contact shadow: every piece of contact is the foot of an upright screen, and a point of the ground in front of it loses
the part of the studio's even light that the screen hides: the configuration factor of a small horizontal area to a
vertical rectangle (Siegel and Howell, Thermal Radiation Heat Transfer, factor for perpendicular elements). Along the
contact that is a convolution with a difference of two Poisson kernels, done exactly in Fourier space, row by row.
Two screens are added: the product itself, and a low one for the dark line where it rests. The shadow is darkest at the
contact, exactly 0 above it, and at the sides it vanishes towards the contact line by itself.

Cast shadow: the silhouette sheared and squashed onto the ground by the light, blurred with its distance from the foot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .colorspace import linear_to_srgb, srgb_to_linear
from .contact import Array, Contact, Touch, find_contact
from .errors import ShapeError
from .filters import gaussian_blur, masked_blur
from .tensors import check_image, check_mask, check_range, common_batch, item, same_size

FORESHORTENING = 0.3
"""Depth on the ground to rows of the picture: a camera about 17° above the ground, as packshots are taken."""
_DEPTHS = 64
_CAST_SIDE = 512
_EDGE = 3.0
"""Rows above the contact in which half-covered pixels of a soft edge may still show shaded ground."""
_KEEP_CLEAR = 0.85
"""Share of the room between product and border that a shadow may take."""


@dataclass(frozen=True)
class Light:
    """How the ground is lit. Angles in degrees; `softness` and `opacity` 0..1.

    `angle`: where the light comes from, clockwise as on a clock seen from above: 0 = behind the product (the shadow
    falls towards the viewer), 90 = from the right, 180 = from the camera, 270 = from the left. `height`: its elevation
    above the ground, 90 = straight above.
    """

    angle: float = 330.0
    height: float = 60.0
    softness: float = 0.5
    opacity: float = 0.7
    contact_only: bool = True

    def check(self) -> None:
        check_range(self.angle, -360.0, 360.0, "light_angle")
        check_range(self.height, 5.0, 90.0, "light_height")
        check_range(self.softness, 0.0, 1.0, "softness")
        check_range(self.opacity, 0.0, 1.0, "opacity")


@dataclass(frozen=True)
class Grounded:
    """Pictures with shadow `[B,H,W,C]`, light taken from the ground and the ground `[B,H,W]`, one report each."""

    image: Tensor
    shadow: Tensor
    ground: Tensor
    reports: list[dict[str, Any]]


def _screen(edge: Tensor, depths: Tensor, height: float) -> Tensor:
    """Light hidden by a screen of `height` pixels on the contact `edge` `[n]`, at each of `depths` `[k]`: `[k,n]`.

    1 right at a long contact (half the sky). `edge` is padded so that the transform's wrap-around stays outside.
    """
    count = edge.shape[0]
    padded = 1 << (2 * count - 1).bit_length()
    spectrum = torch.fft.rfft(edge, n=padded)
    omega = 2 * math.pi * torch.fft.rfftfreq(padded, device=edge.device)
    near = depths[:, None]
    far = torch.sqrt(near**2 + height**2)
    transfer = torch.exp(-near * omega) - (near / far) * torch.exp(-far * omega)
    hidden: Tensor = torch.fft.irfft(spectrum * transfer, n=padded)[:, :count].clamp(0.0, 1.0)
    return hidden


def _fading_ends(left: int, right: int, count: int, ramp: int, device: torch.device) -> Tensor:
    """Contact strength per column `[count]`: 1 along columns `left..right`, easing off at both ends."""
    position = torch.arange(count, device=device, dtype=torch.float32) + 0.5
    ease = (torch.minimum(position - left, right - position) / max(1, ramp)).clamp(0.0, 1.0)
    return ease * ease * (3 - 2 * ease)


@dataclass(frozen=True)
class _Reach:
    """How far a shadow may go, in ground pixels: towards the viewer, and beyond the contact's left and right end."""

    depth: float
    left: float
    right: float


def _reach(touch: Touch, wanted: float, width: int, height: int) -> _Reach:
    def within(room: float) -> float:
        return max(4.0, min(wanted, _KEEP_CLEAR * room))

    depth = within((height - touch.lowest) / FORESHORTENING)
    return _Reach(depth, within(touch.left), within(width - touch.right))


def _contact_shade(alpha: Tensor, touch: Touch, softness: float, span: float) -> tuple[int, Tensor]:
    """Shade of one piece of contact, 0..1: its first canvas row and rows `[n, width]` from there on."""
    (height, width), device = alpha.shape, alpha.device
    broad = (0.1 + 0.5 * softness) * min(touch.height, max(2.0 * touch.width, 0.15 * span))
    tight = (0.012 + 0.03 * softness) * span
    # A narrow foot is as deep as it is wide and shades the ground around it: its screen is a little wider than itself.
    pad = round(min(0.4 * touch.width, 0.01 * span))
    left, right = max(0, touch.left - pad), min(width, touch.right + pad)
    reach = _reach(touch, 3.0 * broad + 6.0 * tight, width, height)
    # Depth samples grow with the distance, as the shade's own detail does.
    depths = reach.depth * torch.linspace(0, 1, _DEPTHS, device=device) ** 2
    edge = _fading_ends(left, right, width, round(min(0.02 * span, 0.3 * (right - left))), device)
    table = 0.42 * _screen(edge, depths, broad) + 0.58 * _screen(edge, depths, tight)
    columns = torch.arange(width, device=device) + 0.5
    over = (left - columns).clamp(min=0.0), (columns - right).clamp(min=0.0)
    aside = torch.maximum(over[0] / reach.left, over[1] / reach.right)
    window = (1 - (depths / reach.depth)[:, None] ** 2 - aside**2).clamp(min=0.0)
    # Beside the product the shade begins below the line, not on it: no hard upper edge in the picture.
    rounding = depths[:, None] ** 2 / (depths[:, None] ** 2 + 2 * (over[0] + over[1]) ** 2).clamp(min=1e-6)
    rounding = torch.where(over[0] + over[1] > 0, rounding, torch.ones_like(rounding))
    table = table * window * window * rounding
    centers: Array = np.arange(width, dtype=np.float64) + 0.5
    contour = torch.from_numpy(touch.level(centers)).to(device, torch.float32)
    # A ragged mask edge must not comb the shade: distances count from a calm line.
    calm = torch.from_numpy(touch.level(centers, blur=0.012 * span)).to(device, torch.float32)
    top = max(0, math.floor(touch.highest - _EDGE))
    bottom = min(height, math.ceil(touch.lowest + reach.depth * FORESHORTENING) + 1)
    rows = torch.arange(top, bottom, device=device)[:, None] + 0.5
    below = (rows - calm) / FORESHORTENING
    place = (below.clamp(min=0.0) / reach.depth).clamp(max=1.0).sqrt() * (_DEPTHS - 1)
    index = place.floor().clamp(max=_DEPTHS - 2).long()
    share = place - index
    shade = torch.gather(table, 0, index) * (1 - share) + torch.gather(table, 0, index + 1) * share
    # Above the line there is no shade, but for the ground that shows through the product's own soft edge.
    own = (columns > touch.left) & (columns < touch.right)
    edge_pixel = own & (alpha[top:bottom] > 0) & (rows + _EDGE > contour)
    return top, shade * ((rows + 0.5 > contour) | edge_pixel)


def _cast_shade(alpha: Tensor, contact: Contact, light: Light) -> Tensor:
    """Shade of the sheared silhouette on the canvas `[H,W]`, 0..1."""
    height, width = alpha.shape
    factor = max(1, math.ceil(max(height, width) / _CAST_SIDE))
    small = F.avg_pool2d(alpha[None, None], factor, ceil_mode=True, count_include_pad=False)[0, 0]
    columns: Array = (np.arange(small.shape[1], dtype=np.float64) + 0.5) * factor
    tall = max(2.0, contact.lowest - contact.box.top) / factor
    if len(contact.touches) == 1:
        shade = _sheared(small, contact.touches[0].level(columns) / factor, tall, light)
    else:
        # Feet stand at different depths: each throws its own leg, and what they carry stands above their middle.
        shade = torch.zeros_like(small)
        for touch in contact.touches:
            lean = 0.06 * contact.box.width
            leg = torch.zeros_like(small)
            rows = slice(max(0, int((touch.lowest - 0.3 * contact.box.height) / factor)), small.shape[0])
            across = slice(max(0, int((touch.left - lean) / factor)), math.ceil((touch.right + lean) / factor))
            leg[rows, across] = small[rows, across]
            shade = torch.maximum(shade, _sheared(leg, np.full(columns.size, touch.lowest / factor), tall, light))
        middle = (contact.lowest + contact.highest) / 2
        body = small.clone()
        body[max(0, int((contact.highest - 0.1 * contact.box.height) / factor)) :] = 0
        shade = torch.maximum(shade, _sheared(body, np.full(columns.size, middle / factor), tall, light))
    shade = shade * _towards_border(shade.shape[0], shade.shape[1], alpha.device)
    shade = F.interpolate(shade[None, None], scale_factor=factor, mode="bilinear", align_corners=False)[0, 0]
    return shade[:height, :width].clamp(0.0, 1.0)


def _sheared(silhouette: Tensor, base: Array, tall: float, light: Light) -> Tensor:
    """`silhouette` `[h,w]`, standing on row `base` `[w]` of each column, laid onto the ground by the light.

    Blurred and lightened with the height of what throws the shadow; `tall` is the product's, in pixels.
    """
    rows, columns = silhouette.shape
    spread = 1 / math.tan(math.radians(min(light.height, 85.0)))
    azimuth = math.radians(light.angle)
    drop = math.cos(azimuth) * spread * FORESHORTENING
    # A silhouette has no depth: lit from the side its shadow would be a hairline. A real product's is not.
    drop = math.copysign(max(abs(drop), 0.12), drop)
    sigmas = [0.004 * tall * 2**step for step in range(7)]
    levels = torch.stack([gaussian_blur(silhouette.unsqueeze(0), sigma)[0] for sigma in sigmas])
    centers = np.arange(columns) + 0.5
    x = torch.arange(columns, device=silhouette.device) + 0.5
    y = torch.arange(rows, device=silhouette.device)[:, None] + 0.5
    above = (y - torch.from_numpy(base).to(silhouette)) / drop
    source_x = x + math.sin(azimuth) * spread * above
    # The foot of the sheared column is its own, not that of the column where its shadow falls.
    own_base = np.interp(source_x.double().cpu().numpy(), centers, base)
    source_y = torch.from_numpy(own_base).to(silhouette) - above
    sigma = 0.004 * tall + (0.02 + 0.14 * light.softness) * above.clamp(min=0.0)
    level = torch.log2(sigma / sigmas[0]).clamp(0, len(sigmas) - 1)
    grid = torch.stack(
        (2 * source_x / columns - 1, 2 * source_y / rows - 1, 2 * (level + 0.5) / len(sigmas) - 1), dim=-1
    )
    shade = F.grid_sample(levels[None, None], grid[None, None], align_corners=False, padding_mode="zeros")[0, 0, 0]
    along = (above / tall).clamp(0.0, 1.0)
    return shade * (1 - along) ** 1.5 * (above > -1.0)


def _towards_border(rows: int, columns: int, device: torch.device) -> Tensor:
    """Weights `[rows, columns]`: 1 inside, falling smoothly to 0 just before the canvas' border."""

    def ramp(count: int) -> Tensor:
        position = torch.arange(count, device=device) + 0.5
        rest = (torch.minimum(position, count - position) / count - 0.01).clamp(min=0.0) / 0.12
        rest = rest.clamp(max=1.0)
        return rest * rest * (3 - 2 * rest)

    return ramp(rows)[:, None] * ramp(columns)


def shade_ground(alpha: Tensor, contact: Contact, light: Light) -> Tensor:
    """Share of the light that the ground loses `[H,W]`, 0..`opacity`, as if the product were not in front of it."""
    span = math.sqrt(contact.box.width * contact.box.height)
    lit = torch.ones_like(alpha)
    for touch in contact.touches:
        top, shade = _contact_shade(alpha, touch, light.softness, span)
        lit[top : top + shade.shape[0]] *= 1 - light.opacity * shade
    if not light.contact_only:
        lit *= 1 - 0.6 * light.opacity * _cast_shade(alpha, contact, light)
    return (1 - lit).clamp(max=light.opacity)  # both shadows together never exceed what was asked for


def ground_plane(contact: Contact, width: int, height: int, device: torch.device) -> Tensor:
    """The plane the product stands on `[H,W]`: 1 from the hindmost contact downwards, a soft horizon above it."""
    soft = max(2.0, 0.12 * contact.box.height)
    rows = torch.arange(height, device=device) + 0.5
    rise = ((rows - (contact.highest - soft)) / soft).clamp(0.0, 1.0)
    return (rise * rise * (3 - 2 * rise))[:, None].expand(height, width)


def _darken(image: Tensor, alpha: Tensor, shade: Tensor) -> None:
    """Take `shade` `[h,w]` of the light from the ground in `image` `[h,w,C]` (changed), which `alpha` partly covers."""
    linear = srgb_to_linear(image[..., :3])
    edge = (alpha > 0) & (shade > 0)
    loss = linear * shade.unsqueeze(-1)
    if bool(edge.any()):
        # Under a half-covered pixel only its ground loses light; what ground it has is told by the ground beside it.
        clear = (1 - alpha).unsqueeze(0)
        nearby = masked_blur(linear.permute(2, 0, 1).unsqueeze(0), (clear > 0.98).float(), 2.0)[0].permute(1, 2, 0)
        rest = (1 - alpha).unsqueeze(-1)
        ground = torch.minimum(nearby * rest, linear)
        loss = torch.where(edge.unsqueeze(-1), ground * shade.unsqueeze(-1), loss)
    touched = ((shade > 0) & (alpha < 1)).unsqueeze(-1)
    image[..., :3] = torch.where(touched, linear_to_srgb((linear - loss).clamp(min=0.0)), image[..., :3])


def ground_and_shadow(image: Tensor, mask: Tensor, light: Light | None = None) -> Grounded:
    """Put a shadow under each product and say where its ground is.

    `image` `[B,H,W,C]` sRGB; `mask` `[B,H,W]`, 1 = product, at the image's size. The product (mask 1) and everything
    the shadow does not reach stay bit-identical. `shadow` is the share of linear light taken from the ground, 0 on the
    product. Raises EmptyMaskError without a product, ShapeError and ParameterError for what does not fit.
    """
    light = light or Light()
    light.check()
    image, mask = check_image(image), check_mask(mask)
    same_size(image=image, mask=mask)
    batch = common_batch(image=image, mask=mask)
    height, width = mask.shape[1:]
    if min(height, width) < 4:
        raise ShapeError(f"image is {width}×{height} pixels; a shadow needs a picture of at least 4×4.")
    out = image.expand(batch, *image.shape[1:]).clone(memory_format=torch.contiguous_format)
    shadow = mask.new_zeros((batch, height, width))
    ground = mask.new_empty((batch, height, width))
    reports = []
    for index in range(batch):
        alpha = item(mask, index)
        contact = find_contact(alpha)
        shade = shade_ground(alpha, contact, light)
        lines = torch.nonzero((shade > 0).any(dim=1)).flatten()
        if lines.numel():
            rows = slice(int(lines[0]), int(lines[-1]) + 1)
            _darken(out[index, rows], alpha[rows], shade[rows])
            shadow[index] = torch.where(alpha > 0.5, 0.0, shade * (1 - alpha))
        ground[index] = ground_plane(contact, width, height, mask.device)
        reports.append(_report(contact, shadow[index], light))
    return Grounded(out, shadow, ground, reports)


def _report(contact: Contact, shadow: Tensor, light: Light) -> dict[str, Any]:
    height = shadow.shape[0]
    notes = []
    if contact.lowest > height - 2:
        notes.append("The product stands on the picture's lower border: place it higher to leave room for its shadow.")
    border = max(float(shadow[edge].max()) for edge in (0, -1)), max(float(shadow[:, edge].max()) for edge in (0, -1))
    if max(border) > 0 and not notes:
        notes.append("The shadow reaches the picture's border: make the product smaller or the shadow softer.")
    return {
        **contact.report(),
        "darkest": float(shadow.max()),
        "shaded_share": float((shadow > 1 / 512).float().mean()),
        "reaches_border": max(border) > 0,
        "contact_only": light.contact_only,
        "notes": notes,
    }
