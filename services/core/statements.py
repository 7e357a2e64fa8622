"""SQL in files: the statements of a module lie beside it, in a file of its name. Pure but for reading that file."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_BLOCK = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load_queries(module: str, shared: str = "") -> Mapping[str, str]:
    """Return the statements beside a module by the name in their `-- name: block` line; call it with `__file__`.

    `shared` names the file where several modules of a folder share one.
    """
    beside = Path(module)
    path = beside.with_name(shared) if shared else beside.with_suffix(".sql")
    parts = _BLOCK.split(path.read_text(encoding="utf-8"))
    return MappingProxyType({name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)})
