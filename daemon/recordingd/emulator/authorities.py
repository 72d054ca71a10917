"""Every credential of the emulated service in one place: keys, tokens, and who is let in.

``front`` and ``storage`` ask whether a request is authentic, the couriers take tokens from here,
and the control API rotates and mints. It knows no operation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recordingd.emulator.bearer import TokenSource, callback_claims
from recordingd.emulator.clock import Ids, real_now
from recordingd.emulator.directory import (
    LIFE_SECONDS,
    SERVICE_AUDIENCE,
    Directory,
    TokenOrder,
    issuer_of,
)
from recordingd.emulator.faults import Faults
from recordingd.emulator.inputs import InputError, only, text
from recordingd.emulator.keyring import KeyRing
from recordingd.emulator.options import EmulatorOptions
from recordingd.emulator.signing import decode_key, refusal
from recordingd.emulator.web import Exchange

# Subcodes of resources/troubleshooting, call-automation-sdk.md; no live 401 was seen.
_HMAC_INVALID = "7509"
_TOKEN_INVALID = "7501"  # noqa: S105  a subcode
_BEARER = "Bearer "
_TOKEN_FIELDS = frozenset(
    {"audience", "tenantId", "clientId", "expiresInSeconds", "scope", "version"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not authentic: the subcode and the message of the 401."""

    code: str
    message: str


@dataclass(slots=True, kw_only=True)
class Authorities:
    """The access keys, the directory, and the keys of callbacks; `resource_id` is the audience."""

    options: EmulatorOptions
    ids: Ids
    faults: Faults
    resource_id: str
    keys: list[bytes]
    directory: Directory
    callback_ring: KeyRing = field(default_factory=KeyRing)

    def refusal(
        self, exchange: Exchange, *, targets: Sequence[str], hosts: Sequence[str]
    ) -> Refusal | None:
        """Return why the request is refused, or None; a bearer token or a signature opens.

        Any of `targets` and `hosts` may have been signed.
        """
        authorization = exchange.headers.get("authorization", "")
        if authorization.startswith(_BEARER):
            reason = self.directory.refusal(authorization.removeprefix(_BEARER).strip())
            return None if reason is None else _refusal(_TOKEN_INVALID, "Invalid Token", reason)
        reason = refusal(
            self.keys,
            method=exchange.method,
            targets=targets,
            hosts=hosts,
            headers=exchange.headers,
            body=exchange.body,
            now=real_now(),
        )
        return None if reason is None else _refusal(_HMAC_INVALID, "Hmac Validation Error", reason)

    def callback_tokens(self) -> TokenSource | None:
        """Return what signs callbacks, or None when they go unsigned."""
        if not self.options.has_signed_callbacks:
            return None
        return TokenSource(
            family="callbacks",
            faults=self.faults,
            ring=self.callback_ring,
            claims=lambda: callback_claims(self.options, self.ids, self.resource_id),
        )

    def event_tokens(self) -> TokenSource | None:
        """Return what Event Grid presents, or None when the subscription names no tenant."""
        entra = self.options.events_entra
        if entra is None:
            return None
        order = TokenOrder(
            tenant_id=entra.tenant_id,
            client_id=entra.application_id,
            audience=entra.audience,
            version=entra.version,
        )
        return TokenSource(
            family="events",
            faults=self.faults,
            ring=self.directory.ring,
            claims=lambda: self.directory.claims(order),
        )

    def callback_configuration(self, base_url: str) -> dict[str, object]:
        """Return the OpenID configuration of callback tokens."""
        return {
            "issuer": self.options.callback_issuer,
            "jwks_uri": f"{base_url}/calling/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        }

    def answer(self, method: str, path: Sequence[str], body: Mapping[str, object]) -> object:
        """Do what the control API asks of credentials; raises `InputError`, `LookupError`."""
        match method, tuple(path):
            case "POST", ("keys",):
                return self._rotate(body)
            case "POST", ("callback-keys", "rotate"):
                return _rotated(self.callback_ring, body)
            case "POST", ("entra-keys", "rotate"):
                return _rotated(self.directory.ring, body)
            case "POST", ("tokens",):
                return self._mint(body)
            case "GET", ("tokens",):
                return list(self.directory.issued)
            case _:
                msg = f"no such operation: {method} /{'/'.join(path)}"
                raise LookupError(msg)

    def described(self, endpoint: str, control: str) -> dict[str, object]:
        """Return what the ready line tells of tokens; `control` serves managed identities."""
        options = self.options
        is_signed = options.has_signed_callbacks
        configuration = f"{endpoint}/calling/.well-known/acsopenidconfiguration"
        return {
            "openIdConfiguration": configuration if is_signed else None,
            "issuer": options.callback_issuer if is_signed else None,
            "audience": self.resource_id if is_signed else None,
            "eventsEntra": self._events_described(endpoint),
            "entra": {
                "authority": endpoint,
                "tenantId": options.tenant_id,
                "clientId": options.client_id,
                "clientSecret": options.client_secret,
                "identityEndpoint": f"{control}/msi/token",
                "identityHeader": options.identity_header,
                "machineEndpoint": control,
            },
        }

    def _events_described(self, endpoint: str) -> dict[str, object] | None:
        entra = self.options.events_entra
        if entra is None:
            return None
        middle = "/v2.0" if entra.version > 1 else ""
        return {
            "openIdConfiguration": f"{endpoint}/{entra.tenant_id}{middle}"
            "/.well-known/openid-configuration",
            "issuer": issuer_of(entra.tenant_id, entra.version),
            "tenantId": entra.tenant_id,
            "audience": entra.audience,
            "applicationId": entra.application_id,
        }

    def _rotate(self, body: Mapping[str, object]) -> dict[str, object]:
        # A resource has two keys; rotating one invalidates what was signed with it before.
        only(body, frozenset({"accessKeys"}))
        given = body.get("accessKeys")
        if not isinstance(given, list) or not given:
            msg = "accessKeys: must be a non-empty array"
            raise InputError(msg)
        try:
            self.keys[:] = [decode_key(str(key)) for key in given]
        except ValueError as error:
            msg = f"accessKeys: {error}"
            raise InputError(msg) from error
        return {"accessKeys": len(self.keys)}

    def _mint(self, body: Mapping[str, object]) -> dict[str, object]:
        only(body, _TOKEN_FIELDS)
        seconds = body.get("expiresInSeconds", LIFE_SECONDS)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            msg = "expiresInSeconds: must be a number; a negative one makes an expired token"
            raise InputError(msg)
        version = body.get("version", 1)
        if version not in (1, 2) or not isinstance(version, int):
            msg = "version: must be 1 or 2"
            raise InputError(msg)
        order = TokenOrder(
            tenant_id=text(body, "tenantId") or self.options.tenant_id,
            client_id=text(body, "clientId") or self.options.client_id,
            audience=text(body, "audience") or SERVICE_AUDIENCE,
            life_seconds=float(seconds),
            version=version,
            scope=text(body, "scope"),
        )
        return {
            "accessToken": self.directory.mint(order, "control"),
            "tokenType": "Bearer",
            "expiresInSeconds": int(seconds),
        }


def _rotated(ring: KeyRing, body: Mapping[str, object]) -> dict[str, object]:
    only(body, frozenset({"keepOld"}))
    keep_old = body.get("keepOld", True)
    if not isinstance(keep_old, bool):
        msg = "keepOld: must be true or false"
        raise InputError(msg)
    return {"kid": ring.rotate(keep_old=keep_old)}


def _refusal(code: str, title: str, reason: str) -> Refusal:
    return Refusal(code=code, message=f"{title}: {reason}.")
