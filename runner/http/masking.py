"""What lets us into a server, taken out of what the server says: it may repeat it in an error, a traceback, a page.

Masked are bytes as they arrive, before anybody reads them: an answer, a message of the socket, a header. A secret is
found as it is, in base64 (whatever stood before it), in hexadecimal digits, and with any of its characters escaped as
JSON, addresses and pages do, also twice.

Answers are read by programs, too. A password that is a word, a number or very short is masked where it stands by itself
in a text, and left where it is all of a text or a part of a word: `image` is also what an input is called.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import unquote_to_bytes

MASK = b"..."
_SHORTEST, _STRONG, _NO_WORD = 4, 6, 16
"""Characters of a secret: from which on it is masked at all, masked everywhere, and no word whatever it is made of. Six
hexadecimal digits stand in one job's id by chance in a million."""
_WORD = re.compile(r"[A-Za-z_-]+|[0-9]+")
_ENCODED = 8
"""Characters that are left of a secret's base64 whatever stood around it: fewer are found in any text."""
_NUMBERED = re.compile(rb"&#(?:x0{0,4}([0-9A-Fa-f]{2})|0{0,4}([0-9]{2,3}));")
_ENTITIES = {"&": b"&amp;", "<": b"&lt;", ">": b"&gt;", '"': b"&quot;", "'": b"&apos;"}
_RUNS = re.compile(r"\\+|[^\\]", re.DOTALL)
"""The characters of a text, backslashes in a row together."""
_LONGEST_RUN = 1 << 16
"""Backslashes in a row that are counted before a secret: whether their number is even."""
_TWICE = 2
"""How often what is escaped may have been escaped before: an address in a JSON text in a JSON text."""


class Secrets:
    """Secrets of one server, as they are sought in what it says."""

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = sorted({one.strip() for one in secrets if len(one.strip()) >= _SHORTEST}, key=len, reverse=True)
        strong = [one for one in kept if not _is_weak(one)]
        forms = [form for one in strong for form in _encoded(one)]
        self._plain = list(dict.fromkeys(form for one in [*kept, *forms] for form in _bytes_of(one)))
        self._kept, self._forms = kept, forms

    def masked(self, data: bytes, *, is_answer: bool = True) -> bytes:
        """The same without them. `is_answer`: a program reads it; otherwise a person, and every secret is masked."""
        if not self._plain:
            return data
        if 0 in data[:4]:  # JSON may come in UTF-16 and UTF-32
            data = data.decode(json.detect_encoding(data), "replace").encode("utf-8", "replace")
        if not self._may_hold(data):
            return data
        return (self._in_answers if is_answer else self._in_text).sub(_mask, data)

    @cached_property
    def _in_text(self) -> re.Pattern[bytes]:
        """Made when there is something to mask: that takes longer than to see that there is nothing."""
        return _any_of([*map(_tolerant, self._kept), *map(_form, self._forms)])

    @cached_property
    def _in_answers(self) -> re.Pattern[bytes]:
        patterns = [*(_tolerant(one) for one in self._kept if not _is_weak(one)), *map(_form, self._forms)]
        patterns += [rb'(?<![\w"-])' + _tolerant(one) + rb'(?![\w"-])' for one in self._kept if _is_weak(one)]
        return _any_of(patterns)

    def masked_text(self, text: str) -> str:
        """The same for what a person reads."""
        return self.masked(text.encode("utf-8", "surrogatepass"), is_answer=False).decode("utf-8", "surrogatepass")

    def _may_hold(self, data: bytes) -> bool:
        """Whether one of them is in it, in any form: what is not escaped is found much faster than what may be."""
        for _ in range(_TWICE + 1):
            if any(plain in data for plain in self._plain):
                return True
            bare = _bare(data)
            if bare == data:
                return False
            data = bare
        return any(plain in data for plain in self._plain)


