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


async def test_small_answers_are_left_alone(client: Client) -> None:
    answer = await client.get("/healthz", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
