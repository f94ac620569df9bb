"""A scene is as bright as its description says, and the light map with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.imaging.light import LightSource, light_map
from prodgen_nodes.imaging.scene_light import DAY, UNSAID, scene_brightness

SAID = {
    0.06: (
        "a night bus stop",
        "nocturnal mood, deep shadows",
        "woman on a street at 23:30",
        "3 o'clock in the morning, bus stop",
        "bench at 1:15 a.m.",
        "noche en Madrid",
        "ночной город",
        "la notte a Roma",
        "밤거리",
        "深夜の駅",
        "Sommernacht am See",
        "noite na praia",
        "clair de lune sur la mer",
        "gece, İstanbul",
        "a bright lamp in a cellar",
        "starry night over a lake",
        "night wearing a red coat",
        "night photography of a car",
        "city lights at night",
        "under a full moon",
        "low-key",
    ),
    0.15: (
        "a dark hotel lounge",
        "a dark medieval alley with torches",
        "dark, gloomy warehouse",
        "it is dark and quiet",
        "dîner aux chandelles",
        "dark blue light, empty room",
        "neon sign over a bar",
        "in a club, crowd dancing",
        "stormy sky above the sea",
        "a candle on a table",
        "dark and mysterious forest",
        "the room is dark",
        "film noir scene",
        "by candlelight",
    ),
    0.3: ("evening light on a wall",),
    0.5: (
        "a twilight purple scarf on a chair",
        "coucher de soleil sur la plage",
        "dark green sofa beside a lamp",
        "dim sum basket on a table",
        "film camera, stormy grey",
        "rain jacket on a hook, overcast",
        "dark and milk chocolate on a plate",
        "midnight sun over the fjord",
        "bright red handbag",
    ),
    1.0: (
        "dark roast coffee beans in a bag, white backdrop",
        "child's night lamp in a bright nursery",
        "dark rum bottle on a sunlit terrace",
        "dark roast coffee, morning kitchen",
        "night cream jar in a bright bathroom",
        "midnight black phone on a white background",
        "sunset orange lipstick, studio lighting",
        "cafe table at 2 pm",
        "Tageslicht, helle Küche",
        "plein jour, terrasse",
        "neon pink sneakers on the beach",
        "golf club on a sunny lawn",
        "starry night poster on a bright wall, daylight",
        "beach towel",
        "dim sum basket at noon",
        "rain boots, sunny garden",
        "snow white sneakers, studio",
        "a scented candle on a white background",
        "evening dress, high-key studio",
        "good night's sleep pillow in a bright bedroom",
        "Valentine's day gift, daylight",
        "the chocolate is dark, bright daylight",
        "dark-haired man in a sunny office",
        "dark academia desk, sunny window",
        "night light in a bright nursery",
        "cave man figure, studio",
        "underground comic print, daylight",
        "square 9:16 picture, bright studio",
        "full-grain leather bag at noon",
        "bright and airy kitchen",
    ),
}
"""Exposure of what a seller might write: light words that speak of the scene, and those that describe a thing."""
THINGS = [
    "dark chocolate bar",
    "dark denim jacket",
    "dark-skinned woman",
    "midnight blue scarf",
    "neon-green bottle",
    "evening gown",
    "dawn dish soap",
    "club sandwich",
    "dark walnut tray",
    "night cream jar",
    "cave painting print",
    "scented candle",
    "stormy grey sweater",
    "twilight purple mug",
]
LIGHTS = {
    "bright daylight": DAY,
    "sunny kitchen": DAY,
    "bright studio": DAY,
    "on a terrace at noon": DAY,
    "at 2 pm": DAY,
    "at sunset": 0.5,
    "at dusk": 0.3,
    "by candlelight": 0.15,
    "at night": 0.06,
    "2 am": 0.06,
    "at 23:00": 0.06,
    "lit by the moon": 0.06,
    "在夜里": 0.06,
}


@pytest.mark.parametrize(("brightness", "words"), [(key, one) for key, words in SAID.items() for one in words])
def test_sentences_of_a_seller(brightness: float, words: str) -> None:
    assert scene_brightness(words) == brightness


@given(
    st.sampled_from(THINGS),
    st.sampled_from(sorted(LIGHTS)),
    st.sampled_from(["a {}, {}", "{}, {}", "two of: {}; {}", "a woman with a {}, {}", "{1}: a {0}"]),
)
def test_a_thing_leaves_the_light_as_it_is_said(thing: str, light: str, form: str) -> None:
    assert scene_brightness(form.format(thing, light)) == LIGHTS[light]


@given(st.integers(0, 23), st.integers(0, 59))
def test_hours_are_as_bright_as_the_sun_is_high(hour: int, minute: int) -> None:
    found = scene_brightness(f"a street at {hour}:{minute:02}")
    assert found == scene_brightness(f"a street, {(hour + 11) % 12 + 1} {'pm' if hour >= 12 else 'am'}")
    assert (found == DAY) == (8 <= hour < 18)
    assert (found == 0.06) == (hour >= 22 or hour < 5)


ORDER = ["a street at night, neon signs", "by candlelight", "a harbour at dusk", "on a roof at sunset", "a sunny beach"]


def test_darker_words_are_darker_scenes() -> None:
    found = [scene_brightness(words) for words in ORDER]
    assert found == sorted(found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("words", "brightness"),
    [
        ("", UNSAID),
        ("bag on a table", UNSAID),
        ("BAG ON A ROOF AT MIDNIGHT", 0.06),
        ("a night-time street", 0.06),
        ("a bright lamp in a room at night", 0.06),
        ("a nightstand in a bright bedroom", DAY),
        ("not at night, a sunny square", DAY),
        ("no dark shadows, sunny square", DAY),
        ("a dark green sofa", UNSAID),
        ("a woman with dark hair, sunny park", DAY),
        ("a dark alley", 0.15),
        ("birthday cake", UNSAID),
        ("golden-hour light", 0.5),
    ],
)
def test_what_the_words_say(words: str, brightness: float) -> None:
    assert scene_brightness(words) == brightness


@given(st.text(max_size=60))
def test_any_text_is_a_brightness(words: str) -> None:
    assert 0 < scene_brightness(words) <= DAY
    assert scene_brightness(f"{words} at night") == 0.06 or any(
        no in words.casefold() for no in ("no", "never", "without")
    )


@pytest.mark.parametrize("kind", ["window", "softbox", "spot", "sun", "neon_pair", "ambient"])
def test_a_dark_scene_starts_dark_from_the_same_side(kind: str) -> None:
    bright, dark = (light_map(LightSource(kind, clock=9, exposure=exposure), 64, 48)[0] for exposure in (1.0, 0.06))
    assert dark.mean() < 0.4 * bright.mean()
    assert dark.max() < 0.35
    if kind not in ("ambient", "neon_pair"):
        assert dark[:, :20].mean() > dark[:, -20:].mean()
