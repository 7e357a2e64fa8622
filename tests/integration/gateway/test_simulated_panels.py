"""`firetower simulate --wire gb26875` as the demo starts it: panels with the habits of real devices."""

from collections import Counter

import orjson

from simulators.panel_wire import FIRST_ADDRESS
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import address_of

PANELS = 150  # something happens to one of them in a few seconds
CODES = {f"utd-{address_of(FIRST_ADDRESS + number).hex()}" for number in range(PANELS)}


async def test_what_happens_to_simulated_panels_arrives_as_it_was_written_down(  # noqa: PLR0917 - fixtures
    gateway, store, broker, program, gateway_port, scratch
):
    truth = scratch / "truth.jsonl"
    none = (part for kind in ("hydrants", "electrical", "water") for part in (f"--{kind}", "0"))
    program(
        *("simulate", "--panels", str(PANELS), "--wire", "gb26875", "--speed", "10000", *none),
        MQTT_URL=broker.url, GATEWAY_PORT=gateway_port, STATE_DIR=scratch, TRUTH_FILE=truth,
    )  # fmt: skip

    def told() -> list[dict]:
        return [orjson.loads(line) for line in truth.read_bytes().splitlines()] if truth.exists() else []

    await until(lambda: {code for code, _ in store.readings} >= CODES, "every panel shows that it lives", 20)
    hydrants = {f"{code}-hydrant-11-1-1-1" for code in CODES}
    await until(lambda: hydrants <= {code for code, _ in store.readings}, "every pressure is measured", 20)
    await until(lambda: any(line["what"] in {"fire", "fault"} for line in told()), "something happens", 20)
    wanted = Counter((line["device"], line["what"]) for line in told() if line["what"] in {"fire", "fault"})

    def arrived() -> Counter:
        return Counter((event["device"], event["type"]) for event in store.events if event.get("active", True))

    await until(lambda: not wanted - arrived(), f"{wanted} and {arrived()}")
