"""A prompt and a pose for a product: what the user wishes, then what a model says, then what the rules know."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..imaging.errors import ParameterError
from ..imaging.product.measure import Facts
from . import form, people, poses, scenes, wardrobe
from .answer import Answer, read_answer
from .choice import choose
from .clauses import LONGEST_WISH, read_wish, season_of

AUTO = "auto"
_ENOUGH = 4  # of the eight fields: with fewer, the answer is not about the question
_QUOTED = 120
"""Characters of a wrong answer that an error quotes: one line of a terminal."""
_SAME = 0.6
"""Of the wish's longer words: with so many in a model's answer it has taken the wish up, in other grammar maybe."""

GAZES = (
    "looking into the camera with a calm expression",
    "looking into the camera with a slight smile",
    "looking to the side with a relaxed expression",
    "looking down at the product with a soft smile",
    "looking past the camera with a confident expression",
)


@dataclass(frozen=True)
class Persona:
    """`prompt`, `negative`, `pose` (one of POSES), the prompt's `fields`, and for each field its `source`: `user`,
    `wish`, `model` or `rules`. `rejected`: field -> why the model's words were not used. `model`: `none`, `used`,
    `partly` or `nonsense`. `details` of the rule book's choices, `notes` for the user."""

    prompt: str
    negative: str
    pose: str
    fields: dict[str, str]
    source: dict[str, str]
    rejected: dict[str, str] = field(default_factory=dict)
    model: str = "none"
    details: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def report(self) -> dict[str, Any]:
        """What a node reports of it."""
        return {
            "pose": self.pose,
            "model": self.model,
            "source": self.source,
            "rejected": self.rejected,
            "fields": self.fields,
            **self.details,
            "notes": list(self.notes),
        }


def invent(
    facts: Facts,
    *,
    description: str = "",
    wish: str = "",
    prompt: str = "",
    seed: int = 0,
    pose: str = AUTO,
    one_hand: bool = False,
) -> Persona:
    """The persona for a product of which `facts` are known.

    `prompt`, where not empty, is the user's own and wins unchanged: only the pose is found. `wish` is in the user's
    words what must be so; `description` a model's answer, which is data and is checked field by field; `seed` varies
    the rules' choices. `pose` is one of POSES, or `auto`; `one_hand` lets auto hold in one hand what has
    no handle. Raises ParameterError for another pose.
    """
    if pose != AUTO and pose not in poses.POSES:
        raise ParameterError(f"pose is {pose!r}; choose one of: {AUTO}, {', '.join(poses.POSES)}.")
    wished, covered, wished_pose = read_wish(wish)
    if "held" in wished:
        wished["held"] = re.sub(r"\bit\b", f"the {facts.noun}", wished["held"])
    minors = form.asks_for_child(wish)
    answer = read_answer(description, facts.noun, minors=minors) if description.strip() else None
    notes = []
    if len(wish) > LONGEST_WISH:
        notes.append(f"The wish was cut at {LONGEST_WISH} characters; write a whole prompt instead.")
    model, why = _verdict(answer, description)
    if model == "nonsense":
        notes.append(why)
    usable = answer if model in ("used", "partly") else None
    held, pose_source = _pose(
        [
            ("user", "" if pose == AUTO else pose),
            ("user", (poses.pose_in(prompt) or "") if prompt.strip() else ""),
            ("wish", wished_pose or ""),
            ("model", _model_pose(usable)),
            ("rules", poses.usual_pose(facts, seed, wished.get("shot", ""), one_hand=one_hand)),
        ]
    )
    if prompt.strip():
        return Persona(
            prompt, form.negative(facts.noun), held, {}, {"prompt": "user", "pose": pose_source}, notes=tuple(notes)
        )
    rules, details = rule_book(facts, held, seed, wish)
    rejected = dict(answer.rejected) if answer else {}
    answered = _fitting(usable, held, rejected)
    fields, source = _merged(rules, answered, wished, covered, person=people.describe(seed, wished.get("person", "")))
    if model == "used" and rejected:
        model = "partly"
    if source["garments"] != "rules":
        details = {}  # they are about garments that are not in the prompt
        color = wardrobe.blending(fields["garments"], facts.palette)
        if color:
            notes.append(f"The garments ({color}) are close to the product's colour: it will not stand out much.")
    return Persona(
        form.put_together(fields, facts.noun, held),
        form.negative(facts.noun),
        held,
        fields,
        {**source, "pose": pose_source},
        rejected,
        model,
        details,
        tuple(notes),
    )


