"""Gets a real Kafka without Docker: Java from the machine, the jars from Maven Central, once.

The jars (44 files, 43 MB) stay in the user's cache folder, outside the project. Those of Kafka's
own tools (kafka-acls.sh and its like) are beside them, fetched by the tests that run such tools.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.support.processes import ServiceFailed, ServiceMissing

KAFKA_VERSION = "4.4.0"
JAVA_NEEDED = 17
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

# slf4j-simple: without it the broker has no log at all.
POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>webchat.tests</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>ARTIFACT</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


def java() -> str:
    """The path of a Java that Kafka runs on."""
    home = os.environ.get("JAVA_HOME", "")
    for program in (shutil.which("java"), f"{home}/bin/java" if home else None):
        if program and Path(program).exists() and java_version(program) >= JAVA_NEEDED:
            return program
    raise ServiceMissing(f"Kafka needs Java {JAVA_NEEDED} or newer.", "default-jre-headless")


def java_version(program: str) -> int:
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def cache_folder(name: str = "kafka") -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "webchat-tests" / f"{name}-{KAFKA_VERSION}"


def check_jars_can_be_had() -> None:
    """Raises ServiceMissing when they are neither here nor can be fetched."""
    if not (cache_folder() / "libs").is_dir() and not shutil.which("mvn"):
        raise ServiceMissing("Kafka's jars are fetched once by Maven.", "maven")


def jars() -> Path:
    """The folder with Kafka's jars; fetched when it is not there yet."""
    return _there(cache_folder(), "kafka_2.13")


def tools_jars() -> Path:
    """Likewise that of Kafka's tools, with all that they need."""
    return _there(cache_folder("kafka-tools"), "kafka-tools")


def _there(folder: Path, artifact: str) -> Path:
    if not (folder / "libs").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "libs").is_dir():
                fetch(folder, artifact)
    return folder / "libs"


def fetch(folder: Path, artifact: str) -> None:
    check_jars_can_be_had()
    pom, half = folder / "pom.xml", folder / "libs.part"
    shutil.rmtree(half, ignore_errors=True)
    pom.write_text(POM.replace("ARTIFACT", artifact))
    done = subprocess.run(
        [
            *("mvn", "-B", "-q", "-f", str(pom), MAVEN_COPY),
            *("-DincludeScope=runtime", f"-DoutputDirectory={half}"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise ServiceFailed(f"Maven could not fetch Kafka:\n{done.stdout[-1500:]}{done.stderr}")
    half.rename(folder / "libs")
