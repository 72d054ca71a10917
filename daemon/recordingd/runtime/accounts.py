"""Who somebody is to this machine: the actor that is written beside what people decide.

Used by the control socket's server and by commands that write where no daemon runs.
"""

from __future__ import annotations

import os
import pwd


def account_of(uid: int) -> str:
    """Return the name of an account; one without a name is called by its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def own_account() -> str:
    """Return the name of the account that this process runs as."""
    return account_of(os.getuid())
