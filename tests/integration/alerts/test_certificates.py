"""A running worker tells of the certificate that a server shows, until the server shows a newer one."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from services.alerts import certificates
from services.alerts.certificates import Address, Certificates
from services.core.clock import SystemClock
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

STANDING = "a.code = 'certificate_expiring' and cleared_at is null"


def context(folder: Path, left_days: int) -> ssl.SSLContext:
    """Return what shows a certificate of 400 days, of which some are left, that nobody believes."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elsewhere")]),
    )
    ends = datetime.now(UTC) + timedelta(days=left_days)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, ends - timedelta(days=400), ends)
    pem = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / f"{left_days}.pem"
    path.write_bytes(pem)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(path)
    return found


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def server(tls: ssl.SSLContext | None, port: int = 0) -> AsyncIterator[int]:
    """Listen, with TLS if there is a certificate; the port."""
    listening = await asyncio.start_server(hang_up, "127.0.0.1", port, ssl=tls)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def test_a_certificate_that_ends_soon_is_an_alarm_until_another_is_shown(
    county: County, desk: DeskControl, alerts: Callable[..., Program], tmp_path: Path
) -> None:
    async with server(context(tmp_path, 20)) as port:
        address = f"mqtts://127.0.0.1:{port}"
        program = alerts(WATCH_CERTIFICATES=address)
        (alarm,) = await eventually(lambda: county.alarms(STANDING), what="the alarm")
        assert (alarm["component"], alarm["severity"], alarm["category"]) == (address, "minor", "system")
        program.stop()
    program = alerts(WATCH_CERTIFICATES=address)
    await eventually(lambda: "certificate_not_seen" in program.log_text(), what="the server away")
    assert await county.alarms(STANDING), "nothing new is known of it"
    program.stop()
    async with server(context(tmp_path, 399), port):
        alerts(WATCH_CERTIFICATES=address)
        await eventually(
            lambda: county.alarms("a.code = 'certificate_expiring' and cleared_at is not null"), what="its end"
        )


async def test_an_address_that_shows_none_is_asked_again_sooner(tmp_path: Path) -> None:
    async with server(None) as plain, server(context(tmp_path, 399)) as good:
        names = [Address(f"https://127.0.0.1:{port}", "127.0.0.1", port) for port in (plain, good)]
        looks = Certificates(SystemClock(), names)
        assert await looks.take_turn() == certificates.AGAIN_S
        assert looks.unseen == {names[0].name}
        assert await Certificates(SystemClock(), names[1:]).take_turn() == certificates.EVERY_S
