"""What is photographed and how: the pictures of this folder, and two sets to measure a cut-out with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .stage import Setting


@dataclass(frozen=True)
class Shot:
    """A product in a light; `size` is in pixels, of which a set takes the proportions only."""

    product: str
    seed: int
    colors: str | None  # body,trim,metal,thread as #rrggbb; None: drawn from the palette by the seed
    setting: Setting = field(default_factory=Setting)
    size: tuple[int, int] = (1000, 1000)
    samples: int = 24
    scene: str = "studio"
    quality: int = 93  # of the JPEG

    def scaled(self, longest: int) -> tuple[int, int]:
        width, height = (round(side * longest / max(self.size)) for side in self.size)
        return width, height


LOOK = Setting(
    backdrop="#dcd8d1", key=1.35, fill_light=0.22, ambient=0.08, exposure=0.8, rim=0.9, noise=0.0012, vignette=0.12
)
WHITE = Setting(backdrop="#f4f4f2", ambient=0.6, exposure=0.7, key=0.7, fill_light=0.3, vignette=0.1)
"""White paper, exposed so that it stays just short of white."""

VARIED: dict[str, Shot] = {
    "handbag_1": Shot("handbag", 1, None),
    "tote_2": Shot("tote", 2, None, Setting(backdrop="#e6e0d6", turn=14, fill=0.7)),
    "briefcase_3": Shot(
        "briefcase", 3, "#4a2c1c,#2d1a12,#d2b46c,#b08a5a", Setting(backdrop="#d9dcde", wall="#c6cacd", turn=-22)
    ),
    "shoulder_bag_4": Shot("shoulder_bag", 4, None, Setting(backdrop="#efece8", fill=0.74, turn=10)),
    "jar_5": Shot("jar", 5, "#3b1c8f,#c8c8cc,#d0d0d4,#ffffff", Setting(backdrop="#e4e6ea", height=12, fill=0.5)),
    "black_on_grey_8": Shot(
        "handbag", 8, "#0b0b0c,#08080a,#b8b8bc,#2a2a2c", Setting(backdrop="#3a3b3d", vignette=0.3, ambient=0.12)
    ),
    "white_lid_on_white_9": Shot(
        "jar", 9, "#d98aa0,#f6f6f4,#d0d0d4,#ffffff",
        Setting(backdrop="#f7f7f6", ambient=0.45, vignette=0.08, height=11, fill=0.52),
    ),
    "shoe_7": Shot("shoe", 7, "#b23a2c,#ece8df,#d0d0d4,#ffffff", Setting(backdrop="#dfe3e6", turn=16, height=12)),
    "bottle_6": Shot(
        "bottle", 6, "#2f6f62,#20332f,#d9b25f,#ffffff", Setting(backdrop="#e9e2d8", wall="#efe9e0", turn=0, fill=0.66)
    ),
    "perfume_10": Shot(
        "perfume", 10, "#e8b98a,#17171a,#d9b25f,#ffffff", Setting(backdrop="#e9e4de", turn=24, height=10)
    ),
    "duffel_11": Shot(
        "duffel", 11, "#24375e,#5b3a22,#cfcfd2,#8fa3cf", Setting(backdrop="#d8d2c8", turn=-20, height=13)
    ),
    "tote_12": Shot(
        "tote", 21, "#20201f,#7b4a2a,#cfcfd2,#8a8a86", Setting(backdrop="#dcdfe1", wall="#d3d6d9", turn=-12, fill=0.72)
    ),
}  # fmt: skip
"""Plain studio photos of every kind of bag and of a few things without a handle."""

BROWN = replace(
    LOOK, backdrop="#96674a", turn=-16, height=8, fill=0.7, lift=-0.06, blur=0.03, rim=0.5, fill_light=0.4, ambient=0.12
)
HARD: dict[str, Shot] = {
    "table_bag": Shot("handbag", 5, "#8a5a36,#5b3a22,#d2a850,#d9b184", BROWN, (800, 1000), scene="table"),
    "table_mug": Shot(
        "mug", 2, "#dfe6e2,#333333,#999999,#ffffff",
        Setting(backdrop="#b08a62", turn=-28, height=16, fill=0.5, lift=-0.08, blur=0.03), (1000, 800), scene="table",
    ),
    "brown_on_brown": Shot("handbag", 4, "#8a5a38,#7a4c2e,#b58c4e,#a97a50", BROWN, (800, 1000)),
    "green_on_green": Shot(
        "duffel", 11, "#4a5a3a,#5b3a22,#cfcfd2,#8fa3cf",
        replace(LOOK, backdrop="#6d7a5c", turn=-38, height=20, fill=0.8), (1000, 800),
    ),
    "red_on_red": Shot(
        "toy_car", 3, "#b3262a,#333333,#d0d2d6,#ffffff",
        replace(LOOK, backdrop="#a83a34", turn=-32, height=14, fill=0.8), (1000, 750),
    ),
    "linen_on_linen": Shot(
        "tote", 21, "#d8cfc0,#7b4a2a,#cfcfd2,#8a8a86",
        Setting(backdrop="#ddd6ca", turn=-26, fill=0.82, height=14, exposure=0.8), (800, 1000),
    ),
    "white_jar_on_white": Shot(
        "jar", 5, "#f4f3f0,#f8f8f6,#d0d0d4,#ffffff", replace(WHITE, height=11, fill=0.55), (900, 900)
    ),
    "white_shoe_on_white": Shot(
        "shoe", 3, "#f1efea,#fbfbf8,#d0d0d4,#ffffff", replace(WHITE, turn=14, height=12, fill=0.7), (1000, 750)
    ),
    "black_on_black": Shot(
        "handbag", 8, "#0d0d0e,#0a0a0c,#8a8a90,#232326",
        Setting(backdrop="#1c1d1f", vignette=0.3, ambient=0.1, turn=-24, fill=0.75), (800, 1000),
    ),
    "shoes": Shot(
        "shoes", 7, "#2f4a5e,#ece8df,#d0d0d4,#ffffff",
        Setting(backdrop="#dfe3e6", turn=16, height=20, fill=0.8, exposure=0.8), (1000, 750),
    ),
    "earrings": Shot(
        "earrings", 3, "#2d5f8c,#333333,#c9ccd2,#ffffff",
        Setting(backdrop="#dcdad6", turn=0, height=66, fill=0.76, exposure=0.75), (1000, 800),
    ),
    "clear_glass": Shot(
        "flask", 2, "#ffffff,#c9a06a,#d0d0d4,#ffffff",
        Setting(backdrop="#b9bec2", wall="#d5d8da", turn=0, fill=0.76), (700, 1000),
    ),
    "thin_legs": Shot(
        "chair", 1, "#b98a5a,#2a2522,#d0d0d4,#ffffff",
        Setting(backdrop="#d9d5cc", turn=-32, height=14, fill=0.82, exposure=0.85), (800, 1000),
    ),
    "thin_strap": Shot(
        "fine_strap", 6, "#31456b,#1d2b48,#cfcfd4,#a9bbdd", replace(LOOK, turn=12, fill=0.8, backdrop="#c9cfd3"),
        (800, 1000),
    ),
    "thin_chain": Shot(
        "necklace", 3, "#1f6f5c,#333333,#d9b25f,#ffffff",
        Setting(backdrop="#e0d8ca", turn=8, height=62, fill=0.84, exposure=0.75), (800, 1000),
    ),
    "thin_rims": Shot(
        "sunglasses", 3, "#15181c,#3a2418,#c9a25a,#ffffff",
        Setting(backdrop="#ddd8d0", turn=-28, height=16, fill=0.78, exposure=0.85), (1000, 700),
    ),
    "sofa": Shot(
        "sofa", 3, "#c9bfae,#6b4a32,#d0d2d6,#b5673f",
        Setting(backdrop="#d9d0c2", wall="#e6dfd3", turn=-24, height=10, fill=0.82, exposure=0.8), (1000, 700),
    ),
}  # fmt: skip
"""What is hard to cut out: busy surroundings, the backdrop's own colour, pairs, glass, and thin parts."""

