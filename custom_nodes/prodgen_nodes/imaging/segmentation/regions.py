"""The connected regions of a mask and what holds over each of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

Numbers = NDArray[np.float64]


class Regions:
    """The 4-connected regions of a boolean `[H,W]`, numbered from 0; figures come as arrays `[count]`."""

    def __init__(self, mask: Tensor) -> None:
        self._device = mask.device
        self.labels, self.count = ndimage.label(mask.cpu().numpy())
        self._places = np.flatnonzero(self.labels)
        self._numbers = self.labels.ravel()[self._places] - 1
        self.area = np.bincount(self._numbers, minlength=self.count)

    def mean(self, values: Tensor) -> Numbers:
        """Mean of `values` `[H,W]` over each region."""
        here = values.cpu().numpy().ravel()[self._places]
        return np.bincount(self._numbers, here, self.count) / np.maximum(self.area, 1)

    def deviation(self, values: Tensor) -> Numbers:
        """Standard deviation of `values` `[H,W]` over each region."""
        here = values.cpu().numpy().ravel()[self._places]
        off = here - self.mean(values)[self._numbers]
        return np.sqrt(np.bincount(self._numbers, off * off, self.count) / np.maximum(self.area, 1))

    def touched(self, where: Tensor) -> NDArray[np.bool_]:
        """Which regions hold a pixel of the boolean `where` `[H,W]`."""
        out = np.zeros(self.count, dtype=bool)
        out[self._numbers[where.cpu().numpy().ravel()[self._places]]] = True
        return out

    def on_frame(self) -> NDArray[np.bool_]:
        """Which regions reach the picture's frame."""
        labels = self.labels
        out = np.zeros(self.count + 1, dtype=bool)
        out[np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1]))] = True
        return out[1:]

    def rim_mean(self, values: Tensor) -> Numbers:
        """Mean of `values` `[H,W]` over the pixels within two of each region that belong to none."""
        around = np.where(self.labels > 0, 0, ndimage.maximum_filter(self.labels, 5)).ravel()
        places = np.flatnonzero(around)
        numbers = around[places] - 1
        here = values.cpu().numpy().ravel()[places]
        return np.bincount(numbers, here, self.count) / np.maximum(np.bincount(numbers, minlength=self.count), 1)

    def chosen(self, keep: NDArray[np.bool_]) -> Tensor:
        """The pixels `[H,W]` of the regions where `keep` `[count]` holds."""
        return torch.from_numpy(np.concatenate(([False], keep))[self.labels]).to(self._device)


def connected_to_frame(mask: Tensor) -> Tensor:
    """The part of boolean `[H,W]` that hangs together (4-connected) with the picture's frame."""
    regions = Regions(mask)
    return regions.chosen(regions.on_frame())


def enclosed(product: Tensor) -> Tensor:
    """Boolean `[h,w]`: the openings of a boolean `product` `[h,w]`, which nothing outside it reaches."""
    return ~product & ~connected_to_frame(~product)
