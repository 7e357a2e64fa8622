"""Randomness of the simulators: small, seeded, the same on every machine.

Called by the generators. Promises: what a device draws depends on the seed, its code and its own past only, never on
how many devices there are or in which order they run.
"""

import hashlib
import math

_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15


def _mix(value: int) -> int:
    """SplitMix64's output function (Steele, Lea, Flood 2014)."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def seed_of(*names: object) -> int:
    """Return 64 bits that stand for `names`."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class Dice:
    """A stream of numbers of one device; 30 times smaller than the library's, which matters with 50 000 devices."""

    __slots__ = ("_state",)

    def __init__(self, *names: object) -> None:
        self._state = seed_of(*names)

    def bits(self) -> int:
        """Return 64 random bits."""
        self._state = (self._state + _STEP) & _MASK
        return _mix(self._state)

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        return self.bits() / 2**64

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.unit()

    def normal(self, sd: float = 1.0) -> float:
        """Return a number from a normal distribution around 0."""
        return sd * math.sqrt(-2 * math.log(1 - self.unit())) * math.cos(math.tau * self.unit())

    def chance(self, probability: float) -> bool:
        """Return True with `probability`."""
        return self.unit() < probability

    def below(self, limit: int) -> int:
        """Return an integer in [0, limit)."""
        return self.bits() % limit


def wander(previous: float, elapsed_s: float, *, sd: float, memory_s: float, dice: Dice) -> float:
    """Return the next value of an AR(1) process with standard deviation `sd` and memory `memory_s`."""
    keep = math.exp(-max(elapsed_s, 0.0) / memory_s)
    return previous * keep + dice.normal(sd * math.sqrt(1 - keep * keep))


def drift(key: int, at_s: float, period_s: float) -> float:
    """Return a value of a smooth curve in [-1, 1], the same for everyone who asks with the same key and time."""
    position = at_s / period_s
    whole = math.floor(position)
    part = position - whole
    weight = part * part * (3 - 2 * part)
    ends = [_mix((key + (whole + step) * _STEP) & _MASK) / 2**63 - 1 for step in (0, 1)]
    return ends[0] * (1 - weight) + ends[1] * weight
