"""Made-up people: everybody whom selectors tell apart, and nobody whom the service cannot name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.written import groups, read_matcher

from recordingd.domain.matchers import GroupName, ParticipantsFit, Pattern, Selector, Source
from recordingd.domain.parties import PartyKind
from recordingd.domain.policies import Group
from recordingd.planning.people import People, Person, TooInvolved
from recordingd.planning.selectors import Groups, kind_of
from recordingd.planning.truth import phone_of


def selectors(text: str) -> tuple[Selector, ...]:
    leaf = read_matcher(f"{{participants: {{some: {text}}}}}")
    assert isinstance(leaf, ParticipantsFit)
    return leaf.selectors


def everybody(text: str) -> list[Person]:
    return People(groups()).told_apart(selectors(text))


def who_fits(text: str) -> set[str]:
    test = People(groups()).test(selectors(text))
    return {person.party.raw_id for person in everybody(text) if test(person)}


def test_first_is_somebody_whom_none_names() -> None:
    people = People(groups())
    meant = selectors('[{id: "8:acs:a"}, {phone: "+44*"}, {in: agents}, {kind: phoneNumber}]')
    assert not people.test(meant)(people.told_apart(meant)[0])


@pytest.mark.parametrize(
    ("text", "raw_ids"),
    [
        ('{id: "8:acs:a"}', {"8:acs:a"}),
        ("{phone: +4420123}", {"4:+4420123"}),
        ('{phone: "+44*"}', {"4:+44000000000"}),
        ('{id: "4:+4420*", phone: +4420123}', {"4:+4420123"}),
        ('{id: "4:4420*", phone: +4420123}', {"4:4420123"}),
        ("{in: council}", {"8:acs:c1", "8:acs:c2"}),
        ('{id: "8:acs:a", phone: +4420123}', set()),
        ("{in: council, notIn: council}", set()),
        ('{in: council, phone: "+*"}', set()),
    ],
)
def test_people_who_fit(text: str, raw_ids: set[str]) -> None:
    assert who_fits(text) == raw_ids


def test_numbers_have_the_raw_id_that_says_them_and_nobody_else_has_one() -> None:
    people = everybody('[{phone: "+44*"}, {id: "8:acs:a*"}, {kind: [unknown, phoneNumber]}]')
    assert people
    for person in people:
        is_number = person.party.raw_id.startswith("4:")
        assert (kind_of(person.party) is PartyKind.PHONE_NUMBER) is is_number
        assert phone_of(person.party) is None or is_number


def test_number_may_be_withheld() -> None:
    kinds = [p for p in everybody("{kind: phoneNumber}") if p.party.raw_id.startswith("4:")]
    assert {phone_of(p.party) is None for p in kinds} == {True, False}


def test_every_kind_is_there_where_kinds_matter() -> None:
    people = everybody("{kind: unknown}")
    assert {kind_of(person.party) for person in people} == set(PartyKind)


def test_anybody_may_be_from_anywhere() -> None:
    people = everybody("{place: [DE, US-CA]}")
    assert {person.places for person in people} == {
        frozenset(),
        frozenset({"DE"}),
        frozenset({"US-CA"}),
        frozenset({"DE", "US-CA"}),
    }
    assert People(groups()).test(selectors("{place: DE}"))(people[-1])


def test_too_many_places_are_given_up() -> None:
    with pytest.raises(TooInvolved):
        everybody("{place: [DE, FR, GB, IT, ES, NL, BE, CH, AT, PL]}")


def test_only_raw_ids_that_are_written_out_are_one_of_a_kind() -> None:
    found: Mapping[str, bool] = {
        person.party.raw_id: person.is_one
        for person in everybody('[{id: "8:acs:a"}, {phone: "+44*"}, {phone: +4420123}]')
    }
    assert {raw_id for raw_id, is_one in found.items() if is_one} == {"8:acs:a", "4:+4420123"}


def test_large_groups_are_told_apart_quickly() -> None:
    def group(name: str, first: str) -> Group:
        members = tuple(Selector(ids=(Pattern(f"8:acs:{first}{n}"),)) for n in range(20_000))
        return Group(name=GroupName(name), source=Source(file="g.yaml", line=1), members=members)

    large = Groups({GroupName(n): group(n, n) for n in ("a", "b")})
    meant = tuple(Selector(in_groups=(GroupName(n),)) for n in ("a", "b"))
    people = People(large)
    found = people.told_apart(meant)
    assert len(found) < 50
    fits = [people.test((selector,)) for selector in meant]
    assert {tuple(test(person) for test in fits) for person in found} == {
        (False, False),
        (True, False),
        (False, True),
    }