PICTURES: dict[str, Shot] = {
    "handbag": Shot(
        "handbag", 5, "#7d3f26,#4f2716,#d2a850,#d9b184", replace(LOOK, turn=-16, fill=0.845), (1640, 2050)
    ),
    "jar": Shot("jar", 8, "#2c5a4f,#efece6,#d2a850,#ffffff", replace(LOOK, height=12, fill=0.6), (1400, 1400)),
    "shoulder_bag": Shot(
        "shoulder_bag", 6, "#31456b,#1d2b48,#cfcfd4,#a9bbdd",
        replace(LOOK, turn=12, fill=0.78, backdrop="#d5d9dc"), (1400, 1750),
    ),
    "berry_bag": Shot(
        "handbag", 5, "#8e1f45,#5a1430,#d2a850,#e3b6a8",
        replace(LOOK, turn=-16, height=6, fill=0.7, lift=-0.07, blur=0.035, rim=0.12, fill_light=0.5, ambient=0.13),
        (896, 1120), 32,
    ),
    "brown_bag": Shot("handbag", 5, "#8a5a36,#5b3a22,#d2a850,#d9b184", BROWN, (960, 1200), 16, quality=78),
    "shoes": Shot(
        "shoes", 7, "#2f4a5e,#ece8df,#d0d0d4,#ffffff",
        replace(LOOK, backdrop="#cfd4d8", turn=16, height=20, fill=0.8), (1200, 900), 16, quality=88,
    ),
}  # fmt: skip
"""The pictures of this folder, as they were made."""

