"""When the certificates end that devices, browsers and we ourselves depend on. A duty of main, once an hour.

`services.alerts.health` makes alarms of it. A certificate is judged as its server shows it, not as it lies in a file:
one that was renewed and not loaded is still the old one to every device. Promises: an address that does not answer
keeps the verdict that is known of it, and no certificate is warned of that is renewed in time by itself.
"""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from services.alerts.room import Shortage
from services.core.clock import Clock, SystemClock
from services.core.log import logger
from services.core.metrics import CERTIFICATE_ENDS
from services.core.outbound import anywhere
from services.core.settings import AlertsSettings
from services.core.text import describe_error
from services.core.words import Reason, Severity, county_time

EXPIRING = "certificate_expiring"
EVERY_S = 3600.0
AGAIN_S = 300.0  # while one could not be seen, or should be renewed
TIMEOUT_S = 10.0
_DAY = timedelta(days=1)
# Whoever renews by itself does so when a third of the time is left, of 90 days or of six: these are later.
EARLY, EARLY_SHARE = timedelta(days=30), 4
LATE, LATE_SHARE = timedelta(days=7), 12
_PORTS = {"https": 443, "mqtts": 8883}
_CURE = "renew it where it is served, and let that server load it (the broker reads it when it starts)"
log = logger(__name__)


class Address(NamedTuple):
    """Where a certificate is shown."""

    name: str  # as people read it: without an account
    host: str
    port: int


class Term(NamedTuple):
    """From when to when a certificate counts."""

    begins: datetime
    ends: datetime


class Certificates:
    """Looks regularly at some addresses."""

    def __init__(self, clock: Clock, addresses: Sequence[Address]) -> None:
        self._clock = clock
        self._addresses = addresses
        self._terms: dict[str, Term] = {}
        self._told: dict[tuple[str, str], object] = {}  # so that each state of an address is one line of the log

    @property
    def unseen(self) -> frozenset[str]:
        """Addresses that have shown none since our start: nothing is known of them."""
        return frozenset(one.name for one in self._addresses if one.name not in self._terms)

    async def take_turn(self) -> float:
        """Look at each once; say in how many seconds to look again."""
        seen = await asyncio.gather(*map(self._look, self._addresses))
        ending = self.expiring(self._clock.now())
        for one in ending:
            if self._is_news(one.component, "ends", (self._terms[one.component], one.severity)):
                log.warning("certificate_expiring", address=one.component, error=one.reason.en)
        return EVERY_S if all(seen) and not ending else AGAIN_S

    def expiring(self, now: datetime) -> list[Shortage]:
        """Return what ends soon, or has ended."""
        found = [judge(name, term, now) for name, term in self._terms.items()]
        return [one for one in found if one is not None]

    async def _look(self, address: Address) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                term = await read_term(address)
        except (OSError, ValueError) as error:  # TimeoutError and ssl.SSLError are both the first of them
            said = describe_error(error)
            if self._is_news(address.name, "unseen", said):
                log.warning("certificate_not_seen", address=address.name, error=said)
            return False
        self._is_news(address.name, "unseen", None)
        self._terms[address.name] = term
        CERTIFICATE_ENDS.labels(address.name).set(term.ends.timestamp())
        return True

    def _is_news(self, name: str, event: str, state: object) -> bool:
        before, self._told[name, event] = self._told.get((name, event)), state
        return before != state


NO_CERTIFICATES = Certificates(SystemClock(), ())


def judge(name: str, term: Term, now: datetime) -> Shortage | None:
    """Say whether a certificate ends soon: early enough to plan, then once more when it is urgent."""
    whole, left = term.ends - term.begins, term.ends - now
    limit = min(EARLY, whole / EARLY_SHARE)
    if left > limit:
        return None
    at = county_time(term.ends)
    if left <= timedelta(0):
        severity = Severity.CRITICAL
        reason = Reason(
            f"{name} 的证书已于{at.zh}到期，设备、浏览器和平台会拒绝连接：请更新证书并让该服务重新加载",
            f"the certificate of {name} ended at {at.en}, and whoever checks it does not connect: {_CURE}",
        )
    else:
        severity = Severity.MAJOR if left <= min(LATE, whole / LATE_SHARE) else Severity.MINOR
        reason = Reason(
            f"{name} 的证书将于{at.zh}到期，届时设备、浏览器和平台会拒绝连接：请更新证书并让该服务重新加载",
            f"the certificate of {name} ends at {at.en}; then whoever checks it does not connect: {_CURE}",
        )
    return Shortage(EXPIRING, name, severity, reason, round(left / _DAY, 1), round(limit / _DAY, 1))


async def read_term(address: Address) -> Term:
    """Return the term of the certificate that an address shows, whoever signed it and whatever it names.

    Raises:
        OSError: it does not answer, or not by TLS.
        ValueError: what it shows is no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing but its certificate is asked of it
    failed: OSError = ConnectionError("the name has no address")
    for host in await anywhere().of(address.host, address.port):
        try:
            _reader, writer = await asyncio.open_connection(
                host, address.port, ssl=context, server_hostname=address.host
            )
        except OSError as error:
            failed = error
            continue
        try:
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.transport.abort()
        try:
            certificate = x509.load_der_x509_certificate(der or b"")
        except x509.InvalidVersion as error:
            raise ValueError(str(error)) from error
        return Term(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    raise failed


def watched(settings: AlertsSettings) -> list[Address]:
    """Return the addresses with TLS that stand in the settings, each once."""
    urls = (
        *settings.watch_certificates,
        settings.mqtt_url,
        settings.device_mqtt_url,
        settings.dispatch_url,
        settings.relay_mqtt_url,
        settings.relay_api_url,
    )
    return list(dict.fromkeys(_with_tls(urls)))


def _with_tls(urls: Iterable[str]) -> Iterable[Address]:
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname:
            port = parts.port or _PORTS[parts.scheme]
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            yield Address(f"{parts.scheme}://{host}:{port}", parts.hostname, port)
