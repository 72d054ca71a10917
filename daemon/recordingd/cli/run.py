"""`recordingd run`: the daemon, in the foreground until it is asked to end."""

from __future__ import annotations

import argparse
import errno
import sys

from recordingd.cli.exits import Exit
from recordingd.cli.options import add_config, settings_path
from recordingd.config.diagnostics import Invalid
from recordingd.config.settings import check_secrets, load_settings
from recordingd.domain.errors import RecordingdError


class CannotListen(RecordingdError):
    """The address of the settings is taken, or is none of this machine's."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_config(parser)
    parser.add_argument(
        "--strict-start",
        action="store_true",
        help="exit with 3 when the policy files are invalid, instead of using the last good ones",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Run until SIGTERM or SIGINT; nothing is started when settings or secrets cannot be used."""
    settings = load_settings(settings_path(arguments))
    for warning in settings.warnings:
        sys.stderr.write(warning.as_text() + "\n")
    faults = check_secrets(settings)
    if faults:
        raise Invalid(faults)
    import uvloop  # loaded by nothing but the daemon

    from recordingd.runtime.service import serve  # loads every adapter

    try:
        uvloop.run(serve(settings, is_strict=arguments.strict_start))
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL}:
            raise
        listen = settings.listen
        msg = f"cannot listen on {listen.host}:{listen.port}: {error.strerror}; see 'listen' in "
        raise CannotListen(msg + str(settings.path)) from error
    return Exit.OK
