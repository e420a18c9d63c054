"""Studies with a known truth: whether intervals cover it and verdicts are right as often as they say.

    python benchmarks/simulation.py                        every setting of simulation.yaml, 4,000 repetitions
    python benchmarks/simulation.py --repetitions 200 "null effect"

Items, groups, methods and seeds are drawn as simulation.yaml says; what is judged is the product's own analysis.
Prints how often 95% intervals hold the truth, how often each verdict is given and how often the truth denies it;
then how often the right one is given at effects of twice what the study can detect; then, for comparison, a
bootstrap and a permutation test.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy
import yaml
from scipy.stats import norm
from tabulate import tabulate

from medcot_bench.analysis.matched import Point, at_equal_level
from medcot_bench.stats.contrasts import Contrast, Part, contrast
from medcot_bench.stats.p_values import difference, equivalence
from medcot_bench.stats.power import detectable, showable
from medcot_bench.stats.ratios import fieller
from medcot_bench.stats.verdict import Verdict, decide, finding

SETTINGS = Path(__file__).with_suffix(".yaml")
MARGIN = 0.02
"""Of the settings that have none of their own."""
LATENT = 4.0
"""Of binary scores: every deviation on the probit scale, in those of continuous ones; a single answer's is 1."""
RESAMPLED = ("null effect", "persists", "binary that persists")
"""The settings for bootstrap and permutation."""


@dataclass(frozen=True)
class Setting:
    """One kind of study."""

    name: str
    full: tuple[float, float]
    adapter: tuple[float, float]
    sizes: tuple[tuple[int, int], tuple[int, int]]
    """Groups and items a group, of the training task and under shift."""
    seeds: int
    binary: bool
    noise: Mapping[str, float]
    margin: float

    @property
    def gaps(self) -> tuple[float, float, float]:
        """The true gaps on the training task and under shift, and their change."""
        same, shift = (f - a for f, a in zip(self.full, self.adapter, strict=True))
        return same, shift, shift - same


def settings(path: Path = SETTINGS) -> list[Setting]:
    """Read the settings."""
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = []
    for fields in read["settings"]:
        given = {**read["defaults"], **fields}
        sizes = [(given[task]["groups"], given[task]["items"]) for task in ("same", "shift")]
        found.append(
            Setting(
                name=given["name"],
                full=tuple(given["full"]),
                adapter=tuple(given["adapter"]),
                sizes=(sizes[0], sizes[1]),
                seeds=given["seeds"],
                binary=given.get("binary", False),
                noise={**read["noise"], **given.get("noise", {})},
                margin=given.get("margin", MARGIN),
            )
        )
    return found


def draw(setting: Setting, rng: numpy.random.Generator) -> list[Part]:
    """Draw a study; return its gaps on the training task and under shift, item by item and seed by seed."""
    noise = dict(setting.noise)
    if setting.binary:
        noise = {name: LATENT * sd for name, sd in noise.items()} | {"answer": 1.0}
    spread = math.sqrt(sum(sd**2 for sd in noise.values()))
    of_seed = rng.normal(0, noise["seed"], (2, setting.seeds))  # of full and adapter, the same on both tasks
    parts = []
    for number, (groups, items) in enumerate(setting.sizes):
        shared = rng.normal(0, noise["group"], (groups, 1)) + rng.normal(0, noise["item"], (groups, items))
        answers = []
        for method, mean in enumerate((setting.full[number], setting.adapter[number])):
            level = float(norm.ppf(mean)) * spread if setting.binary else mean
            value = (
                level
                + of_seed[method][:, None, None]
                + shared
                + rng.normal(0, noise["method_group"], (groups, 1))
                + rng.normal(0, noise["seed_group"], (setting.seeds, groups, 1))
                + rng.normal(0, noise["answer"], (setting.seeds, groups, items))
            )
            answers.append((value > 0).astype(float) if setting.binary else value)
        gap = (answers[0] - answers[1]).reshape(setting.seeds, -1).tolist()
        names = [f"{number}.{group}.{item}" for group in range(groups) for item in range(items)]
        of_group = {name: name.rpartition(".")[0] for name in names}
        parts.append(Part({s: dict(zip(names, gap[s], strict=True)) for s in range(setting.seeds)}, of_group))
    return parts


@dataclass
class Tally:
    """What a run of repetitions came to."""

    covered: Counter[str]
    verdicts: Counter[Verdict]
    unbounded: int = 0
    widths: list[float] = field(default_factory=list)
    """Of the intervals of the change, where there is one."""


