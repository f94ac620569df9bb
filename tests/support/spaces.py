"""The spaces of the property tests: any JSON, a valid document with parts of it changed, files as bad luck leaves them.

A value from `ANY_JSON` alone is mostly refused at its first key. What finds faults is a document that is right but for
a few places (`mutated`), and a file that was right before it was cut, joined or written by another program
(`corrupted`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import currently_in_test_context, event
from hypothesis import strategies as st

from tests.support.runs import Run

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=12)
"""With lone surrogates and control characters."""
ODD_TEXTS = st.sampled_from(
    ["", "../../x.png", "/etc/passwd", "C:\\x", "a\x1b]0;x\x07b", "\ud800", "x" * 3000, "x.exe", "CON", "\u202egnp.exe",
     "=1+1", "\0", "NaN", "1e999", "true", "-1", "9" * 30, "{a|b}", "%date:yy%", "{", "[]", "[" * 3000, '"']
)  # fmt: skip
NUMBERS = (
    st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.sampled_from([0, -1, 1 << 31, 1 << 63, (1 << 64) - 1, 1 << 64, 1e308, 5e-324])
)
SCALARS = st.none() | st.booleans() | NUMBERS | ANY_TEXT | ODD_TEXTS


def any_json(words: Sequence[str] = ()) -> st.SearchStrategy[Any]:
    """Any value that JSON can hold (and NaN, which it cannot); its names are often some of `words`."""
    names = st.sampled_from(list(words)) | ANY_TEXT if words else ANY_TEXT
    flat = SCALARS | names
    grown = st.recursive(
        flat,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
        max_leaves=12,
    )
    return grown | st.builds(_nested, flat, st.integers(1, 300), st.sampled_from(["list", "object"]))


def _nested(value: Any, depth: int, kind: str) -> Any:
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


ANY_JSON = any_json()


@st.composite
def mutated(draw: st.DrawFn, shapes: Sequence[Any], values: st.SearchStrategy[Any] = ANY_JSON) -> Any:
    """One of the documents `shapes` with one to three of its parts replaced, left out, renamed or said twice."""
    document = copy.deepcopy(draw(st.sampled_from(list(shapes))))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):  # one alone is often taken, and goes on to what is behind
        place = draw(st.sampled_from(list(_places(document))))
        how = draw(st.sampled_from(["replace", "replace", "replace", "leave out", "rename", "repeat"]))
        if not place or how == "replace":
            document = _put(document, place, draw(values))
            continue
        parent = document
        for key in place[:-1]:
            parent = parent[key]
        key, item = place[-1], parent[place[-1]]
        if how == "leave out":
            del parent[key]
        elif isinstance(parent, list):
            parent.insert(key, copy.deepcopy(item))
        elif how == "rename":
            parent[draw(ANY_TEXT)] = parent.pop(key)
        else:
            parent[draw(st.sampled_from([*parent, draw(ANY_TEXT)]))] = copy.deepcopy(item)
    return document


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if len(place) > 8:
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from _places(item, (*place, key))


def _put(document: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    parent = document
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = new
    return document


def as_json(value: Any) -> bytes:
    """As a careless program writes it: NaN as a word, half a surrogate as its escape."""
    return json.dumps(value).encode()


# bytes

TOKENS = st.sampled_from(
    [b'"', b"'", b"{", b"}", b"[", b"]", b"[" * 3000, b'{"a":' * 3000, b",", b";", b":", b"\t", b"\r", b"\n", b"\r\n",
     b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", rb"\ud800", rb"\u0000", b"NaN", b"-Infinity", b"1e999", b"null",
     b"true", b"-", b"9" * 30, b"9" * 5000, b"&a ", b"*a", b"<<: ", b"!!python/none ", b"!!binary x", b"!!set ", b"? ",
     b"| ", b"- ", b"--- ", b"...\n", b"%", b"2024-13-45", b"0x1F", b"1_000", b"12:30:45", b"sep=;\n", b"=1+1",
     "\u202e".encode(), "漢".encode(), b"a" * 5000]
)  # fmt: skip
Coded = Callable[[bytes], bytes]


def _recoded(encoding: str) -> Coded:
    return lambda data: data.decode("utf-8", "replace").encode(encoding, "replace")


_KEPT: list[Coded] = [bytes] * 8
CODED = st.sampled_from(
    [*_KEPT, *map(_recoded, ["utf-16", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7", "cp037"])]
)


@st.composite
def corrupted(draw: st.DrawFn, files: st.SearchStrategy[bytes]) -> bytes:
    """A file cut short, with pieces lost, said twice, or put in, and perhaps in another encoding."""
    data = draw(files)
    for _ in range(draw(st.integers(1, 3))):
        first, second = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        how = draw(st.sampled_from(["cut", "lose", "repeat", "insert", "insert", "overwrite"]))
        if how == "cut":
            data = data[:second]
        elif how == "lose":
            data = data[:first] + data[second:]
        elif how == "repeat":
            data = data[:second] + data[first:]
        elif how == "insert":
            data = data[:first] + draw(TOKENS | st.binary(max_size=4)) + data[first:]
        else:
            new = draw(st.binary(min_size=1, max_size=4))
            data = data[:first] + new + data[first + len(new) :]
    return draw(CODED)(data)


# what must hold in all of them


def count_code(code: int) -> None:
    """For `--hypothesis-show-statistics`: how many cases were taken, how many refused, and how."""
    if currently_in_test_context():
        event(f"exit code {code}")


def kept_to_the_contract(run: Run, *codes: int) -> None:
    count_code(run.code)
    assert run.code in codes, (run.code, run.err)
    assert "Traceback" not in run.err
    assert run.code == 0 or run.err.strip() or run.out.strip(), "refused without a word"
    assert not set(run.out + run.err) & {"\x1b", "\0", "\x07"}
