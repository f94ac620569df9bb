"""Light: where it comes from and what it is, for the picture, the shadow and the prompt alike."""

from __future__ import annotations

from comfy_api.latest import io

from ..imaging.light import COLDEST, KINDS, NEUTRAL, WARMEST, LightSource, light_map
from ..imaging.scene_light import scene_brightness
from .common import CATEGORY, deliver, output, work_device

_BY_CLOCK = -10.0
"""x or y at this value: the clock decides."""
_BY_WORDS = -1.0
"""brightness at this value: the scene's words decide."""


def _place(name: str, tooltip: str) -> io.Float.Input:
    """Where the light is along one axis of the picture, unless the clock decides."""
    return io.Float.Input(
        name, default=_BY_CLOCK, min=_BY_CLOCK, max=10.0, step=0.01, optional=True, advanced=True, tooltip=tooltip
    )


class ProdgenLight(io.ComfyNode):
    """A light map to start relighting from, and the figures of the shadow that the same light throws."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenLight",
            display_name="Light",
            category=CATEGORY,
            description=(
                "One light, said in three ways that agree: a light map for the starting latent of a relighting model, "
                "the figures that Ground and Shadow takes, and words for the prompt."
            ),
            has_intermediate_output=True,
            search_aliases=["light", "light map", "light direction", "gradient", "ic-light source", "sun", "softbox"],
            inputs=[
                io.Int.Input("width", default=1024, min=16, max=16384, tooltip="Width of the light map in pixels."),
                io.Int.Input("height", default=1024, min=16, max=16384, tooltip="Height of the light map in pixels."),
                io.Combo.Input(
                    "kind",
                    options=list(KINDS),
                    default="softbox",
                    tooltip="What shines: it decides how the light falls off and how hard its shadow is.",
                ),
                io.Float.Input(
                    "clock",
                    default=10.0,
                    min=0.0,
                    max=12.0,
                    step=0.25,
                    tooltip=(
                        "Where it stands, on a clock around the product seen from above: 12 = behind it, 3 = to its "
                        "right, 6 = at the camera, 9 = to its left."
                    ),
                ),
                io.Float.Input(
                    "light_height",
                    default=45.0,
                    min=0.0,
                    max=90.0,
                    step=1.0,
                    tooltip="Its elevation in degrees: 0 = at the height of the ground, 90 = overhead.",
                ),
                io.Float.Input(
                    "temperature",
                    default=float(NEUTRAL),
                    min=float(WARMEST),
                    max=float(COLDEST),
                    step=100.0,
                    tooltip="Colour temperature in kelvin: 2000 candle, 3200 bulb, 5600 daylight (white), 9000 shade.",
                ),
                io.String.Input(
                    "color", default="", tooltip="Colour as #rrggbb; it wins over the temperature. Empty: none."
                ),
                io.Float.Input(
                    "spread", default=0.5, min=0.0, max=1.0, step=0.05, tooltip="0 = a tight patch, 1 = wide and even."
                ),
                io.Float.Input(
                    "intensity", default=0.9, min=0.0, max=1.0, step=0.05, tooltip="How bright its brightest point is."
                ),
                io.Float.Input(
                    "fill",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="Light from everywhere, so that the far side is not black. More fill, paler shadows.",
                ),
                io.String.Input(
                    "second_color",
                    default="#00c8ff",
                    optional=True,
                    advanced=True,
                    tooltip="Colour of the right one of a neon pair, as #rrggbb.",
                ),
                _place(
                    "x", "Place in the picture, wins over clock and height: 0 = left edge, 1 = right; -10 = unused."
                ),
                _place("y", "Place in the picture: 0 = top, 1 = bottom; -10 = unused."),
                io.String.Input(
                    "scene",
                    default="",
                    optional=True,
                    force_input=True,
                    tooltip="The scene in words (the prompt): night, dusk or candlelight make the light map darker.",
                ),
                io.Float.Input(
                    "brightness",
                    default=_BY_WORDS,
                    min=_BY_WORDS,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="How bright the whole scene is, in linear light: 1 = full light, 0.06 = night; -1 = as the "
                    "scene's words say, or 1 without any.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The light map: encode it as the starting latent."),
                io.Float.Output(display_name="light_angle", tooltip="For Ground and Shadow."),
                io.Float.Output(display_name="light_height", tooltip="For Ground and Shadow."),
                io.Float.Output(display_name="softness", tooltip="For Ground and Shadow."),
                io.Float.Output(display_name="opacity", tooltip="For Ground and Shadow."),
                io.String.Output(display_name="words", tooltip="The same light in words, for the prompt."),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def execute(
        cls,
        width: int,
        height: int,
        kind: str,
        clock: float,
        light_height: float,
        temperature: float,
        color: str,
        spread: float,
        intensity: float,
        fill: float = 0.05,
        second_color: str = "#00c8ff",
        x: float = _BY_CLOCK,
        y: float = _BY_CLOCK,
        scene: str | None = None,
        brightness: float = _BY_WORDS,
    ) -> io.NodeOutput:
        if brightness < 0:
            brightness = 1.0 if scene is None else scene_brightness(scene)
        source = LightSource(
            kind,
            clock,
            light_height,
            temperature,
            color.strip(),
            second_color.strip(),
            spread,
            intensity,
            fill,
            None if x == _BY_CLOCK else x,
            None if y == _BY_CLOCK else y,
            brightness,
        )
        (image,) = deliver(light_map(source, width, height, work_device()))
        shadow = (source.shadow_angle, source.shadow_height, source.softness, source.opacity)
        report = {
            "kind": kind,
            **dict(zip(("light_angle", "light_height", "softness", "opacity"), shadow, strict=True)),
            "words": source.words,
            "brightness": brightness,
        }
        return output(image, *shadow, source.words, report=report, preview=image, cls=cls)
