"""Files on their way: as a form that uploads one, and as the pieces of one that is fetched."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from runner.http.transport import NoAnswerError, TooLargeError

LARGEST_FILE = 16 << 30
"""Bytes of a result that is fetched; some minutes of uncompressed video."""


def complete(chunks: Iterator[bytes], announced: int | None, largest: int, name: str) -> Iterator[bytes]:
    """The pieces, if they are as many bytes as were announced, and no more than `largest`."""
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if max(received, announced or 0) > largest:
            raise TooLargeError(
                f"The server's file {name} is larger than {largest / 2**30:.1f} GB, which is more than is fetched.",
                advice="Fetch it from the server's output folder yourself.",
            )
        yield chunk
    if announced is not None and received != announced:
        raise NoAnswerError(f"The download of {name} broke off after {received} of {announced} bytes.")


def multipart(data: bytes, name: str) -> tuple[bytes, str]:
    """(the body, its content type)."""
    boundary = uuid.uuid4().hex
    safe = name.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{safe}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return b"".join(
        (head.encode(), data, f"\r\n--{boundary}--\r\n".encode())
    ), f"multipart/form-data; boundary={boundary}"