def judge(setting: Setting, repetitions: int, seed: int) -> Tally:
    """Draw and analyse so many studies."""
    rng = numpy.random.default_rng([seed, *setting.name.encode()])
    tally = Tally(Counter(), Counter())
    for _ in range(repetitions):
        same, shift = draw(setting, rng)
        effects = analysed(same, shift)
        for name, effect, truth in zip(("same", "shift", "change"), effects, setting.gaps, strict=True):
            low, high = effect.interval() or (-math.inf, math.inf)
            tally.covered[name] += low <= truth <= high
            if name == "change" and effect.interval():
                tally.widths.append(high - low)
        ratio = fieller(shift, same)
        if ratio is None or ratio.low is None or ratio.high is None:
            tally.unbounded += 1
            tally.covered["ratio"] += 1
        elif setting.gaps[0]:
            tally.covered["ratio"] += ratio.low <= setting.gaps[1] / setting.gaps[0] <= ratio.high
        tally.verdicts[verdict(effects, setting.margin)] += 1
    return tally


@dataclass(frozen=True)
class Line:
    """One kind of study whose methods move along one line: at matched in-domain score nothing differs."""

    name: str
    ends: tuple[float, float]
    slope: float
    sizes: tuple[tuple[int, int], tuple[int, int]]
    seeds: int
    noise: Mapping[str, float]


def lines(path: Path = SETTINGS) -> list[Line]:
    """Read the settings of gaps at matched score."""
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        Line(
            name=given["name"],
            ends=tuple(given["ends"]),
            slope=given["slope"],
            sizes=tuple((given[task]["groups"], given[task]["items"]) for task in ("same", "shift")),  # type: ignore[arg-type]  # two of two
            seeds=given["seeds"],
            noise={**read["noise"], **given.get("noise", {})},
        )
        for given in read["matched"]
    ]


def walk(line: Line, rng: numpy.random.Generator) -> tuple[dict[int, Any], list[dict[str, str]]]:
    """Draw seed -> the paths of full and the adapter (base, two checkpoints, end), and both tasks' groups."""
    shares = (0.0, 1 / 3, 2 / 3, 1.0)
    of_seed = rng.normal(0, line.noise["seed"], (2, line.seeds))
    tables: list[list[list[Any]]] = [[[] for _ in range(line.seeds)] for _ in range(2)]
    names, of_group = [], []
    for number, (groups, items) in enumerate(line.sizes):
        sd = line.noise
        shared = 1.0 + rng.normal(0, sd["group"], (groups, 1)) + rng.normal(0, sd["item"], (groups, items))
        names.append([f"{number}.{g}.{i}" for g in range(groups) for i in range(items)])
        of_group.append({name: name.rpartition(".")[0] for name in names[-1]})
        for method, end in enumerate(line.ends):
            own = rng.normal(0, sd["method_group"], (groups, 1))
            for seed in range(line.seeds):
                noise = (
                    own
                    + rng.normal(0, sd["seed_group"], (groups, 1))
                    + rng.normal(0, sd["answer"], (groups, items))
                )
                gained = (end + of_seed[method][seed]) * (line.slope if number else 1.0)
                tables[method][seed].append([(shared - t * gained + t * noise).ravel().tolist() for t in shares])
    paths = {
        seed: tuple(
            [
                Point(*(dict(zip(names[n], tables[method][seed][n][step], strict=True)) for n in (0, 1)))
                for step in range(len(shares))
            ]
            for method in (0, 1)
        )
        for seed in range(line.seeds)
    }
    return paths, of_group


def held(line: Line, repetitions: int, seed: int) -> tuple[float, float]:
    """Return how often the interval of the gap at matched score holds zero: as given, and with levels as known."""
    rng = numpy.random.default_rng([seed, *line.name.encode()])
    covered = [0, 0]
    for _ in range(repetitions):
        paths, groups = walk(line, rng)
        found = at_equal_level(paths, *groups)
        for place, parts in enumerate((found.matched, found.matched[:1]) if found and found.levels else ()):
            low, high = contrast(parts).interval() or (-math.inf, math.inf)
            covered[place] += low <= 0 <= high
    return covered[0] / repetitions, covered[1] / repetitions


def analysed(same: Part, shift: Part) -> tuple[Contrast, Contrast, Contrast]:
    """Return the gap on the training task, the gap under shift, and the change."""
    return contrast([same]), contrast([shift]), contrast([shift, replace(same, weight=-1.0)])


