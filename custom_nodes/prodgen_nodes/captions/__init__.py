"""Captions for training: `tag, class, rest`, from a language model's words or from what the photo itself shows."""

from .clean import cleaned
from .fit import Tokens, captioned, is_common
from .rules import framing_words

__all__ = ["Tokens", "captioned", "cleaned", "framing_words", "is_common"]
