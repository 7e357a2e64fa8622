"""What the parts of a panel are called: readable component names for people, keys for the last states. Pure."""

from services.core.contracts import EventType
from services.gateway.objects import Item, Unit
from services.gateway.profiles import Profile
from services.gateway.tables import TABLES, Bit

UTD = "u"  # the key of the transmission device's own state
ALARM_CLEARED_BIT = 3  # of both operation bytes, figures 13 and 14
ADDRESS_DIGITS = 8  # of a component, at the end of its key
STATES, OPERATIONS = (1, 2, 21), (4, 24)  # type flags, table 3


def place(address: bytes, order: str) -> tuple[str, str]:
    """Return (loop, point) of a component address; the standard gives it no structure, so the profile does."""
    if order == "flat":
        return "", str(int.from_bytes(address, "little"))
    halves = (str(int.from_bytes(address[:2], "little")), str(int.from_bytes(address[2:], "little")))
    return halves if order == "low_high" else (halves[1], halves[0])


def component_of(item: Item, profile: Profile) -> str:
    """Return the readable and stable name of a component, `3-12 感烟火灾探测器`.

    Parts of the second and further systems of a transmission device carry the address of theirs.
    """
    loop, point = place(item.component_address or bytes(4), profile.component_address)
    where = f"{loop}-{point}" if loop else point
    prefix = f"{item.system_address}:" if (item.system_address or 0) > 1 else ""
    return f"{prefix}{where} {TABLES.component_name(item.component_type or 0)}"


def key_of(item: Item) -> str:
    """Return the key under which the last state of what an object is about is kept."""
    if item.system_type is None:
        return UTD
    if item.component_address is None:
        return f"s:{item.system_type}:{item.system_address}"
    return f"c:{item.system_type}:{item.system_address}:{item.component_type}:{item.component_address.hex()}"


def have_one_name(key: str, other: str) -> bool:
    """Whether what two keys stand for is one thing to people: parts of like systems, or all that is no part.

    `component_of` leaves out the type of the system, and its address if that is 0 or 1.
    """
    if key[0] != "c" or other[0] != "c":
        return key[0] != "c" and other[0] != "c"
    if key[-ADDRESS_DIGITS:] != other[-ADDRESS_DIGITS:]:  # of most
        return False
    (_, _, system, *part), (_, _, other_system, *other_part) = key.split(":"), other.split(":")
    return part == other_part and max(1, int(system)) == max(1, int(other_system))


def bits_of(key: str) -> tuple[Bit, ...]:
    """Return what the state bits under a key mean."""
    return {"c": TABLES.component_state, "s": TABLES.system_state, "u": TABLES.utd_state}[key[0]]


def told_of(unit: Unit) -> frozenset[str]:
    """Return the keys of whatever a data unit tells the state of."""
    return frozenset(map(key_of, unit.items)) if unit.flag in STATES else frozenset()


def ends_all(unit: Unit) -> bool:
    """Whether a data unit may end whatever its device said before: a reset, or alarms that were cleared."""
    if unit.flag in OPERATIONS:
        bits = TABLES.system_operation if unit.flag == OPERATIONS[0] else TABLES.utd_operation
        mask = _mask_of(bits) | 1 << ALARM_CLEARED_BIT
        return any((item.operation or 0) & mask for item in unit.items)
    return unit.flag in STATES and any((item.state or 0) & _mask_of(bits_of(key_of(item))) for item in unit.items)


def _mask_of(bits: tuple[Bit, ...]) -> int:
    return sum(1 << bit.bit for bit in bits if bit.event == EventType.RESET)
