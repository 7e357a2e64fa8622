"""Services of docker-compose.yml as containers of podman on the network of this machine.

What the file says of a service is what its container gets: closed root, user, capabilities, open files, environment,
command, check of health, time to end. Only what two containers on one network would share differs here: ports.
"""

import json
import os
import re
import resource
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Mapping[str, Any] = COMPOSE["services"]
_MOST_PROCESSES = 4096


def podman(*arguments: str, check: bool = True) -> str:
    """Run it and return what it said.

    Raises:
        AssertionError: it failed, and `check` was asked for; with its words.
    """
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert not check or done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr or done.stdout}"
    return done.stdout.strip()


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in, as compose does: `${NAME}`, `${NAME:-default}`, `${NAME:?why}`.

    Raises:
        AssertionError: one that must be set is not.
    """

    def value(found: re.Match[str]) -> str:
        name, kind, more = found.groups()
        if variables.get(name):
            return variables[name]
        assert kind != ":?", f"{name}: {more}"
        return more or ""

    return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", value, text)


class Container:
    """One service. `env` goes over the file's own; `mounts`: a folder or file of this machine, by its place inside."""

    def __init__(
        self,
        service: str,
        *,
        image: str,
        variables: Mapping[str, str],
        volumes: str,
        env: Mapping[str, str] | None = None,
        mounts: Mapping[Path, str] | None = None,
    ) -> None:
        self.service, self.name = service, f"{volumes}-{service}"
        self.says = SERVICES[service]
        self.volumes = {
            f"{volumes}-{source}": place
            for source, _, place in (one.partition(":") for one in self.says.get("volumes", ()))
            if source in COMPOSE["volumes"]
        }
        environment = {name: filled(value, variables) for name, value in self.says.get("environment", {}).items()}
        environment |= env or {}
        self._order = ["--network=host", "--runtime=runc", *self._closed(), *self._limits()]
        self._order += [f"--env={name}={value}" for name, value in environment.items()]
        self._order += [f"--volume={source}:{place}" for source, place in self.volumes.items()]
        self._order += [f"--volume={path}:{place}:ro" for path, place in (mounts or {}).items()]
        self._places = (*self.volumes.values(), *(mounts or {}).values())
        self._command = [image, *self._program()]
        self.check = self._check()

    def _closed(self) -> list[str]:
        assert self.says["read_only"]
        order = [
            "--read-only",
            "--read-only-tmpfs=false",
        ]  # docker gives no writable folders beside those that are named
        order += [f"--cap-drop={one}" for one in self.says["cap_drop"]]
        order += [f"--security-opt={one}" for one in self.says["security_opt"]]
        order += [f"--tmpfs={one}" for one in self.says.get("tmpfs", ())]
        return order + [f"--user={one}" for one in [self.says.get("user")] if one]

    def _limits(self) -> list[str]:
        files = min(self.says["ulimits"]["nofile"]["hard"], resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        order = [f"--ulimit=nofile={files}:{files}", f"--ulimit=nproc={_MOST_PROCESSES}:{_MOST_PROCESSES}"]
        order += [f"--stop-timeout={self.says['stop_grace_period'].removesuffix('s')}"]
        return order + (["--init"] if self.says.get("init") else [])

    def _program(self) -> Sequence[str]:
        if entry := self.says.get("entrypoint"):
            self._order.append(f"--entrypoint={json.dumps(entry)}")
        command: Sequence[str] = self.says["command"]
        return command

    def _check(self) -> str:
        """The check of health as a JSON list of words."""
        kind, *words = self.says["healthcheck"].get("test", ["CMD", "true"])
        return json.dumps((["sh", "-c"] if kind == "CMD-SHELL" else []) + words)

    def run(self) -> None:
        """Start it, to come back by itself when it dies, as compose has it."""
        restart = "no" if self.says["restart"] == "no" else "unless-stopped"
        podman("run", "--detach", f"--name={self.name}", f"--restart={restart}", *self._order, *self._command)

    def end_of(self) -> int:
        """Wait until it ended; its exit code."""
        return int(podman("wait", self.name))

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        order = ["podman", "exec", self.name, *command]
        return subprocess.run(order, capture_output=True, text=True, check=False, timeout=60)

    def is_healthy(self) -> bool:
        """Whether it runs and the file's own check passes."""
        return self.execute(*json.loads(self.check)).returncode == 0

    def inspect(self, what: str) -> str:
        """Return a fact, by podman's template."""
        return podman("inspect", f"--format={{{{{what}}}}}", self.name)

    @property
    def pid(self) -> int:
        """Its first process, as this machine sees it; 0 while it does not run."""
        return int(self.inspect(".State.Pid"))

    def kill(self) -> None:
        """SIGKILL to the program, as the kernel does it when memory runs out: nobody stopped the container."""
        os.kill(self.pid, 9)

    def stop(self) -> int:
        """Ask it to end and kill it after the file's time; the exit code, 137 when it was killed."""
        podman("stop", self.name)
        return int(self.inspect(".State.ExitCode"))

    def start(self) -> None:
        """Start it again."""
        podman("start", self.name)

    def changed(self) -> list[str]:
        """What it wrote outside of its volumes; what podman makes, the places of its mounts and /etc, is left out."""
        made = {"/etc", *self._places} | {str(one) for place in self._places for one in Path(place).parents}
        return [line for line in podman("diff", self.name).splitlines() if line.partition(" ")[2] not in made]

    def log_text(self) -> str:
        """What it wrote to its log."""
        done = subprocess.run(["podman", "logs", self.name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def remove(self) -> None:
        """Remove it, whatever state it is in."""
        podman("rm", "--force", "--time=0", self.name, check=False)

    def remove_volumes(self) -> None:
        """Remove its volumes, which others may share."""
        for volume in self.volumes:
            podman("volume", "rm", volume, check=False)