def verdict(effects: tuple[Contrast, Contrast, Contrast], margin: float) -> Verdict:
    """Decide as the leaderboard does, for a family of one."""
    found = [finding(e.value, difference(e), equivalence(e, margin)) for e in effects]
    return decide(*found, seeds=effects[2].seeds)


def denied(setting: Setting) -> set[Verdict]:
    """Return the verdicts that the truth denies."""
    same, shift, change = setting.gaps
    tiny = 1e-9  # a gap of exactly the margin is no smaller
    holds = {
        Verdict.NO_GAP: abs(same) < setting.margin - tiny,
        Verdict.ADAPTER_BETTER: same < -tiny,
        Verdict.PERSISTS: same > tiny and shift > tiny and abs(change) < setting.margin - tiny,
        Verdict.VANISHES: same > tiny and abs(shift) < setting.margin - tiny and change < -tiny,
        Verdict.REVERSES: same > tiny and shift < -tiny,
        Verdict.WIDENS: same > tiny and change > tiny,
        Verdict.SHRINKS: same > tiny and shift > tiny and change < -tiny,
    }
    return {claim for claim, true in holds.items() if not true}


def powered(setting: Setting, seed: int) -> list[tuple[Verdict, Setting]]:
    """Return settings of this design whose effects are twice what it can detect, with the right verdict.

    For verdicts of equivalence, the margin is twice the one that the design can show for an effect of zero.
    """
    rng = numpy.random.default_rng(seed)
    middle = replace(setting, full=(0.6, 0.6), adapter=(0.6, 0.6))
    pilots = [analysed(*draw(middle, rng)) for _ in range(50)]
    errors = [[(e.stderr or 0.0, e.df or 1.0) for e in pilot] for pilot in pilots]
    same, shift, change = (2 * numpy.mean([detectable(*pilot[n]) for pilot in errors]) for n in range(3))
    margin = 2 * float(numpy.mean([showable(*error) for pilot in errors for error in pilot]))
    low = 0.1

    def of(gap: float, under: float, **changes: Any) -> Setting:
        return replace(
            setting,
            full=(low + max(gap, 0), low + max(under, 0)),
            adapter=(low + max(-gap, 0), low + max(-under, 0)),
            **changes,
        )

    big = max(same, shift)
    return [
        (Verdict.NO_GAP, of(0.0, 0.0, margin=margin)),
        (Verdict.ADAPTER_BETTER, of(-same, -same)),
        (Verdict.PERSISTS, of(max(big, 2 * margin), max(big, 2 * margin), margin=margin)),
        (Verdict.VANISHES, of(max(big, change, 2 * margin), 0.0, margin=margin)),
        (Verdict.REVERSES, of(same, -shift)),
        (Verdict.WIDENS, of(same, same + change)),
        (Verdict.SHRINKS, of(shift + change, shift)),
    ]


def resampled(setting: Setting, repetitions: int, seed: int, draws: int = 500) -> tuple[float, float]:
    """Return how often a bootstrap interval of the change holds the truth, and how often a permutation rejects.

    The bootstrap draws seeds, then groups within each task (percentile interval); the permutation test flips the
    signs of whole groups of the gap on the training task.
    """
    rng = numpy.random.default_rng([seed, *setting.name.encode()])
    covered = rejected = 0
    for _ in range(repetitions):
        tables = [_by_group(part) for part in draw(setting, rng)]
        changes = []
        for _ in range(draws):
            seeds = rng.integers(setting.seeds, size=setting.seeds)
            means = [table[seeds][:, rng.integers(table.shape[1], size=table.shape[1])].mean() for table in tables]
            changes.append(means[1] - means[0])
        low, high = numpy.quantile(changes, [0.025, 0.975])
        covered += low <= setting.gaps[2] <= high
        groups = tables[0].mean(axis=0)
        flips = rng.choice([-1.0, 1.0], size=(draws, len(groups)))
        as_far = (abs(flips @ groups) >= abs(groups.sum()) - 1e-12).mean()
        rejected += as_far <= 0.05
    return covered / repetitions, rejected / repetitions


