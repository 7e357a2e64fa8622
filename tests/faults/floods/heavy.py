"""Heavy reads and an import at once, as a program of its own so that its work is not measured: API, KEYs, SECONDS.

A viewer asks for the days of a million rows, 24 requests at a time without pause, while an administrator imports a
ledger of 20 000 devices, twice: new, then as an update.
"""

import asyncio
import sys
import time
from collections import Counter

import httpx2

from tests.support.broker_fleet import AREA

DEVICE, ROWS, DAYS = "HEAVY", 1_000_000, 30
PARALLEL = 24
LEDGER = 20_000
PLACE = "insert into device (code, kind, area, registered) values ($1, 'hydrant', $2, true) returning id"
FILL = """
    insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa, flow_lps, water_temp_c)
    select $1, t, n, t, 0, 0.3 + random() / 10, 0, 8 + random()
    from generate_series(1, $2) n
    cross join lateral (select now() - make_interval(days => $3) + n * (make_interval(days => $3) / $2) as t) times
"""


def client(api: str, key: str) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=PARALLEL)
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=api, headers=headers, timeout=120, trust_env=False, limits=limits)


async def read(viewer: httpx2.AsyncClient, until_s: float, answers: Counter[int]) -> None:
    while time.monotonic() < until_s:
        answer = await viewer.get(f"/api/v1/devices/{DEVICE}/readings", params={"bucket": "1d"})
        answers[answer.status_code] += 1


async def bring_in(admin: httpx2.AsyncClient, name: str) -> str:
    lines = [f"h-{n},hydrant,{AREA},{name} {n},{111 + n / 1e5},39.0,150" for n in range(LEDGER)]
    body = "\n".join(["code,kind,area,name,lon,lat,bore_mm", *lines]).encode()
    begun = time.monotonic()
    answer = await admin.post(
        "/api/v1/devices/import", params={"datum": "wgs84"}, content=body, headers={"Content-Type": "text/csv"}
    )
    return f"{name} ledger {answer.status_code} in {time.monotonic() - begun:.1f} s"


async def main(api: str, viewer_key: str, admin_key: str, seconds: str) -> str:
    answers: Counter[int] = Counter()
    until_s = time.monotonic() + float(seconds)
    async with client(api, viewer_key) as viewer, client(api, admin_key) as admin, asyncio.TaskGroup() as reading:
        for _ in range(PARALLEL):
            reading.create_task(read(viewer, until_s, answers))
        imports = [await bring_in(admin, name) for name in ("new", "updated")]
    return f"heavy reads answered {dict(answers)}, {', '.join(imports)}"


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(main(*sys.argv[1:])))
