"""What a batch of posts costs on PostgreSQL: python -m bench.posting

For batches of several sizes, each post of another person in another of 50 chats: processor and wall
milliseconds of this process a batch (the database is another process), as medians.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from statistics import median
from uuid import uuid4

SIZES = (1, 4, 20, 50)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=300, help="of each size")
    parser.add_argument("--profile", type=int, default=0, help="profile batches of this size")
    options = parser.parse_args()
    from tests.support.services import Postgres

    with Postgres() as server:
        os.environ["DATABASE_URL"] = server.new_database()
        os.environ["RELAY_IN_WEB"] = "false"
        os.environ.setdefault("SECRET_KEY", uuid4().hex * 2)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webchat.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from django.conf import settings

        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        if options.profile:
            profile(options.profile, options.batches)
        else:
            print(json.dumps({size: measure(size, options.batches) for size in SIZES}, indent=2))


def measure(size: int, batches: int) -> dict[str, float]:
    from chat.services.posting.posting import post_messages

    people = make_people()
    processor, wall = [], []
    for number in range(batches):
        posts = make_posts(people, size, number)
        began, used = time.perf_counter(), time.process_time()
        post_messages(posts)
        processor.append(time.process_time() - used)
        wall.append(time.perf_counter() - began)
    return {
        "processor_ms": round(1000 * median(processor), 2),
        "wall_ms": round(1000 * median(wall), 2),
    }


def make_people() -> list[tuple[int, int]]:
    """Pairs of a chat and one of its members."""
    from tests.support.people import make_group, make_person

    pairs = []
    for _ in range(50):
        person = make_person(f"p{uuid4().hex[:12]}")
        pairs.append((make_group(person).pk, person.pk))
    return pairs


def make_posts(people: list[tuple[int, int]], size: int, number: int) -> list:
    from chat.services.posting.posts import NewPost

    return [
        NewPost(*people[(number * size + place) % len(people)], uuid4(), f"message {number}")
        for place in range(size)
    ]


def profile(size: int, batches: int) -> None:
    import cProfile
    import pstats

    from chat.services.posting.posting import post_messages

    people = make_people()
    profiler = cProfile.Profile()
    for number in range(batches):
        posts = make_posts(people, size, number)
        profiler.enable()
        post_messages(posts)
        profiler.disable()
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
