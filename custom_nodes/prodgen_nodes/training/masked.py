"""A loss that counts inside the product's mask only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..imaging.errors import ShapeError

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "MSE": lambda predicted, wanted: (predicted - wanted) ** 2,
    "L1": lambda predicted, wanted: (predicted - wanted).abs(),
    "Huber": lambda predicted, wanted: F.huber_loss(predicted, wanted, reduction="none"),
    "SmoothL1": lambda predicted, wanted: F.smooth_l1_loss(predicted, wanted, reduction="none"),
}
"""The losses of ComfyUI's trainer, for each value by itself."""


def masked_loss(
    predicted: Tensor, wanted: Tensor, masks: Tensor | None, weights: Tensor | None = None, loss: str = "MSE"
) -> Tensor:
    """The mean loss of a batch over what is masked in; a scalar.

    Args:
        found, wanted: `[B,C,…,H,W]`.
        masks: `[B,H,W]`, 1 where it counts; outside the gradient is exactly 0. None: everything counts.
        weights: `[B]`, how much each picture of the batch counts.

    A picture's loss is divided by the area of its mask, so that a small product teaches as much as a large one.
    Raises ShapeError where the masks do not fit.
    """
    each = LOSSES[loss](predicted, wanted)
    if masks is None:
        losses = each.flatten(1).mean(dim=1)
    else:
        if masks.shape != (predicted.shape[0], *predicted.shape[-2:]):
            raise ShapeError(f"masks has shape {tuple(masks.shape)}, the latents {tuple(predicted.shape)}.")
        shape = (masks.shape[0], *(1,) * (predicted.ndim - 3), *masks.shape[-2:])
        share = masks.reshape(shape).expand_as(each)
        counted = share.flatten(1).sum(dim=1).clamp_min(1.0)
        losses = torch.where(share > 0, each * share, torch.zeros_like(each)).flatten(1).sum(dim=1) / counted
    return (losses if weights is None else losses * weights).mean()


def latent_mask(mask: Tensor, height: int, width: int) -> Tensor:
    """`[h,w]`, the share of product in each of `height`×`width` latent cells, from a mask `[H,W]`; cells that hold
    almost none of it are 0."""
    small = F.interpolate(mask[None, None].float(), size=(height, width), mode="area")[0, 0]
    return torch.where(small < 0.05, torch.zeros_like(small), small).clamp(0, 1)


def min_snr_weights(sigmas: Tensor, gamma: float) -> Tensor | None:
    """How much each noise level counts for a loss on the clean picture, `[B]`; None where `gamma` is 0 (all alike).

    Hang et al., "Efficient diffusion training via min-SNR weighting", arXiv 2303.09556: the loss on the noise is
    weighted with min(SNR, gamma)/SNR, which for the clean picture is min(SNR, gamma), with SNR = 1/sigma².
    """
    return None if gamma <= 0 else (1 / sigmas.float() ** 2).clamp(max=gamma)


class BatchLoss:
    """The loss as ComfyUI's trainer calls it, `loss(found, wanted)`; what is in the batch is said before, by `now`."""

    def __init__(self, masks: Sequence[Tensor] | None, loss: str = "MSE") -> None:
        """`masks`: `[h,w]` of each picture, None where nothing is masked."""
        self._masks, self._loss = masks, loss
        self._batch: Tensor | None = None
        self._weights: Tensor | None = None

    def now(self, indices: Sequence[int], weights: Tensor | None = None) -> None:
        """The pictures of the next batch, and how much each counts."""
        self._batch = None if self._masks is None else torch.stack([self._masks[index] for index in indices])
        self._weights = weights

    def __call__(self, predicted: Tensor, wanted: Tensor) -> Tensor:
        masks = None if self._batch is None else self._batch.to(predicted)
        weights = None if self._weights is None else self._weights.to(predicted)
        return masked_loss(predicted, wanted, masks, weights, self._loss)
