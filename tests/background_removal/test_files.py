"""Which file is which, and which is best."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prodgen_nodes.background_removal import KNOWN, by_rank, recognise
from prodgen_nodes.background_removal.architectures import guess


@given(st.permutations([*((known.file, known.bytes) for known in KNOWN), ("other.onnx", 7), ("another.onnx", 9)]))
def test_best_first_whatever_the_order(files: list[tuple[str, int]]) -> None:
    assert by_rank(dict(files)) == [*(known.file for known in KNOWN), "another.onnx", "other.onnx"]


@given(st.sampled_from(KNOWN), st.text("abcxyz_-", min_size=1), st.sampled_from(["", "cutout/", "a/b/"]))
def test_a_known_file_is_known_under_any_name(known: object, name: str, folder: str) -> None:
    assert recognise(f"{folder}{name}.onnx", known.bytes) is known  # type: ignore[attr-defined]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.file)
def test_a_known_name_is_known_at_any_size(known: object) -> None:
    assert recognise(f"sub/{known.file.upper()}", 12345) is known  # type: ignore[attr-defined]
    assert recognise("something.onnx", 12345) is None


@pytest.mark.parametrize(
    ("name", "side", "kind"),
    [
        ("my-isnet-v2.onnx", 512, "isnet"),
        ("isnet-anime.onnx", None, "isnet"),
        ("u2netp-finetuned.onnx", 320, "u2netp"),
        ("u2net_human_seg.onnx", 320, "u2net"),
        ("silueta.onnx", 320, "u2net"),
        ("model.onnx", 320, "u2net"),
        ("model.onnx", 1024, "isnet"),
        ("model.onnx", 640, None),
        ("model.onnx", None, None),
    ],
)
def test_others_are_guessed_by_name_then_by_input(name: str, side: int | None, kind: str | None) -> None:
    found = guess(name, side)
    assert (found and found.kind) == kind
