"""A photo is what its bytes are: three kinds of pictures, of at most 2 MiB, and never a page."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.prevention.inspections.photos import (
    MOST_BYTES,
    BadPhoto,
    PhotoTooLarge,
    read_photo,
    type_of,
)

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x01" * 40 + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x01" * 40 + b"\x00\x00\x00\x00IEND\xaeB`\x82"
WEBP = b"RIFF" + (44).to_bytes(4, "little") + b"WEBP" + b"\x01" * 40
PICTURES = {"image/jpeg": JPEG, "image/png": PNG, "image/webp": WEBP}


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_known_by_its_bytes_whatever_it_is_called(kind: str) -> None:
    raw = PICTURES[kind]
    assert read_photo(encoded(raw)) == (kind, raw)
    assert read_photo(f"data:text/html;base64,{encoded(raw)}") == (kind, raw)


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_that_was_not_written_to_its_end_is_taken(kind: str) -> None:
    assert type_of(PICTURES[kind][:-4]) == kind
    assert type_of(PICTURES[kind][:7]) in {None, "image/jpeg"}


@pytest.mark.parametrize(
    "raw", [b"", b"<!doctype html><script>alert(1)</script>", b"GIF89a" + b"\x00" * 20, b"<svg/>", b"%PDF-1.7"]
)
def test_what_is_no_picture_of_ours_is_refused(raw: bytes) -> None:
    with pytest.raises(BadPhoto, match="JPEG, PNG or WebP"):
        read_photo(encoded(raw))


@pytest.mark.parametrize("text", ["not base64", "data:image/png,plain", "====", "é", "data:;base64," + encoded(PNG)])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(BadPhoto, match="base64"):
        read_photo(text)


def test_two_mebibytes_are_the_most() -> None:
    largest = JPEG[:-2] + b"\x01" * (MOST_BYTES - len(JPEG)) + JPEG[-2:]
    assert read_photo(encoded(largest))[0] == "image/jpeg"
    with pytest.raises(PhotoTooLarge, match="2 MiB"):
        read_photo(encoded(largest[:-2] + b"\x01" + largest[-2:]))
    assert read_photo(base64.encodebytes(largest).decode())[1] == largest, "line breaks are no part of it"


@pytest.mark.parametrize(
    "head",
    [
        "data:image/jpeg;charset=utf-8;base64,",
        'data:image/jpeg;name="a.jpg";charset=utf-8;base64,\n',
        "DATA:image/jpeg;BASE64,",
    ],
)
def test_a_data_uri_may_have_parameters_and_lines(head: str) -> None:
    assert read_photo(head + base64.encodebytes(JPEG * 3).decode().replace("\n", "\r\n")) == ("image/jpeg", JPEG * 3)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(raw: bytes) -> None:
    assert type_of(raw) in {None, *PICTURES}
