"""Settings that are part of the interface and that this version cannot honour.

Called by `config.settings_reader`. Ignoring some would break a promise: they are errors. Others
merely have no effect yet: they are warnings.
"""

from __future__ import annotations

from collections.abc import Mapping

from recordingd.config.settings_source import SettingsSource

_REFUSED: Mapping[tuple[str, ...], str] = {
    ("checkpoints",): "leave it out: no checkpoint would be written",
}
# These promise something only when they are switched on.
_REFUSED_WHEN_TRUE: Mapping[tuple[str, ...], str] = {
    ("acs", "resultFallback"): "leave it out: files whose announcement never came are alarmed",
}
_WITHOUT_EFFECT: tuple[tuple[str, ...], ...] = (
    ("downloads", "bandwidth"),
    ("guards", "maxEndCalls"),
)
_STORE_FIELDS_WITHOUT_EFFECT = ("place",)


def check_support(source: SettingsSource) -> None:
    """Report every setting that this version does not honour."""
    for path, hint in _REFUSED.items():
        if source.is_written(*path):
            _refuse(source, path, hint)
    for path, hint in _REFUSED_WHEN_TRUE.items():
        if source.get(*path) is True:
            _refuse(source, path, hint)
    for path in _WITHOUT_EFFECT:
        if source.is_written(*path):
            _warn(source, path)
    for name in source.get("stores") or ():
        for field in _STORE_FIELDS_WITHOUT_EFFECT:
            if source.is_written("stores", name, field):
                _warn(source, ("stores", name, field))


def _refuse(source: SettingsSource, path: tuple[str, ...], hint: str) -> None:
    message = f"'{'.'.join(path)}' is not supported by this version"
    source.findings.error(
        source.document.key_at(*path), "settings/not-supported", message, hint=hint
    )


def _warn(source: SettingsSource, path: tuple[str, ...]) -> None:
    message = f"'{'.'.join(path)}' has no effect in this version"
    source.findings.warning(source.document.key_at(*path), "settings/no-effect", message)