def rule_book(facts: Facts, pose: str, seed: int, wish: str = "") -> tuple[dict[str, str], dict[str, Any]]:
    """Every field by the rules, and what the garments' colours were chosen by."""
    season = season_of(wish)
    clothes = wardrobe.dress(facts.palette, seed, season)
    lighting, background = scenes.stage(facts.kind.group, facts.palette.main.lab[0], seed, season)
    fields = {
        "person": people.describe(seed),
        "garments": clothes.words,
        "lighting": lighting,
        "background": background,
        "held": poses.holding(facts, pose),
        "shot": poses.shots_of(pose)[0],
        "gaze": choose(seed, "gaze", GAZES),
    }
    return fields, {"garment_colors": list(clothes.colors), "garment_relation": clothes.relation}


def _verdict(answer: Answer | None, description: str) -> tuple[str, str]:
    """`none`, `used`, `partly` or `nonsense` with the words for the user."""
    if answer is None:
        return "none", ""
    if answer.usable >= _ENOUGH:
        return ("partly" if answer.rejected or answer.usable < len(form.FIELDS) + 1 else "used"), ""
    shown = "".join(c if c.isprintable() else " " for c in description[: 4 * _QUOTED])
    shown = " ".join(shown.split())[:_QUOTED]
    what = f"{answer.usable} of {len(form.FIELDS) + 1} fields could be used" if answer.usable else "no field was found"
    return "nonsense", f"The model answered with nonsense ({what}), so the rules were used. It said: “{shown}”"


def _pose(candidates: list[tuple[str, str]]) -> tuple[str, str]:
    """The first pose that is given, and whose it is."""
    return next((name, source) for source, name in candidates if name)


def _model_pose(answer: Answer | None) -> str:
    if answer is None:
        return ""
    return answer.pose or poses.pose_in(answer.fields.get("held", "")) or ""


def _fitting(answer: Answer | None, pose: str, rejected: dict[str, str]) -> dict[str, str]:
    """The model's fields that go with the pose; `rejected` gets those that do not."""
    if answer is None:
        return {}
    fields = dict(answer.fields)
    meant = poses.pose_in(fields.get("held", "")) or _model_pose(answer)
    if "held" in fields and meant != pose:
        rejected["held"] = f"its words are for another pose than {pose}"
        del fields["held"]
    if "shot" in fields and fields["shot"] not in poses.shots_of(pose):
        rejected["shot"] = f"a {fields['shot']} does not show the pose {pose}"
        del fields["shot"]
    return fields


def _merged(
    rules: dict[str, str], answered: dict[str, str], wished: dict[str, str], covered: frozenset[str], *, person: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Each field and whose it is: the wish first, then the model, then the rules.

    A model's words that already say the wish stand; a field that other words of the wish cover stays empty.
    """
    fields: dict[str, str] = {}
    source: dict[str, str] = {}
    for name in form.FIELDS:
        wish, model = wished.get(name, ""), answered.get(name, "")
        if wish and model and _says(model, wish):
            fields[name], source[name] = model, "model"
        elif wish:
            fields[name] = person if name == "person" else wish
            source[name] = "wish and rules" if name == "person" and person != wish else "wish"
        elif name in covered:
            fields[name], source[name] = "", "wish"
        elif model:
            fields[name], source[name] = model, "model"
        else:
            fields[name], source[name] = rules[name], "rules"
    return fields, source


def _says(text: str, wish: str) -> bool:
    """Whether most of the wish's longer words are in `text`."""
    words = {word for word in re.findall(r"[^\W\d_]+", wish.lower()) if len(word) > 2}
    there = set(re.findall(r"[^\W\d_]+", text.lower()))
    return bool(words) and len(words & there) >= _SAME * len(words)
