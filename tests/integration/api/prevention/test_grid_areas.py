"""Which grids a township sees, writes and is told of."""

from collections.abc import Callable

from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.integration.api.prevention.conftest import Put, Register, feature, key_of, load, read, square


async def test_a_township_sees_and_writes_its_own_grids_alone(
    client: Client, visit: Callable[..., Client], register: Register, put: Put
) -> None:
    township = await key_of(client, visit, "maintainer")
    await put("county", polygon=square(111.0, size=0.1))
    await put("theirs", area=OTHER_AREA, parent="county")
    await put("mine", area=AREA, parent="county")
    await register("own", location={"lon": 111.01, "lat": 39.01})
    await register("other", area=OTHER_AREA, location={"lon": 111.01, "lat": 39.01})
    assert [one["id"] for one in (await read(township, "grids"))["items"]] == ["mine"]
    seen = await read(township, "grids/mine")
    assert (seen["parent"], seen["devices"], seen["faults"]) == (None, ["own"], [])
    assert (await read(township, "grid-coverage"))["faults"] == []
    found = {grid: (await read(township, f"devices?grid={grid}"))["items"] for grid in ("mine", "county")}
    assert {grid: [one["code"] for one in items] for grid, items in found.items()} == {"mine": ["own"], "county": []}
    for path in ("county", "theirs", "theirs/duties"):
        assert (await township.get(f"/api/v1/grids/{path}")).status_code == 404
    for path in ("county", "theirs"):
        assert (await township.put(f"/api/v1/grids/{path}", json={"name": "x"})).status_code == 404
        assert (await township.delete(f"/api/v1/grids/{path}")).status_code == 404
    assert (await township.put("/api/v1/grids/mine", json={"area": OTHER_AREA})).status_code == 403
    refused = await township.put("/api/v1/grids/mine", json={"parent": "theirs"})
    assert refused.json()["errors"] == [
        {"field": "parent", "message": "there is no grid theirs", "message_zh": "没有网格 theirs"}
    ]
    kept = await township.put("/api/v1/grids/mine", json={"parent": None, "name": "新名"})
    assert kept.status_code == 200
    assert (await read(client, "grids/mine"))["parent"] == "county", "what it cannot see it does not take away"
    made = await township.put("/api/v1/grids/new", json={"name": "新", "polygon": square(111.05)})
    assert made.json()["area"] == AREA
    told = await load(township, feature("theirs"), feature("also"))
    assert [(one["id"], one["field"]) for one in told["errors"]] == [("theirs", "id")]
    assert [one["grids"] for one in told["faults"]] == [["also", "mine"]]
    viewer = await key_of(client, visit, "viewer")
    assert (await viewer.put("/api/v1/grids/new", json={"name": "x"})).status_code == 403


async def test_the_refusal_of_a_circle_names_no_grid_that_is_hidden(
    client: Client, visit: Callable[..., Client], put: Put
) -> None:
    township = await key_of(client, visit, "maintainer")
    await put("upper", area=AREA)
    await put("secret", area=OTHER_AREA, parent="upper")
    await put("lower", area=AREA, parent="secret")
    for who, said in ((township, "upper < lower < … < upper"), (client, "upper < lower < secret < upper")):
        refused = await who.put("/api/v1/grids/upper", json={"parent": "lower"})
        assert refused.status_code == 422
        assert said in refused.json()["detail"]
        (error,) = (await load(who, feature("upper", parent="lower"), status=422))["errors"]
        assert said in error["message"]
        assert said in error["message_zh"]
