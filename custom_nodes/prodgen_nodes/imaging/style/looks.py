"""The styles as figures. Every figure is 0 where a style leaves that property alone; `strength` multiplies all of them.

| figure        | unit                                          | what it does                                        |
|---------------|-----------------------------------------------|-----------------------------------------------------|
| warmth        | mired (micro reciprocal kelvin), + is warmer  | white balance, as a filter before the lens          |
| contrast      | change of slope at middle grey (L* 50)        | S-shaped tone curve, ends kept                      |
| lift          | L* added to black                             | faded shadows, as a print has them                  |
| split         | a*b* units                                    | shadows towards teal, highlights towards orange     |
| saturation    | change of C*                                  | chroma of every colour                              |
| halation      | share of the brightest light that spreads     | red-orange glow around highlights, as in film       |
| bloom         | share of the brightest light that spreads     | neutral glow of a simple lens                       |
| blur          | radius over the longer side, at full distance | depth of field, by depth or from the product's foot  |
| vignette      | stops lost in the corners                     | natural fall-off of a lens (cos^4)                  |
| grain         | L* standard deviation in the midtones         | film or sensor noise                                |
| grain_size    | pixels at 1024 on the longer side             | 0: every pixel by itself                            |
| sharpen       | share of the detail below 1.5 pixels added    | what a phone does to its pictures                   |
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Look:
    """One style; `words` and `avoid` are for the prompt and the negative prompt."""

    words: str = ""
    avoid: str = ""
    warmth: float = 0.0
    contrast: float = 0.0
    lift: float = 0.0
    split: float = 0.0
    saturation: float = 0.0
    halation: float = 0.0
    bloom: float = 0.0
    blur: float = 0.0
    vignette: float = 0.0
    grain: float = 0.0
    grain_size: float = 0.0
    sharpen: float = 0.0

    def figures(self) -> dict[str, float]:
        """Everything but the words."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("words", "avoid")}


LOOKS: dict[str, Look] = {
    "none": Look(),
    "cinematic": Look(
        words="cinematic still, 35mm anamorphic film, shallow depth of field, motivated light, subtle film grain",
        avoid="flat light, phone snapshot, oversaturated",
        warmth=8,
        contrast=0.16,
        lift=3,
        split=5,
        saturation=-0.06,
        halation=0.20,
        blur=0.010,
        vignette=0.5,
        grain=1.2,
        grain_size=1.4,
    ),
    "dslr": Look(
        words="DSLR photograph, 85mm lens, f/2.8, natural colours, sharp focus on the product, soft background blur",
        avoid="phone snapshot, wide-angle distortion, oversharpened",
        warmth=3,
        contrast=0.14,
        saturation=0.05,
        blur=0.012,
        vignette=0.45,
        grain=0.3,
    ),
    "phone": Look(
        words="candid phone photograph, everything in focus, available light, true to life",
        avoid="studio light, bokeh, film grain",
        warmth=-4,
        contrast=-0.05,
        saturation=0.08,
        bloom=0.05,
        vignette=0.05,
        grain=0.5,
        sharpen=0.45,
    ),
    "studio": Look(
        words="studio photograph, seamless backdrop, softbox light, clean, evenly exposed, high detail",
        avoid="clutter, harsh shadows, colour cast",
        warmth=-3,
        contrast=0.10,
        saturation=-0.10,
        blur=0.006,
        vignette=0.35,
    ),
}
