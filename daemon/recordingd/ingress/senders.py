"""Say who sent a request, by secret or by token, before its body is read.

Called by `receiver`. Which credential opens what stands here; how a secret is compared is `auth`'s,
and what a token must say is `tokens`'. What an answer to a refusal looks like is the receiver's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recordingd.ingress.auth import Keyring, Refusal, Shown, Verdict, bearer_of
from recordingd.ingress.tokens import Token, TokenCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """Everything that opens something here.

    `webhook_tokens` are Event Grid's own, None where only secrets are taken. `callback_tokens` are
    the service's; None leaves callbacks to their unguessable address alone.
    """

    keyring: Keyring
    webhook_tokens: TokenCheck | None = None
    callback_tokens: TokenCheck | None = None

    async def judge_webhook(self, shown: Shown, *, now: datetime) -> Verdict:
        """Say who posts to the webhook: by secret, else by a bearer token of Event Grid."""
        verdict = self.keyring.judge_webhook(shown)
        bearer = bearer_of(shown)
        if verdict is not Refusal.WRONG or self.webhook_tokens is None or not bearer:
            return verdict
        return await self.webhook_tokens.judge(bearer, now=now)

    async def judge_callback(self, shown: Shown, *, now: datetime) -> Token | Refusal | None:
        """Return the token that a callback came with, or why it is refused.

        None where tokens are not asked for: the address is the credential.
        """
        if self.callback_tokens is None:
            return None
        bearer = bearer_of(shown)
        if bearer is None:
            return Refusal.ABSENT
        return await self.callback_tokens.verify(bearer, now=now)

    def judge_reporter(self, shown: Shown) -> Verdict:
        """Say which application reports."""
        return self.keyring.judge_reporter(shown)

    def judge_api(self, shown: Shown) -> Verdict:
        """Say who reads the API."""
        return self.keyring.judge_api(shown)
