"""What ComfyUI's canvas does to texts before it sends a graph, done for a graph that is sent without the canvas.

- `a {red|green} bag`: one of the choices, in texts whose schema says `dynamicPrompts` and in a primitive's text that
  is handed on to one; braces without a choice, and `\\{`, stay text.
  What extensions of the canvas make of a prompt (`{2$$a|b}`, `__colour__`) is nothing to the canvas itself: it is found
  by `not_expanded`, and the user is told.
- `%date:yyyy-MM-dd%` and `%Node.widget%` in a `filename_prefix`. What the server itself knows (`%year%`, …) is left.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from typing import Any

from runner.workflow.graph import Consumers, Graph, consumers_of, is_link, node_title, schemas_of
from runner.workflow.schema import InputSchema, ObjectInfo

_PREFIX = "filename_prefix"
_TOKEN = re.compile(r"%([^%]+)%")
_WORDS = re.compile(r"[^\W\d][\w .]*\w")  # `%Y-%` is a pack's own date, and none of the canvas' tokens
_HANDS_TEXT_ON = ("Primitive", "String")
_SERVERS_OWN = frozenset({"width", "height", "year", "month", "day", "hour", "minute", "second", "batch_num"})
_DATE_PART = re.compile(r"d{1,2}|M{1,2}|h{1,2}|H{1,2}|m{1,2}|s{1,2}|yyyy|yy")
_NOT_IN_PATHS = re.compile(r'[?<>:*|"\x00-\x1f\x7f]')
_NOT_IN_NAMES = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')
_OF_EXTENSIONS = re.compile(
    r"\{\s*[\d-]+\s*\$\$"  # {2$$a|b}: several of them
    r"|[{|]\s*\d+(?:\.\d+)?::"  # {0.5::a|b}: more often, or less
    r"|\$\{[^{}\n]{1,60}\}"  # ${colour}
    r"|__[A-Za-z0-9](?:[\w/*.-]*[A-Za-z0-9*])?__"  # __colour__: a line of a file
    r"|/\*.*?\*/|(?<![^\s])//[^\n]*",  # comments, which the canvas takes out
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([{}|])")


def expand_texts(graph: Graph, object_info: ObjectInfo | None, seed: object, now: float | None = None) -> None:
    """Expand the texts of a graph in place. The same text with the same `seed` gives the same choice; None: any."""
    moment = time.localtime(now)
    names, consumers = NodeNames(graph), consumers_of(graph)
    for node_id, node in graph.items():
        inputs: dict[str, Any] = node["inputs"]
        schemas = schemas_of(node, object_info) or {}
        for name, value in inputs.items():
            if not isinstance(value, str):
                continue
            if name == _PREFIX:
                inputs[name] = _expanded_prefix(value, names, moment)
            elif "|" in value and is_prompt(node_id, schemas.get(name), graph, consumers, object_info):
                inputs[name] = choose(value, random.Random(None if seed is None else f"{seed} {value}"))  # noqa: S311 - no secret


def is_prompt(
    node_id: str,
    schema: InputSchema | None,
    graph: Graph,
    consumers: Consumers,
    object_info: ObjectInfo | None,
) -> bool:
    """Whether a text is a prompt, or is handed on to one."""
    return _is_prompt(schema) or _leads_to_prompt(node_id, graph, consumers, object_info)


def not_expanded(prompt: str) -> list[str]:
    """What looks like an instruction in a prompt and reaches the model letter by letter, each once."""
    patterns = (match[0].strip().lstrip("|") for match in _OF_EXTENSIONS.finditer(prompt))
    return list(dict.fromkeys(text if len(text) <= 30 else f"{text[:29]}…" for text in patterns))


def _is_prompt(schema: InputSchema | None) -> bool:
    return schema is not None and bool(schema.settings.get("dynamicPrompts"))


def _leads_to_prompt(node_id: str, graph: Graph, consumers: Consumers, object_info: ObjectInfo | None) -> bool:
    """Whether a node only hands its text on, over others of this kind, to a prompt."""
    waiting, seen = [node_id], {node_id}
    while waiting:
        source = waiting.pop()
        if not str(graph[source]["class_type"]).startswith(_HANDS_TEXT_ON):
            continue
        for consumer, name in consumers.get(source, ()):
            if _is_prompt((schemas_of(graph[consumer], object_info) or {}).get(name)):
                return True
            if consumer not in seen:
                seen.add(consumer)
                waiting.append(consumer)
    return False


def choose(text: str, chance: random.Random) -> str:
    """`text` with one choice of each `{a|b}`, innermost ones too, as the canvas makes it."""
    if "{" not in text or "|" not in text:
        return text
    try:
        chosen, _ = _chosen(text, 0, chance)
    except RecursionError:  # a thousand braces in each other are no choice of anybody's
        return text
    return text if chosen == text else _ESCAPED.sub(r"\1", chosen)


class NodeNames:
    """The nodes of a graph by what a `%Node.widget%` calls them: the first of a class, or of a title."""

    def __init__(self, graph: Graph) -> None:
        self._by_class: dict[str, Mapping[str, Any]] = {}
        self._by_title: dict[str, Mapping[str, Any]] = {}
        for node in graph.values():
            self._by_class.setdefault(str(node["class_type"]), node)
            self._by_title.setdefault(node_title(node), node)

    def value(self, name: str, widget: str) -> Any:
        """What the widget holds; None where there is none, or a link."""
        for names in (self._by_class, self._by_title):
            value = names[name]["inputs"].get(widget) if name in names else None
            if value is not None and not is_link(value):
                return value
        return None


def unknown_tokens(prefix: str, names: NodeNames) -> list[str]:
    """The `%…%` of a file name that neither the canvas nor the server would fill in."""
    tokens = [token for token in _TOKEN.findall(prefix) if token not in _SERVERS_OWN and _WORDS.fullmatch(token)]
    return [token for token in tokens if _filled(token, names, time.gmtime(0)) is None]


def _chosen(text: str, start: int, chance: random.Random) -> tuple[str, int]:
    """The text from `start` up to the brace that closes it (or its end), expanded, and where that is."""
    parts: list[str] = []
    at = start
    while at < len(text) and not (start and text[at] in "|}"):
        if text[at] == "\\":
            parts.append(text[at : at + 2])
            at += 2
        elif text[at] == "{":
            part, at = _block(text, at, chance)
            parts.append(part)
        else:
            parts.append(text[at])
            at += 1
    return "".join(parts), at


def _block(text: str, brace: int, chance: random.Random) -> tuple[str, int]:
    """What stands for the block that begins at `brace`, and the place behind it."""
    choices: list[str] = []
    at = brace
    while at < len(text) and (at == brace or text[at] == "|"):
        choice, at = _chosen(text, at + 1, chance)
        choices.append(choice)
    if at >= len(text):
        return text[brace:], len(text)  # never closed: no block
    if len(choices) == 1:
        return f"{{{choices[0]}}}", at + 1
    return chance.choice(choices), at + 1


def _expanded_prefix(prefix: str, names: NodeNames, moment: time.struct_time) -> str:
    def fill(match: re.Match[str]) -> str:
        filled = None if match[1] in _SERVERS_OWN else _filled(match[1], names, moment)
        return match[0] if filled is None else filled

    return _TOKEN.sub(fill, prefix)


def _filled(token: str, names: NodeNames, moment: time.struct_time) -> str | None:
    if token.startswith("date:"):
        return _NOT_IN_PATHS.sub("_", _DATE_PART.sub(lambda part: _date(part[0], moment), token[5:]))
    name, _, widget = token.rpartition(".")
    value = names.value(name, widget) if name else None
    return None if value is None else _NOT_IN_NAMES.sub("_", str(value))


def _date(part: str, moment: time.struct_time) -> str:
    if part.startswith("y"):
        return f"{moment.tm_year:04}"[-len(part) :]
    numbers = {
        "d": moment.tm_mday, "M": moment.tm_mon, "h": moment.tm_hour, "H": moment.tm_hour, "m": moment.tm_min,
        "s": moment.tm_sec,
    }  # fmt: skip
    return f"{numbers[part[0]]:0{len(part)}}"
