"""What a running program exports to Prometheus."""

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.support.waiting import PATIENCE_S


async def read_metrics(port: int) -> dict[str, float]:
    """The program's figures; the value of a labelled one under its label."""
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for sample in samples}
