"""What axe-core finds on a page: the faults that shut somebody out.

`SOURCE` goes into the page before its own scripts (`visit(…, before=SOURCE)`), so that one load serves a whole walk.
The package is found and not imported: only its script is wanted.
"""

from importlib.metadata import files
from pathlib import Path

from playwright.sync_api import Page

_SCRIPT = next(Path(str(one.locate())) for one in files("axe-playwright-python") or () if one.name == "axe.min.js")
SOURCE = _SCRIPT.read_text(encoding="utf-8")
EVERY_RULE = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}  # all that a theme changes
_GRAVE = """async ([where, runOnly]) => {
  const how = { runOnly, resultTypes: ["violations"], preload: false, elementRef: false };
  const found = await axe.run(where, how);
  // WCAG 2.2, 2.5.8: where a place on a map stands is essential, however small its neighbours leave it
  const isPin = ({ html }) => html.includes("maplibregl-marker");
  for (const one of found.violations) {
    if (one.id === "target-size") one.nodes = one.nodes.filter((node) => !isPin(node));
  }
  return found.violations
    .filter(({ nodes }) => nodes.length > 0)
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map((one) =>
      `${one.html.slice(0, 160)} ${one.any[0]?.message ?? ""}`).join(" | ")}`);
}"""


def grave_findings(page: Page, rules: dict[str, object] = EVERY_RULE, where: str = "body") -> list[str]:
    """Return what axe-core calls serious or critical on the page as it stands, a line a rule."""
    found: list[str] = page.evaluate(_GRAVE, [where, rules])
    return found
