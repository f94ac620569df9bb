"""A photo from an address or from a pipe, brought onto this disk: within limits, and only if it is a picture.

An address is typed by the user, what it leads to is not: no redirect changes the scheme, no public name leads into the
user's own network, nothing that lets us into a server is sent along, and no more is read than a photo has.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urljoin, urlsplit

from runner.errors import PhotoError, RunnerError, UsageError
from runner.files.naming import safe_name
from runner.files.reading import in_bytes
from runner.files.whole import written_whole
from runner.http.address import Address, is_loopback, parse_address
from runner.http.transport import NoAnswerError, Reply, TooLargeError, Transport
from runner.photos.prepare import prepare_photo

LARGEST = 200 << 20
"""Bytes: more than any camera makes."""
LONGEST_S = 120.0
"""For all of it, redirects too."""
SLOW_S = 10.0
"""After that it is said that it takes its time."""
_MOST_REDIRECTS = 5
_SENT = {"User-Agent": "prodgen", "Accept": "image/*"}
_OWN_ENDINGS = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localdomain")
"""Names that no public name server answers for."""


def is_address(word: str) -> bool:
    """Whether a word is meant as an address on the web, right or wrong."""
    return "://" in word


def fetch_photo(
    url: str,
    folder: Path,
    name: str = "",
    *,
    largest: int = LARGEST,
    seconds: float = LONGEST_S,
    say: Callable[[str], None] = lambda _: None,
    slow_s: float = SLOW_S,
) -> Path:
    """Fetch the picture at `url` into `folder`, under `name` or its own; returns where it is.

    `say` is told where it takes longer than `slow_s`.

    Raises PhotoError, with what to do, for anything that is no photo or may not be asked for.
    """
    shown = check_address(url).url
    deadline = time.monotonic() + seconds
    reminder = threading.Timer(slow_s, say, [f"{shown} is slow; it is waited for, up to {seconds:.3g} s."])
    reminder.daemon = True
    reminder.start()
    try:
        reply = _answer(url, deadline, largest)
    except TooLargeError as error:
        raise PhotoError(f"{shown}: it is larger than {in_bytes(largest)}.", advice=_BY_HAND) from error
    except PhotoError as error:
        if shown in error.message:
            raise
        raise PhotoError(f"{shown}: {error.message}", advice=error.advice) from error
    except NoAnswerError as error:
        late = time.monotonic() >= deadline
        why = f"it did not come within {seconds:.3g} s" if late else "its server did not send all of it"
        raise PhotoError(f"{shown} cannot be fetched: {why}.", advice=_BY_HAND) from error
    except RunnerError as error:
        raise PhotoError(f"{shown} cannot be fetched: {error.message}", advice=_BY_HAND) from error
    finally:
        reminder.cancel()
    if reply.status != 200:
        raise PhotoError(f"{shown}: its server answers {reply.status} instead of a picture.", advice=_BY_HAND)
    return _kept(reply.body, folder / (name or name_of(url)), shown)


def read_photo(stream: BinaryIO, folder: Path, *, largest: int = LARGEST) -> Path:
    """What is piped in, as a file in `folder`. Raises PhotoError where it is no photo."""
    if stream.isatty():
        raise PhotoError(
            "- reads a photo from a pipe, and nothing is piped into this command.", advice="Name the photo's file."
        )
    data = stream.read(largest + 1)
    if len(data) > largest:
        raise PhotoError(f"standard input: it is larger than {in_bytes(largest)}.", advice="Name the photo's file.")
    if not data:
        raise PhotoError("standard input: nothing came.", advice="Look at the command before the | .")
    return _kept(data, folder / "stdin", "standard input")


def name_of(url: str) -> str:
    """What the file at an address is called here."""
    parts = urlsplit(url)
    return safe_name(unquote(parts.path.rstrip("/").rpartition("/")[2]) or (parts.hostname or "photo"))


def _kept(data: bytes, path: Path, shown: str) -> Path:
    with written_whole(path, "wb") as stream:
        stream.write(data)
    try:
        prepare_photo(path)
    except PhotoError as error:
        path.unlink()
        raise PhotoError(error.message.replace(str(path), shown), advice=error.advice) from error
    return path


def _answer(url: str, deadline: float, largest: int) -> Reply:
    typed = urlsplit(url).hostname
    scheme = urlsplit(url).scheme.lower()
    for _ in range(_MOST_REDIRECTS + 1):
        host = urlsplit(check_address(url).url).hostname or ""
        any_host = host == typed and _is_own(host)
        reply = _asked(url, host, deadline, largest, any_host=any_host)
        location = reply.headers.get("location", "")
        if reply.status not in (301, 302, 303, 307, 308) or not location:
            return reply
        url = _led_to(url, location)
        if urlsplit(url).scheme.lower() != scheme:
            raise PhotoError(
                f"{parse_address(url).url if '://' in url else 'another kind of address'}: the address that was named "
                f"leads there, and from {scheme} to another scheme is not followed.",
                advice="Name the address itself, if you know it.",
            )
    raise PhotoError("the address leads on and on.", advice=_BY_HAND)


def _led_to(url: str, location: str) -> str:
    """Raises PhotoError where a redirect leads to what is no address."""
    try:
        target = urljoin(url, location)
        urlsplit(target)
    except ValueError:
        shown = parse_address(url).url
        raise PhotoError(f"{shown} leads to {location[:80]!r}, which is no address.", advice=_BY_HAND) from None
    return target


def _asked(url: str, host: str, deadline: float, largest: int, *, any_host: bool) -> Reply:
    left = deadline - time.monotonic()
    if left <= 0:
        raise NoAnswerError("Its time is over.")
    if not any_host:
        _check_public(host, host)
    check_peer = None if any_host else lambda peer: _check_public(peer, host)
    transport = Transport(url, _SENT, check_peer=check_peer, answers_are_files=True)
    try:
        path = urlsplit(url).path
        return transport.request("GET", "/" if path.endswith("/") or not path else "", timeout=left, largest=largest)
    finally:
        transport.drop()


def check_address(url: str) -> Address:
    """Raises PhotoError where it is no address of the web, or holds a password."""
    scheme, _, place = url.strip().partition("://")
    if scheme.lower() == "file":  # as file managers hand it over
        here = _path_in(place)
        raise PhotoError(
            f"{url[:200]} is a file of this computer, and no address of the web.",
            advice=f"Name the file itself: {here}" if here else "Name the file itself.",
        )
    try:
        address = parse_address(url)
    except UsageError as error:
        raise PhotoError(f"{error.message}", advice="Write it like https://example.com/photo.jpg.") from error
    if address.login:
        raise PhotoError(
            f"{address.url}: the address holds a password, which other users of this machine can read.", advice=_BY_HAND
        )
    return address


def _check_public(peer: str, host: str) -> None:
    """Raises PhotoError where `peer` is an address of this machine or of a network of one's own."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0].strip("[]"))
    except ValueError:
        if not is_loopback(peer):
            return
        address = ipaddress.ip_address("127.0.0.1")
    address = getattr(address, "ipv4_mapped", None) or address
    if not address.is_global or address.is_multicast:
        raise PhotoError(
            f"{host} leads to {peer}, a machine of your own network, which was not named.",
            advice="If that is what you want, name that machine by its own address.",
        )


def _is_own(host: str) -> bool:
    """Whether this is the name or number of a machine in one's own network, as the user types it."""
    name = host.strip("[]").rstrip(".").lower()
    if is_loopback(name) or name.endswith(_OWN_ENDINGS):
        return True
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        return "." not in name


def _path_in(place: str) -> str:
    """The path in what stands behind `://`; empty where that cannot be taken apart."""
    try:
        return unquote(urlsplit(f"//{place}").path)
    except ValueError:
        return ""


_BY_HAND = "Save the picture yourself and name its file."
