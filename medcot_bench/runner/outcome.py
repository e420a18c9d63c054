"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass

from medcot_bench.errors import OK, SOME_FAILED
from medcot_bench.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, or a step of it."""

    plan: Plan
    ran: int
    failed: int
    skipped: int
    left_out: int
    """Cells that failed before, and were not to be tried again."""
    missing: int
    """Cells of which something is not in the result folder at the end, without those that were skipped."""

    @property
    def lost(self) -> int:
        """Missing cells that neither failed nor were left out: what was made of them is not there any more."""
        return max(0, self.missing - self.failed - self.left_out)

    @property
    def exit_code(self) -> int:
        """0 where all that was planned is in the folder, 1 where something is missing."""
        return SOME_FAILED if self.failed or self.missing else OK

    def after(self, earlier: Outcome | None) -> Outcome:
        """Return this and the steps before it as one."""
        if earlier is None:
            return self
        return Outcome(
            self.plan,
            ran=earlier.ran + self.ran,
            failed=earlier.failed + self.failed,
            skipped=earlier.skipped + self.skipped,
            left_out=earlier.left_out + self.left_out,
            missing=earlier.missing + self.missing,
        )
