"""The worker that is one ComfyUI server, reached over the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runner.batch.claims import OTHERS_POLL_S, Claims
from runner.batch.compatibility import Compatibility
from runner.batch.ledger_hooks import POLICY, ledger_hooks
from runner.batch.making import Maker
from runner.batch.metrics import Sampler
from runner.batch.servers import Server
from runner.batch.worker import Batch
from runner.errors import InterruptedRunError, RunnerError, ServerUnavailableError
from runner.events.reporter import Relay
from runner.execution.job import JobResult, JobSpec, Submission
from runner.execution.session import Session
from runner.http.auth import public_url
from runner.server.availability import Limits


class ServerWorker:
    """See `Worker`. `compatibility`: what the server can run, where it could be asked already."""

    def __init__(self, server: Server, batch: Batch, compatibility: Compatibility | None = None) -> None:
        self.url, self.label = public_url(server.url), server.label
        self.patience = Limits().patience
        self._server, self._batch = server, batch
        self._claims = Claims(batch, self.url, self.label, compatibility)
        self._session: Session | None = None
        if compatibility is not None:  # it answered: what it was sent before is left to it from the start
            batch.throughput.opened(self.url)

    def run(self) -> None:
        """Until nothing is left to do for anybody.

        Raises ServerUnavailableError where its server went away; what it had is given back. Raises JobTimeoutError
        where the deadline came; likewise. Raises KeyboardInterrupt, InterruptedRunError after its jobs are cancelled
        on the server and given back.
        """
        self._claims.open()
        try:
            self._work()
        except (KeyboardInterrupt, InterruptedRunError):
            self._batch.ledger.store.stop_waiting()
            raise
        finally:
            self._session = None
            self._batch.throughput.closed(self.url)
            self._claims.close("its server or its runner ended")

    def ask_to_stop(self) -> None:
        """End as after Ctrl-C, asked from another thread."""
        session = self._session
        if session is not None:
            session.ask_to_stop()

    def _work(self) -> None:
        batch, view, claims = self._batch, self._batch.view, self._claims
        with Session(
            self._server.url,
            batch.out,
            Relay(claims.heard, view.notice, view.once),
            workflow=batch.workflow.label,
            deadline=batch.deadline,
            limits=Limits(patience=self.patience, window=self._server.window),
        ) as session:
            self._session, sampler = session, Sampler(session.client)
            sampler.start()
            batch.throughput.opened(self.url)

            def finished(result: JobResult) -> bool:
                return claims.ended(result, sampler)

            try:
                hooks = ledger_hooks(batch.ledger, session.client, view.notice, finished)
                session.run(self._jobs(session), hooks, POLICY)
            finally:
                sampler.stop()

    def _jobs(self, session: Session) -> Iterator[JobSpec]:
        """What to submit, as it is wanted; read on a thread of the session's."""
        claims, url = self._claims, session.client.url
        maker = Maker(self._batch.workflow, session.client, self.patience, claims.closed)
        view = maker.view()
        if claims.compatibility is None or claims.compatibility.view != view:
            claims.compatibility = Compatibility(self._batch.workflow, view)
        while not claims.closed.is_set():
            entry, finished = claims.next()
            if finished:
                return
            if entry is None:
                claims.changed.wait(OTHERS_POLL_S)
                claims.changed.clear()
                continue
            if claims.settled(entry):
                continue
            try:
                spec = maker.spec(entry)
            except ServerUnavailableError:
                raise
            except RunnerError as error:
                claims.fail(entry.id, error)
                continue
            if entry.prompt_id is not None and entry.server == url:
                spec = replace(spec, submission=Submission(entry.prompt_id, entry.replaces, resumed=True))
            yield spec
