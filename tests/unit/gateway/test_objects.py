import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.gateway.objects import Item, describe, read_text, read_unit, write_text31, write_unit
from services.gateway.tables import TABLES

T = bytes((7, 6, 5, 4, 3, 25))
VALUES = {
    "u8": st.integers(0, 255),
    "u16": st.integers(0, 65_535),
    "i16": st.integers(-32_768, 32_767),
    "bytes4": st.binary(min_size=4, max_size=4),
    "time": st.binary(min_size=6, max_size=6),
    "text31": st.binary(min_size=31, max_size=31),
    "text": st.binary(max_size=255),
}
SMOKE = Item(
    system_type=1,
    system_address=1,
    component_type=40,
    component_address=b"\x03\0\x0c\0",
    state=2,
    text=write_text31("三层东侧走廊"),
    time=T,
)


FIXED = {
    "u8": 3,
    "u16": 40_000,
    "i16": -2_500,
    "bytes4": b"\x03\0\x0c\0",
    "time": T,
    "text31": write_text31("三层东侧走廊"),
    "text": "配置".encode("gb18030"),
}


@st.composite
def units(draw):
    kind = draw(st.sampled_from(list(TABLES.types.values())))
    count = draw(st.integers(1, min(kind.max_objects, 5)))
    item = st.fixed_dictionaries({name: VALUES[form] for name, form in kind.layout}).map(lambda made: Item(**made))
    return kind.code, tuple(draw(st.lists(item, min_size=count, max_size=count)))


@given(units())
def test_every_type_up_and_down_is_walked_object_by_object_and_written_back(unit):
    flag, items = unit
    data = write_unit(flag, items)
    read = read_unit(data)
    assert (read.flag, read.items, read.rest, read.notes) == (flag, items, b"", ())
    assert read.type is TABLES.types[flag]
    assert [describe(item) for item in items]


@pytest.mark.parametrize("kind", TABLES.types.values(), ids=lambda kind: str(kind.code))
def test_each_type_of_the_tables_is_read_back_with_every_field_of_its_layout(kind):
    item = Item(**{name: FIXED[form] for name, form in kind.layout})
    items = (item,) * min(kind.max_objects, 2)
    read = read_unit(write_unit(kind.code, items))
    assert (read.flag, read.type, read.items, read.rest, read.notes) == (kind.code, kind, items, b"", ())
    assert describe(read.items[0])


@given(st.binary(max_size=1024))
def test_no_data_unit_raises(data):
    unit = read_unit(data)
    assert len(unit.items) <= len(data)


@given(units(), st.integers(0, 200))
def test_a_cut_data_unit_keeps_its_whole_objects(unit, cut):
    flag, items = unit
    assume(cut != 6 * len(items))  # else what is left reads as whole objects without time labels
    data = write_unit(flag, items)
    read = read_unit(data[: max(2, len(data) - cut)])
    assert read.items[:-1] == items[: max(0, len(read.items) - 1)]


def test_a_fire_counts_though_its_text_or_time_is_cut_off():
    data = write_unit(2, [SMOKE])
    for length in range(11, len(data) + 1):
        unit = read_unit(data[:length])
        assert [item.state for item in unit.items] == [2], length
        if length < len(data):
            assert unit.notes
    assert read_unit(data[:10]).items == ()


def test_objects_without_time_labels_are_walked_too():
    data = bytes((2, 2)) + write_unit(2, [SMOKE])[2:-6] * 2
    unit = read_unit(data)
    assert [item.component_address for item in unit.items] == [SMOKE.component_address] * 2
    assert unit.items[0].time is None
    assert unit.notes == ("no_time_labels",)


@pytest.mark.parametrize(("said", "there"), [(0, 1), (1, 3), (5, 2), (255, 1)])
def test_a_wrong_object_count_loses_no_object(said, there):
    data = bytearray(write_unit(2, [SMOKE] * there))
    data[1] = said
    unit = read_unit(bytes(data))
    assert len(unit.items) == there
    assert "count_wrong" in unit.notes


def test_more_objects_than_the_standard_allows_are_read_and_noted():
    version = Item(system_type=1, system_address=1, major=2, minor=3)
    unit = read_unit(write_unit(5, [version, version]))
    assert unit.items == (version, version)
    assert unit.notes == ("count_over_limit",)


def test_configuration_texts_differ_in_length_and_are_not_split_evenly():
    items = [Item(system_type=1, system_address=n, text="配置".encode("gb18030") * n) for n in (1, 2, 3)]
    unit = read_unit(write_unit(6, items))
    assert [read_text(item.text) for item in unit.items] == ["配置", "配置配置", "配置配置配置"]
    cut = read_unit(write_unit(6, items)[:-3])
    assert [read_text(item.text) for item in cut.items][:2] == ["配置", "配置配置"]


@pytest.mark.parametrize("data", [b"", b"\x16", b"\0"])
def test_heartbeats_have_no_type(data):
    unit = read_unit(data)
    assert (unit.flag, unit.type, unit.rest) == (None, None, data)


@pytest.mark.parametrize("flag", [0, 9, 22, 60, 130, 255])
def test_reserved_and_user_defined_types_stay_raw(flag):
    unit = read_unit(bytes((flag, 1)) + b"anything")
    assert (unit.flag, unit.type, unit.items, unit.rest) == (flag, None, (), b"anything")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, ""),
        (b"", ""),
        ("三层走廊".encode("gb18030") + b"\0\xd6\xd0junk", "三层走廊"),
        ("三层".encode("gb18030") + b"   ", "三层"),
        ("三层".encode("gb18030")[:-1], "三"),
        (b"\x01\x02A\x7fB", "AB"),
        (b"A\xff\xff\xff", "A"),
    ],
)
def test_texts_end_at_nul_and_lose_padding_and_half_characters(raw, text):
    assert read_text(raw) == text


def test_fixed_texts_are_cut_at_a_character():
    raw = write_text31("保德县东关镇消防救援大队一楼大厅北侧")
    assert len(raw) == 31
    assert "保德县东关镇消防救援大队一楼大" in read_text(raw)


def test_items_that_do_not_fit_a_layout_are_refused():
    with pytest.raises(ValueError, match="needs state"):
        write_unit(1, [Item(system_type=1, system_address=1)])
    with pytest.raises(ValueError, match="6 bytes"):
        write_unit(90, [Item(time=b"123")])
    assert write_unit(81, [Item(reserved=0)]) == b"\x51\x01\x00"


def test_codes_the_standard_does_not_name_have_names_too():
    assert TABLES.component_name(40) == "感烟火灾探测器"
    assert TABLES.component_name(130) == "自定义部件类型130"
    assert TABLES.system_name(7) == "预留系统类型7"
    assert TABLES.edition == "GB/T 26875.3-2011"
    assert (len(TABLES.component_types), len(TABLES.types), len(TABLES.analog_types)) == (66, 29, 13)


def test_what_lies_behind_the_objects_is_kept():
    unit = read_unit(write_unit(1, [Item(system_type=1, system_address=1, state=2, time=T)]) + b"tail")
    assert (len(unit.items), unit.rest) == (1, b"tail")
    unit = read_unit(b"\x06\x01\x01\x01")
    assert [item.text for item in unit.items] == [None]