def _is_weak(secret: str) -> bool:
    return len(secret) < _STRONG or (len(secret) < _NO_WORD and _WORD.fullmatch(secret) is not None)


def _mask(found: re.Match[bytes]) -> bytes:
    """What stands in its place, so that JSON stays JSON: a number is a number, a lone backslash before it a text."""
    before = found.string[max(0, found.start() - _LONGEST_RUN) : found.start()]
    alone = b"\\" * ((len(before) - len(before.rstrip(b"\\"))) % 2)
    return alone + (b"0" if found[0].isdigit() else MASK)


def _any_of(patterns: Iterable[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(patterns) or b"(?!)")


def _bytes_of(secret: str) -> Iterator[bytes]:
    """As it stands in a text, and as what `_bare` leaves of it: it may itself hold what looks like an escape."""
    spelled = [secret.encode("utf-8", "replace"), json.dumps(secret)[1:-1].encode("ascii")]
    if not secret.isascii():
        spelled.append(secret.encode("latin-1", "replace"))
    for _ in range(_TWICE + 1):
        yield from (form for one in spelled for form in (one, one.replace(b" ", b"+")))
        spelled = [_bare(one) for one in spelled]


def _encoded(secret: str) -> Iterator[str]:
    """In base64, as far as it does not depend on what stands around it, and in hexadecimal digits."""
    data = secret.encode("utf-8", "replace")
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode("ascii")
        own = whole[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        if len(own) >= _ENCODED:
            yield own
            if "+" in own or "/" in own:
                yield own.replace("+", "-").replace("/", "_")
    yield data.hex()
    yield data.hex().upper()


def _tolerant(text: str) -> bytes:
    """A pattern for it with any of its characters escaped."""
    runs = (found[0] for found in _RUNS.finditer(text))
    return b"".join(_backslashes(len(run)) if run[0] == "\\" else _one(run) for run in runs)


def _form(text: str) -> bytes:
    """The same for a secret in base64 or hexadecimal digits: nobody escapes their letters."""
    return b"".join(character.encode() if character.isalnum() else _one(character) for character in text)


def _backslashes(number: int) -> bytes:
    spelled = rb"(?i:%%(?:25){0,4}5c|\\{1,8}(?:u00|x)5c|&#0{0,4}92;|&#x0{0,4}5c;){%d}" % number
    return rb"(?:\\{%d,%d}|%s)" % (number, 8 * number, spelled)


def _one(character: str) -> bytes:
    code = ord(character)
    plain = [re.escape(character.encode("utf-8", "replace"))]
    whole = [b"%(?:25){0,4}" + b"%02x" % byte for byte in character.encode("utf-8", "replace")]
    spelled = [b"".join(whole), rb"\\{1,8}u%04x" % code if code < 1 << 16 else plain[0]]
    if code < 1 << 8:
        plain.append(re.escape(character.encode("latin-1")))
        spelled.append(rb"\\{1,8}x%02x" % code)
    if character == " ":
        plain.append(rb"\+")
    if character in _ENTITIES:
        spelled.append(_ENTITIES[character])
    if not character.isalnum():
        plain.insert(0, rb"\\{1,8}" + re.escape(character.encode("utf-8", "replace")))
    spelled += [b"&#0{0,4}%d;" % code, b"&#x0{0,4}%x;" % code]
    return b"(?:" + b"|".join(plain) + b"|(?i:" + b"|".join(spelled) + b"))"


def _bare(data: bytes) -> bytes:
    """The text as it was before it was escaped for JSON, an address or a page, whichever; backslashes are gone."""
    bare = unquote_to_bytes(data.replace(b"\\u00", b"%").replace(b"\\x", b"%").replace(b"\\", b""))
    if b"&" in bare:
        bare = _NUMBERED.sub(lambda found: bytes([int(found[1], 16) if found[1] else int(found[2]) % 256]), bare)
        for character, entity in _ENTITIES.items():
            bare = bare.replace(entity, character.encode())
    return bare
