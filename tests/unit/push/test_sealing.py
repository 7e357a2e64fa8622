"""What goes to a browser is read by implementations of other hands, and is the very example of the standard."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from services.core.push_keys import to_bytes, to_text
from services.push.sealing import Sender, fill, new_key, seal
from tests.support.push_service import Phone

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)


def test_the_example_of_the_standard_is_sealed_to_the_byte() -> None:  # RFC 8291, 5 and appendix A
    ours = ec.derive_private_key(
        int.from_bytes(to_bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")), ec.SECP256R1()
    )
    sealed = seal(
        b"When I grow up, I want to be a watermelon",
        to_bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        to_bytes("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=to_bytes("DGv6ra1nlYgDCS1FRnbzlw"),
        ours=ours,
    )
    assert to_text(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3j"
        "l7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_browser_reads_what_was_sealed_for_it_and_no_length_tells_the_name() -> None:
    phone = Phone()
    short, long = (
        seal(fill(b'{"title":"%s"}' % name), phone.p256dh, phone.auth) for name in (b"a", "保德县人民医院".encode())
    )
    assert phone.read(short) == {"title": "a"}
    assert phone.read(long) == {"title": "保德县人民医院"}
    assert len(short) == len(long)
    assert short[:16] != long[:16], "the salt is drawn anew"


def test_the_sender_is_verified_and_its_token_is_used_again_for_a_while() -> None:
    sender = Sender(new_key(), "mailto:duty@county.example")
    first = sender.authorization("https://push.example", NOW)
    assert Vapid02.verify(first)
    assert sender.authorization("https://push.example", NOW + timedelta(hours=5)) == first
    assert sender.authorization("https://other.example", NOW) != first
    assert sender.authorization("https://push.example", NOW + timedelta(hours=7)) != first
    assert first.endswith(f"k={sender.public_key}")


def test_a_key_makes_the_same_sender_wherever_it_is_read() -> None:
    key = new_key()
    assert Sender(key, "mailto:a@b.example").public_key == Sender(key, "https://b.example").public_key
