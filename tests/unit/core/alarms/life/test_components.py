"""Two spellings of one component are one witness, one alarm, one reset; two components stay two."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.alarms.life.components import is_named, normal_component, same_component
from services.core.words import Confidence
from tests.unit.core.alarms.fires.scene import Scene

TWINS = [
    "3-12 ", " 3-12", "3 - 12", "3-12\u00a0", "3-12\u3000", "3-1\u200b2", "\ufeff3-12", "3-12\u00ad", "３－１２",
    "3-012", "003-12", "3–12", "3−12", "3-12\0", "3-12\ufffd", "3-12\t\r\n", "3-12\ufe0f", "\u202e3-12\u202c", "٣-١٢",
    "3-12\x7f",
]  # fmt: skip
BLANKS = ["", " ", "\t", "\u00a0", "\u200b\u200d", "\u3000", "\0", "\ufeff", "\u2800", "\u3164"]
OTHERS = ["3-13", "3-1", "13-12", "3-120", "30-12", "3.12", "312", "-3-12", "2-3-12", "3-12a", "3-1２0"]
NOISE = st.sampled_from([" ", "\u00a0", "\u200b", "\u3000", "\0", "\t", "\u2060", "\ufeff"])


@pytest.mark.parametrize("twin", TWINS)
def test_another_spelling_is_the_same_component(twin):
    assert same_component("3-12", twin)


@pytest.mark.parametrize("other", OTHERS)
def test_another_component_is_another(other):
    assert not same_component("3-12", other)


@pytest.mark.parametrize("blank", BLANKS)
def test_what_is_only_blank_is_no_component(blank):
    assert (is_named(blank), normal_component(blank)) == (False, "")


def test_case_and_zeros_are_folded_and_zero_stays():
    assert same_component("a03 Smoke", "A3smoke")
    assert same_component("STRASSE 7", "straße 007")
    assert normal_component("0") == normal_component("000") == "0"
    assert normal_component("1-0-05") == "1-0-5"


@given(st.text(max_size=20))
def test_the_normal_form_is_its_own_normal_form(sent):
    assert normal_component(normal_component(sent)) == normal_component(sent)


@given(st.text(max_size=12), st.text(max_size=12))
def test_same_is_symmetric_and_follows_the_form(one, other):
    assert (
        same_component(one, other) == same_component(other, one) == (normal_component(one) == normal_component(other))
    )


@given(st.from_regex(r"[1-9][0-9]{0,2}-[1-9][0-9]{0,2}", fullmatch=True), st.data())
def test_noise_width_and_zeros_never_make_a_second_witness(component, data):
    wide = data.draw(st.booleans())
    dressed = "".join(chr(ord(one) + 0xFEE0) if wide else one for one in component)
    first, dash, second = dressed.partition("－" if wide else "-")
    dressed = "0" * data.draw(st.integers(0, 3)) + first + dash + "0" * data.draw(st.integers(0, 3)) + second
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(dressed)))
        dressed = dressed[:place] + data.draw(NOISE) + dressed[place:]
    assert same_component(component, dressed)
    assert same_component(component, unicodedata.normalize("NFD", dressed))


@given(st.integers(0, 99), st.integers(0, 999), st.integers(0, 99), st.integers(0, 999))
def test_two_addresses_are_one_component_only_if_both_numbers_are_equal(loop, point, other_loop, other_point):
    one, other = f"{loop:02}-{point:03}", f"{other_loop}-{other_point}"
    assert same_component(one, other) == ((loop, point) == (other_loop, other_point))


@pytest.mark.parametrize("twin", TWINS)
def test_a_twin_spelling_confirms_nothing_and_is_the_same_alarm(twin):
    scene = Scene()
    first = scene.fire("3-12")
    scene.fire_as(twin)
    assert next(iter(scene.site.alarms.values())).component == first.component == "3-12"
    assert len(scene.site.alarms) == 1
    assert scene.alarm("3-12").confidence is Confidence.SUSPECTED
    assert "fire.confirmed" not in scene.types()


@pytest.mark.parametrize("twin", TWINS)
def test_the_same_component_of_panel_and_transmitter_is_one_witness_however_they_spell_it(twin):
    scene = Scene()
    scene.fire("3-12", "panel")
    scene.fire_as(twin, "transmitter")
    assert "fire.confirmed" not in scene.types()


@pytest.mark.parametrize("other", OTHERS)
def test_two_components_still_confirm(other):
    scene = Scene()
    scene.fire("3-12")
    scene.fire_as(other)
    assert scene.types().count("fire.confirmed") == 1


@pytest.mark.parametrize("twin", TWINS)
def test_over_and_reset_find_the_alarm_under_any_spelling(twin):
    scene = Scene()
    scene.fire("3-12")
    scene.over(twin)
    assert not scene.alarm("3-12").active
    scene.fire("3-12")
    scene.reset(twin)
    assert not scene.alarm("3-12").active


def test_a_reset_of_another_component_ends_nothing_and_a_blank_one_ends_all():
    scene = Scene()
    scene.fire("3-12")
    scene.reset("3-13")
    assert scene.alarm("3-12").active
    scene.reset(" \u00a0")
    assert not scene.alarm("3-12").active
