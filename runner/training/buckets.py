"""Aspect-ratio buckets: the size that each photo is trained at, by the arithmetic of kohya's sd-scripts.

Photos of one size make one bucket; a batch is taken from one bucket. A size has about `resolution`² pixels and sides
that divide by `step`; without upscaling a photo is never made larger than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

Size = tuple[int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Buckets:
    """Which sizes there are: about `resolution`² pixels, sides from `least` to `most` that divide by `step`."""

    resolution: int
    least: int = 256
    most: int = 2048
    step: int = 64
    upscale: bool = False

    def size_of(self, width: int, height: int) -> Size:
        """The bucket (width, height) of a photo of this size."""
        if self.upscale:
            return min(self.sizes(), key=lambda size: (abs(size[0] / size[1] - width / height), -size[0] * size[1]))
        area = self.resolution**2
        shrink = min(1.0, (area / (width * height)) ** 0.5)
        wide, high = self._down(width * shrink), self._down(height * shrink)
        return wide, high

    def _down(self, side: float) -> int:
        cut = int(side + 1e-6) // self.step * self.step
        return max(self.step, min(self.most, cut))

    def sizes(self) -> list[Size]:
        """Every size that there is where photos may be made larger, the widest last."""
        shapes = set()
        for width in range(self.least, self.most + 1, self.step):
            height = min(self.most, self.resolution**2 // width // self.step * self.step)
            if height >= self.least:
                shapes |= {(width, height), (height, width)}
        square = self.resolution // self.step * self.step
        return sorted(shapes | {(square, square)})


def crop_box(photo: Size, bucket: Size, product: Box | None = None) -> tuple[float, float, float, float]:
    """What of a photo is kept for its bucket, in the photo's pixels: as much as its shape allows, around the middle.

    `product`: the bounding box (left, top, right, bottom) of the product, which the cut is moved to spare.
    """
    width, height = photo
    scale = max(bucket[0] / width, bucket[1] / height)
    kept = (bucket[0] / scale, bucket[1] / scale)
    starts = []
    for whole, part, span in zip(photo, kept, _spans(product), strict=True):
        start = (whole - part) / 2
        if span is not None:
            low, high = span
            too_long = high - low > part  # it cannot be kept whole: its middle is
            start = (low + high - part) / 2 if too_long else min(max(start, high - part), low)
        starts.append(max(min(start, whole - part), 0.0))
    left, top = starts
    return left, top, min(left + kept[0], width), min(top + kept[1], height)


def _spans(product: Box | None) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    if product is None:
        return None, None
    return (product[0], product[2]), (product[1], product[3])
