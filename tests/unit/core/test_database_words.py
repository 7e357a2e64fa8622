"""The words behind the ? of a database's address: taken, left out, or refused with their name."""

import pytest
from structlog.testing import capture_logs

from services.core import primary
from services.core.database_words import read_words
from services.core.errors import BadSetting
from services.core.settings import Settings

DSN = "postgresql://u:p%40ss@one:5432,two/firetower"


@pytest.mark.parametrize("query", [
    "connect_timeout=3&target_session_attrs=read-write",
    "keepalives=1&keepalives_idle=30&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=5000",
    "gssencmode=disable&channel_binding=prefer&load_balance_hosts=random&client_encoding=auto",
    "application_name=fire&options=-c%20search_path%3Dpublic&search_path=public&TimeZone=UTC&timescaledb.license=apache",
    "role=firetower&session_authorization=u&seed=0.5",
    "default_with_oids=off&ssl_renegotiation_limit=0&transaction_read_only=off&sort_mem=64MB",
    "app.x=1&App.tenant=a&timescaledb.enable_chunk_skipping=on",
    "sslmode=verify-full&sslrootcert=/etc/ca.pem&ssl_min_protocol_version=TLSv1.3",
])  # fmt: skip
def test_what_libpq_or_the_server_knows_is_accepted(monkeypatch, query):
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", f"{DSN}?{query}")
    assert Settings.read().database_url == f"{DSN}?{query}"


@pytest.mark.parametrize(("query", "says"), [
    ("conect_timeout=3", "knows 'conect_timeout'"),
    ("connect_timeout=soon", "connect_timeout must be a number"),
    ("channel_binding=require", "cannot keep what channel_binding asks for"),
    ("gssencmode=require", "cannot keep what gssencmode asks for"),
    ("require_auth=scram-sha-256", "cannot keep what require_auth asks for"),
    ("replication=database", "cannot keep what replication asks for"),
    ("sslmode", "name=value"),
    ("ssl=1", "ssl must be true"),
])  # fmt: skip
def test_what_would_have_every_session_refused_is_refused_in_a_line_that_names_it(monkeypatch, query, says):
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", f"{DSN}?{query}")
    with pytest.raises(BadSetting, match="FIRETOWER_DATABASE_URL") as refused:
        Settings.read()
    assert says in str(refused.value)


def test_half_of_a_password_that_was_not_encoded_is_not_shown(monkeypatch):
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", "postgresql://user:12?secret=34@host:5432/db")
    with pytest.raises(BadSetting) as refused:
        Settings.read()
    assert "secret" not in str(refused.value)


def test_the_driver_gets_what_it_knows_and_the_rest_is_ours():
    query = "keepalives=1&sslmode=require&connect_timeout=3&options=-cjit%3Doff&target_session_attrs=primary"
    words = read_words(f"{DSN}?{query}")
    assert words.address == f"{DSN}?sslmode=require&options=-cjit%3Doff"
    assert (words.attribute, words.timeout_s, words.without) == ("primary", 3.0, ("keepalives",))
    assert read_words(f"{DSN}?ssl=true").address == f"{DSN}?sslmode=require"
    assert read_words(f"{DSN}?application_name=a+b").address == f"{DSN}?application_name=a+b"


async def test_what_we_do_without_is_said_once(monkeypatch):
    async def connect(*_given, **_named):
        return "it"

    monkeypatch.setattr("asyncpg.connect", connect)
    monkeypatch.setattr(primary, "_told", set())
    with capture_logs() as lines:
        for _ in range(2):
            await primary.connect_to_primary(f"{DSN}?gssencmode=prefer")
    assert [(line["event"], line["names"]) for line in lines] == [("database_words_left_out", ("gssencmode",))]
