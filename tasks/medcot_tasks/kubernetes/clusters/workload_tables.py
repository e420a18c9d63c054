"""Tables on what runs: pods, deployments, the use of pods, jobs, roll-outs, autoscalers."""

from __future__ import annotations

from collections.abc import Sequence

from medcot_tasks.kubernetes.clusters.askers import (
    ABOVE,
    BELOW,
    after,
    before,
    before_last,
    cell,
    count,
    is_not,
    missing,
    most,
    only,
    part,
    the_one,
    total,
)
from medcot_tasks.kubernetes.clusters.names import APPS, IMAGES
from medcot_tasks.kubernetes.clusters.table import Row, TableKind, age, each
from medcot_tasks.reading import Values


def _pod(v: Values, odd: bool) -> Row:
    # States that a pod reaches by being restarted: a pending one would have no restarts.
    status = v.rng.choice(("CrashLoopBackOff", "Error", "OOMKilled", "RunContainerError")) if odd else "Running"
    return v.pick(APPS), "0/1" if odd else "1/1", status, str(v.number(1, 20)), age(v)


def _deployment(v: Values, odd: bool) -> Row:
    ready, missed, updated = v.number(6, 17), v.number(1, 3), v.number(1, 5)
    return v.pick(APPS), f"{ready}/{ready + missed * odd}", str(updated), str(ready), age(v)


def _pod_use(v: Values, odd: bool) -> Row:
    return v.pick(APPS), f"{v.number(20, 290, 5)}m", f"{v.number(40, 480, 8)}Mi"


def _job(v: Values, odd: bool) -> Row:
    done, missed = v.number(2, 13), v.number(1, 3)
    status = v.rng.choice(("Running", "Failed")) if odd else "Complete"
    duration = f"{v.number(5, 55)}{v.rng.choice('sm') if v.hard else 's'}"
    return v.pick(APPS), status, f"{done}/{done + missed * odd}", duration


def _revisions(v: Values, odd: Sequence[bool]) -> list[Row]:
    # Without gaps: a missing number was rolled out again later, so that the row above isn't what ran before.
    block = 12
    first = v.number(1, 1 + 3 * block, block) + v.rng.randint(0, block - len(odd))
    return [(str(first + place), f"{v.pick(IMAGES)}:{v.version()}") for place in range(len(odd))]


# The last third, for `@unseen_range`, is so far off that the use of CPU is from outside the range as well.
_TARGETS = tuple(str(percent) for percent in (*range(36, 60), *range(90, 102)))


