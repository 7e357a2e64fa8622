"""Links the modules of a page: many small files on disk, a handful on the wire. Pure but for reading the folder.

No build step and no bundler: own modules use a few forms of import and export, and whatever is of another form is
refused here (`tests/unit/api/test_linking.py` links them all). Each module becomes a function that is run once, in the
order in which a browser would run the modules; its text is left as it is but for the lines that import and export.
Vendored libraries stay files of their own. What a page imports later is linked apart and shares the modules that are
there already.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

_FROM = re.compile(
    r"^(?P<word>import|export) (?:\* as (?P<whole>\w+)|(?P<default>\w+)|\{(?P<names>[^}]*)\})"
    r' from "(?P<target>[^"]+)";$',
    re.MULTILINE,
)
_DECLARED = re.compile(r"^export (?=(?:async )?(?:const|function|class) (\w+))", re.MULTILINE)
_LATER = re.compile(r'import\("([^"]+)"\)')
_UNKNOWN = re.compile(r"^(?:import\b(?!\()|export\b|await\b).*", re.MULTILINE)
_VENDOR = "vendor/"


class LinkError(ValueError):
    """A module that cannot be linked; says which and why."""


@dataclass(frozen=True)
class Linked:
    """The linked files of a page, by name; the first is the page's own. `beside`: what the first imports unlinked."""

    files: Mapping[str, str]
    beside: tuple[str, ...]


@dataclass(frozen=True)
class _Module:
    path: str
    text: str
    needs: tuple[str, ...]
    later: tuple[str, ...]


def link(folder: Path, entry: str, name: str) -> Linked:
    """Return what the page with the module `entry` loads: `name`.js, and `name`-….js for what it imports later.

    The files import each other by their names, side by side, and vendored libraries under /static/.

    Raises:
        LinkError: a circle of imports, or an import, export or await of a form that is not known.
    """
    modules: dict[str, _Module] = {}  # in the order in which they run
    roots = [entry]
    for root in roots:  # grows while it is walked
        _collect(folder, root, modules, ())
        later = dict.fromkeys(path for module in modules.values() for path in module.later)
        roots += [path for path in later if path not in roots]
    first = _reach(modules, entry)
    reached_by = {path: frozenset({entry}) if path in first else frozenset() for path in modules}
    for root in roots[1:]:
        for path in _reach(modules, root) - first:
            reached_by[path] |= {root}
    groups: dict[frozenset[str], list[str]] = {}
    for path in modules:
        groups.setdefault(reached_by[path], []).append(path)
    homes: dict[str, str] = {}
    for by, members in groups.items():
        head = next((root for root in roots if by == {root}), members[-1])
        file = f"{name}.js" if head == entry else f"{name}-{_dashed(head)}.js"
        homes |= dict.fromkeys(members, file)
    files = {homes[members[0]]: _written(modules, members, homes) for members in groups.values()}
    if len(files) < len(groups):
        raise LinkError(f"two files of {name} would have one name: {sorted(homes.values())}")
    beside = sorted({path for path in first for path in modules[path].needs if path.startswith(_VENDOR)})
    return Linked({f"{name}.js": files.pop(f"{name}.js"), **files}, tuple(beside))


def _collect(folder: Path, path: str, modules: dict[str, _Module], above: tuple[str, ...]) -> None:
    if path in above:
        raise LinkError(f"modules import each other in a circle: {' -> '.join((*above, path))}")
    if path in modules:
        return
    text = (folder / path).read_text(encoding="utf-8")
    needs = tuple(_resolved(path, found["target"]) for found in _FROM.finditer(text))
    later = tuple(_resolved(path, target) for target in _LATER.findall(text))
    for need in needs:
        if not need.startswith(_VENDOR):
            _collect(folder, need, modules, (*above, path))
    modules[path] = _Module(path, text, needs, tuple(one for one in later if not one.startswith(_VENDOR)))


def _reach(modules: Mapping[str, _Module], root: str) -> set[str]:
    found, waiting = {root}, [root]
    while waiting:
        news = {path for path in modules[waiting.pop()].needs if path in modules} - found
        found |= news
        waiting += news
    return found


def _resolved(path: str, target: str) -> str:
    return normpath(join(dirname(path), target))


def _dashed(path: str) -> str:
    return path.removeprefix("js/").removesuffix(".js").replace("/", "-")


def _variable(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path.rpartition(".")[0])


def _written(modules: Mapping[str, _Module], members: Iterable[str], homes: Mapping[str, str]) -> str:
    """Return the text of one linked file."""
    members = list(members)
    needs = dict.fromkeys(need for path in members for need in modules[path].needs if need not in members)
    lines = [
        f'import * as {_variable(need)} from "/static/{need}";'
        if need.startswith(_VENDOR)
        else f'import {{ {_variable(need)} }} from "./{homes[need]}";'
        for need in needs
    ]
    for path in members:
        body, exported = _body(modules[path], homes)
        lines += [
            f"// {path}",
            f"const {_variable(path)} = (() => {{",
            body,
            f"return {{ {', '.join(exported)} }};",
            "})();",
        ]
    lines.append(f"export {{ {', '.join(_variable(path) for path in members)} }};\n")
    return "\n".join(lines)


def _body(module: _Module, homes: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the text of one module as the inside of a function, and the names that it exports."""
    exported: list[str] = []

    def bound(found: re.Match[str]) -> str:
        source = _variable(_resolved(module.path, found["target"]))
        if found["word"] == "export":
            exported.extend(name.strip() for name in (found["names"] or "").split(",") if name.strip())
        if found["whole"] or found["default"]:
            return f"const {found['whole'] or found['default']} = {source}{'.default' if found['default'] else ''};"
        return f"const {{{found['names'].replace(' as ', ': ')}}} = {source};"

    def declared(found: re.Match[str]) -> str:
        exported.append(found[1])
        return ""

    def later(found: re.Match[str]) -> str:
        path = _resolved(module.path, found[1])
        if path.startswith(_VENDOR):
            return f'import("/static/{path}")'
        return f'import("./{homes[path]}").then((file) => file.{_variable(path)})'

    text = _LATER.sub(later, _DECLARED.sub(declared, _FROM.sub(bound, module.text)))
    if module.text.count("import(") > len(_LATER.findall(module.text)):
        raise LinkError(f"{module.path}: import() of a path that is not written out")
    if unknown := _UNKNOWN.search(text):
        raise LinkError(f"{module.path}: not one of the forms that are linked: {unknown[0]}")
    return text, exported