ON_WHITE: dict[str, Shot] = {
    "bag": Shot("handbag", 5, "#7d3f26,#4f2716,#d2a850,#d9b184", Setting(turn=-24, height=11)),
    "chair": Shot("chair", 1, "#b98a5a,#2a2522,#d0d0d4,#ffffff", Setting(turn=-32, height=14)),
    "bottle": Shot("bottle", 6, "#2f6f62,#20332f,#d9b25f,#ffffff", Setting(turn=0, height=10)),
    "car": Shot("toy_car", 3, "#b3262a,#333333,#d0d2d6,#ffffff", Setting(turn=-28, height=13, fill=0.72)),
    "carton": Shot("carton", 2, "#b98f62,#d8c7a4,#333333,#f3efe6", Setting(turn=-34, height=15)),
    "suitcase": Shot("suitcase", 4, "#2f5f8c,#22272e,#c9ccd2,#ffffff", Setting(turn=-26, height=12)),
    "shoes": Shot("shoes", 7, "#2f4a5e,#ece8df,#d0d0d4,#ffffff", Setting(turn=16, height=18, fill=0.72)),
    "sofa": Shot("sofa", 3, "#c9bfae,#6b4a32,#d0d2d6,#b5673f", Setting(turn=-20, height=11, fill=0.74)),
    "jar": Shot("jar", 8, "#2c5a4f,#efece6,#d2a850,#ffffff", Setting(height=12, fill=0.56)),
    "mug": Shot("mug", 2, "#dfe6e2,#333333,#999999,#ffffff", Setting(turn=-28, height=14, fill=0.58)),
    "lamp": Shot("lamp", 3, "#c9b08a,#4f2716,#b58c4e,#ffffff", Setting(turn=0, height=9, fill=0.7)),
    "stacker": Shot("stacker", 3, "#c23b32,#2f6f9c,#e0b13c,#3f8a4e", Setting(turn=0, height=11, fill=0.6)),
    "tote": Shot("tote", 21, "#d8cfc0,#7b4a2a,#cfcfd2,#8a8a86", Setting(turn=-16, height=9, fill=0.7)),
    "duffel": Shot("duffel", 11, "#24375e,#5b3a22,#cfcfd2,#8fa3cf", Setting(turn=-20, height=13, fill=0.72)),
}  # fmt: skip
"""Products on white, for measuring a shadow: it was fitted to some of the first six; the rest were measured and looked
at on the way, and nothing was fitted to them."""


