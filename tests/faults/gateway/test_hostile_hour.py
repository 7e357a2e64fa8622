"""An hour's worth of hostile bytes from 10 000 connections; a good link is served all the while."""

import asyncio
import time

import psutil
import pytest

from stack.programs import scraped
from tests.faults.gateway.reporting import write_report
from tests.integration.gateway.conftest import bare_gateway, dial, gateway, store
from tests.integration.gateway.dialling import detector_state
from tests.integration.gateway.hostile import KINDS, attackers
from tests.integration.gateway.leaving import register

__all__ = ["bare_gateway", "dial", "gateway", "store"]

FRAMES = "firetower_gateway_frames_total"
CONNECTIONS, AT_ONCE = 10_000, 2_500


def turned_away(metrics_port: int) -> int:
    """How many connections the gateway hung up on before it read a byte: no room, or not from an allowed network."""
    counted = [sample for sample in scraped(f"http://127.0.0.1:{metrics_port}/metrics") if sample.name == FRAMES]
    assert counted, "the gateway told no figures"
    return int(sum(sample.value for sample in counted if sample.labels["result"].startswith("refused_")))


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_ten_thousand_hostile_connections_leave_a_good_link_unharmed(  # noqa: PLR0917 - fixtures
    gateway, store, dial, database, gateway_port, metrics_port
):
    await register(database, 61)
    panel = await dial(61)
    await panel.confirmed(panel.send(b""))
    process = psutil.Process(gateway.process.pid)
    before = process.memory_info().rss
    highest, took_s, point = before, [], 0
    began = time.perf_counter()
    async with attackers(gateway_port, CONNECTIONS, AT_ONCE, 8) as attack:
        while not attack.done():
            start = time.perf_counter()
            await panel.confirmed(panel.send(detector_state(0b11, 1, point)))
            took_s.append(time.perf_counter() - start)
            highest = max(highest, process.memory_info().rss)
            point += 1
            await asyncio.sleep(0.1)
        tally = await attack
    served = sum(tally[kind] for kind in KINDS) - turned_away(metrics_port)
    assert gateway.process.poll() is None
    assert not panel.closed.is_set()
    assert len([event for event in store.of("fire") if event["device"] == "panel-61"]) == point
    took_s.sort()
    told = {
        "connections": CONNECTIONS,
        "kinds": {kind: tally[kind] for kind in KINDS},
        "seconds": round(time.perf_counter() - began, 1),
        "hostile_mib": round(tally["bytes"] / 2**20, 1),
        "served": served,
        "thrown_out": tally["thrown_out"],
        "refused": tally["refused"],
        "good_fires": point,
        "good_confirm_p50_s": round(took_s[len(took_s) // 2], 3),
        "good_confirm_p99_s": round(took_s[int(len(took_s) * 0.99)], 3),
        "good_confirm_max_s": round(took_s[-1], 3),
        "rss_before_mib": round(before / 2**20, 1),
        "rss_highest_mib": round(highest / 2**20, 1),
    }
    write_report("gateway-hostile", told)
    assert highest - before < 300 * 2**20, told
    assert served >= 9_000, told
    assert point >= 50, told
    assert told["good_confirm_p99_s"] <= 1.0, told
