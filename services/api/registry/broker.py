"""The accounts at the broker, made and removed by its own plug-in (dynamic security). For devices and townships."""

import secrets
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from services.api.request.problems import Problem
from services.api.request.state import State
from services.core.errors import FiretowerError
from services.core.log import logger
from services.core.mqtt import SessionConfig
from services.core.mqtt_ask import Command, ask
from services.core.settings import ApiSettings
from services.core.text import describe_error

log = logger(__name__)
PORTS = {"mqtt": 1883, "mqtts": 8883}  # where an address names none
_ASK_S = 3.0


def told_address(settings: ApiSettings) -> tuple[SplitResult, str, int]:
    """Return where those who get an account are told to go: the address, its host as in it, its port."""
    broker = urlsplit(settings.device_mqtt_url or settings.mqtt_url)
    host = broker.hostname or ""
    return broker, f"[{host}]" if ":" in host else host, broker.port or PORTS[broker.scheme]


async def tell_broker(here: State, commands: Sequence[Command]) -> list[str | None]:
    """Have the broker carry out `commands` in order; return for each why it refused, or None.

    Raises:
        Problem: 502, the broker does not answer.
    """
    config = SessionConfig.from_url(here.settings.mqtt, f"firetower.api.{secrets.token_hex(6)}")
    try:
        answers = await ask(config, commands, timeout_s=_ASK_S)
    except (TimeoutError, OSError, FiretowerError) as error:
        log.warning("broker_away", error=describe_error(error))
        raise Problem(502, "broker_away", "the broker does not answer; try again shortly") from error
    return [answer.get("error") for answer in answers]


def require_done(refusal: str | None) -> None:
    """Refuse the request where the broker refused.

    Raises:
        Problem: 502.
    """
    if refusal is not None:
        raise Problem(502, "broker_refused", f"the broker refused to make the account: {refusal}")