_SEEN = {
    "handbag_1": ("handbag", 1, None),
    "handbag_1_rose": ("handbag", 1, "#b5566b,#8c3a4f,#e3c48a,#f0cdd4"),
    "handbag_4": ("handbag", 4, "#b9803f,#5b3a22,#cfcfd2,#f0e2c8"),
    "tote_2": ("tote", 2, None),
    "shoulder_bag_4": ("shoulder_bag", 4, "#7a2e22,#4d1c16,#d9b25f,#d8b48a"),
    "briefcase_3": ("briefcase", 3, "#4a2c1c,#2d1a12,#d2b46c,#b08a5a"),
    "duffel_11": ("duffel", 11, "#24375e,#5b3a22,#cfcfd2,#8fa3cf"),
    "shoe_7": ("shoe", 7, "#b23a2c,#ece8df,#d0d0d4,#ffffff"),
    "shoe_7_navy": ("shoe", 7, "#24375e,#ece8df,#d0d0d4,#ffffff"),
    "mug_3": ("mug", 3, "#b5566b,#8c3a4f,#e3c48a,#f0cdd4"),
    "jar_5": ("jar", 5, "#3b1c8f,#c8c8cc,#d0d0d4,#ffffff"),
    "bottle_6": ("bottle", 6, "#2f6f62,#20332f,#d9b25f,#ffffff"),
    "toy_car_2": ("toy_car", 2, None),
    "suitcase_1": ("suitcase", 1, "#5d6b3a,#3c3a22,#b99a5b,#c9cfa6"),
}
_VIEWS: dict[str, tuple[str, Setting]] = {
    "reference": ("studio", Setting()),
    "turned": ("studio", Setting(backdrop="#b9c3cc", turn=4.0, height=14.0, fill=0.45, key=1.3, fill_light=0.2)),
    "warm": ("studio", Setting(backdrop="#e2cfb4", turn=-34.0, height=6.0, fill=0.55, warmth=0.5, exposure=0.8)),
    "terrace": ("terrace", Setting(turn=-10.0, fill=0.5)),
    "table": ("table", Setting(turn=-26.0, fill=0.5, height=16.0)),
}
SIGHTINGS = {
    f"{name}/{view}": Shot(product, seed, colors, setting, scene=scene)
    for name, (product, seed, colors) in _SEEN.items()
    for view, (scene, setting) in _VIEWS.items()
}
"""Products as they are seen again: turned, in other light, elsewhere; two of them also in another colour."""

_RANGE = (("tan", "#a8743f"), ("red", "#a3212b"), ("blue", "#2a4f86"), ("black", "#17171a"), ("white", "#ece6da"))
RANGES: dict[str, dict[str, Shot]] = {
    product: {name: Shot(product, seed, f"{body},{others}", setting, size) for name, body in _RANGE}
    for product, seed, others, setting, size in (
        ("handbag", 5, "#5b3a22,#d2a850,#d9b184", replace(LOOK, fill=0.78), (800, 1000)),
        ("shoe", 7, "#ece8df,#d0d0d4,#ffffff", replace(LOOK, turn=16, height=12), (1000, 800)),
        ("jar", 5, "#c8c8cc,#d0d0d4,#ffffff", replace(LOOK, height=12, fill=0.6), (900, 1000)),
        ("suitcase", 3, "#2a2a2c,#cfcfd2,#8a8a86", replace(LOOK, turn=-18), (800, 1000)),
    )
}
"""Products in the colours of their range, at the same pixels in the same light: only one material differs."""
RANGED = {
    "handbag": ("body", "flap"),
    "shoe": ("upper", "collar", "tongue", "line"),
    "jar": ("body",),
    "suitcase": ("shell", "rib"),
}
"""The parts of each that have it."""
