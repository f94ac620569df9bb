"""pip, with its progress in one line and its failures in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from installer.children import Children
from installer.console import InstallError, Step
from installer.pythons import clean_environment

TORCH = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")

_AGAIN = "then run the same command again: it goes on where it stopped."

# What in pip's output means what, the more certain sign first.
_MEANINGS = (
    (
        r"No space left|Errno 28",
        "The disk is full.",
        "Free some space (ComfyUI and torch take about 10 GB), {again}",
    ),
    (
        r"DO NOT MATCH THE HASHES|BadZipFile|has a wrong size",
        "A download is damaged, or is not the file that was pinned; nothing of it was unpacked.",
        "Run the same command again. If it stays so, a proxy or mirror delivers something else.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED",
        "The package index shows a certificate this machine does not trust (a company proxy?).",
        "Set PIP_CERT to your proxy's certificate file, {again}",
    ),
    (
        r"NewConnectionError|name resolution|getaddrinfo|Failed to establish|Connection (refused|reset|aborted|broken)|"
        r"ProxyError|timed out|ConnectionResetError|ConnectTimeout|Network is unreachable|NameResolutionError|"
        r"RemoteDisconnected|IncompleteRead",
        "The package index cannot be reached.",
        "Check the network (behind a proxy set HTTPS_PROXY; for a mirror set PIP_INDEX_URL), {again}",
    ),
    (
        r"No matching distribution found for (?P<missing>torch(?:vision|audio)?==\S+)",
        "{missing} is not built for this system, or the package index does not have it.",
        "With a ComfyUI that works here already: python install.py --comfyui PATH. "
        "With a server on another machine: python install.py --no-comfyui",
    ),
    (
        r"from versions: none\)[\s\S]*No matching distribution found for (?P<missing>\S+)",
        "The package index cannot be reached, or does not know {missing}.",
        "Check the network (behind a proxy set HTTPS_PROXY; for a mirror set PIP_INDEX_URL), {again}",
    ),
    (
        r"No matching distribution found for (?P<missing>\S+)",
        "The package index has no {missing} for this Python and system.",
        "If PIP_INDEX_URL, PIP_NO_INDEX or pip's configuration name a mirror, check that it is complete, {again}",
    ),
)


@dataclass(frozen=True)
class Pip:
    """pip of one environment. `scratch` is where it unpacks: beside it, for /tmp is often a small disk in memory."""

    python: Path
    children: Children
    scratch: Path

    def run(self, arguments: Sequence[str], step: Step) -> None:
        """Run `pip ARGUMENTS`.

        Raises InstallError where it failed; it says why in words and what to do.
        """
        self.scratch.mkdir(parents=True, exist_ok=True)
        command = [str(self.python), "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
        environment = clean_environment()
        environment.update(TMPDIR=str(self.scratch), TEMP=str(self.scratch), TMP=str(self.scratch))
        environment.update(PIP_USER="0", PIP_PROGRESS_BAR="off", PYTHONUNBUFFERED="1", PYTHONUTF8="1")
        ended = self.children.run(command, each=lambda line: _report(line.strip(), step), environment=environment)
        if ended.code != 0:
            raise explain(ended.output, self.children.log)


def _report(line: str, step: Step) -> None:
    """Show the lines of pip that mean minutes."""
    download = re.match(r"Downloading (?:\S*/)?(?P<name>\w+-[\w.]+)\S* \((?P<size>[\d.]+ [kMG]B)\)", line)
    if download:
        big = download["size"].endswith("GB") or (download["size"].endswith("MB") and float(download["size"][:-3]) > 90)
        step.doing(f"downloading {download['name']} ({download['size']})", worth_a_line=big)
    elif line.startswith("Installing collected packages"):
        step.doing("unpacking", worth_a_line=True)
    elif line.startswith("Collecting "):
        step.doing(line.lower())


def explain(output: str, log: Path) -> InstallError:
    """What a failed pip run means for a person."""
    for sign, message, advice in _MEANINGS:
        match = re.search(sign, output)
        if match:
            missing = match.groupdict().get("missing", "")
            return InstallError(message.format(missing=missing), advice.format(again=_AGAIN))
    tail = "\n".join(f"    {line}" for line in output.strip().splitlines()[-12:])
    return InstallError(f"pip failed:\n{tail}", f"The whole log is in {log}. Put that right, {_AGAIN}")
