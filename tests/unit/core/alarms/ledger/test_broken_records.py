from hypothesis import given
from hypothesis import strategies as st

from services.core.alarms.ledger.record import evidence_from_json, evidence_to_json, memory_from_json, memory_to_json
from services.core.alarms.life.model import Memory

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*Memory.__dataclass_fields__, "of_tomorrow"])


@given(any_json | st.dictionaries(names, any_json, max_size=6))
def test_a_memory_of_any_content_is_read_and_can_be_saved_again(saved: object) -> None:
    memory, _ = memory_from_json(saved)
    again, broken = memory_from_json(memory_to_json(memory))
    assert broken == []
    assert repr(memory_to_json(again)) == repr(memory_to_json(memory))  # NaN differs from itself, its text does not


@given(any_json | st.lists(st.dictionaries(st.sampled_from(["at", "kind", "device", "part", "text"]), any_json)))
def test_evidence_of_any_content_is_read_as_far_as_it_goes(saved: object) -> None:
    found, broken = evidence_from_json(saved)
    again, none = evidence_from_json(evidence_to_json(found))
    assert (again, none) == (found, 0)
    assert broken >= 0


def test_one_broken_field_costs_only_itself() -> None:
    memory, broken = memory_from_json({"repeats": 3, "raise_at": "never", "sent": ["fire.unknown"], "part": "detector"})
    assert (memory.repeats, memory.part, memory.raise_at) == (3, "detector", None)
    assert sorted(broken) == ["raise_at", "sent"]
