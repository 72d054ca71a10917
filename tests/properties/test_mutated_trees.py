"""A thousand damaged policy trees: each is refused at a place, or means what it says.

Trees are damaged as people, editors and merges damage them: values deleted, duplicated, swapped or
of another type, fields misspelt, lines and characters moved. What keeps recordings is looked at
twice: through the readers, and in the text itself, so that no rule becomes shorter without a change
in the words that state it.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from recordingd.config.diagnostics import Diagnostic, Findings, Invalid, SourceFile, split_lines
from recordingd.config.policy_files import load_policies, load_texts
from recordingd.config.strict_yaml import parse_documents
from recordingd.domain.durations import parse_duration
from recordingd.domain.policies import PolicySet, RecordingPolicy
from recordingd.domain.retention import RetentionRule

ROOT = Path(__file__).parents[2]
TREES = {"samples": ROOT / "policies", "every-kind": ROOT / "tests" / "policies" / "every-kind"}
MUTANTS_PER_TREE = 500
MARKER = "---\n"
LENGTH = re.compile(r"\b[0-9]+[smhdwy]\b|\bforever\b")
Data = Any  # What YAML says: mappings, lists and scalars.
Texts = Mapping[str, str]
T = TypeVar("T")

SCRAPS = (
    *("null", "true", "no", "0", "-1", "1.5", "forever", "90d", "5y", "+1800*", "{}", "[]", "''"),
    *("\t", "\n", " ", ": ", "- ", "[", "]", "{", "}", ",", "#", "'", '"', "&a ", "*a", "!x ", "|"),
    *("name: p\n", "match: {}\n", "observe: true\n", "locked: true\n", "keepAtLeast: 1d\n"),
    *("<<<<<<< HEAD\n", "=======\n", "---\n", "...\n", "\ufeff", "\u2028", "\r", "\x00", "é"),
)
VALUES: tuple[Data, ...] = (None, True, False, 0, -1, 1.5, "", "x", "1d", "forever", [], {}, [[]])


class Dice:
    """Repeatable chance from a seed."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, itertools.count()

    def below(self, limit: int) -> int:
        key = f"{self._seed}/{next(self._count)}".encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") % limit

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]


# --- damage to what YAML says ---------------------------------------------------------------------


def entries(data: Data) -> Iterator[tuple[Data, Data]]:
    """Yield every place below a value, as the mapping or list that holds it and its key."""
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in list(keys):
        yield data, key
        yield from entries(data[key])


def delete(holder: Data, key: Data, _: Dice) -> None:
    del holder[key]


def retype(holder: Data, key: Data, dice: Dice) -> None:
    value = holder[key]
    holder[key] = copy.deepcopy(dice.pick((*VALUES, [value], {"x": value}, str(value))))


def duplicate(holder: Data, key: Data, dice: Dice) -> None:
    value = copy.deepcopy(holder[key])
    if isinstance(holder, list):
        holder.append(value)
    else:
        holder[f"{key}{dice.pick(('s', '2', ' '))}"] = value


def misspell(holder: Data, key: Data, dice: Dice) -> None:
    if isinstance(holder, dict):
        at = dice.below(len(key))
        holder[dice.pick((key[:at] + key[at + 1 :], key.lower(), key.upper()))] = holder.pop(key)


WAYS: tuple[Callable[[Data, Data, Dice], None], ...] = (delete, retype, duplicate, misspell)


def damage_data(data: Data, dice: Dice) -> str:
    """Change one place, or swap two, of one document."""
    places = list(entries(data))
    holder, key = dice.pick(places)
    if dice.below(4) == 0:
        other, there = dice.pick(places)
        one, two = copy.deepcopy(holder[key]), copy.deepcopy(other[there])
        holder[key], other[there] = two, one
    else:
        dice.pick(WAYS)(holder, key, dice)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def readable(text: str) -> Data:
    """Return what a document says; None where it says nothing, or has been damaged beyond that."""
    file = SourceFile(path="", shown="", text=text)
    documents = parse_documents(file, Findings())
    data = documents[0].data if documents else None
    return copy.deepcopy(data) if isinstance(data, dict) and data else None


# --- damage to the text ---------------------------------------------------------------------------


def damage_text(text: str, dice: Dice) -> str:
    """Change a character, a stretch or some lines of one document."""
    lines = text.splitlines(keepends=True)
    here, there = dice.below(len(lines)), dice.below(len(lines))
    at, scrap = dice.below(len(text)), dice.pick(SCRAPS)
    moved = lines[:here] + lines[here + 1 :]
    swapped = list(lines)
    swapped[here], swapped[there] = lines[there], lines[here]
    return str(
        dice.pick(
            (
                text[:at] + text[at + 1 :],
                text[:at] + text[at] + text[at:],
                text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
                text[:at] + scrap + text[at:],
                text[:at] + scrap + text[at + dice.below(12) :],
                replace_length(text, dice),
                replace_length(text, dice),
                "".join(moved),
                "".join(lines[: here + 1] + lines[here:]),
                "".join(swapped),
                "".join((*moved[:there], lines[here], *moved[there:])),
                "".join((*lines[:here], "  " + lines[here], *lines[here + 1 :])),
            )
        )
    )


def replace_length(text: str, dice: Dice) -> str:
    """Put another length of time where one stands."""
    lengths = list(LENGTH.finditer(text))
    if not lengths:
        return text
    found, other = dice.pick(lengths), dice.pick(("1d", "1y", "6y", "400y", "forever", "9", "1 y"))
    return text[: found.start()] + other + text[found.end() :]


