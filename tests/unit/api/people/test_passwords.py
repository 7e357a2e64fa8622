"""Which passwords are taken, and that what an older release stored still fits."""

import pytest

from services.api.people.passwords import weakness
from services.api.request import secrets
from services.api.request.secrets import normal_form


@pytest.mark.parametrize(
    "password",
    [
        "12345678", "password1", "a123456789", "1qaz2wsx", "qq123456", "5201314520", "woaini1314", "Baode119",
        "xiaofang119", "P@ssw0rd!", "aaaaaaaaaa", "wang.wei119", "wangwei2026", "firetower119", "保德消防",
        "１２３４５６７８", "        ", "\u3000" * 8, " correct horse", "correct horse\u00a0",
    ],
)  # fmt: skip
def test_what_guessers_try_first_is_refused(password: str) -> None:
    assert weakness(password, "wang.wei", "王伟")


@pytest.mark.parametrize("password", ["correct horse", "long and quiet 7", "山高月小水落石出", "kG7-tr2-Vw9"])
def test_words_and_signs_enough_are_taken(password: str) -> None:
    assert weakness(password, "wang.wei", "王伟") is None


async def test_the_same_keys_fit_whatever_the_input_method_made_of_them() -> None:
    stored = await secrets.hash_password("ｃｏｒｒｅｃｔ horse")
    assert await secrets.password_fits("correct horse", stored)
    assert not await secrets.password_fits("correct house", stored)


async def test_a_password_that_an_older_release_stored_as_typed_still_fits() -> None:
    typed = "ｃｏｒｒｅｃｔ horse"
    assert normal_form(typed) != typed
    assert await secrets.password_fits(typed, secrets.HASHER.hash(typed))


def test_an_unknown_name_costs_what_a_stored_password_does() -> None:
    """The hash that an unknown name is compared with has the parameters of today's hashes."""
    cost = secrets._NOBODY.rpartition("$")[0].rpartition("$")[0]  # noqa: SLF001 - what no caller can see
    assert secrets.HASHER.hash("anything").startswith(f"{cost}$")
    assert secrets.HASHER.current_hasher.identify(secrets._NOBODY)  # noqa: SLF001
