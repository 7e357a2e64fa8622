"""Texts of panels as devices send them: GB 18030 as the standard says, UTF-8 where it can be nothing else."""

import random
import unicodedata

import pytest

from services.gateway.objects import TEXT_BYTES, read_text

NAMES = (
    "三层走廊", "一号楼二层东侧走廊感烟探测器", "1号楼3层消防控制室", "地下车库B2防火分区", "手动报警按钮",
    "消火栓按钮",
    "水流指示器", "配电室感温", "电梯机房", "火警", "楼", "喷淋泵", "正压送风机", "防火卷帘3#", "第12回路 045号点",
    "保德县东关镇林涛寨村委会", "杨家湾镇花园村", "卧室(南)", "７号楼", "2#楼梯间", "压力开关", "厨房燃气", "走廊-东",
    "消防水池液位0.8米", "Ⅱ段母线", "①号风机", "温度℃过高", "图书馆：二楼阅览室", "变配电间", "学生宿舍A座", "锅炉房",
    "南昌浔阳区一号站", "中心小学教学楼", "Z05-012 感烟", "新洲区邾城街", "漯河市源汇区", "亳州市谯城区",
)  # fmt: skip
RARE = ("张堃办公室", "王喆诊所", "朱镕书画社", "垚鑫超市一层")  # beyond GB 2312
PLAIN = ("", "ZONE 3 DET 12", "3-12", "Corridor 2F (east)")


def fixed(raw: bytes) -> bytes:
    """Fill a field of 31 bytes, as devices do: cut wherever it ends, padded with NUL."""
    return raw[:TEXT_BYTES].ljust(TEXT_BYTES, b"\0")


@pytest.mark.parametrize("name", NAMES + RARE)
def test_gb18030_is_read_as_the_standard_says(name):
    raw = name.encode("gb18030")
    assert read_text(raw) == name
    shown = read_text(fixed(raw))
    assert shown == name if len(raw) <= TEXT_BYTES else name.startswith(shown)


@pytest.mark.parametrize("name", NAMES + RARE)
def test_utf8_is_read_as_what_it_is(name):
    raw = name.encode()
    assert read_text(raw) == name
    shown = read_text(fixed(raw))
    assert len(shown) >= min(len(name), 10)
    assert name.startswith(shown)


@pytest.mark.parametrize("name", PLAIN)
def test_ascii_stays(name):
    assert read_text(fixed(name.encode())) == name


@pytest.mark.parametrize("name", ["路", "一楼", "楼一", "联通", "上午", "同乐路"])
def test_gb18030_that_happens_to_be_valid_utf8_stays_chinese(name):
    assert read_text(fixed(name.encode("gb18030"))) == name


def test_left_over_bytes_behind_the_nul_say_nothing():
    assert read_text("火警".encode() + b"\0" + "楼道".encode("gb18030") + b"\xff" * 5) == "火警"
    assert read_text("火警".encode("gb18030") + b"\0" + "楼道".encode()) == "火警"


def test_random_texts_of_common_characters_are_told_apart_in_both_encodings():
    rng = random.Random(7)
    rows = [bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF)]
    wrong = {"gb18030": 0, "utf-8": 0}
    for _ in range(5000):
        name = "".join(rng.choice(rows) for _ in range(rng.randrange(2, 11)))
        for encoding in wrong:
            wrong[encoding] += read_text(name.encode(encoding)) != name
    assert wrong == {"gb18030": 0, "utf-8": 0}


def test_any_bytes_give_clean_text():
    rng = random.Random(3)
    for _ in range(5000):
        text = read_text(rng.randbytes(rng.randrange(40)))
        assert not [char for char in text if unicodedata.category(char)[0] == "C"]
        text.encode()
