"""The catalogue of refusals: every sentence is found, and what it carries over stands in its Chinese."""

import ast
import re
from pathlib import Path

import pytest

import services.api
import services.core
from services.api.request.chinese import CATALOGUE, in_chinese, with_chinese

API = Path(services.api.__file__).parent
CORE = Path(services.core.__file__).parent
# Which argument of a refusal is its sentence.
SENTENCES = {
    "invalid": 1, "Problem": 2, "not_found": 0, "ValueError": 0, "UnreadableLedger": 0, "UnreadableForm": 0,
    "FormTooLarge": 0,
}  # fmt: skip
OF_MACHINES = ("city/sensorthings", "city/features", "request/door.py")
OF_ANY_KIND = {"there is no GAP", "there is no GAP GAP"}  # made of what callers say, and of `site` or `device`
OF_A_FIELD = re.compile(r"^(\w+|GAP): ")  # then the Chinese is put together from that of the field


@pytest.mark.parametrize("pattern", CATALOGUE, ids=lambda pattern: pattern.pattern[:60])
def test_a_sentence_of_the_catalogue_has_its_own_chinese(pattern: re.Pattern[str]) -> None:
    sentence = re.sub(r"\\(.)", r"\1", re.sub(r"\(\?P<(\w+)>\.\*\)", r"X\1X", pattern.pattern))
    said = in_chinese(sentence)
    assert said == CATALOGUE[pattern].format(**{name: f"X{name}X" for name in pattern.groupindex})
    assert re.search("[\u4e00-\u9fff]", said)


def test_what_the_catalogue_lacks_stays_english() -> None:
    assert in_chinese("the moon is too bright") is None
    assert in_chinese("a path has at most 9 parts") is None, "a sentence that only begins alike"
    assert with_chinese({"field": "a", "message": "b"}) == {"field": "a", "message": "b"}


def test_numbers_and_names_are_carried_over() -> None:
    assert in_chinese("Input should be greater than or equal to 1") == "不能小于 1"
    # a list of channels and a password are refused by the same words
    assert in_chinese("Value should have at most 3 items after validation, not 9") == "长度最多为 3"
    assert in_chinese("Value should have at least 1 item after validation, not 0") == "长度至少为 1"
    assert in_chinese("your account does not cover it") == "当前账号不包含该区域"
    assert in_chinese("Input should be 'json' or 'csv'") == "只能是 'json' 或 'csv'"
    assert in_chinese("Input should be 'a', 'b' or 'c'") == "只能是 'a', 'b' 或 'c'"
    too_short = in_chinese("Input should be a valid datetime or date, input is too short")
    assert too_short is not None
    assert too_short.startswith("必须是带时区的时间")


def _text(node: ast.expr) -> str | None:
    """Return what a literal says, with a word for each gap; None if it is none."""
    match node:
        case ast.Constant(value=str(said)):
            return said
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "GAP" for part in parts)
        case ast.BinOp(left=left, right=right):
            first, second = _text(left), _text(right)
            return None if first is None or second is None else first + second
    return None


def _refusals() -> list[tuple[str, str]]:
    """Return where people meet a refusal, and what it says."""
    refusals = []
    for path in API.rglob("*.py"):
        place = path.relative_to(API).as_posix()
        if place.startswith(OF_MACHINES):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name not in SENTENCES or len(node.args) <= SENTENCES[name]:
                continue
            said = _text(node.args[SENTENCES[name]])
            if said is not None and not OF_A_FIELD.match(said) and said not in OF_ANY_KIND:
                refusals.append((place, f"there is no {said}" if name == "not_found" else said))
    assert len(refusals) > 100
    return refusals


def test_every_refusal_that_people_meet_has_chinese() -> None:
    assert not [(place, said) for place, said in _refusals() if in_chinese(said) is None]


def test_no_refusal_has_half_of_its_english_in_its_chinese() -> None:
    """A sentence that only begins like a shorter one needs a line before that one."""

    def carried_over(said: str) -> str:
        pattern = next(pattern for pattern in CATALOGUE if pattern.fullmatch(said))
        found = pattern.fullmatch(said)
        return "" if found is None else " ".join(found.groupdict().values())

    assert not [(place, said) for place, said in _refusals() if re.search("[a-z]", carried_over(said))]


def _texts(node: ast.expr) -> list[str]:
    """Return what an expression of literals may say; one that chooses says either."""
    match node:
        case ast.IfExp(body=one, orelse=other):
            return _texts(one) + _texts(other)
        case ast.BinOp(left=left, right=right):
            return [first + second for first in _texts(left) for second in _texts(right)]
    said = _text(node)
    return [] if said is None else [said]


def test_every_kind_of_unknown_thing_has_its_chinese_word() -> None:
    said: set[str] = set()
    for path in (*API.rglob("*.py"), *CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in {"not_found", "missing"}:
                said |= {f"there is no {what}" for what in _texts(node.args[0])}
            if name == "NotFound":
                said |= set(_texts(node.args[0]))
    kinds = {one.replace("GAP", "7") for one in said - OF_ANY_KIND}
    kinds |= {"there is no site 7", "there is no device 7"}
    assert len(kinds) > 35
    chinese = {one: in_chinese(one) or one for one in kinds}
    half = {one: shown for one, shown in chinese.items() if re.search("[a-z]{3}", shown.replace("$ref", ""))}
    assert not half


def test_an_unknown_kind_of_thing_stays_english() -> None:
    assert in_chinese("there is no unicorn 7") is None
    assert in_chinese("there is no Things(7)") == "没有 Things(7)", "a name of the standard's own"
