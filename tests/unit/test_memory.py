"""The servers are sized by what we may use, and not by a machine of which we have a part."""

import psutil
import pytest

from stack.memory import usable_bytes

TOTAL = psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("groups", "files", "usable"),
    [
        ("0::/a.slice/b.service\n", {"a.slice/b.service/memory.max": "max", "a.slice/memory.max": "1048576"}, 2**20),
        ("0::/\n", {"memory.max": "2097152"}, 2**21),
        ("4:cpu,memory:/docker/x\n0::/\n", {"memory/docker/x/memory.limit_in_bytes": "1048576"}, 2**20),
        ("4:memory:/gone\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, TOTAL),
        ("0::/a.slice\n", {}, TOTAL),
        (None, {}, TOTAL),
    ],
)
def test_a_limit_around_us_counts_and_no_limit_is_none(tmp_path, groups, files, usable):
    if groups is not None:
        (tmp_path / "cgroup").write_text(groups)
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(f"{text}\n")
    assert usable_bytes(tmp_path / "cgroup", tmp_path / "fs") == usable
