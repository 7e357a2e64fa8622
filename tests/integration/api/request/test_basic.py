"""GIS clients know no Bearer: where they ask, a key is taken by HTTP Basic as well, and nowhere else."""

import base64

import httpx2
import pytest

from services.api.people.first_admin import FirstAdmin
from tests.integration.api.conftest import Client

PLACE = "/geo/devices.geojson"


@pytest.mark.parametrize("name", ["", "platform", "县平台", "a:b"])
async def test_a_key_is_the_password_of_any_name(stranger: Client, admin: FirstAdmin, name: str) -> None:
    sent = f"{name.partition(':')[0]}:{admin.api_key}".encode()
    answer = await stranger.get(PLACE, headers={"Authorization": f"Basic {base64.b64encode(sent).decode()}"})
    assert answer.status_code == 200, answer.text


async def test_basic_opens_nothing_else(stranger: Client, admin: FirstAdmin) -> None:
    by_basic = httpx2.BasicAuth("x", admin.api_key)
    for path in ("/api/v1/devices", "/openapi.json", "/stalactite"):
        answer = await stranger.get(path, auth=by_basic)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("sent", ["Basic", "Basic !", "Basic eDp3cm9uZw==", "Basic eA==", "Digest x", "Basic 5Lit5paH"])
async def test_a_wrong_key_is_asked_for_again(stranger: Client, sent: str) -> None:
    answer = await stranger.get(PLACE, headers={"Authorization": sent})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_page_that_fetches_is_shown_no_window_of_the_browser(stranger: Client) -> None:
    answer = await stranger.get(PLACE, headers={"Sec-Fetch-Dest": "empty"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
