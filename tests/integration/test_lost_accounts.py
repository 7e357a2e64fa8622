"""Devices whose account at the broker is lost are an open line for a person, until they have one again."""

import json
from pathlib import Path

from services.core import db
from stack.accounts import SERVICES, account
from stack.accounts_file import AccountsFile
from stack.lost_accounts import tell_lost_accounts

OPEN = "select error, detail from set_aside where program = 'up' and done_at is null"


async def test_devices_that_lost_their_account_are_told_of_until_all_have_one(database: str, tmp_path: Path) -> None:
    connection = await db.connect(database, program="test")
    try:
        for code in ("hydrant-7", "hydrant-8", "hydrant-8"):
            await connection.execute(
                "insert into audit (actor, action, target) values ('user:x', 'device.credentials', $1)", code
            )
        for action in ("", "_refused"):
            await connection.execute(
                "insert into audit (actor, action, target) values ('user:x', 'device.credentials' || $1, 'never')",
                action,
            )
        (tmp_path / "accounts.json").write_bytes(b"")
        file = AccountsFile(tmp_path)
        file.write({SERVICES: "secret"})
        await tell_lost_accounts(database, file)
        [told] = await connection.fetch(OPEN)
        assert told["detail"] == {"devices": ["hydrant-7", "hydrant-8"]}
        assert "hydrant-7, hydrant-8" in told["error"]
        assert "put aside as" in told["error"]

        whole = json.loads(file.path.read_text())
        whole["clients"] += [account(code, "p", ["device"]) for code in ("hydrant-7", "hydrant-8")]
        file.path.write_text(json.dumps(whole))
        later = AccountsFile(tmp_path)
        later.write({SERVICES: "secret"})
        assert not later.found
        await tell_lost_accounts(database, later)
        assert await connection.fetch(OPEN) == []
    finally:
        await connection.close()
