"""Delivering: a batch goes out at once, each answer is recorded as it comes, failures wait ever longer."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from controlplane.domain.webhooks import pause, shown_headers, shown_uri, signature
from controlplane.kernel.clock import Clock
from controlplane.persistence import deliveries, outbox, webhooks
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.deliveries import Attempt, DeliveryRow
from controlplane.persistence.webhooks import WebhookRow
from controlplane.services.outbound import Outbound, OutboundError, OutboundTimeoutError
from controlplane.services.webhooks import DELIVERIES_TOPIC, Callback, Webhooks
from controlplane.settings.model import Settings

log = logging.getLogger(__name__)

_BATCH, _THREADS = 64, 16
_TURN = 20.0  # seconds of deliveries a message is good for
_LONGEST_PAUSE = 3600.0
_SHOWN_BODY = 4096  # bytes of an answer that history keeps
_SHOWN_HEADERS = 64


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: a status, or 504 where nothing came in time and 0 where no connection was possible."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: str

    @property
    def good(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


@dataclass(frozen=True, slots=True)
class _Tried:
    """An attempt that was made."""

    row: DeliveryRow
    webhook: WebhookRow
    callback: Callback
    answer: _Answer


class Deliverer:
    """Takes deliveries to their webhooks. Any number of processes may do so at once."""

    def __init__(
        self, database: Database, callbacks: Webhooks, outbound: Outbound, clock: Clock, settings: Settings
    ) -> None:
        self._database = database
        self._webhooks = callbacks
        self._outbound = outbound
        self._clock = clock
        self._settings = settings

    def run(self) -> int:
        """Deliver a batch of what is due; return how many were tried.

        Twice: a delivery whose answer was not recorded goes out again, with the same ids. Dies midway: the
        lease ends and another process takes it over.
        """
        now = self._clock.now()
        until = now + timedelta(seconds=self._settings.webhook_timeout * (_BATCH / _THREADS + 2))
        with self._database.write() as tx:
            batch = deliveries.claim(tx, now, until, _BATCH)
            known = {number: webhooks.by_id(tx, number) for number in {row.webhook_id for row in batch}}
        if not batch:
            return 0
        with ThreadPoolExecutor(min(_THREADS, len(batch)), "deliver") as pool:
            waiting = {pool.submit(self._send, row, known[row.webhook_id]) for row in batch}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                self._record([one.result() for one in done])
        return len(batch)

    def run_all(self, stopping: Callable[[], bool]) -> None:
        """Deliver until nothing is due; give way to others after a while, with a message to go on."""
        end = time.monotonic() + _TURN
        while self.run():
            if stopping() or time.monotonic() > end:
                with self._database.write() as tx:
                    outbox.put(tx, DELIVERIES_TOPIC, {}, self._clock.now())
                return

    def ring(self, *, every: bool = False) -> int:  # noqa: ARG002 - due is due
        """Ask workers to deliver what is due and nobody works at; return for how much."""
        now = self._clock.now()
        with self._database.read() as tx:
            is_due = deliveries.any_due(tx, now)
        if is_due:
            with self._database.write() as tx:
                outbox.put(tx, DELIVERIES_TOPIC, {}, now)
        return int(is_due)

    def _send(self, row: DeliveryRow, webhook: WebhookRow | None) -> _Tried | None:
        if webhook is None:
            return None
        callback = self._webhooks.callback(webhook)
        body = row.body.encode()
        headers = _headers(row, callback, body, self._clock.now())
        try:
            answer = self._outbound.post(
                callback.service_uri,
                headers,
                body,
                seconds=self._settings.webhook_timeout,
                limit=_SHOWN_BODY,
            )
        except OutboundTimeoutError as error:
            return _Tried(row, webhook, callback, _Answer(HTTPStatus.GATEWAY_TIMEOUT, str(error), {}, ""))
        except OutboundError as error:
            return _Tried(row, webhook, callback, _Answer(0, str(error), {}, ""))
        text = answer.body.decode("utf-8", "replace").replace("\0", "")
        shown = dict(list(answer.headers.items())[:_SHOWN_HEADERS])
        return _Tried(row, webhook, callback, _Answer(answer.status, answer.reason, shown, text))

    def _record(self, found: Sequence[_Tried | None]) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            for tried in filter(None, found):
                attempt = self._attempt(tried.row, tried.callback, tried.answer, now)
                if not deliveries.record(tx, tried.row, attempt, now):
                    continue
                if not tried.answer.good:
                    self._note_failure(tx, tried.webhook, now)
                elif tried.webhook.failing_since is not None:
                    webhooks.note_success(tx, [tried.webhook.id])

    def _attempt(self, row: DeliveryRow, callback: Callback, answer: _Answer, now: datetime) -> Attempt:
        body = row.body.encode()
        sent = _headers(row, callback, body, now)
        request = {
            "content": json.loads(row.body),
            "headers": shown_headers({**sent, "Content-Length": str(len(body))}),
            "method": "POST",
            "requestUri": shown_uri(callback.service_uri),
            "version": "1.1",
        }
        response = {
            "content": answer.body,
            "headers": shown_headers(answer.headers),
            "reasonPhrase": answer.reason,
            "statusCode": str(answer.status),
            "version": "1.1",
        }
        state, due = deliveries.DELIVERED, row.due_at
        if not answer.good:
            chance = random.random()  # noqa: S311 - spreads load, hides nothing
            first = self._settings.webhook_retry
            seconds = pause(row.attempts, chance, first=first, longest=_LONGEST_PAUSE)
            due = now + timedelta(seconds=seconds)
            over = now - row.created_at > timedelta(seconds=self._settings.webhook_lifetime)
            state = deliveries.FAILED if over else deliveries.PENDING
        return Attempt(state, request, response, due)

    def _note_failure(self, tx: Transaction, webhook: WebhookRow, now: datetime) -> None:
        since = webhooks.note_failure(tx, webhook.id, now)
        if now - since < timedelta(seconds=self._settings.webhook_patience):
            return
        if webhooks.disable(tx, webhook.id):
            given_up = deliveries.drop_pending(tx, webhook.id, now)
            log.warning(
                "webhook %s disabled: it has failed since %s; %d given up", webhook.key, since, given_up
            )
            self._webhooks.tell_disabled(tx, webhook, now)


def _headers(row: DeliveryRow, callback: Callback, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a delivery: as configured, and signed where there is a secret."""
    headers = dict(callback.headers)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    if callback.signing_secret is not None:
        timestamp = str(int(now.timestamp()))
        headers["X-Acrctl-Delivery"] = row.id
        headers["X-Acrctl-Timestamp"] = timestamp
        headers["X-Acrctl-Signature"] = signature(callback.signing_secret, timestamp, body)
    return headers