def _by_group(part: Part) -> Any:
    names = sorted(set(part.groups.values()))
    place = {name: number for number, name in enumerate(names)}
    table = numpy.zeros((len(part.values), len(names)))
    for seed, row in part.values.items():
        for item, value in row.items():
            table[seed, place[part.groups[item]]] += value
    return table / (len(part.groups) / len(names))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="settings; all by default")
    parser.add_argument("--repetitions", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    chosen = [s for s in settings() if not options.names or s.name in options.names]
    count, seed = options.repetitions, options.seed
    with ProcessPoolExecutor(options.processes) as pool:
        tallies = [*pool.map(judge, chosen, [count] * len(chosen), [seed] * len(chosen))]
        print(
            f"{count} repetitions; Monte-Carlo error of a share p: sqrt(p (1 - p) / {count}), at 0.95 "
            f"{math.sqrt(0.95 * 0.05 / count):.4f}\n"
        )
        print("95% intervals that hold the truth; ratios: Fieller's set\n")
        print(coverage(chosen, tallies, count) + "\n")
        print("Verdicts, * where the truth denies them\n")
        print(verdicts(chosen, tallies, count) + "\n")
        several = [s for s in chosen if s.seeds > 1 and s.margin == MARGIN]  # an effect within it is called none
        cases = [case for setting in several for case in powered(setting, seed)]
        fewer = max(count // 10, 50)
        rates = [*pool.map(rightly, cases, [fewer] * len(cases), [seed] * len(cases))]
        print(f"The right verdict at twice the detectable effect, {fewer} repetitions\n")
        print(power(several, cases, rates) + "\n")
        straight = [line for line in lines() if not options.names or line.name in options.names]
        shares = [*pool.map(held, straight, [count] * len(straight), [seed] * len(straight))]
        print("95% intervals of gaps at matched in-domain score that hold the truth, none\n")
        print(at_equal_value(straight, shares) + "\n")
        some = [s for s in chosen if s.name in RESAMPLED]
        few = max(count // 8, 50)
        found = [*pool.map(resampled, some, [few] * len(some), [seed] * len(some))]
    print(f"Beside them, {few} repetitions: a bootstrap of seeds and groups, and signs of groups flipped\n")
    rows = [[s.name, f"{c:.3f}", f"{r:.3f}"] for s, (c, r) in zip(some, found, strict=True)]
    print(tabulate(rows, ["setting", "bootstrap holds the change", "permutation rejects no gap"], tablefmt="pipe"))
    return 0


def coverage(chosen: list[Setting], tallies: list[Tally], count: int) -> str:
    rows = []
    for setting, tally in zip(chosen, tallies, strict=True):
        held = [f"{tally.covered[name] / count:.3f}" for name in ("same", "shift", "change")]
        ratio = f"{tally.covered['ratio'] / count:.3f}" if setting.gaps[0] else ""
        width = f"{numpy.mean(tally.widths):.3f}" if tally.widths else "none"
        rows.append([setting.name, setting.seeds, *held, width, ratio, f"{tally.unbounded / count:.2f}"])
    headers = ["setting", "seeds", "gap in domain", "gap out of domain", "DiD", "its width", "ratio", "unbounded"]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def at_equal_value(straight: list[Line], shares: list[tuple[float, float]]) -> str:
    rows = [
        [s.name, s.seeds, f"{own:.3f}", f"{known:.3f}"] for s, (own, known) in zip(straight, shares, strict=True)
    ]
    headers = ["setting", "seeds", "gap", "with levels taken as known"]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def verdicts(chosen: list[Setting], tallies: list[Tally], count: int) -> str:
    rows = []
    for setting, tally in zip(chosen, tallies, strict=True):
        wrong = denied(setting)
        given = [
            f"{verdict} {n / count:.3f}{'*' if verdict in wrong else ''}"
            for verdict, n in tally.verdicts.most_common()
        ]
        worst = max((tally.verdicts[verdict] / count for verdict in wrong), default=0.0)
        rows.append([setting.name, ", ".join(given), f"{worst:.3f}"])
    return tabulate(rows, ["setting", "given", "most often wrong"], tablefmt="pipe", disable_numparse=True)


def rightly(case: tuple[Verdict, Setting], repetitions: int, seed: int) -> float | None:
    """Return how often the right verdict is given, None for a study with probabilities above 1."""
    right, setting = case
    if setting.binary and max(*setting.full, *setting.adapter) >= 0.99:
        return None
    return judge(setting, repetitions, seed).verdicts[right] / repetitions


def power(several: list[Setting], cases: list[tuple[Verdict, Setting]], rates: list[float | None]) -> str:
    shares: dict[str, dict[str, str]] = {setting.name: {"setting": setting.name} for setting in several}
    for (right, case), rate in zip(cases, rates, strict=True):
        shares[case.name][str(right)] = "beyond 1" if rate is None else f"{rate:.2f}"
    return tabulate([*shares.values()], headers="keys", tablefmt="pipe", disable_numparse=True)


if __name__ == "__main__":
    raise SystemExit(main())
