"""What keys of leaderboard.json were called before, and are called now.

For who reads old and new exports with one program. Numbers are the same.
"""

from __future__ import annotations

JSON = {
    "persistence.*.same": "persistence.*.in_domain",
    "persistence.*.shift": "persistence.*.out_of_domain",
    "persistence.*.change": "persistence.*.did",
    "persistence.*.same.full_wobble": "persistence.*.in_domain.full_seed_difference",
    "persistence.*.same.adapter_wobble": "persistence.*.in_domain.adapter_seed_difference",
    "persistence.*.shift.full_wobble": "persistence.*.out_of_domain.full_seed_difference",
    "persistence.*.shift.adapter_wobble": "persistence.*.out_of_domain.adapter_seed_difference",
    "matched.*.plain": "matched.*.gap_at_end",
    "matched.*.gap": "matched.*.gap_at_level",
}
"""Path of a key -> its path now; `*` is any place in a list."""
VALUES = {
    "undetermined": "inconclusive",
    "all layers, not some": "scope",
    "full rank, not low": "rank",
    "interaction": "scope x rank",
    "16 or 32 bits, not 4": "bits",
    "own prompt, not another": "prompt",
    "LORA learnt less": "adapter under-trained",
    "LORA learnt more": "adapter trained further",
    "LORA generalises better": "adapter generalises better",
}
"""Verdicts, effects and readings, LORA being any adapter -> what they are called now."""
WORDED = ("rows.*.failures", "notes")
"""Keys whose sentences are others now: failures are objects, and notes worded anew."""


def path_today(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path that a key has now, by the longest pattern that it begins with."""
    for old, new in sorted(JSON.items(), key=lambda pair: -len(pair[0])):
        pattern = old.split(".")
        if len(path) >= len(pattern) and all(p in ("*", part) for p, part in zip(pattern, path, strict=False)):
            begun = [path[n] if part == "*" else part for n, part in enumerate(new.split("."))]
            return (*begun, *path[len(pattern) :])
    return path
