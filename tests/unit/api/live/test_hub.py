from services.api.live.hub import (
    DESK_CLIENTS,
    MAX_CLIENTS,
    MAX_FRAMES,
    MAX_OF_KEY,
    MAX_OF_PERSON,
    REMEMBERED,
    REMEMBERED_BYTES,
    RESYNC,
    Hub,
    Part,
)
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope


def viewer(*areas: str) -> Who:
    return Who("user:wang", "wang", Role.VIEWER, Scope(areas), person_id=1)


EVERYWHERE = viewer("*")
NORTH = viewer("140931100")


async def test_a_frame_carries_only_what_lies_in_the_areas_of_its_client() -> None:
    hub = Hub()
    north, county = hub.join(NORTH, None), hub.join(viewer("140931"), None)
    hub.publish("device", [Part("140931100", b"1"), Part("140931101", b"2")], listed=True)
    hub.publish("alarm", [Part(None, b"3")])
    assert b'{"items":[1]}' in north.take()
    taken = county.take()
    assert b'{"items":[1,2]}' in taken
    assert b"event: alarm" in taken


async def test_what_belongs_to_no_township_is_told_to_the_county_only() -> None:
    hub = Hub()
    north = hub.join(NORTH, None)
    hub.publish("alarm", [Part(None, b"3")])
    assert north.take() == b""


async def test_a_client_that_falls_behind_is_told_to_fetch_anew_and_goes_on() -> None:
    hub = Hub()
    slow = hub.join(EVERYWHERE, None)
    for _ in range(MAX_FRAMES + 1):
        hub.publish("device", [Part(None, b"x")], listed=True)
    assert slow.take() == RESYNC
    hub.publish("device", [Part(None, b"y")], listed=True)
    assert b"y" in slow.take()


async def test_frames_too_large_to_wait_become_a_resync() -> None:
    hub = Hub()
    slow = hub.join(EVERYWHERE, None)
    for _ in range(5):
        hub.publish("device", [Part(None, b"x" * 1024 * 1024)], listed=True)
    waiting = slow.take()
    assert RESYNC in waiting
    assert len(waiting) < 3 * 1024 * 1024


async def test_a_client_that_comes_back_gets_what_it_missed() -> None:
    hub = Hub()
    hub.join(EVERYWHERE, None)
    hub.publish("alarm", [Part(None, b"1")])
    place = hub.place
    hub.publish("alarm", [Part(None, b"2")])
    hub.publish("alarm", [Part(None, b"3")])
    back = hub.join(EVERYWHERE, place).take()
    assert b"data: 1" not in back
    assert b"data: 2" in back
    assert b"data: 3" in back


async def test_a_place_of_another_start_or_too_long_ago_means_fetching_anew() -> None:
    hub = Hub()
    stays = hub.join(EVERYWHERE, None)
    for place in ("", "abc-1", "-", f"{hub.place}9", "x" * 100):
        assert hub.join(EVERYWHERE, place).take() == RESYNC, place
    old = hub.place
    for n in range(REMEMBERED + 1):
        hub.publish("alarm", [Part(None, str(n).encode())])
    assert hub.join(EVERYWHERE, old).take() == RESYNC
    stays.take()


async def test_a_burst_of_alarms_reaches_whoever_reads() -> None:
    hub = Hub()
    client = hub.join(EVERYWHERE, None)
    for _ in range(1000):
        hub.publish("alarm", [Part(None, b"x" * 1200)])
    taken = client.take()
    assert taken.count(b"event: alarm") == 1000
    assert RESYNC not in taken


async def test_what_is_remembered_is_bounded_in_bytes() -> None:
    hub = Hub()
    stays = hub.join(EVERYWHERE, None)
    places = []
    for _ in range(4):
        places.append(hub.place)
        hub.publish("device", [Part(None, b"x" * (REMEMBERED_BYTES // 3))], listed=True)
        stays.take()
    assert hub.join(EVERYWHERE, places[0]).take() == RESYNC
    hub.publish("device", [Part(None, b"y")], listed=True)
    assert b"y" in hub.join(EVERYWHERE, hub.place[:-1] + str(int(hub.place[-1]) - 1)).take()


async def test_after_a_time_without_listeners_nobody_trusts_an_old_place() -> None:
    hub = Hub()
    alone = hub.join(EVERYWHERE, None)
    hub.publish("alarm", [Part(None, b"1")])
    place = hub.place
    hub.leave(alone)
    assert hub.join(EVERYWHERE, place).take() == RESYNC


async def test_closing_ends_everybody_also_who_comes_later() -> None:
    hub = Hub()
    first = hub.join(EVERYWHERE, None)
    hub.close()
    assert first.closed
    assert hub.join(EVERYWHERE, None).closed


def key(name: str, role: Role = Role.VIEWER) -> Who:
    return Who(f"key:{name}", name, role, Scope(("*",)))


async def test_one_caller_has_so_many_streams_and_no_more() -> None:
    hub = Hub()
    for who, most in ((EVERYWHERE, MAX_OF_PERSON), (key("city"), MAX_OF_KEY)):
        streams = [hub.join(who, None) for _ in range(most)]
        assert hub.has_too_many(who)
        hub.leave(streams[0])
        hub.leave(streams[0])
        assert not hub.has_too_many(who)
    assert not hub.has_too_many(Who("user:li", "li", Role.VIEWER, Scope(("*",)), person_id=2))


async def test_however_many_read_there_is_room_for_the_desk() -> None:
    hub = Hub()
    for number in range(MAX_CLIENTS - DESK_CLIENTS):
        hub.join(key(f"k{number}"), None)
    assert hub.is_full(key("one-more"))
    assert hub.is_full(viewer("*"))
    for role in (Role.DUTY_OFFICER, Role.ADMINISTRATOR, Role.WALL):
        assert not hub.is_full(Who("user:duty", "duty", role, Scope(("*",)), person_id=2))


async def test_who_was_away_when_everybody_fetched_anew_is_told_so_too() -> None:
    hub = Hub()
    hub.join(EVERYWHERE, None)
    hub.publish("alarm", [Part(None, b"1")])
    place = hub.place
    hub.resync()
    assert hub.join(EVERYWHERE, place).take() == RESYNC
