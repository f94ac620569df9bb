"""Why no secured connection came about, in words: what is wrong with a certificate, or that TLS is not spoken."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "UNKNOWN_PROTOCOL",
)
_EXPIRED, _NOT_YET = 10, 9
_OTHER_NAME = (62, 63, 64)
"""OpenSSL's numbers: X509_V_ERR_CERT_HAS_EXPIRED, …_NOT_YET_VALID; …_HOSTNAME_, EMAIL_ and IP_ADDRESS_MISMATCH."""


@dataclass(frozen=True)
class TlsFault:
    """`message` and `advice` of an error: trying again changes nothing."""

    message: str
    advice: str


def tls_fault(error: BaseException, where: str, *, to_believe: str) -> TlsFault | None:
    """What made a secured connection to `where` impossible for good; None for any other failure.

    Args:
        error: as it was raised; what it was raised from is looked at too.
        to_believe: how a certificate that nobody known has signed is made to be believed.
    """
    fault = _ssl_error(error)
    if isinstance(fault, ssl.SSLCertVerificationError):
        why = fault.verify_message.strip().rstrip(".") or "no reason given"
        advice = to_believe
        if fault.verify_code in (_EXPIRED, _NOT_YET):
            advice = "Whoever runs it must renew it; or the clock of this computer is wrong."
        elif fault.verify_code in _OTHER_NAME:
            advice = "Use the address that it was made for; or something else answers at this one."
        return TlsFault(f"The certificate of {where} is not trusted: {why}.", advice)
    if fault is not None and fault.reason in _NOT_TLS:
        return TlsFault(f"What answers at {where} does not speak https.", "Write its address with http://.")
    return None


def greets_in_tls(connected: socket.socket) -> bool:
    """Whether the other side of a fresh connection speaks TLS, whoever it is: nothing is sent to it but a greeting."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(OSError, ValueError), context.wrap_socket(connected):
        return True
    return False


def _ssl_error(error: BaseException) -> ssl.SSLError | None:
    """The TLS failure that this one is or was raised from; that of a certificate first."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    faults = [one for one in seen if isinstance(one, ssl.SSLError)]
    return next((one for one in faults if isinstance(one, ssl.SSLCertVerificationError)), faults[0] if faults else None)
