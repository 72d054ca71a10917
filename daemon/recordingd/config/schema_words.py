"""Schema faults put into words, each at the token that is wrong.

Called by `config.schema_check` only. Says what was found, what was expected, and what was probably
meant; decides nothing. Never learns which document kind it speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from recordingd.config.diagnostics import Findings, Place
from recordingd.config.secret_words import announces_secret, looks_secret
from recordingd.config.strict_yaml import Document, PathParts, Plain

_TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
# Faults of a value itself; the others are about fields, which are looked at one by one.
_ABOUT_A_VALUE = frozenset({"enum", "const", "type", "format", "pattern", "minLength", "maxLength"})
# What YAML 1.1 takes for a boolean and this language does not.
_BOOLEAN_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that a schema does not allow.

    `keyword` of `schema` asked for `wanted` and found `value` at `path`; `is_key` says that the
    value is a key of the mapping there. `reason` is why, where a format or the validator says so.
    """

    path: PathParts
    keyword: str
    wanted: Plain
    value: Plain
    schema: Plain = field(repr=False)
    reason: str
    is_key: bool

    @property
    def unknown_fields(self) -> list[str]:
        """The fields that an `additionalProperties` fault is about."""
        known = self.schema.get("properties", {})
        return [name for name in self.value if name not in known]


