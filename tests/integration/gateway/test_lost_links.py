"""Commands on links that are lost before the panel answers."""

from services.gateway.frames import CONFIRM, answer, encode
from tests.integration.gateway.leaving import known
from tests.integration.gateway.registered import ended, order, register
from tests.support.waiting import eventually


async def test_a_command_whose_link_is_lost_before_the_answer_is_said_once_more_on_the_next(gateway, store, dial, db):
    device = await register(db, 43, "panel-43")
    await known(gateway)

    async def dialled():
        panel = await dial(43)
        panel.confirm_orders = False
        await panel.confirmed(panel.send(b""))
        return panel

    panel = await dialled()
    check = await order(db, device, "guard_check", timeout_min=7)
    await panel.order(91)
    read = await order(db, device, "read_utd_time")
    await panel.order(88)
    await panel.close()
    panel = await dialled()
    panel.write(encode(answer(await panel.order(91), CONFIRM)))
    confirmed = "select reply->>'confirmed_at' from command where id = $1 and state = 'sent'"
    await eventually(lambda: db.fetchval(confirmed, check), what="the device has the check")
    await panel.order(88)
    await panel.close()
    row = await ended(db, read)
    assert (row["state"], "link was lost" in row["error"]) == ("failed", True), "it is said twice, not for ever"
    panel = await dialled()
    begin = await order(db, device, "initialise")
    await panel.order(89)
    await panel.close()
    assert (await ended(db, begin))["state"] == "failed", "a device may hang up because it does what it was told"
    panel = await dialled()
    await panel.order(90)
    assert [frame for frame in panel.orders if frame.adu[0] in {88, 89, 91}] == []


async def test_a_command_said_into_a_dead_link_reaches_the_panel_on_the_link_that_it_has_dialled_since(
    gateway, store, dial, db
):
    device = await register(db, 44, "panel-44")
    await known(gateway)
    dead = await dial(44)
    dead.confirm_orders = False
    await dead.confirmed(dead.send(b""))
    alive = await dial(44)
    await alive.confirmed(alive.send(b""))
    check = await order(db, device, "guard_check", timeout_min=7)
    await dead.order(91)
    await dead.close()  # as the system does once nothing on it was acknowledged for half a minute
    await alive.order(91)
    confirmed = "select reply->>'confirmed_at' from command where id = $1 and state = 'sent'"
    await eventually(lambda: db.fetchval(confirmed, check), what="the device has the check")
