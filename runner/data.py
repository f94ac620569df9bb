"""JSON and YAML that everybody can read, and files of others read without being led astray by them.

What is written is strict: no NaN, no Infinity, only characters that UTF-8 has. What is read is refused in words where
it is too deep, refers to itself, says a thing twice, or holds what is no number or no text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MOST_DEPTH = 100
"""Levels of a file: no graph or table is nested so, and Python's own recursion goes on for some ten times as many."""
_AROUND = 20
"""Levels that a record of ours has around what it repeats of such a file, or of a report: it can be read again."""
MOST_VALUES = 2_000_000
"""Values in one file, each counted as often as it is referred to: ten lines of YAML can stand for a billion."""
_LARGEST = 2**64
"""Beyond any seed; nothing in a graph has more than 64 bits."""
_LONE = re.compile("[\ud800-\udfff]")


class BadDataError(ValueError):
    """The text is no data that can be worked with; the message says why and, where that is known, in which line."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def located(error: ValueError) -> str:
    """What is wrong with a text, and in which line where that is known."""
    line = getattr(error, "line", None)
    return f"line {line}: {error}" if line else " ".join(str(error).split())


# writing


def to_json(value: Any, **how: Any) -> str:
    """`value` as strict JSON: null where a number is none, `\\udcff` where a file name is not UTF-8."""
    how = {"ensure_ascii": False, "default": str, **how}
    try:
        text = json.dumps(value, allow_nan=False, **how)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False, **how)
    return _LONE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def without_lone_surrogates(text: str) -> str:
    """`text` with a replacement character where half of a surrogate pair stands: no file and no database takes it."""
    return _LONE.sub("\ufffd", text)


def storable(text: str) -> str:
    """The same where a character of the number 0 stands, too: what is kept with one in it counts as damaged."""
    return without_lone_surrogates(text).replace("\0", "\ufffd")


def not_numbers(value: Any, name: str = "") -> list[str]:
    """The names of what should be numbers in `value` and are NaN or infinite (`hands.0.score`)."""
    if isinstance(value, float):
        return [] if math.isfinite(value) else [name or "it"]
    return [path for key, item in _items(value) for path in not_numbers(item, f"{name}.{key}" if name else str(key))]


def figure(value: Any) -> float | None:
    """`value` where it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        return None
    return float(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, (list, tuple)) else ()


# reading


def parse_json(text: str, *, numbers: bool = True) -> Any:
    """The value of a JSON text; `numbers` False: the caller looks for NaN and Infinity itself. Raises BadDataError."""
    strict: dict[str, Any] = {"parse_constant": _no_number, "parse_float": _number} if numbers else {}
    try:
        data = json.loads(text, object_pairs_hook=_distinct, parse_int=_whole, **strict)
    except json.JSONDecodeError as error:
        raise BadDataError(error.msg, error.lineno, error.colno) from error
    except RecursionError as error:
        raise BadDataError("it is nested too deeply") from error
    except BadDataError:
        raise
    except ValueError as error:  # Python reads no whole numbers of more than 4300 digits
        raise BadDataError("a number in it has too many digits") from error
    check_data(data)
    return data


def parse_yaml(text: str, *, distinct: bool = True, own: bool = False) -> Any:
    """The value of a YAML text; `distinct` False: the last of several equal names counts. Raises BadDataError.

    `own`: of a file that comes with this program. It is read by libyaml where PyYAML has it: the index of the workflows
    takes 0.03 s of a core then, not 0.4. Files of others are not: where they are nested deeply, it ends the process.
    """
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text) if own else yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _check_nodes(root, distinct)
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise BadDataError(" ".join(str(error.problem or error.context or error).split()), *where) from error
    except yaml.YAMLError as error:
        raise BadDataError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise BadDataError("it is nested too deeply") from error
    except BadDataError:
        raise
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError) as error:
        raise BadDataError(f"a value in it cannot be read ({' '.join(str(error).split())[:80]})") from error
    check_data(data)
    return data


def parse_answer(body: bytes | str, *, is_record: bool = False) -> Any:
    """The value of what a server says as JSON: any names, numbers and characters. Raises BadDataError.

    `is_record`: of a record of ours, which has levels around what it repeats of others.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadDataError(" ".join(str(error).split())) from error
    if _depth_exceeds(value, MOST_DEPTH + (_AROUND if is_record else 0)):
        raise BadDataError("it is nested too deeply")
    return value


def _depth_exceeds(value: Any, most: int) -> bool:
    """Level by level: an answer may hold a million values."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(most):
        level = [
            item
            for outer in level
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def parse_report(text: str) -> Any:
    """The value of what a node showed as JSON: numbers may be NaN or infinite. Raises ValueError."""
    try:
        value = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 20 else float(digits))
    except RecursionError as error:
        raise BadDataError("it is nested too deeply") from error
    check_data(value)
    return value


def check_data(data: Any) -> None:
    """Raise BadDataError where `data` is too deep, too large, refers to itself, or holds half a surrogate pair."""
    count, waiting = 0, [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > MOST_DEPTH:
            raise BadDataError("it is nested too deeply")
        if count > MOST_VALUES:
            raise BadDataError("it holds too many values")
        if isinstance(value, int) and abs(value) > _LARGEST:  # Python cannot even write it down
            raise BadDataError("a whole number in it is too large")
        if isinstance(value, str) and _LONE.search(value):
            raise BadDataError(f"{without_lone_surrogates(value)[:40]!r} holds a character that is half of one")
        for key, item in _items(value):
            if isinstance(key, str) and _LONE.search(key):
                raise BadDataError(
                    f"the name {without_lone_surrogates(key)[:40]!r} holds a character that is half of one"
                )
            waiting.append((item, depth + 1))


def _no_number(name: str) -> Any:
    raise BadDataError(f"{name} is no number")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadDataError(f"{text[:40]} is too large a number")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if abs(value) > _LARGEST:
        raise BadDataError(f"{text[:40]} is too large a number")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        twice = _first_repeated(name for name, _ in pairs)
        raise BadDataError(f"{without_lone_surrogates(twice)[:60]!r} is given twice")
    return mapping


def _first_repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _check_nodes(root: Any, distinct: bool) -> None:
    """What `check_data` asks, of YAML's nodes: merging (`<<`) must not begin before it is known to end."""
    import yaml

    count, waiting = 0, [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        line = node.start_mark.line + 1
        if depth > MOST_DEPTH:
            raise BadDataError("it is nested too deeply, or refers to itself", line)
        if count > MOST_VALUES:
            raise BadDataError("it stands for too many values: an alias (*) of an alias of an alias", line)
        if distinct and isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
            if len(set(names)) < len(names):
                raise BadDataError(f"{_first_repeated(names)!r} is given twice", line)
        waiting += ((child, depth + 1) for child in _children(node))


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node.value, list):
        for item in node.value:
            yield from item if isinstance(item, tuple) else (item,)
