"""Is a container there, and may we do in it what a store needs.

Called by `runtime.checks` for every store that is a container. Sends three requests that change
nothing; what is missing is named with the command that gives it.
"""

from __future__ import annotations

from recordingd.config.settings import AcsSettings, StoreSettings
from recordingd.domain.errors import ConfigurationError, StoreRefused
from recordingd.runtime.access import open_container
from recordingd.runtime.checking import Check, fail, ok

_MISSING = ("ContainerNotFound", "ContainerBeingDeleted")


def check_container(store: StoreSettings, acs: AcsSettings) -> Check:
    """Find out whether a container can be read, written and deleted from. Blocks."""
    link = f"store {store.name}"
    try:
        archive = open_container(store, acs)
    except ConfigurationError as error:
        return fail(link, str(error), "put the secret where the settings say")
    try:
        archive.probe()
    except StoreRefused as refused:
        return fail(link, str(refused), _remedy(store, refused))
    except OSError as error:
        fix = "check the name of the account and the network to it"
        return fail(link, f"it cannot be reached: {error.strerror or error}", fix)
    finally:
        archive.close()
    return ok(link, f"{store.container} can be read, written and deleted from")


def _remedy(store: StoreSettings, refused: StoreRefused) -> str:
    """Say what would make a refusal go away (bring-your-own-storage.md, Pre-requisites)."""
    if any(code in refused.answer for code in _MISSING):
        return "az storage container create --name CONTAINER --account-name ACCOUNT"
    if store.account_key is not None:
        return "az storage account keys list --account-name ACCOUNT, and renew the secret"
    if store.sas is not None:
        return "az storage container generate-sas --permissions crwd, and renew the secret"
    return (
        "enable the managed identity, then az role assignment create"
        " --role 'Storage Blob Data Contributor' --assignee IDENTITY --scope STORAGE-ACCOUNT"
    )
