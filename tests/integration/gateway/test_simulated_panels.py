"""`firetower simulate --wire gb26875` as the demo starts it: panels with the habits of real devices."""

from collections import Counter
from datetime import datetime, timedelta

import orjson

from simulators.noise import Dice
from simulators.panel_wire import FIRST_ADDRESS, STUCK_AT, habits_of
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import address_of

PANELS = 150
SEED = 3591  # a fault, a storm and a fire of a panel with a stuck clock come within six seconds
CODES = [f"utd-{address_of(FIRST_ADDRESS + number).hex()}" for number in range(PANELS)]
STUCK = {code for number, code in enumerate(CODES) if habits_of(Dice(SEED, "wire panel", number)).stuck_clock}


async def test_what_happens_to_simulated_panels_arrives_as_it_was_written_down(  # noqa: PLR0917 - fixtures
    gateway, store, broker, program, gateway_port, scratch
):
    truth = scratch / "truth.jsonl"
    none = (part for kind in ("hydrants", "electrical", "water") for part in (f"--{kind}", "0"))
    program(
        *("simulate", "--panels", str(PANELS), "--wire", "gb26875", "--seed", str(SEED), "--speed", "10000", *none),
        MQTT_URL=broker.url, GATEWAY_PORT=gateway_port, STATE_DIR=scratch, TRUTH_FILE=truth,
    )  # fmt: skip

    def told() -> list[dict]:
        return [orjson.loads(line) for line in truth.read_bytes().splitlines()] if truth.exists() else []

    await until(lambda: {code for code, _ in store.readings} >= set(CODES), "every panel shows that it lives")
    hydrants = {f"{code}-hydrant-11-1-1-1" for code in CODES}
    await until(lambda: hydrants <= {code for code, _ in store.readings}, "every pressure is measured")

    def said(what: str) -> list[dict]:
        return [line for line in told() if line["what"] == what]

    def stuck_fires() -> list[dict]:
        return [line for line in said("fire") if line["device"] in STUCK]

    await until(lambda: said("fault") and said("storm") and stuck_fires(), "a fault, a storm, a stuck clock's fire")
    wanted = Counter((line["device"], line["what"]) for line in told() if line["what"] in {"fire", "fault"})

    def arrived() -> Counter:
        return Counter((event["device"], event["type"]) for event in store.events if event.get("active", True))

    await until(lambda: not wanted - arrived(), f"{wanted} and {arrived()}")

    def burning(code: str) -> dict[str, str]:
        """Loop and point of each fire of a panel, with its time."""
        return {event["component"].split()[0]: event["ts"] for event in store.of("fire") if event["device"] == code}

    storm = said("storm")[0]
    loop_on_fire = {f"{storm['loop']}-{point}" for point in range(1, 23)}  # 22: what a frame can carry
    await until(lambda: loop_on_fire <= burning(storm["device"]).keys(), f"22 fires of {storm}")
    stuck = stuck_fires()[0]
    assert datetime.fromisoformat(burning(stuck["device"])[stuck["component"]]) == STUCK_AT - timedelta(hours=8)
