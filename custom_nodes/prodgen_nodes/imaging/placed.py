"""What every operation on a placed product checks before its own work: sizes, batches, and the scene's own scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from .errors import EmptyMaskError, ShapeError
from .extent import product_box
from .placement import Affine, Placement
from .tensors import Box, check_color, check_mask, common_batch, item, same_size, split_alpha


@dataclass(frozen=True)
class OnScene:
    """The checked inputs of an operation on a product that lies in a scene.

    `scene` `[B,H,W,C]` (C of 3, or 4 with alpha) and `rgb` `[B,h,w,3]` sRGB, `mask` `[B,h,w]`; `placement` on this
    very scene, which is `factor` times as large as the canvas it was made on; `covers`: the optional masks `[B,H,W]`
    on the scene that were given, by name; `batch`: how many pictures all of them share once a batch of 1 broadcasts.
    """

    scene: Tensor
    rgb: Tensor
    mask: Tensor
    placement: Placement
    factor: float
    covers: Mapping[str, Tensor]
    batch: int

    def cover(self, name: str, index: int) -> Tensor | None:
        """The optional mask `name` `[H,W]` of one picture; None where it was not given."""
        return item(self.covers[name], index) if name in self.covers else None


def on_scene(
    scene: Tensor,
    product: Tensor,
    mask: Tensor,
    placement: Placement | None,
    *,
    name: str = "scene",
    **covers: Tensor | None,
) -> OnScene:
    """Check what came in: `product` and `mask` at the size that `placement` was made for, the rest at the scene's.

    Without a placement the product has the scene's size and lies where it is. `name`: what the scene is called in
    errors. `covers`: optional masks `[B,H,W]` on the scene.

    Raises ShapeError that names both shapes where sizes or batches do not fit, and NotFiniteError for values that are
    no numbers.
    """
    scene = check_color(scene, name)
    rgb, mask = placed_product(product, mask, placement)
    factor = 1.0
    if placement is None:
        placement = _where_it_is(scene, rgb, mask, name)
    else:
        placement, factor = rescaled(placement, scene.shape[2], scene.shape[1])
    given = {key: check_mask(cover, key) for key, cover in covers.items() if cover is not None}
    for key, cover in given.items():
        same_size(**{name: scene, key: cover})
    batch = placed_batch(placement, **{name: scene, "product": rgb, "mask": mask}, **given)
    return OnScene(scene, rgb, mask, placement, factor, given, batch)


def placed_product(product: Tensor, mask: Tensor, placement: Placement | None = None) -> tuple[Tensor, Tensor]:
    """RGB `[B,h,w,3]` and mask `[B,h,w]` of a product, both of one size: that which `placement` was made for.

    Raises ShapeError that names both shapes where the sizes do not fit, and NotFiniteError for values that are no
    numbers.
    """
    rgb, _ = split_alpha(product, "product")
    mask = check_mask(mask)
    same_size(product=rgb, mask=mask)
    if placement is not None:
        check_product_size(placement, rgb)
    return rgb, mask


def _where_it_is(scene: Tensor, product: Tensor, mask: Tensor, name: str) -> Placement:
    """The placement of a product that already has the scene's size."""
    if product.shape[1:3] != scene.shape[1:3]:
        raise ShapeError(
            f"product {tuple(product.shape)} does not have the size of {name} {tuple(scene.shape)}; connect the "
            "placement of 'Place Product', which says where it belongs."
        )
    height, width = scene.shape[1:3]
    boxes = tuple(_box_or_all(one) for one in mask)
    return Placement(width, height, width, height, (Affine.scale_translate(1.0, 0.0, 0.0),) * len(boxes), boxes)


def _box_or_all(mask: Tensor) -> Box:
    try:
        return product_box(mask)
    except EmptyMaskError:  # whether there must be a product is for the operation to say
        return Box(0, 0, mask.shape[1], mask.shape[0])


def placed_batch(placement: Placement, **tensors: Tensor) -> int:
    """The batch size that the tensors and the placement share; ShapeError naming the shapes where they do not."""
    batch = common_batch(**tensors)
    if len(placement) != 1 and batch not in (1, len(placement)):
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise ShapeError(
            f"the placement holds {len(placement)} positions but the pictures come in a batch of {batch} ({shapes}); "
            "take product, mask and placement from the same 'Place Product' node."
        )
    return max(batch, len(placement))


def rescaled(placement: Placement, width: int, height: int) -> tuple[Placement, float]:
    """`placement` for a scene of another size but the same shape, and the factor; ShapeError for another shape."""
    was = (placement.canvas_width, placement.canvas_height)
    if (width, height) == was:
        return placement, 1.0
    sx, sy = width / was[0], height / was[1]
    # The same shape once sides have been rounded to whole pixels: 1 px on either side explains the difference.
    if min(abs(width - was[0] * sy), abs(height - was[1] * sx)) > 1.0:
        raise ShapeError(
            f"the scene is {width}×{height} pixels but the placement was made on a {was[0]}×{was[1]} canvas of another "
            "shape: use the scene that was generated from that canvas, or resize it back first."
        )
    stretch = Affine(sx, 0.0, 0.0, 0.0, sy, 0.0)
    moved = Placement(
        canvas_width=width,
        canvas_height=height,
        product_width=placement.product_width,
        product_height=placement.product_height,
        transforms=tuple(stretch.after(transform) for transform in placement.transforms),
        boxes=placement.boxes,
        pose=placement.pose,
    )
    return moved, (sx * sy) ** 0.5


def check_product_size(placement: Placement, product: Tensor) -> None:
    """Raises ShapeError unless `product` `[B,h,w,...]` has the size that `placement` was made for."""
    if (product.shape[2], product.shape[1]) != (placement.product_width, placement.product_height):
        raise ShapeError(
            f"product {tuple(product.shape)} is {product.shape[2]}×{product.shape[1]} pixels but the placement was "
            f"made for a product photo of {placement.product_width}×{placement.product_height}: connect the same "
            "picture and mask that went into 'Place Product', at full resolution."
        )
