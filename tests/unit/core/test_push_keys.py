import pytest

from services.core.push_keys import check_auth, check_point, to_bytes, to_text

POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"


def test_a_point_of_the_curve_is_taken_padded_or_not() -> None:
    assert check_point(POINT) == POINT
    assert to_bytes(check_point(f"{POINT}=")) == to_bytes(POINT)
    assert to_text(to_bytes(POINT)) == POINT


@pytest.mark.parametrize(
    "wrong",
    ["", "A", POINT[:-4], POINT + "AAAA", "A" + POINT[1:], POINT[:-3] + "AAA", to_text(b"\4" + b"\xff" * 64),
     "火" * 87, POINT + " "],
)  # fmt: skip
def test_what_is_no_point_of_the_curve_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        check_point(wrong)


@pytest.mark.parametrize("wrong", ["", "AAAA", "A" * 23, "A" * 64])
def test_a_secret_of_another_length_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        check_auth(wrong)
