"""Of several hosts the primary is found, whatever the others do; one host is taken as it is."""

import asyncpg
import pytest

from services.core import primary
from services.core.primary import connect_to_primary, hosts_of
from services.core.settings import Settings

DSN = "postgresql://u:p@one:5432,two:5433,[::1]:5434/firetower?target_session_attrs=read-write&sslmode=require"


class Servers:
    """What each host does, and in which order they were asked."""

    def __init__(self, monkeypatch):
        self.say = dict.fromkeys(("one", "two", "[::1]"), OSError("refused"))
        self.asked, self.options = [], []
        monkeypatch.setattr(asyncpg, "connect", self.connect)
        monkeypatch.setattr(primary, "_right", {})

    async def connect(self, dsn, **options):
        host = dsn.partition("@")[2].rpartition(":")[0]
        self.asked.append(host)
        self.options.append(options)
        if isinstance(self.say[host], Exception):
            raise self.say[host]
        return self.say[host]


@pytest.fixture
def servers(monkeypatch):
    return Servers(monkeypatch)


def test_each_host_has_an_address_of_its_own():
    assert hosts_of(DSN)[0] == "postgresql://u:p@one:5432/firetower?target_session_attrs=read-write&sslmode=require"
    assert [address.partition("@")[2].partition("/")[0] for address in hosts_of(DSN)] == [
        "one:5432", "two:5433", "[::1]:5434",
    ]  # fmt: skip


async def test_a_host_that_is_dead_silent_or_a_standby_is_passed_over(servers):
    servers.say |= {"one": TimeoutError(), "two": asyncpg.TargetServerAttributeNotMatched("a standby"), "[::1]": "it"}
    assert await connect_to_primary(DSN) == "it"
    assert servers.asked == ["one", "two", "[::1]"]
    assert all(options["timeout"] == primary.HOST_TIMEOUT_S for options in servers.options)


async def test_the_one_that_was_right_is_asked_first_and_then_the_others(servers):
    servers.say["two"] = "it"
    assert await connect_to_primary(DSN) == "it"
    assert await connect_to_primary(DSN) == "it"
    servers.say |= {"two": asyncpg.CannotConnectNowError("starting"), "one": "new"}
    assert await connect_to_primary(DSN) == "new"
    assert servers.asked == ["one", "two", "two", "two", "one"]


async def test_a_reader_asks_for_the_primary_since_its_session_may_only_read(servers):
    servers.say["one"] = "it"
    await connect_to_primary(DSN, server_settings={"default_transaction_read_only": "on"})
    await connect_to_primary(DSN.replace("read-write", "any"))
    await connect_to_primary(DSN.partition("?")[0])
    assert [options["target_session_attrs"] for options in servers.options] == ["primary", "any", "read-write"]


async def test_a_wrong_password_and_no_primary_are_told(servers):
    with pytest.raises(OSError, match="refused"):
        await connect_to_primary(DSN)
    servers.say["one"] = asyncpg.InvalidPasswordError("wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect_to_primary(DSN)


async def test_one_host_is_taken_as_it_is(servers):
    servers.say["one"] = "it"
    assert await connect_to_primary("postgresql://u:p@one:5432/firetower", timeout=10) == "it"
    assert servers.options == [{"timeout": 10}]


async def test_a_reader_of_one_host_asks_for_the_primary_too_and_waits_as_long_as_its_caller(servers):
    servers.say["one"] = "it"
    dsn = "postgresql://u:p@one:5432/firetower?target_session_attrs=read-write"
    await connect_to_primary(dsn, timeout=10, server_settings={"default_transaction_read_only": "on"})
    await connect_to_primary(dsn, timeout=10)
    assert [options["target_session_attrs"] for options in servers.options] == ["primary", "read-write"]
    assert [options["timeout"] for options in servers.options] == [10, 10]


@pytest.mark.parametrize(("hosts", "given", "waits_s"), [
    ("one:1", "1", 1), ("one:1", "30", 10), ("one:1", "0", 10), ("one:1,two:2", "1", 1), ("one:1,two:2", "9", 2),
])  # fmt: skip
async def test_a_connection_timeout_may_be_shorter_than_ours(servers, hosts, given, waits_s):
    servers.say["one"] = "it"
    await connect_to_primary(f"postgresql://u@{hosts}/firetower?connect_timeout={given}", timeout=10)
    assert servers.options[0]["timeout"] == waits_s


def test_a_setting_takes_several_hosts(monkeypatch):
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", DSN)
    assert Settings.read().database_url == DSN
