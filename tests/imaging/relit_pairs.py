"""Real products and what a relight made of them: the pictures, and which pixels are product."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from skimage import color as skcolor

from tests.support.reference import relit


def product_mask(photo: np.ndarray) -> np.ndarray:
    """What is not white wall or marble in those two photos: dark or colourful, largest piece, small holes filled."""
    lab = skcolor.rgb2lab(photo)
    upper = np.arange(photo.shape[0])[:, None] < 0.48 * photo.shape[0]
    solid = (lab[..., 0] < np.where(upper, 86, 62)) | (np.hypot(lab[..., 1], lab[..., 2]) > 18)
    solid = ndimage.binary_opening(solid, iterations=1)
    labels, count = ndimage.label(solid)
    sizes = ndimage.sum_labels(solid, labels, range(1, count + 1))
    solid = labels == 1 + int(np.argmax(sizes))
    holes, count = ndimage.label(~solid)
    for number, size in enumerate(ndimage.sum_labels(~solid, holes, range(1, count + 1)), start=1):
        if size < 6000:
            solid |= holes == number
    return solid


def relit_pair(name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    pair = relit(name)
    arrays = [np.asarray(picture, dtype=np.float32) / 255 for picture in (pair.generated, pair.photo)]
    own = pair.own
    if own is None:
        own = ndimage.gaussian_filter(product_mask(arrays[1]).astype(np.float32), 0.8)
    mask = torch.from_numpy(own)
    return torch.from_numpy(arrays[0])[None], torch.from_numpy(arrays[1])[None], mask[None]
