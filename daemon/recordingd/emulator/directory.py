"""The emulated directory (Entra ID): who may ask for access tokens, and the tokens themselves.

The service verifies callers' tokens with it, Event Grid deliveries take theirs from it, and
``identity`` gives tokens out over HTTP. Sources: Microsoft identity platform, access token claims
reference and client credentials flow; App Service, managed identity REST reference.
"""

import hmac
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from recordingd.emulator.clock import Ids, real_now
from recordingd.emulator.identifiers import plain_time
from recordingd.emulator.keyring import BadTokenError, KeyRing
from recordingd.emulator.options import EmulatorOptions

# The SDK asks for the scope "https://communication.azure.com//.default": its resource ends with a
# slash. Which of the two spellings a token then carries is not documented; both are accepted.
SERVICE_AUDIENCE = "https://communication.azure.com"
_SERVICE_AUDIENCES = (SERVICE_AUDIENCE, f"{SERVICE_AUDIENCE}/")
_LOGIN = "https://login.microsoftonline.com"
_STS = "https://sts.windows.net"
LIFE_SECONDS = 3600.0
_ISSUED_MAX = 10_000
# Where a tenant's endpoints and keys lie, by token version.
_PATHS = {1: ("oauth2", "discovery/keys"), 2: ("oauth2/v2.0", "discovery/v2.0/keys")}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOrder:
    """What an access token shall say; `version` is 1 or 2, `life_seconds` may be negative.

    Version 1 tokens name the caller ``appid`` and are issued by sts.windows.net; version 2 tokens
    name it ``azp`` and are issued by login.microsoftonline.com.
    """

    tenant_id: str
    client_id: str
    audience: str = SERVICE_AUDIENCE
    life_seconds: float = LIFE_SECONDS
    version: int = 1
    scope: str | None = None


def issuer_of(tenant_id: str, version: int) -> str:
    """Return the documented issuer of a tenant's tokens."""
    return f"{_STS}/{tenant_id}/" if version == 1 else f"{_LOGIN}/{tenant_id}/v2.0"


@dataclass(slots=True, kw_only=True)
class Directory:
    """Issues and verifies access tokens; `issued` tells what was given out, oldest first."""

    options: EmulatorOptions
    ids: Ids
    ring: KeyRing = field(default_factory=KeyRing)
    issued: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=_ISSUED_MAX))

    def claims(self, order: TokenOrder) -> dict[str, object]:
        """Return the claims of a new token."""
        now = int(real_now())
        caller = "appid" if order.version == 1 else "azp"
        claims: dict[str, object] = {
            "aud": order.audience,
            "iss": issuer_of(order.tenant_id, order.version),
            "iat": now,
            "nbf": now,
            "exp": now + int(order.life_seconds),
            caller: order.client_id,
            f"{caller}acr": "1",
            "oid": order.client_id,
            "sub": order.client_id,
            "tid": order.tenant_id,
            "uti": self.ids.octets(12).hex(),
            "ver": f"{order.version}.0",
        }
        return claims | ({"scp": order.scope} if order.scope else {})

    def mint(self, order: TokenOrder, grant: str) -> str:
        """Return a new token; `grant` says in `issued` how it was asked for."""
        token = self.ring.sign(self.claims(order))
        self.issued.append(
            {
                "at": plain_time(real_now()),
                "grant": grant,
                "audience": order.audience,
                "tenantId": order.tenant_id,
                "clientId": order.client_id,
                "lifeSeconds": order.life_seconds,
            }
        )
        return token

    def refusal(self, token: str) -> str | None:
        """Return why `token` does not open the service, or None when it does.

        Signature, audience and life are judged, in real time.
        """
        try:
            self.ring.verify(token, _SERVICE_AUDIENCES)
        except BadTokenError as error:
            return str(error)
        return None

    def is_client(self, client_id: str, secret: str) -> bool:
        """Tell whether a client secret is the emulator's one client's."""
        return client_id == self.options.client_id and hmac.compare_digest(
            secret.encode(), self.options.client_secret.encode()
        )

    def configuration(self, base_url: str, tenant_id: str, version: int) -> Mapping[str, object]:
        """Return a tenant's OpenID configuration, its URLs below `base_url`."""
        path, keys = _PATHS[version]
        tenant = f"{base_url}/{tenant_id}"
        return {
            "issuer": issuer_of(tenant_id, version),
            "authorization_endpoint": f"{tenant}/{path}/authorize",
            "token_endpoint": f"{tenant}/{path}/token",
            "device_authorization_endpoint": f"{tenant}/{path}/devicecode",
            "jwks_uri": f"{tenant}/{keys}",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "client_secret_basic",
                "private_key_jwt",
            ],
            "response_types_supported": ["code", "id_token", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
