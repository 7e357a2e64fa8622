"""What detectors have learned, as bytes and back: a tree of JSON, then the numbers of its arrays.

Used by `early`. A detector names its memory in `MEMORY`; all else of it comes from the catalogue and the registry and
is made anew. Promises that what is loaded goes on exactly as what was dumped, and that no bytes make it run code.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import orjson

from services.core.words import Severity

_HEAD: Final = struct.Struct("<I")  # bytes of the tree
_KINDS: Final = frozenset("bif")  # of arrays: truth values and numbers


def dump(detector: object) -> bytes:
    """Return the memory of a detector and of all inside it."""
    arrays: list[np.ndarray] = []
    tree = _encode(detector, arrays)
    described = [[array.dtype.str, array.shape] for array in arrays]
    head = _json([tree, described])
    return b"".join([_HEAD.pack(len(head)), head, *(np.ascontiguousarray(array).tobytes() for array in arrays)])


def load(detector: object, data: bytes) -> None:
    """Give a new detector of the same devices and numbers what was dumped.

    Raises:
        ValueError: the bytes are not the memory of such a detector.
    """
    try:
        (length,) = _HEAD.unpack_from(data)
        place = _HEAD.size + length
        tree, described = orjson.loads(data[_HEAD.size : place])
        arrays = []
        for kind, shape in described:
            dtype = np.dtype(kind)
            if dtype.kind not in _KINDS:
                raise ValueError(f"no array of detectors has numbers of type {kind}")
            count = int(np.prod(shape, dtype=np.int64))
            arrays.append(np.frombuffer(data, dtype, count, place).reshape(shape).copy())
            place += count * dtype.itemsize
        _decode(tree, detector, arrays)
    except (struct.error, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"not the memory of this detector: {error!r}") from error


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, Severity):
        return {"severity": str(value)}
    if isinstance(value, list):
        return [_encode(item, arrays) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, arrays) for item in value]}
    if isinstance(value, set):
        return {"set": sorted(value)}
    if isinstance(value, dict):
        return {"dict": [[_encode(key, arrays), _encode(item, arrays)] for key, item in value.items()]}
    names = getattr(value, "MEMORY", None)
    if names is not None:  # written at once: the whole tree of a cell would take ten times the room of its bytes
        return orjson.Fragment(_json({"object": {name: _encode(getattr(value, name), arrays) for name in names}}))
    return value


def _json(tree: Any) -> bytes:
    return orjson.dumps(tree, option=orjson.OPT_SERIALIZE_NUMPY)


def _decode(value: Any, current: Any, arrays: list[np.ndarray]) -> Any:
    """Return what was encoded; objects are filled where they stand in `current`."""
    if isinstance(value, list):
        inside = current if isinstance(current, list) and len(current) == len(value) else [None] * len(value)
        return [_decode(item, one, arrays) for item, one in zip(value, inside, strict=True)]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    match kind:
        case "array":
            return _fitting(arrays[held], current)
        case "severity":
            return Severity(held)
        case "tuple":
            return tuple(_decode(item, None, arrays) for item in held)
        case "set":
            return set(held)
        case "dict":
            there = current if isinstance(current, dict) else {}
            pairs = [(_decode(key, None, arrays), item) for key, item in held]
            return {key: _decode(item, there.get(key), arrays) for key, item in pairs}
        case "object":
            return _fill(current, held, arrays)
    raise ValueError(f"nothing is encoded as {kind!r}")


def _fitting(array: np.ndarray, current: Any) -> np.ndarray:
    if isinstance(current, np.ndarray) and current.size and current.shape != array.shape:
        raise ValueError(f"an array of {array.shape}, not {current.shape}")
    return array


def _fill(detector: Any, held: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    if set(held) != set(detector.MEMORY):
        raise ValueError(f"{type(detector).__name__} remembers {detector.MEMORY}, not {tuple(held)}")
    for name, item in held.items():
        setattr(detector, name, _decode(item, getattr(detector, name), arrays))
    return detector
