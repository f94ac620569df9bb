"""A scene is as bright as its description says, and the light map with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.imaging.light import LightSource, light_map
from prodgen_nodes.imaging.scene_light import DAY, UNSAID, scene_brightness

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
