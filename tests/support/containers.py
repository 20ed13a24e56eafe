"""The last resort: a service whose program this machine has not, from its image, in Docker.

The same verbs as for a process; data stays in the container until it is removed.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

START_SECONDS = 120.0  # an image may have to come first


@functools.cache
def docker_answers() -> bool:
    """Whether there is a Docker that this user may use."""
    if not shutil.which("docker"):
        return False
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@dataclass
class Container:
    """`arguments` go to the image's own entry point."""

    name: str
    image: str
    port: int
    inner_port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    was_made: bool = False

    def command(self) -> list[str]:
        """Stays in the foreground for as long as the service runs."""
        if self.was_made:
            return ["docker", "start", "--attach", self.name]
        self.was_made = True
        variables = [f"--env={name}={value}" for name, value in self.environment.items()]
        published = f"--publish=127.0.0.1:{self.port}:{self.inner_port}"
        run = ["docker", "run", "--init", f"--name={self.name}", published, *variables]
        return [*run, self.image, *self.arguments]

    def tell(self, verb: str) -> None:
        """pause, unpause, stop or kill; one that is not running is left as it is."""
        subprocess.run(["docker", verb, self.name], capture_output=True, timeout=60, check=False)

    @property
    def removal(self) -> list[str]:
        return ["docker", "rm", "--force", "--volumes", self.name]
