"""Ledgers as spreadsheets and maps save them: what has one meaning is read, in whatever encoding and notation."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.registry.datum import Datum
from services.api.registry.sheet.rows import LedgerError, read_csv, read_geojson
from services.api.registry.sheet.text import UnreadableLedger, decode_text
from services.api.registry.sheet.values import angle, number, whole_text

SHEET = "编号,类型,区划,名称,经度,纬度\nh-8,hydrant,140931100,桥头,111.09,39.02\n"


def rows_of(raw):
    return list(read_csv(raw if isinstance(raw, bytes) else raw.encode(), Datum.WGS84))


def only(raw):
    (row,) = rows_of(raw)
    assert not isinstance(row, LedgerError), row
    return row


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"])
@pytest.mark.parametrize("text", [SHEET, SHEET.replace(",", "\t"), SHEET.replace("编号,类型", "code,kind")])
def test_a_spreadsheet_is_read_in_every_encoding(encoding, text):
    row = only(text.encode(encoding))
    assert (row.code, row.body.kind, row.body.name, row.body.location.lon) == ("h-8", "hydrant", "桥头", 111.09)


def test_excels_unicode_text_has_its_mark_and_tabs():
    raw = b"\xff\xfe" + SHEET.replace(",", "\t").replace("\n", "\r\n").encode("utf-16-le")
    assert only(raw).body.name == "桥头"


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"\xff\xff\xff", b"\xef\xbb\xbf\xff"])
def test_what_is_no_text_is_said_to_be_none(raw):
    with pytest.raises(UnreadableLedger):
        decode_text(raw)


@pytest.mark.parametrize(
    "text",
    [
        SHEET.replace(",", ";"),
        "sep=;\n" + SHEET.replace(",", ";"),
        '"sep=;"\r\n' + SHEET.replace(",", ";"),
        "SEP=,\n" + SHEET,
        "sep=\t\n" + SHEET.replace(",", "\t"),
        "sep=|\n" + SHEET.replace(",", "|"),
        SHEET.replace(",", "，"),
        SHEET.replace("\n", "\r"),
        "\n\n" + SHEET,
        SHEET.replace(",", ";").replace("111.09", "111,09").replace("39.02", "39,02"),
        SHEET.replace("\n", ",,\n"),
    ],
)
def test_columns_are_told_apart_however_they_are_parted(text):
    row = only(text)
    assert (row.code, row.body.location.lon, row.body.location.lat) == ("h-8", 111.09, 39.02)


def test_lines_are_counted_as_in_the_file():
    broken = "sep=;\n" + SHEET.replace(",", ";") + "h 9;hydrant;140931100;x;111;39\n"
    assert [row.line for row in rows_of(broken)] == [3, 4]


@pytest.mark.parametrize("name", ['"桥头', '"桥头"东'])
def test_a_quote_that_swallows_the_lines_behind_it_is_named_with_its_line(name):
    with pytest.raises(UnreadableLedger, match="line 2: its quotes"):
        rows_of(SHEET.replace("桥头", name) + 'h-9,hydrant,140931100,"x",111,39\n'[: 40 if '"东' in name else 24])


@pytest.mark.parametrize("code", ["１００１", "1001.0", " 1001\u00a0", "\u200b1001"])
@pytest.mark.parametrize("area", ["140931100.0", "１４０９３１１００", "140931100\u00a0"])
def test_codes_and_areas_survive_what_a_spreadsheet_made_of_them(code, area):
    row = only(f"code,kind,area\n{code},ＨＹＤＲＡＮＴ,{area}\n")
    assert (row.code, row.body.kind, row.body.area) == ("1001", "hydrant", "140931100")


def test_numbers_in_full_width_digits_are_numbers():
    heading = "code,kind,area,lon,lat,expected_interval_s,rated_current_a"
    row = only(f"{heading}\nh-1,hydrant,140931100,１１１．０９,＋３９．０２,３００.0,６３\n")
    assert (row.body.location.lon, row.body.location.lat) == (111.09, 39.02)
    assert (row.body.expected_interval_s, row.body.rated_current_a) == (300, 63)


NORTH = 39 + 1 / 60 + 22.5 / 3600


@pytest.mark.parametrize(
    "text",
    [
        "39°01'22.5\"N", "39° 01′ 22.5″ N", "N39°01'22.5\"", "39º01’22.5”", "39度01分22.5秒", "北纬39度1分22.5秒",
        "３９°０１′２２．５″Ｎ", "39°1.375'N", "39°01'22.5''", '39°01´22.5"n', "+39°01'22.5\"", "39.022916667°",
        "39.022916667N", "39˚01'22.5\"", "39度1.375分", "北39°1'22.5\"",
    ],
)  # fmt: skip
def test_degrees_minutes_and_seconds_are_read_in_the_usual_signs(text):
    assert angle(text).degrees == pytest.approx(NORTH, abs=1e-8)


def test_south_and_west_are_negative_and_the_axis_is_known():
    assert angle("39°30'S") == (-39.5, "lat")
    assert angle("西经111°30'") == (-111.5, "lon")
    assert angle("-39°30'") == (-39.5, None)
    assert angle("111°05'24\"E") == (111.09, "lon")


@pytest.mark.parametrize(
    "text",
    [
        "39°61'00\"", "39°01'60\"", "N39°S", "-39°N", "39,02,01", "", "east", "39°1'1\"1'", "1x", "39.5°30'",
        "39°1.5'30\"",
    ],
)  # fmt: skip
def test_what_is_no_coordinate_stays_as_it_is(text):
    assert angle(text).degrees == text


@given(st.floats(-179.99, 179.99, allow_nan=False))
def test_an_angle_written_in_parts_is_the_same_angle(degrees):
    whole = abs(degrees)
    minutes = (whole - int(whole)) * 60
    seconds = (minutes - int(minutes)) * 60
    if round(seconds, 4) < 60:
        text = f"{'-' if degrees < 0 else ''}{int(whole)}°{int(minutes)}'{seconds:.4f}\""
        assert angle(text).degrees == pytest.approx(degrees, abs=1e-7)


@given(st.text(max_size=20))
def test_no_cell_breaks_reading(text):
    for read in (angle, number, whole_text):
        read(text)
    assert isinstance(angle(text).degrees, str | int | float)


@pytest.mark.parametrize(
    ("lon", "lat"),
    [("39.02", "111.09"), ("39°1'12\"N", "111°5'24\"E"), ("39.02", "111°5'24\"E"), ("39°1'12\"N", "111.09")],
)
def test_exchanged_coordinates_that_can_only_be_that_are_read_and_marked(lon, lat):
    row = only(f"code;kind;area;lon;lat\nh-1;hydrant;140931100;{lon};{lat}\n")
    assert (row.body.location.lon, row.body.location.lat, row.exchanged) == (111.09, 39.02, True)


def test_two_norths_are_an_error_of_the_line():
    (row,) = rows_of("code,kind,area,lon,lat\nh-1,hydrant,140931100,39°N,39°N\n")
    assert (row.line, row.field) == (2, "lon")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_geojson_is_read_in_every_encoding_with_numbers_where_texts_belong(encoding):
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [111.09, "39°1'12\"N"]},
        "properties": {"code": 1001, "kind": "hydrant", "area": 140931100.0, "名称": "桥头", "bore": 150},
    }
    document = orjson.dumps({"type": "FeatureCollection", "datum": "WGS 84", "features": [feature]}).decode()
    (row,) = read_geojson(document.encode(encoding), None)
    assert (row.code, row.body.area, row.body.name, row.body.location.lat) == ("1001", "140931100", "桥头", 39.02)
    assert row.body.attributes == {"bore": 150}


@pytest.mark.parametrize(
    ("kind", "form", "meant"),
    [
        ("消火栓", "地上栓", ("hydrant", "aboveground")),
        ("市政消火栓", "地下式", ("hydrant", "underground")),
        ("液位", "消防水池", ("water", "pool")),
        ("电气监测", "", ("electrical", None)),
        (" 报警主机 ", "", ("panel", None)),
        ("Hydrant", "Crane", ("hydrant", "crane")),
    ],
)
def test_kinds_and_forms_are_read_as_brigades_and_our_pages_call_them(kind, form, meant):
    (row,) = rows_of(f"编号,设备类型,形式\nh-1,{kind},{form}\n")
    assert (row.body.kind, row.body.form) == meant


def test_a_kind_that_nobody_knows_is_named():
    (found,) = rows_of("code,kind\nh-1,灭火器\n")
    assert isinstance(found, LedgerError)
    assert found.field == "kind"


def feature(text: str) -> bytes:
    properties = f'{{"kind": "hydrant", "area": "140931100", {text}}}'
    whole = f'{{"type": "FeatureCollection", "features": [{{"properties": {properties}, "geometry": null}}]}}'
    return whole.encode()


@pytest.mark.parametrize("code", ["89860412345678901234", "8.98604123456789e18"])
def test_a_code_whose_number_has_lost_digits_is_no_other_device(code):
    (row,) = read_geojson(feature(f'"code": {code}'), Datum.WGS84)
    assert (row.field, row.message) == ("code", "is a number that has lost digits: write it as text")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("13800138000", "13800138000"), ("861234567890123", "861234567890123"),
        ("8986041234567890123", "8986041234567890123"),
        ("13800138000.0", "13800138000"), ("100", 100), ("0.5", 0.5), ("true", True), ('"x"', "x"),
    ],
)  # fmt: skip
def test_a_long_number_beside_a_device_is_kept_as_text(sent, kept):
    (row,) = read_geojson(feature(f'"code": "h-1", "卡号": {sent}'), Datum.WGS84)
    assert row.body.attributes == {"卡号": kept}


@pytest.mark.parametrize("sent", ["[1, 2]", '{"a": 1}', "89860412345678901234", f'"{"x" * 201}"'])
def test_what_is_no_attribute_is_refused_by_its_name_and_with_the_cure(sent):
    (row,) = read_geojson(feature(f'"code": "h-1", "卡号": {sent}'), Datum.WGS84)
    assert row.field == "attributes.卡号"
    assert "a longer one as text" in row.message


@pytest.mark.parametrize("begin", [b"PK\x03\x04" + bytes(400), bytes.fromhex("d0cf11e0a1b11ae1") + b"\xff" * 400])
def test_a_workbook_is_called_one_and_not_a_table_without_a_heading(begin):
    with pytest.raises(UnreadableLedger, match="workbook"):
        rows_of(begin)


@pytest.mark.parametrize(
    ("name", "datum"),
    [
        ("国家2000", "cgcs2000"), ("2000国家大地坐标系", "cgcs2000"), ("CGCS2000坐标系", "cgcs2000"),
        ("EPSG:4490", "cgcs2000"),
        ("高德", "gcj02"), ("高德地图", "gcj02"), ("火星坐标系", "gcj02"), ("腾讯坐标", "gcj02"), ("GCJ-02", "gcj02"),
        ("百度", "bd09"), ("BD09LL", "bd09"), ("ＷＧＳ－84 坐标系", "wgs84"), ("GPS", "wgs84"),
        ("北京54", None), ("西安80", None), ("谷歌", None), ("BD09MC", None),
    ],
)  # fmt: skip
def test_a_datum_is_known_by_the_names_that_ledgers_give_it_and_never_guessed(name, datum):
    (row,) = list(
        read_csv(f"编号,类型,区划,经度,纬度,坐标系\nh-1,消火栓,140931100,111.09,39.02,{name}\n".encode(), None)
    )
    found = None if isinstance(row, LedgerError) else row.body.source_datum
    assert found == datum
    if datum is None:
        assert row.field == "datum"


@pytest.mark.parametrize(
    ("crs", "taken"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", True), ("EPSG:4490", True), ("urn:ogc:def:crs:EPSG::4326", True),
        ("urn:ogc:def:crs:ogc:1.3:crs84", True), ("WGS 84", True), ("CGCS2000", True), ("GCS_WGS_1984", True),
        ("GCS_China_Geodetic_Coordinate_System_2000", True), ("GCJ02", True),
        ("urn:ogc:def:crs:EPSG::4214", False), ("EPSG:4610", False), ("EPSG:3857", False), ("EPSG:4547", False),
        ("BD09", False), ("GCS_Beijing_1954", False),
    ],
)  # fmt: skip
def test_a_layer_that_says_itself_that_it_is_of_another_datum_is_not_taken_for_the_one_named(crs, taken):
    raw = orjson.dumps(orjson.loads(feature('"code": "h-1"')) | {"crs": {"type": "name", "properties": {"name": crs}}})
    if taken:
        assert len(list(read_geojson(raw, Datum.GCJ02))) == 1
    else:
        for named in (Datum.WGS84, Datum.GCJ02):
            with pytest.raises(UnreadableLedger, match="crs"):
                list(read_geojson(raw, named))
