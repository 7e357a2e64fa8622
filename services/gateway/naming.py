"""What the parts of a panel are called: readable component names for people, keys for the last states. Pure."""

from services.gateway.objects import Item
from services.gateway.profiles import Profile
from services.gateway.tables import TABLES, Bit

UTD = "u"  # the key of the transmission device's own state


def place(address: bytes, order: str) -> tuple[str, str]:
    """Return (loop, point) of a component address; the standard gives it no structure, so the profile does."""
    if order == "flat":
        return "", str(int.from_bytes(address, "little"))
    halves = (str(int.from_bytes(address[:2], "little")), str(int.from_bytes(address[2:], "little")))
    return halves if order == "low_high" else (halves[1], halves[0])


def _where(item: Item, profile: Profile) -> str:
    """Return loop and point as people say it; the second and further systems of a transmission device carry theirs."""
    loop, point = place(item.component_address or bytes(4), profile.component_address)
    name = f"{loop}-{point}" if loop else point
    return f"{item.system_address}:{name}" if (item.system_address or 0) > 1 else name


def component_of(item: Item, profile: Profile) -> str:
    """Return the readable and stable name of a component, `3-12 感烟火灾探测器`."""
    return f"{_where(item, profile)} {TABLES.component_name(item.component_type or 0)}"


def key_of(item: Item) -> str:
    """Return the key under which the last state of what an object is about is kept."""
    if item.system_type is None:
        return UTD
    if item.component_address is None:
        return f"s:{item.system_type}:{item.system_address}"
    return f"c:{item.system_type}:{item.system_address}:{item.component_type}:{item.component_address.hex()}"


def bits_of(key: str) -> tuple[Bit, ...]:
    """Return what the state bits under a key mean."""
    return {"c": TABLES.component_state, "s": TABLES.system_state, "u": TABLES.utd_state}[key[0]]
