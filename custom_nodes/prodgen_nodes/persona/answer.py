"""A model's answer read as data: its fields where they make sense, and why the others do not.

Nothing in an answer is ever followed: it is only searched for the form's fields, and each field is checked by itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from . import form
from .clauses import about, split
from .poses import POSES, shot_in

LONGEST = 20_000
"""Characters: some twenty times the answer asked for; a model that goes on and on is not read to its end."""
_MOST_OBJECTS = 64
"""Beginnings of JSON that are tried: bounds the time that an answer of nothing but braces takes."""
_KEYS = {
    "person": "person",
    "model": "person",
    "subject": "person",
    "physical_features": "features",
    "features": "features",
    "garments": "garments",
    "garment": "garments",
    "clothes": "garments",
    "clothing": "garments",
    "outfit": "garments",
    "lighting": "lighting",
    "light": "lighting",
    "background": "background",
    "setting": "background",
    "place": "background",
    "held": "held",
    "how_held": "held",
    "holding": "held",
    "how_the_item_is_held": "held",
    "shot": "shot",
    "framing": "shot",
    "gaze": "gaze",
    "expression": "gaze",
    "gaze_and_expression": "gaze",
    "pose": "pose",
}
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_LABEL = re.compile(r"^[\s>*_#\-\d.)]*\"?([A-Za-z][A-Za-z _]{2,28}?)\"?\s*[*_]*\s*:\s*[*_]*\s*(.+)$")
_TAIL = re.compile(r"only (one|a single) person|photorealistic|tack-sharp|high definition", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True)
class Answer:
    """`fields` that can be used, `pose` if a known one was named, `rejected` field -> reason, `shape` of the answer:
    `json`, `labels`, `prose` or `nothing`."""

    fields: dict[str, str]
    pose: str | None
    rejected: dict[str, str]
    shape: str

    @property
    def usable(self) -> int:
        """How many of the form's eight fields came."""
        return len(self.fields) + (self.pose is not None)


def read_answer(text: str, noun: str, *, minors: bool = False) -> Answer:
    """Fields of an answer in JSON (with or without fences, chatter and thoughts around it), labelled lines or prose.

    `noun` is the product's own word, `minors` whether the user asked for a child. Never raises.
    """
    plain = _without_thoughts(text[:LONGEST])
    shape, raw = "json", _from_json(plain)
    if not raw:
        shape, raw = "labels", _from_labels(plain)
    if len(raw) < 2:
        shape, raw = "prose", _from_prose(plain)
    fields: dict[str, str] = {}
    rejected: dict[str, str] = {}
    features = form.tidy(raw.pop("features", ""))
    if features and "person" in raw:
        raw["person"] = f"{form.tidy(raw['person'])}, {features}"
    pose = form.tidy(raw.pop("pose", "")).lower().replace(" ", "_").replace("-", "_")
    if pose and pose not in POSES:
        rejected["pose"] = f"it is none of {', '.join(POSES)}"
    for name, value in raw.items():
        value = form.cleaned(value)  # noqa: PLW2901 - the same value, tidied
        why = form.fault(name, value, noun=noun, minors=minors)
        if why:
            rejected[name] = why
        else:
            fields[name] = (shot_in(value) or value) if name == "shot" else value
    return Answer(fields, pose if pose in POSES else None, rejected, shape if raw or pose else "nothing")


def _without_thoughts(text: str) -> str:
    """`text` without what a model thinks aloud; a thought that never ends leaves nothing behind it."""
    kept = _THOUGHTS.sub(" ", text)
    return re.split(r"</think(?:ing)?>", kept, flags=re.IGNORECASE)[-1]


def _from_json(text: str) -> dict[str, str]:
    """The fields of the object that has most of them; of several alike the last, which is the model's final word."""
    decoder = json.JSONDecoder()
    best: dict[str, str] = {}
    position = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if position < 0:
            break
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position = text.find("{", position + 1)
            continue
        for candidate in _objects(value):
            fields = _fields_of(candidate)
            if fields and len(fields) >= len(best):
                best = fields
        position = text.find("{", end)
    return best


def _objects(value: Any) -> list[dict[str, Any]]:
    """`value` and the objects directly in it."""
    if not isinstance(value, dict):
        return []
    return [value, *(inner for inner in value.values() if isinstance(inner, dict))]


def _fields_of(answered: dict[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for key, value in answered.items():
        name = _KEYS.get(re.sub(r"[\s-]+", "_", key.strip().lower()))
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = ", ".join(value)  # noqa: PLW2901 - a list of phrases is one phrase
        if name and isinstance(value, str) and value.strip():
            fields.setdefault(name, value)
    return fields


def _from_labels(text: str) -> dict[str, str]:
    """Lines like "Lighting: soft daylight"."""
    return _fields_of({match[1]: match[2] for match in map(_LABEL.match, text.splitlines()) if match})


def _from_prose(text: str) -> dict[str, str]:
    """The form itself: a sentence of person, garments, lighting and background, then one each for the rest."""
    fields: dict[str, list[str]] = {}
    for sentence in _SENTENCES.split(text):
        if not sentence.strip() or _TAIL.search(sentence):
            continue
        name = about(sentence)[0]
        if fields and name in ("held", "shot", "gaze"):
            fields.setdefault(name, []).append(form.tidy(sentence))
            continue
        for clause in split(sentence):
            fields.setdefault(about(clause)[0], []).append(clause)
    if "person" not in fields:
        return {}
    return {name: ", ".join(parts) for name, parts in fields.items()}
