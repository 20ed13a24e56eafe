"""script/chaos: gets what testing needs, then becomes bench.chaos. Standard library only."""

from __future__ import annotations

import os
import sys

from environment import PYTHON, ROOT, ready_python
from run_tests import get_programs


def main(arguments: list[str]) -> None:
    ready_python("requirements-dev.txt")
    get_programs()  # what is still missing it says itself, where it is needed
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "bench.chaos", *arguments])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit(130) from None