class Reporter:
    """Puts one schema fault into words and at its token."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self._document = document
        self._findings = findings

    def add(self, fault: Fault) -> None:
        """Report one fault; of a fault about several fields, each at its own place."""
        if _may_show_a_secret(fault):
            self._document.hide(*fault.path)
            fault = _unquoted(fault)
        reporters: dict[str, Callable[[Fault], None]] = {
            "additionalProperties": self._unknown_fields,
            "required": self._missing_field,
            "enum": self._not_one_of,
            "const": self._not_one_of,
            "type": self._wrong_type,
            "format": self._bad_format,
            "pattern": self._bad_pattern,
        }
        reporters.get(fault.keyword, self._out_of_bounds)(fault)

    def _unknown_fields(self, fault: Fault) -> None:
        known = list(fault.schema.get("properties", {}))
        for name in fault.unknown_fields:
            if any(announces_secret(str(part)) for part in (*fault.path, name)):
                self._document.hide(*fault.path, name)
            place = self._document.key_at(*fault.path, name)
            refused = fault.schema.get("refusedFields", {}).get(name)
            if refused is not None:
                message, hint = refused["message"], refused.get("hint")
                self._findings.error(place, "schema/refused-field", message, hint=hint)
                continue
            close = did_you_mean(name, known)
            hint = close or f"known fields are {', '.join(known)}"
            self._findings.error(
                place, "schema/unknown-field", f"unknown field '{name}'", hint=hint
            )

    def _missing_field(self, fault: Fault) -> None:
        path = fault.path
        for name in fault.wanted:
            if name not in fault.value:
                self._findings.error(
                    self._parent_place(path), f"schema/required:{name}", f"'{name}' is missing"
                )

    def _parent_place(self, path: PathParts) -> Place:
        if path:
            return self._document.key_at(*path)
        if isinstance(self._document.data, dict) and "kind" in self._document.data:
            return self._document.at("kind")
        return self._document.first_key()

    def _not_one_of(self, fault: Fault) -> None:
        place = self._document.at(*fault.path)
        value = fault.value
        choices = fault.wanted if fault.keyword == "enum" else [fault.wanted]
        if fault.path == ("kind",):
            self._unknown_kind(place, value, choices)
            return
        known = ", ".join(map(_plain, choices))
        message = f"{_shown(value)} is not one of {known}"
        if len(choices) == 1:
            message = f"expected {known}, found {_shown(value)}"
        self._findings.error(place, "schema/enum", message, hint=did_you_mean(value, choices))

    def _unknown_kind(self, place: Place, value: Plain, choices: list[str]) -> None:
        message = f"kind {_shown(value)} is not known; known kinds are {', '.join(choices)}"
        self._findings.error(
            place, "schema/unknown-kind", message, hint=did_you_mean(value, choices)
        )

    def _wrong_type(self, fault: Fault) -> None:
        place = self._document.at(*fault.path)
        wanted = fault.wanted
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        expected = " or ".join(_TYPE_WORDS[name] for name in names)
        message = fault.schema.get("typeErrorMessage")
        hint = None
        if message is None:
            message = f"expected {expected}, found {_kind_of(fault.value)}"
            hint = _type_hint(names, fault.value)
        self._findings.error(place, "schema/type", message, hint=hint)

    def _bad_format(self, fault: Fault) -> None:
        message, _, hint = fault.reason.partition("; did you mean ")
        self._findings.error(
            self._place_of(fault),
            f"schema/{str(fault.wanted).removeprefix('recordingd-')}",
            message,
            hint=f"did you mean {hint}" if hint else None,
        )

    def _bad_pattern(self, fault: Fault) -> None:
        reason = fault.schema.get("patternErrorMessage", f"it must fit {fault.wanted}")
        self._findings.error(
            self._place_of(fault),
            "schema/pattern",
            f"{_shown(fault.value)} is not a name",
            hint=reason,
        )

    def _place_of(self, fault: Fault) -> Place:
        """Return where the value of a fault stands, which may be a key."""
        if fault.is_key:
            return self._document.key_at(*fault.path, fault.value)
        return self._document.at(*fault.path)

    def _out_of_bounds(self, fault: Fault) -> None:
        words = {
            "minimum": f"{_shown(fault.value)} is less than {fault.wanted}",
            "maximum": f"{_shown(fault.value)} is more than {fault.wanted}",
            "minProperties": "at least one field is needed here",
            "maxProperties": "only one of these fields is possible",
            "minLength": "an empty text is not possible here",
            "maxLength": f"the text is longer than {fault.wanted} characters",
            "minItems": f"at least {fault.wanted} entries are needed here",
            "maxItems": f"at most {fault.wanted} entries are possible here",
        }
        place = self._document.at(*fault.path)
        message = words.get(fault.keyword, fault.reason)
        self._findings.error(place, f"schema/{fault.keyword}", message)


def _type_hint(names: list[str], value: Plain) -> str | None:
    if names == ["boolean"] and isinstance(value, str) and value.lower() in _BOOLEAN_WORDS:
        return f"write {_BOOLEAN_WORDS[value.lower()]}"
    if "integer" in names and isinstance(value, str) and value.removeprefix("-").isdigit():
        return f"write it without quotes: {value}"
    if "string" in names and isinstance(value, int | float):
        return f'put it in quotes: "{_plain(value)}"'
    return None


def _may_show_a_secret(fault: Fault) -> bool:
    if fault.is_key or fault.keyword not in _ABOUT_A_VALUE:
        return False
    is_named_so = any(isinstance(p, str) and announces_secret(p) for p in fault.path)
    return is_named_so or (isinstance(fault.value, str) and looks_secret(fault.value))


def _unquoted(fault: Fault) -> Fault:
    """Leave the value out of what is said of it."""
    if not isinstance(fault.value, str):
        return fault
    return replace(fault, value="***", reason=fault.reason.replace(fault.value, "***"))


def did_you_mean(word: object, known: Iterable[object]) -> str | None:
    """Return a hint that names the closest known word; None when nothing is close."""
    if not isinstance(word, str):
        return None
    import difflib  # loaded for the first fault only

    by_fold = {str(k).casefold(): str(k) for k in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.7)
    return f"did you mean '{by_fold[close[0]]}'?" if close else None


def _shown(value: Plain) -> str:
    return f"'{_plain(value)}'" if isinstance(value, str) else _kind_or_value(value)


def _kind_or_value(value: Plain) -> str:
    return _kind_of(value) if isinstance(value, dict | list) else _plain(value)


def _plain(value: Plain) -> str:
    text = "nothing" if value is None else str(value)
    return str(value).lower() if isinstance(value, bool) else text[:80]


def _kind_of(value: Plain) -> str:
    if isinstance(value, bool):
        return f"the boolean {_plain(value)}"
    words: dict[type, str] = {
        dict: "a mapping",
        list: "a list",
        str: "a text",
        type(None): "nothing",
    }
    return words.get(type(value)) or f"the number {value}"
