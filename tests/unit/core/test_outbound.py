import socket
from ipaddress import ip_network

import pytest

from services.core.outbound import AddressRefused, CheckedAddresses, anywhere, refusal, refusal_of_url, resolve

PUBLIC = ("8.8.8.8", "114.114.114.114", "2400:3200::1", "64:ff9b::808:808")
NOT_PUBLIC = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",  # noqa: S104
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1", "::a00:1", "::ffff:0:127.0.0.1", "192.0.0.192", "192.88.99.1",
    "fec0::1", "5f00::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    assert refusal(address, ()) is None


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused_however_it_is_spelt(address: str) -> None:
    why = refusal(address, ())
    assert why is not None
    assert "FIRETOWER_SUBSCRIPTION_NETWORKS" in why


def test_a_named_network_is_open_and_no_other() -> None:
    networks = (ip_network("10.20.0.0/16"), ip_network("::1/128"))
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "64:ff9b::a14:304", "::1"):
        assert refusal(address, networks) is None, address
    for address in ("10.21.0.1", "127.0.0.1", "::ffff:10.21.0.1"):
        assert refusal(address, networks) is not None, address


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("127.0.0.1", True), ("127.1", True), ("2130706433", True), ("0x7f000001", True),
        ("[::1]", True), ("[::ffff:7f00:1]", True), ("localhost", True), ("x.localhost", True), ("LOCALHOST", True),
        ("localhost.", True), ("x.localhost.", True), ("127.0.0.1.", True), ("sms.example.", False),
        ("8.8.8.8", False), ("sms.example", False), ("消防.cn", False),
    ],
)  # fmt: skip
def test_an_address_that_is_written_as_a_number_is_known_at_once(host: str, refused: bool) -> None:
    assert (refusal_of_url(f"http://{host}:8000/x", ()) is not None) is refused


async def test_a_real_name_is_resolved_without_the_loops_own_threads() -> None:
    assert "127.0.0.1" in await resolve("localhost", 80)
    with pytest.raises(socket.gaierror):
        await resolve("no-such-name.invalid", 80)


async def test_of_the_addresses_of_a_name_those_that_may_be_called_are_called_and_no_other() -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["::1", "127.0.0.1", "10.0.0.1"]

    async def rebound(_host: str, _port: int) -> list[str]:
        return ["8.8.8.8", "127.0.0.1"]

    networks = (ip_network("127.0.0.0/8"),)
    assert refusal_of_url("http://localhost:8000/x", networks) is None
    assert refusal_of_url("http://localhost:8000/x", (ip_network("::1/128"),)) is None
    checked = CheckedAddresses(networks, both)
    for _ in range(2):  # the second time it is remembered
        assert await checked.of("localhost", 8000) == ["127.0.0.1"]
    assert await CheckedAddresses((), rebound).of("rebound.example", 80) == ["8.8.8.8"]
    with pytest.raises(AddressRefused, match="loopback"):
        await CheckedAddresses((), both).of("localhost", 8000)


async def test_what_the_operators_settings_name_is_called_wherever_it_leads() -> None:
    assert "127.0.0.1" in await anywhere().of("localhost", 80)


async def test_a_name_without_an_address_is_no_address() -> None:
    async def none(_host: str, _port: int) -> list[str]:
        return []

    with pytest.raises(OSError, match="no address"):
        await CheckedAddresses(None, none).of("nowhere.example", 80)
