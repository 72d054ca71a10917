"""A receiver around any backend, with defaults for everything a test does not name."""

from __future__ import annotations

from datetime import UTC, datetime

from recordingd.ingress.arrivals import Arrivals
from recordingd.ingress.auth import Keyring
from recordingd.ingress.backend import Backend
from recordingd.ingress.receiver import Receiver
from recordingd.ingress.senders import Senders
from recordingd.ingress.tokens import TokenCheck
from recordingd.telemetry.alarms import Alarms
from recordingd.telemetry.metrics import Metrics

STARTED_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def make_receiver(
    backend: Backend,
    keyring: Keyring,
    *,
    webhook_tokens: TokenCheck | None = None,
    callback_tokens: TokenCheck | None = None,
) -> Receiver:
    """Make a receiver with metrics and alarms of its own."""
    metrics = Metrics()
    alarms = Alarms(metrics)
    return Receiver(
        backend=backend,
        senders=Senders(
            keyring=keyring, webhook_tokens=webhook_tokens, callback_tokens=callback_tokens
        ),
        arrivals=Arrivals(metrics=metrics, alarms=alarms, started_at=STARTED_AT),
        metrics=metrics,
        alarms=alarms,
    )
