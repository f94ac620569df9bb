"""The question that a vision-language model is asked; its wording is data, in question.txt beside this file."""

from __future__ import annotations

from pathlib import Path

from ..imaging.product.measure import Facts
from .clauses import LONGEST_WISH


def template() -> str:
    """The wording of the question, without anything about one product."""
    return Path(__file__).with_name("question.txt").read_text(encoding="utf-8").strip()


def ask(text: str, facts: Facts, wish: str = "") -> str:
    """`text` with what was measured of the product and what the user wishes."""
    parts = [text.strip(), f"Measured in the photo: {facts.sentence()}"]
    if wish.strip():
        parts.append(f"The user's wish, which comes first: {' '.join(wish.split())[:LONGEST_WISH]}")
    return "\n\n".join(parts)
