import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.core.text import DEEPEST, clean_json, clean_text, describe_error

any_text = st.text(alphabet=st.characters(exclude_categories=()))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
)


@given(any_text, st.integers(1, 50))
def test_cleaned_text_can_be_stored_and_keeps_within_its_length(text: str, most: int) -> None:
    cleaned = clean_text(text, most)
    assert "\0" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert len(cleaned) <= most


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_what_was_fit_to_be_stored_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


@given(any_json)
def test_cleaned_json_is_taken_by_a_strict_writer_and_holds_no_nul(value: object) -> None:
    written = orjson.dumps(clean_json(value))
    assert b"\\u0000" not in written


def test_endless_depth_ends() -> None:
    value: object = "bottom"
    for _ in range(3 * DEEPEST):
        value = [value]
    assert b"nested too deep" in orjson.dumps(clean_json(value))


def test_an_error_is_told_by_class_and_text_and_a_group_by_its_members() -> None:
    group = ExceptionGroup("unhandled errors in a TaskGroup", [ValueError("no such\npart"), KeyError("x\0")])
    assert describe_error(group) == "ValueError: no such part; KeyError: 'x\\x00'"
    assert describe_error(TimeoutError()) == "TimeoutError"
    assert "\0" not in describe_error(ValueError("a\0b"))
