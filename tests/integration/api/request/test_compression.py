"""Large answers travel compressed to whoever takes that: a phone on the road pays for every byte."""

from tests.integration.api.conftest import AREA, Client


async def test_large_answers_are_compressed_for_who_asks(client: Client) -> None:
    for number in range(60):
        body = {"kind": "hydrant", "area": AREA, "name": f"消火栓{number}", "location": {"lon": 111.1, "lat": 39.0}}
        await client.put(f"/api/v1/devices/h-{number}", json=body | {"source_datum": "wgs84"})
    for path in ("/geo/devices.geojson", "/api/v1/devices?limit=1000", "/static/js/map/board.js"):
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["vary"]
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
        assert packed.content == plain.content


async def test_who_refuses_gzip_gets_none(client: Client) -> None:
    """Kludex/starlette 3495: `gzip;q=0` was answered with gzip."""
    for refused in ("gzip;q=0", "identity, gzip; q=0.000", "br", "*;q=0"):
        answer = await client.get("/ogc/api", headers={"Accept-Encoding": refused})
        assert "content-encoding" not in answer.headers, refused
    for taken in ("br, gzip;q=0.1", "GZIP", "deflate;q=0, gzip"):
        answer = await client.get("/ogc/api", headers={"Accept-Encoding": taken})
        assert answer.headers["content-encoding"] == "gzip", taken


async def test_small_answers_are_left_alone(client: Client) -> None:
    answer = await client.get("/healthz", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
