"""Parts of pictures refined at a model's resolution: cut out as squares, and put back, all around them untouched."""

from .cut import Crop, Crops, Point, cut, cut_all, square
from .regions import Region, RegionSettings, plan_regions, region_mask, stitch_regions
from .stitch import MAX_FEATHER, Stitched, faded, match_color, stitch

__all__ = [
    "MAX_FEATHER",
    "Crop",
    "Crops",
    "Point",
    "Region",
    "RegionSettings",
    "Stitched",
    "cut",
    "cut_all",
    "faded",
    "match_color",
    "plan_regions",
    "region_mask",
    "square",
    "stitch",
    "stitch_regions",
]
