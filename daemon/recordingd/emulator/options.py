"""The settings of one emulator, as values.

Filled by the command line in ``app`` and by tests; read by every other module. The waits carry
the documented figures and the shortened ones side by side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

GA_VERSIONS = (
    "2023-03-06",
    "2023-10-15",
    "2024-04-15",
    "2024-09-15",
    "2025-05-15",
    "2025-06-15",
    "2026-03-12",
)
# What the live service lists in api-supported-versions (2026), previews included.
SUPPORTED_VERSIONS = (
    "2023-03-06",
    "2023-10-15",
    "2024-04-15",
    "2024-06-15-preview",
    "2024-09-01-preview",
    "2024-09-15",
    "2024-11-15-preview",
    "2025-03-30-preview",
    "2025-05-15",
    "2025-06-15",
    "2025-08-15-preview",
    "2026-03-12",
)
# Azurite's one account, whose key is published with it and opens nothing else.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
# Issuer of callback tokens, secure-webhook-endpoint.md.
CALLBACK_ISSUER = "https://acscallautomation.communication.azure.com"
# The application as which Event Grid presents its tokens, secure-webhook-delivery.md.
EVENT_GRID_APPLICATION = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
DEFAULT_TENANT = "72f0e5a1-0000-4000-8000-00000000e301"
DEFAULT_CLIENT = "72f0e5a1-0000-4000-8000-00000000e302"
DEFAULT_CLIENT_SECRET = "emulator-only-client-secret"  # noqa: S105  grants nothing anywhere
DEFAULT_IDENTITY_HEADER = "emulator-only-identity-header"
DEFAULT_ACCESS_KEY = "ZW11bGF0b3Itb25seS1hY2Nlc3Mta2V5LTAxMjM0NTY="  # grants nothing anywhere


class EventSchema(Enum):
    """The envelope of Event Grid deliveries."""

    EVENT_GRID = "eventgrid"
    CLOUD_EVENTS = "cloudevents"


class EventShape(Enum):
    """The shape of call event data: the documentation page and the swagger file disagree."""

    DOCS = "docs"
    SWAGGER = "swagger"


class StartStatus(Enum):
    """The status of an accepted start: versions and documents disagree, so it can be fixed."""

    DOCUMENTED = "documented"
    OK = "200"
    ACCEPTED = "202"


class TlsFault(Enum):
    """What may be wrong with the certificate that is served."""

    EXPIRED = "expired"
    UNTRUSTED = "untrusted"
    WRONG_NAME = "wrongName"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsEntra:
    """An Event Grid subscription whose deliveries carry tokens of Entra ID.

    `version` is that of the tokens, 1 or 2; both occur, by the manifest of the application.
    """

    tenant_id: str
    audience: str
    application_id: str = EVENT_GRID_APPLICATION
    version: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long the service takes, in seconds of the emulator's clock before `speed` divides."""

    start_seconds: float
    file_event_seconds: float
    event_retry_seconds: tuple[float, ...]
    event_attempts_max: int
    callback_retry_seconds: tuple[float, ...]
    handshake_retry_seconds: float


# Short enough for tests, long enough that a client sees the order of things.
FAST_WAITS = Waits(
    start_seconds=0.2,
    file_event_seconds=0.5,
    event_retry_seconds=(0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0),
    event_attempts_max=1000,
    callback_retry_seconds=(0.2, 1.0),
    handshake_retry_seconds=0.2,
)
# Active about 5 s after the start in recorded traffic; files "typically a few minutes" after the
# end per call-recording.md, 3 s to 2 min in traffic; event retries per Event Grid's
# delivery-and-retry.md (then hourly until the event is 24 h old, 30 attempts at most).
REALISTIC_WAITS = Waits(
    start_seconds=5.0,
    file_event_seconds=60.0,
    event_retry_seconds=(10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0),
    event_attempts_max=30,
    callback_retry_seconds=(1.0, 5.0),
    handshake_retry_seconds=5.0,
)


def ignore_access(document_id: str, action: str) -> None:
    """Observe nothing; the default of `EmulatorOptions.on_storage_access`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorOptions:
    """Everything that shapes one emulator; the defaults need no files and no network.

    `file_life_seconds` is the 24 h of call-recording.md, `chunk_seconds_max` the 4 h of its
    metadata section. `recording_seconds_max` ends a forgotten recording (subcode 8515 exists, its
    figure is not documented), so that a clock sent years ahead does not fill the disk.
    `state_dir` None means a temporary folder, removed at the end. `seed` makes identifiers
    repeatable. `resource_host` is a name of the resource that the certificate covers, and
    `resource_id` its immutable id, the audience of callback tokens; None draws one.
    `account_keys` opens storage accounts for exported recordings and for the events' queue.
    `on_storage_access` is called with a document id and ``download`` or ``delete``
    before the access takes effect, so that a test can judge it as an oracle.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: bool = False
    tls_fault: TlsFault | None = None
    resource_host: str | None = None
    resource_id: str | None = None
    access_key: str = DEFAULT_ACCESS_KEY
    tenant_id: str = DEFAULT_TENANT
    client_id: str = DEFAULT_CLIENT
    client_secret: str = DEFAULT_CLIENT_SECRET
    identity_header: str = DEFAULT_IDENTITY_HEADER
    has_signed_callbacks: bool = True
    callback_issuer: str = CALLBACK_ISSUER
    events_to: str | None = None
    events_to_queue: str | None = None
    events_batch: int = 1
    events_entra: EventsEntra | None = None
    event_schema: EventSchema = EventSchema.EVENT_GRID
    event_shape: EventShape = EventShape.DOCS
    scenario: Path | None = None
    speed: float = 1.0
    realistic: bool = False
    api_version: str = SUPPORTED_VERSIONS[-1]
    strict: bool = False
    start_status: StartStatus = StartStatus.DOCUMENTED
    storage_hosts: tuple[str, ...] = ("127.0.0.1",)
    state_dir: Path | None = None
    seed: int | None = None
    chunk_seconds_max: float = 4 * 3600.0
    chunk_bytes_max: int | None = None
    file_life_seconds: float = 24 * 3600.0
    recording_seconds_max: float = 24 * 3600.0
    request_log_max: int = 100_000
    metadata_quirks: frozenset[str] = field(default_factory=frozenset)
    account_keys: Mapping[str, str] = field(default_factory=lambda: {AZURITE_ACCOUNT: AZURITE_KEY})
    on_storage_access: Callable[[str, str], None] = ignore_access

    @property
    def waits(self) -> Waits:
        """Return the waits that `realistic` selects."""
        return REALISTIC_WAITS if self.realistic else FAST_WAITS
