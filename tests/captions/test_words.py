"""Captions from a language model's words, whatever it says: one clean line, `tag, class, rest`, never too long."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.captions import captioned, cleaned, framing_words, is_common


def words(text: str) -> list[int]:
    """A tokenizer as plain as can be: a number a word, low for short ones."""
    return [1000 * len(word) for word in text.replace(",", " ,").split()]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("The image shows a handbag on a marble table, soft light.", "on a marble table, soft light"),
        ('"A photo of ohwx-bag, seen from the left"', "seen from the left"),
        ("Here is a caption:\n\nIn this image, there is a handbag hanging from a hook.", "hanging from a hook"),
        ("Caption: **Held in one hand**, in front of a brick wall.", "held in one hand, in front of a brick wall"),
        (
            "This close-up photograph depicts the handbag lying on its side. Soft shadows!",
            "lying on its side, soft shadows",
        ),
        ("<think>What is it? A bag.</think>\nOn a chair; by a window", "on a chair, by a window"),
        ("Sure! Here's the description: seen from above", "seen from above"),
        ("“standing upright”", "standing upright"),
        ("-", ""),
        ("", ""),
        ("ohwx-bag", ""),
    ],
)
def test_a_models_manners_go(said: str, kept: str) -> None:
    assert cleaned(said, "ohwx-bag", "handbag") == kept


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=400), st.sampled_from(["ohwx-bag", "x.y+", ""]), st.sampled_from(["handbag", "t-shirt (*)", ""])
)
def test_any_words_become_one_line(said: str, tag: str, class_name: str) -> None:
    rest = cleaned(said, tag, class_name)
    assert "\n" not in rest and rest == rest.strip() and len(rest.split()) <= 40
    assert rest.isprintable()
    caption, count, _ = captioned(tag, class_name, rest, words)
    assert count <= 75 and "\n" not in caption
    if tag:
        assert caption.startswith(tag)
    assert cleaned(rest, tag, class_name) == cleaned(cleaned(rest, tag, class_name), tag, class_name)


def test_what_is_too_long_loses_its_end() -> None:
    caption, count, shortened = captioned("ohwx-bag", "handbag", " ".join(["word"] * 200), words)
    assert shortened and count <= 75 and caption.startswith("ohwx-bag, handbag, word word")
    assert captioned("ohwx-bag", "hand, bag", "red", words) == ("ohwx-bag, hand bag, red", 6, False)
    assert captioned("ohwx-bag", "", "", words)[0] == "ohwx-bag"


def test_a_tag_of_known_words_is_common() -> None:
    def tokens(word: str) -> list[int]:
        return {"bag": [3408], "my": [607], "sks": [48136]}.get(word, [2134, 97, 531])

    assert is_common("bag", tokens) and is_common("my_bag", tokens)
    assert not is_common("ohwx-bag", tokens) and not is_common("sks", tokens) and not is_common("", tokens)


def test_a_photo_says_how_it_frames_its_product() -> None:
    photo = torch.full((100, 200, 3), 0.8)
    mask = torch.zeros(100, 200)
    mask[30:80, 80:120] = 1
    photo[30:80, 80:120] = torch.tensor((0.6, 0.1, 0.1))
    assert framing_words(photo, mask) == "centered, on a plain light grey backdrop"
    assert framing_words(photo, mask.roll(60, 1)).startswith("on the right of the frame")
    cut = mask.clone()
    cut[20:100, 80:120] = 1
    assert framing_words(photo, cut).startswith("close-up")
    small = torch.zeros(100, 200)
    small[45:60, 95:110] = 1
    assert "small in the frame" in framing_words(photo, small)
    noisy = torch.rand(100, 200, 3, generator=torch.Generator().manual_seed(0))
    assert "surroundings" in framing_words(noisy, mask)
