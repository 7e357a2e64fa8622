from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.request.paging import decode_cursor, encode_cursor
from services.api.request.problems import Problem
from services.api.request.roles import ROLES, Permission, Role, Who
from services.api.request.scope import Scope
from services.api.request.versions import versions_of

KINDS = ((datetime, int), (str,), (int,), (datetime, UUID), (datetime, int, bytes), (float,))


def test_a_cursor_comes_back_as_it_went() -> None:
    key = (datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC), 7, uuid4(), b"\x00\xff", "h-1", 0.5)
    assert decode_cursor(encode_cursor(key), datetime, int, UUID, bytes, str, float) == key


def _refused(cursor: str, kinds: tuple[type, ...]) -> bool:
    """Whether the cursor is refused as a problem; whatever else it raises fails the test."""
    try:
        found = decode_cursor(cursor, *kinds)
    except Problem as problem:
        return problem.status_code == 422
    return found is not None and len(found) != len(kinds)


@given(st.text(max_size=60), st.sampled_from(KINDS))
def test_any_other_text_is_refused_as_a_cursor(text: str, kinds: tuple[type, ...]) -> None:
    assert _refused(text, kinds)


@given(
    st.lists(st.none() | st.booleans() | st.lists(st.integers(0, 9)), min_size=1, max_size=4), st.sampled_from(KINDS)
)
def test_a_cursor_of_another_list_is_refused(values: list[object], kinds: tuple[type, ...]) -> None:
    assert _refused(encode_cursor(values), kinds)


def test_a_number_beyond_the_database_is_refused() -> None:
    assert _refused(encode_cursor([2**63]), (int,))
    assert _refused(encode_cursor(["a\x00"]), (str,))
    assert _refused(encode_cursor(["0001-01-01T00:00:00+00:00", 1]), (datetime, int))


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        (None, None), ("*", None), ('"3"', {3}), ('"3", "4"', {3, 4}), ("3", set()), ('W/"3"', set()), ('"x"', set()),
        ("", set()), ('"', set()), ('"³"', set()),
    ],
)  # fmt: skip
def test_if_match_names_versions(header: str | None, versions: set[int] | None) -> None:
    assert versions_of(header) == versions


def test_a_county_covers_its_townships_and_what_has_no_area() -> None:
    county, township = Scope(("140931",)), Scope(("140931100",))
    assert county.covers("140931100")
    assert county.covers(None)
    assert township.covers("140931100200")
    assert not township.covers("140931101")
    assert not township.covers("140931")
    assert not township.covers(None)


def test_an_empty_scope_sees_nothing() -> None:
    nobody = Scope(())
    assert not nobody.covers("140931100")
    assert not nobody.covers(None)
    assert not nobody.county


def test_nobody_gives_more_than_they_have() -> None:
    township = Scope(("140931100",))
    assert Scope(("140931100200",)).within(township)
    assert not Scope(("140931",)).within(township)
    assert not Scope(("*",)).within(township)
    assert township.within(Scope(("*",)))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("*", "140931", "140931"), ("140931", "*", "140931"), ("*", "*", "*"), ("140931", "140931100", "140931100"),
        ("140931100", "140931", "140931100"), ("140931100", "140931101", ""), ("140931", "", ""),
        ("140931 140932100", "140931100 140932", "140931100 140932100"),
    ],
)  # fmt: skip
def test_what_two_scopes_share_is_seen_by_both(one: str, other: str, both: str) -> None:
    assert Scope(tuple(one.split())).shared(Scope(tuple(other.split()))) == Scope(tuple(both.split()))


@pytest.mark.parametrize("role", Role)
def test_every_role_watches_a_wall_reads_no_more_and_only_the_administrator_administers(role: Role) -> None:
    who = Who("user:x", "x", role, Scope(("*",)))
    assert who.may(Permission.WATCH)
    assert who.may(Permission.READ) == (role is not Role.WALL)
    assert who.may(Permission.ADMINISTER) == (role is Role.ADMINISTRATOR)
    assert (Permission.ACT in ROLES[role]) == (role in {Role.DUTY_OFFICER, Role.ADMINISTRATOR})


def test_short_names_of_roles_are_understood() -> None:
    assert (Role("duty"), Role("admin")) == (Role.DUTY_OFFICER, Role.ADMINISTRATOR)
    with pytest.raises(ValueError, match="root"):
        Role("root")
