"""The directory over HTTP, as far as azure-identity's credentials ask for tokens there.

``front`` and ``control`` pass it the paths that `serves` names: a tenant's OpenID configuration,
keys and token endpoint, instance discovery, and the managed identity endpoints of App Service and
of virtual machines. It decides who gets a token; the token is ``directory``'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from recordingd.emulator.clock import real_now
from recordingd.emulator.directory import LIFE_SECONDS, Directory, TokenOrder
from recordingd.emulator.faults import Faults, number
from recordingd.emulator.options import EmulatorOptions
from recordingd.emulator.web import Exchange

_DEFAULT_SUFFIX = "/.default"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_KEYS = (("discovery", "v2.0", "keys"), ("discovery", "keys"))
_CONFIGURATIONS = {
    ("v2.0", ".well-known", "openid-configuration"): 2,
    (".well-known", "openid-configuration"): 1,
}
_TOKEN = ("oauth2", "v2.0", "token")
_INSTANCE = ("common", "discovery", "instance")
_APP_SERVICE = ("msi", "token")
_MACHINE = ("metadata", "identity", "oauth2", "token")


class _DeniedError(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


def serves(exchange: Exchange) -> bool:
    """Tell whether a request is for the directory and not for the service."""
    path = tuple(exchange.segments)
    if path in {_INSTANCE, _APP_SERVICE, _MACHINE}:
        return True
    return path[1:] in {_TOKEN, *_KEYS, *_CONFIGURATIONS}


@dataclass(slots=True, kw_only=True)
class IdentitySurface:
    """Answers the requests that `serves` names; `base_url` is the service listener's."""

    options: EmulatorOptions
    faults: Faults
    directory: Directory
    base_url: str = ""

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        try:
            await exchange.reply_json(200, self._answer(exchange))
        except _DeniedError as denied:
            body = {
                "error": denied.error,
                "error_description": denied.description,
                "error_codes": [],
                # App Service's own names for the same.
                "statusCode": denied.status,
                "message": denied.description,
            }
            await exchange.reply_json(denied.status, body)

    def _answer(self, exchange: Exchange) -> Mapping[str, object]:
        path = tuple(exchange.segments)
        match exchange.method, path:
            case "POST", (tenant, *rest) if tuple(rest) == _TOKEN:
                return self._client_credentials(exchange, tenant)
            case "GET", part if part == _APP_SERVICE:
                return self._app_service(exchange)
            case "GET", part if part == _MACHINE:
                return self._machine(exchange)
            case "GET", part if part == _INSTANCE:
                return self._instance(exchange)
            case "GET", (_, *rest) if tuple(rest) in _KEYS:
                return self.directory.ring.jwks()
            case "GET", (tenant, *rest) if tuple(rest) in _CONFIGURATIONS:
                version = _CONFIGURATIONS[tuple(rest)]
                return self.directory.configuration(self.base_url, tenant, version)
            case _:
                raise _DeniedError(405, "invalid_request", "Method not allowed.")

    def _client_credentials(self, exchange: Exchange, tenant: str) -> Mapping[str, object]:
        form = {name: values[0] for name, values in parse_qs(exchange.body.decode()).items()}
        if form.get("grant_type") != "client_credentials":
            text = "AADSTS70003: The app requested an unsupported grant type."
            raise _DeniedError(400, "unsupported_grant_type", text)
        client_id = form.get("client_id", "")
        is_asserted = form.get("client_assertion_type") == _ASSERTION_TYPE
        # A federated assertion is another issuer's token, whose keys are not known here.
        is_known = (
            client_id == self.options.client_id and bool(form.get("client_assertion"))
            if is_asserted
            else self.directory.is_client(client_id, form.get("client_secret", ""))
        )
        if not is_known or self.faults.take("tokens.denied") is not None:
            text = "AADSTS7000215: Invalid client secret provided."
            raise _DeniedError(401, "invalid_client", text)
        scope = form.get("scope", "")
        resource = next((s for s in scope.split(" ") if s.endswith(_DEFAULT_SUFFIX)), None)
        if resource is None:
            text = f"AADSTS1002012: The provided value for scope {scope} is not valid."
            raise _DeniedError(400, "invalid_scope", text)
        order = self._order(resource.removesuffix(_DEFAULT_SUFFIX), tenant, client_id)
        grant = "client_assertion" if is_asserted else "client_secret"
        return {
            "token_type": "Bearer",
            "expires_in": int(order.life_seconds),
            "ext_expires_in": int(order.life_seconds),
            "access_token": self.directory.mint(order, grant),
        }

    def _app_service(self, exchange: Exchange) -> Mapping[str, object]:
        if exchange.headers.get("x-identity-header") != self.options.identity_header:
            raise _DeniedError(401, "unauthorized", "The X-IDENTITY-HEADER is wrong.")
        order = self._managed_order(exchange)
        return {
            "access_token": self.directory.mint(order, "app_service"),
            "expires_on": str(int(real_now() + order.life_seconds)),
            "resource": exchange.parameter("resource"),
            "token_type": "Bearer",
            "client_id": order.client_id,
        }

    def _machine(self, exchange: Exchange) -> Mapping[str, object]:
        if exchange.headers.get("metadata", "").lower() != "true":
            raise _DeniedError(400, "invalid_request", "Required metadata header not specified")
        order = self._managed_order(exchange)
        seconds = int(order.life_seconds)
        return {
            "access_token": self.directory.mint(order, "machine"),
            "client_id": order.client_id,
            "expires_in": str(seconds),
            "expires_on": str(int(real_now()) + seconds),
            "not_before": str(int(real_now())),
            "resource": exchange.parameter("resource"),
            "token_type": "Bearer",
        }

    def _managed_order(self, exchange: Exchange) -> TokenOrder:
        resource = exchange.parameter("resource")
        if not resource:
            raise _DeniedError(400, "invalid_request", "The parameter resource is missing.")
        client_id = exchange.parameter("client_id") or self.options.client_id
        # As the service is asked for an identity that is not assigned to the machine.
        if client_id != self.options.client_id or self.faults.take("tokens.denied") is not None:
            raise _DeniedError(400, "invalid_request", "Identity not found")
        return self._order(resource, self.options.tenant_id, client_id)

    def _order(self, resource: str, tenant: str, client_id: str) -> TokenOrder:
        if self.faults.take("tokens.500") is not None:
            text = "AADSTS90033: A transient error has occurred. Please try again."
            raise _DeniedError(503, "temporarily_unavailable", text)
        short = self.faults.take("tokens.life")
        return TokenOrder(
            tenant_id=tenant,
            client_id=client_id,
            audience=resource.rstrip("/"),
            life_seconds=LIFE_SECONDS if short is None else number(short, "seconds"),
        )

    def _instance(self, exchange: Exchange) -> Mapping[str, object]:
        asked = exchange.parameter("authorization_endpoint") or ""
        tenant = next((part for part in asked.split("/")[3:4] if part), self.options.tenant_id)
        here = self.base_url.partition("://")[2]
        return {
            "tenant_discovery_endpoint": f"{self.base_url}/{tenant}/v2.0"
            "/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [
                {"preferred_network": here, "preferred_cache": here, "aliases": [here]},
            ],
        }
