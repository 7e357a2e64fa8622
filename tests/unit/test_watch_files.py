"""What Prometheus and Grafana are given asks only for metrics and labels that the programs export."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.support.exported import exported

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana/firetower.json").read_text())
RULES = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
COMPOSE = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())


SERIES = {"up": {"job", "program"}} | exported()
EXPRESSIONS = {rule["alert"]: rule["expr"] for rule in RULES} | {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_expression_asks_for_what_is_exported(expression):
    names = re.findall(r"\b(firetower_\w+|up)\b(?:\{([^}]*)\})?", re.sub(r'"[^"]*"', '""', expression))
    assert names
    labels = set()
    for name, selector in names:
        assert name in SERIES
        assert set(re.findall(r"(\w+)\s*(?:=|!)", selector)) <= SERIES[name]
        labels |= SERIES[name]
    for by in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in by.split(",")} <= labels


def test_a_legend_or_summary_shows_only_labels_that_its_expression_keeps():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            kept = {name.strip() for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for name in by.split(",")}
            assert shown <= kept, panel["title"]
    for rule in RULES:
        shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert shown <= set().union(*(SERIES[name] for name in re.findall(r"\b(?:firetower_\w+|up)\b", rule["expr"])))


def test_prometheus_asks_every_program_at_the_port_that_compose_gives_it():
    [job] = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    [targets] = [one["targets"] for one in job["static_configs"]]
    asked = dict(target.split(":") for target in targets)
    assert set(asked) == {"ingest", "alerts", "api", "gateway", "push"}
    for program, port in asked.items():
        environment = COMPOSE["services"][program]["environment"]
        assert environment["FIRETOWER_METRICS_PORT"] == port
        assert "inside" in COMPOSE["services"][program]["networks"]


def test_every_panel_of_the_dashboard_asks_the_source_that_is_provisioned():
    [source] = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    for panel in DASHBOARD["panels"]:
        for part in (panel, *panel.get("targets", [])) if panel["type"] != "row" else ():
            assert part["datasource"] == {"type": source["type"], "uid": source["uid"]}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