def _autoscaler(v: Values, odd: bool) -> Row:
    # An autoscaler leaves its pods alone within a tenth of the target: stay well away from that.
    target = int(v.pick(_TARGETS))
    gap = -(-target * 15 // 100) + v.rng.randint(0, 3)
    used = target + gap if odd else target - gap
    return v.pick(APPS), f"{used}%/{target}%", str(v.number(1, 5)), str(v.number(8, 19))


# fmt: off
PODS = TableKind(
    "kubectl get pods",
    ("NAME", "READY", "STATUS", "RESTARTS", "AGE"),
    "NAME",
    each(_pod),
    (
        cell("STATUS", "which status does pod {row} have?", "what is the status of {row}?",
             "in what state is the pod called {row}?"),
        cell("RESTARTS", "how many restarts does pod {row} have?", "what is the restart count of {row}?",
             "how many times was {row} started again?"),
        cell("AGE", "how old is pod {row}?", "what is the age of {row}?", "for how long has {row} existed?"),
        only("RESTARTS", "which pod has a restart count of {value}?", "whose restart count is {value}?",
             "name the pod that shows {value} under restarts."),
        most("RESTARTS", "which pod has the most restarts?", "whose restart count is the highest?",
             "name the pod that was started again most often."),
        most("AGE", "which pod is the oldest?", "which pod has the highest age?",
             "name the pod that has been there longest."),
        the_one("STATUS", is_not("Running"), "which pod is not Running?",
                "which pod has another status than Running?", "name the one pod that fails to run."),
        count("STATUS", is_not("Running"), "how many pods are not Running?",
              "how many pods have another status than Running?", "count the pods that fail to run."),
        total("RESTARTS", "how many restarts do {row} and {other} have together?",
              "what is the sum of the restarts of {row} and {other}?",
              "add the restarts of {row} to those of {other}."),
    ),
)
DEPLOYMENTS = TableKind(
    "kubectl get deployments",
    ("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"),
    "NAME",
    each(_deployment),
    (
        cell("UP-TO-DATE", "how many up-to-date pods does deployment {row} have?",
             "what is the up-to-date count of {row}?", "how many pods of {row} have the newest template?"),
        cell("AVAILABLE", "how many pods of deployment {row} are available?",
             "what is the available count of {row}?", "how many pods of {row} can serve right now?"),
        cell("READY", "what does the READY column say for {row}?", "what is printed under READY for {row}?",
             "give the ready figure of {row} as the table writes it."),
        the_one("READY", BELOW, "which deployment is not fully ready?",
                "for which deployment are fewer pods ready than wanted?",
                "name the one deployment that lacks pods."),
        most("AVAILABLE", "which deployment has the most available pods?", "whose available count is the highest?",
             "name the deployment that can serve with the most pods."),
        most("AGE", "which deployment is the oldest?", "which deployment has the highest age?",
             "name the deployment that has been there longest."),
        missing("READY", "how many pods of deployment {row} are not ready?",
                "how many ready pods does {row} lack?",
                "how many more pods must {row} bring up to be complete?"),
        total("AVAILABLE", "how many pods do {row} and {other} have available together?",
              "what is the sum of the available pods of {row} and {other}?",
              "add the available pods of {row} to those of {other}."),
    ),
)
POD_USE = TableKind(
    "kubectl top pods",
    ("NAME", "CPU(cores)", "MEMORY(bytes)"),
    "NAME",
    each(_pod_use),
    (
        cell("CPU(cores)", "how much CPU does pod {row} use?", "what is the CPU use of {row}?",
             "give the CPU figure measured for {row}."),
        cell("MEMORY(bytes)", "how much memory does pod {row} use?", "what is the memory use of {row}?",
             "give the memory figure measured for {row}."),
        only("MEMORY(bytes)", "which pod uses {value} of memory?", "whose memory use is {value}?",
             "name the pod that takes up {value}."),
        most("CPU(cores)", "which pod uses the most CPU?", "whose CPU use is the highest?",
             "name the busiest pod by CPU."),
        most("MEMORY(bytes)", "which pod uses the most memory?", "whose memory use is the highest?",
             "name the pod that takes up most memory."),
        most("MEMORY(bytes)", "which pod uses the least memory?", "whose memory use is the lowest?",
             "name the pod that takes up least memory.", least=True),
        total("CPU(cores)", "how much CPU do {row} and {other} use together?",
              "what is the sum of the CPU use of {row} and {other}?",
              "add the CPU use of {row} to that of {other}.", unit="m"),
        total("MEMORY(bytes)", "how much memory do {row} and {other} use together?",
              "what is the sum of the memory use of {row} and {other}?",
              "add the memory use of {row} to that of {other}.", unit="Mi"),
    ),
)
JOBS = TableKind(
    "kubectl get jobs",
    ("NAME", "STATUS", "COMPLETIONS", "DURATION"),
    "NAME",
    each(_job),
    (
        cell("COMPLETIONS", "what does the COMPLETIONS column say for {row}?",
             "what is printed under COMPLETIONS for {row}?",
             "give the completion figure of {row} as the table writes it."),
        cell("DURATION", "which duration does job {row} have?", "what is the duration of {row}?",
             "for how long has {row} run?"),
        cell("STATUS", "which status does job {row} have?", "what is the status of {row}?",
             "in what state is the job called {row}?"),
        most("DURATION", "which job has the longest duration?", "whose duration is the longest?",
             "name the job that has run for the most time."),
        most("DURATION", "which job has the shortest duration?", "whose duration is the shortest?",
             "name the job that has run for the least time.", least=True),
        the_one("STATUS", is_not("Complete"), "which job is not Complete?",
                "which job has another status than Complete?", "name the one job that has not reached its goal."),
        missing("COMPLETIONS", "how many completions does job {row} lack?",
                "how many completions of {row} are missing?",
                "how many more pods of {row} would have to succeed?"),
        count("STATUS", is_not("Complete"), "how many jobs are not Complete?",
              "how many jobs have another status than Complete?",
              "count the jobs that have not reached their goal."),
    ),
)
REVISIONS = TableKind(
    "kubectl rollout history deployment/web",
    ("REVISION", "CHANGE-CAUSE"),
    "REVISION",
    _revisions,
    (
        cell("CHANGE-CAUSE", "what is the change cause of revision {row}?",
             "which image did revision {row} bring?",
             "give the image, with its tag, of roll-out number {row}."),
        only("CHANGE-CAUSE", "which revision has the change cause {value}?", "which revision brought {value}?",
             "give the number of the roll-out that brought {value}."),
        most("REVISION", "what is the latest revision?", "which revision has the highest number?",
             "give the number of the roll-out that came last."),
        most("REVISION", "what is the oldest revision listed?", "which revision has the lowest number?",
             "give the number of the first roll-out in the history.", least=True),
        before_last("CHANGE-CAUSE", "to which image would an undo of the latest revision return?",
                    "which image did the revision before the latest one bring?",
                    "which image ran just before the last roll-out?"),
        before("CHANGE-CAUSE", "which image ran just before revision {row}?",
               "what is the change cause of the revision right above {row}?",
               "name the image that roll-out {row} replaced."),
        after("CHANGE-CAUSE", "which image replaced {value}?", "which image came right after {value}?",
              "name the image that took over from {value}."),
    ),
    ordered=True,
)
AUTOSCALERS = TableKind(
    "kubectl get hpa",
    ("NAME", "TARGETS", "MINPODS", "MAXPODS"),
    "NAME",
    each(_autoscaler),
    (
        part("lookup", "TARGETS", 0, "which CPU use does autoscaler {row} measure?",
             "what is the CPU use under {row}?",
             "how busy are the pods that {row} scales?"),
        part("lookup", "TARGETS", 1, "which CPU target does autoscaler {row} have?",
             "what is the CPU target of {row}?",
             "at what CPU percentage does {row} aim?"),
        cell("MAXPODS", "how many pods may autoscaler {row} make at most?",
             "what is the maximum of pods for {row}?",
             "at how many pods does {row} stop growing?"),
        cell("MINPODS", "how many pods does autoscaler {row} keep at least?",
             "what is the minimum of pods for {row}?",
             "below how many pods does {row} never go?"),
        only("MAXPODS", "which autoscaler has a maximum of {value} pods?", "whose maximum of pods is {value}?",
             "name the autoscaler that stops growing at {value} pods."),
        most("TARGETS", "which autoscaler measures the highest CPU use?",
             "under which autoscaler is CPU use highest?",
             "name the autoscaler whose pods are busiest."),
        most("MAXPODS", "which autoscaler allows the most pods?", "whose maximum of pods is the highest?",
             "name the autoscaler that may grow largest."),
        the_one("TARGETS", ABOVE, "which autoscaler is above its CPU target?",
                "under which autoscaler is the CPU use above the target?",
                "name the one autoscaler whose pods are busier than it aims at."),
        count("TARGETS", ABOVE, "how many autoscalers are above their CPU target?",
              "under how many autoscalers is the CPU use above the target?",
              "count the autoscalers whose pods are busier than they aim at."),
        total("MAXPODS", "how many pods may {row} and {other} make together at most?",
              "what is the sum of the maximum pods of {row} and {other}?",
              "add the largest size of {row} to that of {other}."),
    ),
)
# fmt: on
