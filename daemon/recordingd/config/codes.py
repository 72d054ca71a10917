"""What the codes of findings mean, and what to do about each.

Asked by `cli.reports` for forms that describe their rules, so it is loaded only for these. A test
holds the table complete. Codes are stable: a name is never given to something else.
"""

from __future__ import annotations

from collections.abc import Mapping

from recordingd.config.schema_types import FORMAT_WORDS

_OF_FILES = {
    "file/missing": "A file or folder that is named does not exist.",
    "file/no-policies": "A folder holds no policy file (*.yaml, *.yml), so nothing is recorded.",
    "file/not-a-file": "What is named is no file that can be read.",
    "file/not-policies": "What is named is neither settings nor a policy file (*.yaml, *.yml).",
    "file/too-large": "A file is larger than the language allows; split it.",
    "file/unreadable": "A file or folder cannot be read; look at its permissions.",
    "group/empty": "A group has no members, so no selector that names it ever fits.",
    "members/entry": "A line of a members file is neither a raw id nor a phone number.",
    "members/missing": "A members file cannot be read; its path is relative to the document.",
    "members/path": "A members file is named by a path relative to the document.",
    "yaml/alias": "Aliases are refused; repeat the value, or quote a text that starts with '*'.",
    "yaml/anchor": "Anchors are refused; quote a text that starts with '&'.",
    "yaml/control-character": "A character is not allowed in a text file.",
    "yaml/directive": "YAML directives are refused; remove the line that starts with '%'.",
    "yaml/duplicate-key": "A mapping has one key twice; remove one of them.",
    "yaml/encoding": "A file is not UTF-8; save it as UTF-8.",
    "yaml/key": "A key of a mapping must be a text.",
    "yaml/syntax": "A file is not YAML from this place on.",
    "yaml/tab": "Indent with spaces, not with tabs.",
    "yaml/tag": "YAML tags are refused; quote a text that starts with '!'.",
    "yaml/too-deep": "Values are nested deeper than the language allows.",
}
_OF_SCHEMAS = {
    "schema/enum": "A value is none of those that are possible here.",
    "schema/maxItems": "A list has more entries than are possible here.",
    "schema/maxLength": "A text is longer than is possible here.",
    "schema/maxProperties": "A mapping has more fields than are possible here.",
    "schema/maximum": "A number is larger than is possible here.",
    "schema/minItems": "A list has fewer entries than are needed here.",
    "schema/minLength": "A text is shorter than is needed here.",
    "schema/minProperties": "A mapping has fewer fields than are needed here.",
    "schema/minimum": "A number is smaller than is possible here.",
    "schema/pattern": "A name is made of lower-case letters, digits and single hyphens.",
    "schema/refused-field": "A field asks for something that the service cannot do.",
    "schema/required": "A field that is needed is missing.",
    "schema/type": "A value is of another type than the field takes.",
    "schema/unknown-field": "A field is not known here; nothing unknown is ignored.",
    "schema/unknown-kind": "A document is of a kind that is not known.",
}
_OF_POLICIES = {
    "policy/api-version": "The settings' acs.apiVersion cannot do what a policy asks for.",
    "policy/archive-and-storage": "With 'storage' the service's container is the archive already.",
    "policy/ask-incomplete": "A daemon that asks needs prompts and the keys of the answers.",
    "policy/assign-mixed": "Channels can be assigned only where every speaker has one.",
    "policy/captured-missing": "A forbid must say what becomes of audio captured before.",
    "policy/combination": "The service has no recording with this content, channels and format.",
    "policy/container-not-a-store": "Only containers that are stores of the settings may be used.",
    "policy/delete-before-floor": "A rule deletes earlier than it allows itself; correct one date.",
    "policy/delete-before-immutability": "A store keeps files for longer than a rule lets them.",
    "policy/duplicate-name": "Two documents of one kind have the same name; rename one.",
    "policy/end-call-needs-callbacks": "To end calls the settings need ingress.callbacks.",
    "policy/equal-rank": "Two policies can match one call and neither wins; change a priority.",
    "policy/expired": "A document is no longer in force; remove it, or move its end.",
    "policy/field-not-possible": "A field has no meaning here and would be ignored; remove it.",
    "policy/floor-above-ceiling": "A floor is longer than the ceiling of the settings.",
    "policy/hold-on-everything": "A hold must say what it is about; one on everything is refused.",
    "policy/if-absent-alone": "'ifAbsent' is about assigned channels, and none are assigned.",
    "policy/needs-callbacks": "Complete lists of participants come with forwarded callbacks only.",
    "policy/needs-events": "A condition asks for facts that only Event Grid tells.",
    "policy/needs-signals": "A condition asks for facts that only applications tell.",
    "policy/never-holds": "A condition can never hold, so what depends on it never happens.",
    "policy/never-valid": "A document ends before it begins, so it is never in force.",
    "policy/never-wins": "Others win every call that a policy matches; change one of them.",
    "policy/no-consent-rule": "The settings want a consent rule for every call that is recorded.",
    "policy/no-default-language": "Several prompts need a language that is played by default.",
    "policy/no-effect": "A field has no effect beside the others; remove it.",
    "policy/no-time-to-record": "A recording cannot end when it begins; give it some time.",
    "policy/override-no-forbid": "Only a policy that forbids can be overridden.",
    "policy/record-missing": "A policy that records must say how.",
    "policy/released": "A hold was released and holds nothing any more.",
    "policy/require-meets-forbid": "A call can match a require and a forbid; it stays unrecorded.",
    "policy/reserved-name": "This name has a meaning already; choose another one.",
    "policy/retention-empty": "Retention that neither keeps nor deletes says nothing.",
    "policy/review-lapsed": "A hold should have been reviewed by now; it stays in force.",
    "policy/same-key": "One key cannot mean both yes and no.",
    "policy/second-copy": "A store is named twice, or is the archive itself.",
    "policy/store-not-a-container": "The service writes to containers only, not to directories.",
    "policy/unknown-group": "A selector names a group that no document defines.",
    "policy/unknown-language": "The default language has no prompt.",
    "policy/unknown-override": "'overrides' names a policy that does not exist.",
    "policy/unknown-place": "A selector names a place that is no code and no Places document.",
    "policy/unknown-store": "A store is named that the settings do not have.",
}
_OF_TESTS = {
    "test/beyond-steps": "Something is expected after more steps than the test has.",
    "test/contradiction": "Two expectations cannot both be met.",
    "test/expects-nothing": "An expectation says nothing; say what must be true.",
    "test/not-there": "Somebody leaves a call without being in it.",
    "test/there-already": "Somebody joins a call twice.",
    "test/unknown-hold": "A test expects a hold that does not exist.",
    "test/unknown-pause": "A test expects a pause of a rule that does not exist.",
    "test/unknown-policy": "A test expects a policy that does not exist.",
    "test/unknown-retention": "A test expects a retention rule that does not exist.",
}
_OF_SETTINGS = {
    "settings/connection-string": "A secret is not a connection string.",
    "settings/control": "The path of the control socket is longer than sockets allow.",
    "settings/credentials": "Credentials are missing, or exclude each other.",
    "settings/duplicate": "Something is named twice, or is the same under two names.",
    "settings/empty": "There are no settings in the file.",
    "settings/ledger": "The ledger is not the URL of a database that can be used.",
    "settings/loopback-host": "Files of this machine need an endpoint on this machine.",
    "settings/no-effect": "A setting has no effect; remove it, or what makes it so.",
    "settings/not-supported": "A setting asks for something that this version does not do.",
    "settings/second-document": "A settings file holds one document.",
    "settings/secret": "A secret cannot be read where the settings say it is.",
    "settings/store": "A store is neither a directory nor a container with its credentials.",
    "settings/unknown-store": "A store is named that the settings do not have.",
}
MEANINGS: Mapping[str, str] = {
    **_OF_FILES,
    **_OF_SCHEMAS,
    **{
        f"schema/{name.removeprefix('recordingd-')}": f"Expected here: {words}."
        for name, words in FORMAT_WORDS.items()
    },
    **_OF_POLICIES,
    **_OF_TESTS,
    **_OF_SETTINGS,
}


def rule_of(code: str) -> str:
    """Return the rule that a code belongs to: what follows a colon only says which field it is."""
    return code.partition(":")[0]


def meaning_of(code: str) -> str:
    """Return what a rule says; its own name where nothing is said about it."""
    rule = rule_of(code)
    return MEANINGS.get(rule, rule)