def damaged(texts: Texts, seed: str) -> dict[str, str]:
    """Return a tree with a change or two, each to one document or to the set of them."""
    dice = Dice(seed)
    found = dict(texts)
    for _ in range(dice.pick((1, 1, 2))):
        path = dice.pick([p for p in sorted(found) if p.endswith(".yaml")])
        documents = found[path].split(MARKER)
        n = dice.below(len(documents))
        kind = dice.below(10)
        if kind == 0:
            documents[n : n + 1] = dice.pick(([], [documents[n]] * 2))
        elif documents[n]:
            data = readable(documents[n]) if kind < 6 else None
            is_text = data is None
            documents[n] = damage_text(documents[n], dice) if is_text else damage_data(data, dice)
        found[path] = MARKER.join(documents)
    return found


# --- what became of them --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One damaged tree: the set it was read as, or what was found in it."""

    texts: Texts
    policies: PolicySet | None
    diagnostics: tuple[Diagnostic, ...]


@functools.cache
def originals(tree: str) -> PolicySet:
    return load_policies(TREES[tree])


@functools.cache
def outcomes(tree: str) -> tuple[Outcome, ...]:
    texts = originals(tree).texts
    return tuple(outcome(damaged(texts, f"{tree}/{n}")) for n in range(MUTANTS_PER_TREE))


def outcome(texts: Texts) -> Outcome:
    try:
        return Outcome(texts=texts, policies=load_texts(texts), diagnostics=())
    except Invalid as fault:
        return Outcome(texts=texts, policies=None, diagnostics=fault.diagnostics)


def accepted(tree: str) -> Iterator[tuple[Texts, PolicySet]]:
    for found in outcomes(tree):
        if found.policies is not None:
            yield found.texts, found.policies


@pytest.mark.parametrize("tree", TREES)
def test_damage_is_refused_at_places_inside_the_files(tree: str) -> None:
    refused = [found for found in outcomes(tree) if found.policies is None]
    assert len(refused) > MUTANTS_PER_TREE / 2
    for found in refused:
        assert any(fault.is_error for fault in found.diagnostics)
        for fault in found.diagnostics:
            lines = split_lines(found.texts[fault.file].removeprefix("\ufeff"))
            assert 1 <= fault.span.line <= len(lines)
            assert 1 <= fault.span.column <= len(lines[fault.span.line - 1]) + 1
            assert fault.as_text().startswith(fault.headline)


@pytest.mark.parametrize("tree", TREES)
def test_what_is_accepted_is_the_same_when_it_is_read_again(tree: str) -> None:
    found = list(accepted(tree))
    assert len(found) > MUTANTS_PER_TREE / 20
    for _, policies in found:
        assert load_texts(policies.texts) == policies


# --- no silent shortening -------------------------------------------------------------------------

Kept = dict[str, tuple[object, object]]


def kept_by(policies: PolicySet) -> Kept:
    """Return what every rule says of keeping and deleting, as it was read."""
    specs = {str(rule.name): rule.spec for rule in policies.retention_rules}
    specs |= {
        f"{policy.name}#retention": policy.retention
        for policy in policies.policies
        if policy.retention is not None
    }
    return {name: (spec.keep_at_least, spec.delete_after) for name, spec in specs.items()}


def kept_in(texts: Texts) -> Kept:
    """Return what every rule says of keeping and deleting, as it stands in the text."""
    found: Kept = {}
    for path, text in texts.items():
        for data in yaml.load_all(text, yaml.CBaseLoader) if path.endswith(".yaml") else ():
            if isinstance(data, dict) and data["kind"] == "RetentionRule":
                found[data["name"]] = lengths_in(data)
            elif isinstance(data, dict) and "retention" in data:
                found[f"{data['name']}#retention"] = lengths_in(data["retention"])
    return found


def lengths_in(data: Mapping[str, str]) -> tuple[object, object]:
    keep, delete = (
        None if (text := data.get(key)) is None else parse_duration(text)
        for key in ("keepAtLeast", "deleteAfter")
    )
    return keep, delete


def rules_by_name(policies: PolicySet) -> dict[str, str]:
    """Return every rule that keeps recordings, whole, without the lines it stands on."""
    rules: list[RetentionRule | RecordingPolicy] = list(policies.retention_rules)
    rules += (policy for policy in policies.policies if policy.retention is not None)
    return {
        f"{type(rule).__name__}/{rule.name}": re.sub(r"Source\([^)]*\)", "", repr(rule))
        for rule in rules
    }


def chunks(texts: Texts) -> set[str]:
    return {
        chunk.strip("\n")
        for path, text in texts.items()
        if path.endswith(".yaml")
        for chunk in re.split(r"(?m)^---\n", text)
    }


@pytest.mark.parametrize("tree", TREES)
def test_every_length_that_is_written_counts_and_no_other(tree: str) -> None:
    assert kept_by(originals(tree)) == kept_in(originals(tree).texts)
    for texts, policies in accepted(tree):
        assert kept_by(policies) == kept_in(texts)


@pytest.mark.parametrize("tree", TREES)
def test_rule_whose_document_is_untouched_keeps_as_before(tree: str) -> None:
    before = originals(tree)
    rules = rules_by_name(before)
    document_of = {
        name: chunk
        for chunk in chunks(before.texts)
        for name in rules
        if re.search(rf"(?m)^kind: {name.partition('/')[0]}$", chunk)
        and re.search(rf"(?m)^name: {name.partition('/')[2]}$", chunk)
    }
    assert document_of.keys() == rules.keys()
    shortened = 0
    for texts, policies in accepted(tree):
        untouched, after = chunks(texts), rules_by_name(policies)
        for name, rule in rules.items():
            if after.get(name) != rule:
                shortened += 1
                assert document_of[name] not in untouched, name
    assert shortened >= 5
