"""Commands to panels: from the database and from `down/command`, with what became of each.

Used by main.py and intake.py. Promises: a command is sent once, its reply is written down even if the database was away
when it came; a command that makes no sense fails with the reason. Time-outs and guard's answers are ingest's.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.core.aside import Unit
from services.core.clock import Clock, wait_at_most
from services.core.commands import TOO_LATE, answer_minutes, seconds_left
from services.core.contracts import Command
from services.core.db import AWAY, is_away, pass_on_cancel
from services.core.log import logger
from services.core.mqtt import Delivery
from services.core.statements import load_queries
from services.core.text import describe_error
from services.core.topics import Channel, parse_topic
from services.gateway.border import Border
from services.gateway.door import Door
from services.gateway.downlink import FLAGS, GUARD_CHECK, INITIALISE, CannotSay, Exchange, data_unit
from services.gateway.frames import CONFIRM, DENY, Frame
from services.gateway.link import Link
from services.gateway.naming import component_of
from services.gateway.objects import Unit as DataUnit
from services.gateway.objects import describe
from services.gateway.post import Caller
from services.gateway.profiles import Profile
from services.gateway.registry import Registry
from services.gateway.tables import TABLES

log = logger(__name__)
QUERIES = load_queries(__file__)

LOOK_EVERY_S = 0.5
LINK_WITHIN_S = 30.0  # how long a panel that is not connected may take to come back
CUT_OFF = "the link was lost before the panel answered 设备应答前连接中断"
ANSWER_WITHIN_S = 60.0  # for a command that is not a guard check: four tries of 10 s, and some reserve
RESULTS = 10_000
KNOWN_IDS = 1_000
FETCH = Unit("commands", "fetch")


@dataclass(frozen=True, slots=True)
class Order:
    """A command to a panel."""

    id: UUID | None
    code: str
    command: str
    arguments: dict[str, Any]
    created_at: datetime
    answer_by: datetime | None = None  # when whoever it comes from waits no longer
    is_sent: bool = False  # written down as sent by this gateway
    cut_off_at: datetime | None = None  # when the link was lost that it was sent on; it is sent once more


class Commands:
    """Orders on their way to panels, results on their way to the database."""

    def __init__(self, registry: Registry, door: Door, clock: Clock, border: Border) -> None:
        self._registry = registry
        self._border = border
        self._door = door
        self._clock = clock
        self._waiting: deque[Order] = deque(maxlen=KNOWN_IDS)
        self._seen: OrderedDict[UUID, None] = OrderedDict()
        self._said: dict[UUID, Order] = {}  # without an answer yet
        self._wake = asyncio.Event()
        self._results: deque[tuple[str, tuple[object, ...]]] = deque(maxlen=RESULTS)

    # --- in ---

    def delivered(self, delivery: Delivery) -> None:
        """Take a `down/command` from MQTT."""
        topic = parse_topic(delivery.topic)
        if topic is None or topic.channel is not Channel.COMMAND:
            return
        try:
            command = Command.model_validate_json(delivery.payload)
        except ValidationError as error:
            log.warning("command_unreadable", topic=delivery.topic, error=error.errors()[0]["msg"])
            return
        arguments = command.model_dump(exclude={"id", "command"}, exclude_none=True)
        inner = arguments.pop("arguments", None)
        if isinstance(inner, dict):
            arguments |= inner
        try:
            number = UUID(command.id)
        except ValueError:
            number = None
        if self._is_new(number):
            now, left_s = self._clock.now(), delivery.left_s
            answer_by = None if left_s is None else now + timedelta(seconds=left_s)
            self._waiting.append(Order(number, topic.device, command.command, arguments, now, answer_by))
            self._wake.set()

    def _is_new(self, number: UUID | None) -> bool:
        if number is None:
            return True
        if number in self._seen:
            return False
        self._seen[number] = None
        if len(self._seen) > KNOWN_IDS:
            self._seen.popitem(last=False)
        return True

    async def run(self) -> None:
        """Send what waits and write down what came back, until cancelled."""
        away = False
        while True:
            try:
                await self._write_results()
                await self._fetch()
                away = False
                self._border.over(FETCH.kind, FETCH.name)
            except Exception as error:  # noqa: BLE001  the commands at hand go on without it
                pass_on_cancel()
                if not is_away(error):
                    self._border.note(FETCH, error)
                elif not away:
                    log.warning("commands_wait", error=describe_error(error))
                away = True
            await self._send_waiting(away=away)
            if away:
                await self._clock.sleep(LOOK_EVERY_S)
            self._wake.clear()
            await wait_at_most(self._wake, LOOK_EVERY_S)

    async def _fetch(self) -> None:
        for row in await self._registry.fetch(QUERIES["queued"]):
            with self._border.around(Unit("command", str(row["id"]))):
                if self._is_new(row["id"]):
                    arguments = row["arguments"] if isinstance(row["arguments"], dict) else {}
                    ahead = self._clock.now() - row["now"]  # of the database's clock
                    created_at, answer_by = row["created_at"] + ahead, row["answer_by"]
                    answer_by = None if answer_by is None else answer_by + ahead
                    self._waiting.append(
                        Order(row["id"], row["code"], row["command"], arguments, created_at, answer_by)
                    )

    async def _write_results(self) -> None:
        while self._results:
            name, values = self._results[0]
            try:
                await self._registry.execute(QUERIES[name], *values)
            except Exception as error:
                pass_on_cancel()
                if is_away(error):
                    raise
                self._border.note(Unit("command result", str(values[0]), detail={"result": name}), error)
            self._results.popleft()

    # --- out ---

    async def _send_waiting(self, *, away: bool) -> None:
        for _ in range(len(self._waiting)):
            order = self._waiting.popleft()
            if self._is_over(order):
                if order.cut_off_at is None:  # else ingest says that it was not answered
                    log.warning("command_too_late", command_id=str(order.id), device=order.code)
                    self._not_sent(order, TOO_LATE)
                continue
            caller = self._caller(order.code)
            if caller is None:
                if self._may_wait_for_a_link(order):
                    self._waiting.append(order)
                elif order.cut_off_at is None:
                    self._not_sent(order, "the panel is not connected 设备未连接")
                else:
                    self._result("failed", order.id, CUT_OFF)
                continue
            try:
                await self._send(order, *caller, away=away)
            except CannotSay as error:
                self._result("failed", order.id, str(error))
            except Exception as error:  # noqa: BLE001  that command fails with it, the others go on
                pass_on_cancel()
                self._border.note(Unit("command", str(order.id)), error)
                self._result("failed", order.id, describe_error(error))

    def _not_sent(self, order: Order, reason: str) -> None:
        """Write down that it was not sent; by then the gateway of the panel's link, or `ingest`, may have sent it."""
        self._result("failed" if order.is_sent else "not_sent", order.id, reason)

    def _is_over(self, order: Order) -> bool:
        minutes = answer_minutes(order.arguments)
        return seconds_left(order.created_at, order.answer_by, minutes, self._clock.now()) <= 0

    def _may_wait_for_a_link(self, order: Order) -> bool:
        if order.cut_off_at is not None and FLAGS[order.command] == GUARD_CHECK:
            return True  # it stays open until its minutes are over
        return (self._clock.now() - (order.cut_off_at or order.created_at)).total_seconds() < LINK_WITHIN_S

    def _caller(self, code: str) -> tuple[Link, Caller] | None:
        address = self._registry.address_of(code)
        link = self._door.link_of(address) if address is not None else None
        caller = link.callers.get(address) if link is not None and address is not None else None
        return None if link is None or caller is None else (link, caller)

    async def _send(self, order: Order, link: Link, caller: Caller, *, away: bool) -> None:
        now = self._clock.now()
        flag, adu = data_unit(order.command, order.arguments, caller.profile, now)
        within = timedelta(minutes=adu[2]) if flag == GUARD_CHECK else timedelta(seconds=ANSWER_WITHIN_S)
        self._result("sent", order.id, now, now + within)
        if not away:
            try:
                await self._write_results()  # before the panel can answer: the answer looks for a command that was sent
            except AWAY as error:
                pass_on_cancel()
                log.info("command_state_waits", error=describe_error(error))
        if link.is_leaving or link.callers.get(caller.address) is not caller:
            order = replace(order, is_sent=True)
            self._waiting.append(order)  # said into a link that was lost meanwhile, nobody would say it again
            return
        exchange = link.say(caller, flag, adu)
        exchange.order = order.id
        if order.id is not None:
            self._said[order.id] = order
        log.info("command_sent", device=order.code, command=order.command, command_id=str(order.id))

    # --- back ---

    def answered(self, exchange: Exchange, frame: Frame, unit: DataUnit, profile: Profile) -> None:
        """Write down what a panel replied."""
        self._forget(exchange)
        now = self._clock.now()
        if frame.command == DENY:
            self._result("failed", exchange.order, "the panel denied it 设备否认")
        elif frame.command == CONFIRM and exchange.flag == GUARD_CHECK:
            self._result("confirmed", exchange.order, now.isoformat())  # received only; the person answers later
        elif frame.command == CONFIRM:
            self._result("replied", exchange.order, now, {"confirmed_at": now.isoformat()})
        else:
            objects = [
                describe(item)
                | ({"component": component_of(item, profile)} if item.component_address is not None else {})
                for item in unit.items
            ]
            name = TABLES.types[exchange.flag].en
            self._result("replied", exchange.order, now, {"read": name, "objects": objects, "rest": unit.rest.hex()})

    def failed(self, exchange: Exchange, reason: str) -> None:
        """Write down that no answer came; a guard may still press the key of a device that confirms nothing."""
        self._forget(exchange)
        self._result("unconfirmed" if exchange.flag == GUARD_CHECK else "failed", exchange.order, reason)

    def cut_off(self, exchange: Exchange) -> None:
        """Send a command once more on the panel's next link: the one it was sent on is gone, or was dead already.

        A device that was told to initialise itself may have hung up because it does.
        """
        order = self._forget(exchange)
        if order is None:
            return
        if order.cut_off_at is not None or exchange.flag == INITIALISE:
            self.failed(exchange, CUT_OFF)
            return
        log.info("command_cut_off", device=order.code, command=order.command, command_id=str(order.id))
        self._waiting.append(replace(order, cut_off_at=self._clock.now()))
        self._wake.set()

    def _forget(self, exchange: Exchange) -> Order | None:
        return None if exchange.order is None else self._said.pop(exchange.order, None)

    def _result(self, name: str, order: UUID | None, *values: object) -> None:
        if order is not None:
            self._results.append((name, (order, *values)))
            self._wake.set()
