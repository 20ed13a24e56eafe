"""What a run has shown, for people and for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.chaos.rounds import Outcome

MOST_SHOWN = 20
Memory = Mapping[str, int]  # megabytes by process


@dataclass
class Report:
    seed: int
    outcomes: list[Outcome] = field(default_factory=list)
    before: Memory = field(default_factory=dict)
    after: Memory = field(default_factory=dict)
    # The operator's own checks in the end: exit code and last words.
    commands: dict[str, tuple[int, str]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    @property
    def is_clean(self) -> bool:
        """Also by the operator's own checks."""
        found = any(outcome.violations for outcome in self.outcomes)
        return not found and not any(code for code, _words in self.commands.values())

    def recoveries(self) -> dict[str, list[float]]:
        """Seconds, by kind of fault, of the rounds in which it was."""
        found: dict[str, list[float]] = defaultdict(list)
        for outcome in self.outcomes:
            for fault in outcome.round.faults:
                if fault.kind not in outcome.left_out and outcome.recovery_seconds is not None:
                    found[fault.kind].append(outcome.recovery_seconds)
        return dict(sorted(found.items()))

    def as_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "rounds": len(self.outcomes),
            "faults": sum(self._count(outcome) for outcome in self.outcomes),
            "left_out": sorted({kind for one in self.outcomes for kind in one.left_out}),
            "messages": sum(outcome.messages for outcome in self.outcomes),
            "copies": sum(outcome.copies for outcome in self.outcomes),
            "seconds": round(self.seconds),
            "latest_words_after_removal": self._latest_words(hits_redis=False),
            "the_same_where_redis_was_hit": self._latest_words(hits_redis=True),
            "recovery_seconds": {
                kind: {
                    "times": len(took),
                    "median": round(median(took), 1),
                    "longest": round(max(took), 1),
                }
                for kind, took in self.recoveries().items()
            },
            "megabytes": {
                name: [self.before.get(name), self.after.get(name)]
                for name in sorted({*self.before, *self.after})
            },
            "violations": [
                {"round": outcome.round.number, "kind": one.kind, "words": one.words}
                for outcome in self.outcomes
                for one in outcome.violations
            ],
            "commands": {name: f"{code}, {words}" for name, (code, words) in self.commands.items()},
        }

    def _latest_words(self, *, hits_redis: bool) -> float:
        rounds = [one for one in self.outcomes if one.round.hits_redis == hits_redis]
        return round(max((one.removal_seconds for one in rounds), default=0.0), 2)

    def _count(self, outcome: Outcome) -> int:
        return len(outcome.round.faults) - len(outcome.left_out)

    def __str__(self) -> str:
        found = self.as_dict()
        lines = [
            f"Seed {self.seed}: {found['rounds']} rounds, {found['faults']} faults,"
            f" {found['messages']:,} messages, {found['copies']:,} copies seen,"
            f" {found['seconds']} s.",
            f"Somebody who was removed still saw what was written"
            f" {found['latest_words_after_removal']} s later, at most"
            f" ({found['the_same_where_redis_was_hit']} s where Redis was hit).",
            "",
            "Seconds from the healing of a round's faults until all is settled:",
            f"{'fault':<28}{'times':>6}{'median':>8}{'longest':>9}",
        ]
        for kind, took in found["recovery_seconds"].items():
            numbers = f"{took['times']:>6}{took['median']:>8}{took['longest']:>9}"
            lines.append(f"{kind:<28}{numbers}")
        lines += ["", f"{'megabytes':<28}{'before':>6}{'after':>8}"]
        for name, (before, after) in found["megabytes"].items():
            lines.append(f"{name:<28}{before or '-':>6}{after or '-':>8}")
        lines += ["", *(f"left out here: {kind}" for kind in found["left_out"])]
        for one in found["violations"][:MOST_SHOWN]:
            lines.append(f"round {one['round']}: {one['kind']}: {one['words']}")
        lines += [f"{name}: {words}" for name, words in found["commands"].items()]
        return "\n".join([*lines, f"{len(found['violations'])} violations"])
