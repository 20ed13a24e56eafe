"""Breaks the whole system at random, and judges what became of every promise: script/chaos.

Starts PostgreSQL, Redis and Kafka, two web processes, relays and consumers, all on loopback. In
each round people send, edit, delete, react, read, lose their connections and send again, while
faults of a plan come and go; then all heals, and everything that was answered, seen, kept and
published is compared. The same seed gives the same faults. What happened in a round that broke a
promise stays in the folder, with the logs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg

from bench.chaos import plan
from bench.chaos.disks import in_a_namespace
from bench.chaos.evidence import Marks
from bench.chaos.report import Report
from bench.chaos.rounds import Outcome, Playing
from bench.chaos.system import System
from tests.support.crowd import Room, make_rooms
from tests.support.servers import ROOT, manage
from tests.support.services import ServiceMissing

CLEAN, MISSING, BROKEN = 0, 1, 3
AT_A_TIME = 10  # rounds whose people are made together


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/chaos", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--seed", type=int, help="of the faults (otherwise one is drawn and told)")
    parser.add_argument("--minutes", type=float, default=10, help="no round begins after so long")
    parser.add_argument("--rounds", type=int, help="at most so many")
    parser.add_argument("--rate", type=float, default=500, help="messages a second (%(default)s)")
    parser.add_argument("--chats", type=int, default=10, help="of each round (%(default)s)")
    parser.add_argument("--members", type=int, default=4, help="of each chat (%(default)s)")
    parser.add_argument("--faults", type=int, default=plan.MOST_AT_ONCE, help="of a round, at most")
    parser.add_argument(
        "--only",
        action="append",
        choices=[" ".join(kind) for kind in plan.ALL],
        metavar="KIND",
        help="this kind of fault; may be repeated (--plan shows how they are called)",
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "chaos")
    parser.add_argument("--keep", action="store_true", help="what happened in good rounds, too")
    parser.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    parser.add_argument("--plan", action="store_true", help="say what would happen, and end")
    return parser.parse_args()


def say(words: object) -> None:
    print(words, file=sys.stderr, flush=True)


class Run:
    def __init__(self, system: System, options: argparse.Namespace) -> None:
        self.system, self.options = system, options
        self.report = Report(options.seed)
        self.marks = Marks()
        self.rooms = self._rooms()

    def _rooms(self) -> Iterator[list[Room]]:
        """The chats of each round, one of them with an owner, so that somebody can be sent out."""
        chats, members = self.options.chats, self.options.members
        while True:
            url = self.system.direct_url
            made = make_rooms(url, rooms=AT_A_TIME * chats, size=members, url="")
            with psycopg.connect(url) as connection:
                connection.execute(
                    "UPDATE chat_membership SET role = 'owner' FROM chat_chat WHERE chat_id ="
                    " chat_chat.id AND user_id = created_by_id AND chat_id = ANY(%s)",
                    ([room[0]["chat"] for room in made],),
                )
            for start in range(0, len(made), chats):
                yield made[start : start + chats]

    def play(self) -> None:
        began = time.monotonic()
        # Nothing happens in the first: it is for the memory of processes that have done something.
        self._play(plan.Round(0, (), 1.0))
        self.report.before = self.system.memory()
        for each in islice(planned(self.options), self.options.rounds):
            if time.monotonic() - began > 60 * self.options.minutes:
                break
            self._play(each)
            self.report.after = self.system.memory()
            self.report.seconds = time.monotonic() - began
        for name in ("reconcile", "audit_verify"):
            self.report.commands[name] = self._command(name)

    def _play(self, each: plan.Round) -> None:
        options = self.options
        playing = Playing(self.system, each, next(self.rooms), rate=options.rate, seed=options.seed)
        outcome = asyncio.run(playing.play(self.marks))
        if outcome.violations or options.keep:
            self._keep(outcome)
        outcome.evidence = type(outcome.evidence)()  # judged: a long run has no room for all
        self.report.add(outcome)
        say(line_of(outcome))

    def _keep(self, outcome: Outcome) -> None:
        folder = self.options.folder / f"{self.options.seed}-{outcome.round.number}"
        outcome.evidence.write(folder)
        words = [*map(str, outcome.round.faults), *map(str, outcome.violations)]
        (folder / "violations.txt").write_text("\n".join(words) + "\n")
        for name, process in (self.system.programs() | self.system.services).items():
            shutil.copy(process.log, folder / f"{name.replace(' ', '-')}.log")
        say(f"What happened is in {folder}")

    def _command(self, name: str) -> tuple[int, str]:
        """Over everything that the run has made."""
        done = manage(name, env=self.system.env, seconds=600)
        words = (done.stdout or done.stderr).strip().splitlines()
        return done.returncode, words[-1] if words else ""


def planned(options: argparse.Namespace) -> Iterator[plan.Round]:
    kinds = plan.kinds_of(options.only) if options.only else plan.ALL
    return plan.rounds(options.seed, most_at_once=options.faults, kinds=kinds)


def line_of(outcome: Outcome) -> str:
    faults = ", ".join(fault.kind for fault in outcome.round.faults) or "nothing"
    recovery = outcome.recovery_seconds
    settled = "never" if recovery is None else f"{recovery:.1f} s"
    return (
        f"round {outcome.round.number}: {outcome.messages} messages, {faults}; settled after"
        f" {settled}; {outcome.seconds:.0f} s in all; words {outcome.removal_seconds:.2f} s after"
        f" a removal; {len(outcome.violations)} violations"
    )


def main() -> int:
    options = arguments()
    if options.seed is None:
        options.seed = time.time_ns() % 1_000_000
    if options.plan:
        for each in islice(planned(options), options.rounds or 10):
            print(f"round {each.number}: {', '.join(map(str, each.faults))}")
        return CLEAN
    in_a_namespace()
    for number in (signal.SIGINT, signal.SIGTERM):  # also in the background of a shell
        signal.signal(number, signal.default_int_handler)
    say(f"Seed {options.seed}")
    try:
        return judge(options)
    except ServiceMissing as lack:
        say(lack)
        return MISSING


def judge(options: argparse.Namespace) -> int:
    with System() as system:
        run = Run(system, options)
        try:
            run.play()
        finally:
            if run.report.outcomes:
                print(json.dumps(run.report.as_dict(), indent=2) if options.json else run.report)
    return CLEAN if run.report.is_clean else BROKEN


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
