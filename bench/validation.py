"""How many events a second one core checks before sending and after receiving:
python -m bench.validation"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

CHECKS, TURNS = 2_000, 10


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webchat.settings")
    os.environ.setdefault("SECRET_KEY", "for-measuring-only-for-measuring-only-for-measuring-only")
    from messaging.contract.validation import decode, encode_value
    from tests.unit.messaging.test_validation import a_record, an_event

    event, record = an_event(), a_record()
    figures = {
        "written_per_second": most(lambda: encode_value(event)),
        "read_per_second": most(lambda: decode(record)),
    }
    print(json.dumps(figures))


def most(work: Callable[[], object]) -> int:
    """Of several turns the best: others may have used this machine meanwhile."""
    found = []
    for _ in range(TURNS):
        started = time.perf_counter()
        for _ in range(CHECKS):
            work()
        found.append(CHECKS / (time.perf_counter() - started))
    return round(max(found))


if __name__ == "__main__":
    main()
