"""What kubectl prints about invented clusters: one kind of table for each command."""

from __future__ import annotations

from medcot_tasks.kubernetes.clusters.names import APPS, CLASSES, IMAGES, WORKERS
from medcot_tasks.kubernetes.clusters.table import (
    Row,
    TableKind,
    before,
    cell,
    count_odd,
    incomplete,
    missing,
    most,
    odd_one,
    only,
    total,
)
from medcot_tasks.reading import Values


def _age(v: Values) -> str:
    # Mixed units are the trap of the hard level: 50m is younger than 3h.
    return f"{v.number(2, 29)}{v.rng.choice('mhd') if v.hard else 'd'}"


def _pod(v: Values, odd: bool) -> Row:
    status = v.rng.choice(("CrashLoopBackOff", "Pending", "ImagePullBackOff", "Error")) if odd else "Running"
    return v.pick(APPS), "0/1" if odd else "1/1", status, str(v.number(0, 19)), _age(v)


def _node(v: Values, odd: bool) -> Row:
    return v.pick(WORKERS), "NotReady" if odd else "Ready", _age(v), f"v1.{v.number(20, 29)}.{v.number(0, 14)}"


def _deployment(v: Values, odd: bool) -> Row:
    wanted = v.number(4, 12)
    ready = wanted - v.rng.randint(1, 3) if odd else wanted
    return v.pick(APPS), f"{ready}/{wanted}", str(v.rng.randint(1, wanted)), str(ready), _age(v)


def _claim(v: Values, odd: bool) -> Row:
    return f"{v.pick(APPS)}-data", "Lost" if odd else "Bound", f"{v.number(5, 95, 5)}Gi", v.pick(CLASSES), _age(v)


_REASONS = (
    *("Pulled", "Created", "Started", "Scheduled", "Killing", "SuccessfulCreate", "Resized", "Completed"),
    *(
        "BackOff",
        "FailedMount",
        "Unhealthy",
        "FailedScheduling",
        "Evicted",
        "OOMKilling",
        "FailedCreate",
        "Rebooted",
    ),
)


def _event(v: Values, odd: bool) -> Row:
    reason = v.rng.choice(_REASONS[8:] if odd else _REASONS[:8])
    return f"{v.number(1, 29)}m", "Warning" if odd else "Normal", reason, f"pod/{v.pick(APPS)}"


def _pod_use(v: Values, odd: bool) -> Row:
    return v.pick(APPS), f"{v.number(20, 290, 5)}m", f"{v.number(40, 480, 8)}Mi"


def _node_use(v: Values, odd: bool) -> Row:
    return v.pick(WORKERS), f"{v.number(150, 950, 10)}m", f"{v.number(10, 49)}%", f"{v.number(10, 49)}%"


def _job(v: Values, odd: bool) -> Row:
    wanted = v.number(4, 12)
    done = wanted - v.rng.randint(1, 3) if odd else wanted
    status = v.rng.choice(("Running", "Failed", "Suspended")) if odd else "Complete"
    return v.pick(APPS), status, f"{done}/{wanted}", f"{v.number(5, 55)}{v.rng.choice('sm') if v.hard else 's'}"


def _revision(v: Values, odd: bool) -> Row:
    return str(v.number(1, 19)), f"{v.pick(IMAGES)}:{v.version()}"


def _service(v: Values, odd: bool) -> Row:
    kind = v.rng.choice(("NodePort", "LoadBalancer")) if odd else "ClusterIP"
    return v.pick(APPS), kind, f"10.{v.number(1, 99)}.0.{v.number(1, 99)}", f"{v.number(80, 999)}/TCP"


def _autoscaler(v: Values, odd: bool) -> Row:
    target = v.number(40, 59)
    used = target + v.rng.randint(3, 30) * (1 if odd else -1)
    return v.pick(APPS), f"{used}%", f"{target}%", str(v.number(1, 5)), str(v.number(8, 19))


# fmt: off
TABLES = {
    "pods": TableKind(
        "kubectl get pods",
        ("NAME", "READY", "STATUS", "RESTARTS", "AGE"),
        "NAME",
        _pod,
        (
            cell("STATUS", "which status does pod {row} have?", "what is the status of {row}?",
                 "in what state is the pod called {row}?"),
            cell("RESTARTS", "how many restarts does pod {row} have?", "what is the restart count of {row}?",
                 "how many times was {row} started again?"),
            cell("AGE", "how old is pod {row}?", "what is the age of {row}?", "since when has {row} existed?"),
            only("RESTARTS", "which pod has a restart count of {value}?", "whose restart count is {value}?",
                 "name the pod that shows {value} under restarts."),
            most("RESTARTS", "which pod has the most restarts?", "whose restart count is the highest?",
                 "name the pod that was started again most often."),
            most("AGE", "which pod is the oldest?", "which pod has the highest age?",
                 "name the pod that has been there longest."),
            odd_one("STATUS", "Running", "which pod is not Running?", "which pod has another status than Running?",
                    "name the one pod that fails to run."),
            count_odd("STATUS", "Running", "how many pods are not Running?",
                      "how many pods have another status than Running?", "count the pods that fail to run."),
            total("RESTARTS", "how many restarts do {row} and {other} have together?",
                  "what is the sum of the restarts of {row} and {other}?",
                  "add the restarts of {row} to those of {other}."),
        ),
    ),
    "nodes": TableKind(
        "kubectl get nodes",
        ("NAME", "STATUS", "AGE", "VERSION"),
        "NAME",
        _node,
        (
            cell("VERSION", "which version does node {row} run?", "what is the version of {row}?",
                 "give the kubelet release on {row}."),
            cell("STATUS", "which status does node {row} have?", "what is the status of {row}?",
                 "in what state is the node called {row}?"),
            cell("AGE", "how old is node {row}?", "what is the age of {row}?", "since when has {row} existed?"),
            only("VERSION", "which node runs version {value}?", "on which node is the version {value}?",
                 "name the node with the kubelet release {value}."),
            most("AGE", "which node is the oldest?", "which node has the highest age?",
                 "name the node that has been there longest."),
            most("AGE", "which node is the youngest?", "which node has the lowest age?",
                 "name the node that joined last.", least=True),
            odd_one("STATUS", "Ready", "which node is not Ready?", "which node has the status NotReady?",
                    "name the one node that can take no pods."),
            count_odd("STATUS", "Ready", "how many nodes are NotReady?",
                      "how many nodes have the status NotReady?", "count the nodes that can take no pods."),
        ),
    ),
    "deployments": TableKind(
        "kubectl get deployments",
        ("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"),
        "NAME",
        _deployment,
        (
            cell("UP-TO-DATE", "how many up-to-date pods does deployment {row} have?",
                 "what is the up-to-date count of {row}?", "how many pods of {row} have the newest template?"),
            cell("AVAILABLE", "how many pods of deployment {row} are available?",
                 "what is the available count of {row}?", "how many pods of {row} can serve right now?"),
            cell("READY", "what does the READY column say for {row}?",
                 "which ready count does deployment {row} have?",
                 "give the ready figure of {row} as it is printed."),
            incomplete("READY", "which deployment is not fully ready?",
                       "for which deployment is the ready count too low?",
                       "name the one deployment that lacks pods."),
            most("AVAILABLE", "which deployment has the most available pods?",
                 "whose available count is the highest?",
                 "name the deployment that can serve with the most pods."),
            most("AGE", "which deployment is the oldest?", "which deployment has the highest age?",
                 "name the deployment that has been there longest."),
            missing("READY", "how many pods of deployment {row} are missing?",
                    "how many pods does {row} have too few?",
                    "how many more pods must {row} bring up to be complete?"),
            total("AVAILABLE", "how many pods do {row} and {other} have available together?",
                  "what is the sum of the available pods of {row} and {other}?",
                  "add the available pods of {row} to those of {other}."),
        ),
    ),
    "claims": TableKind(
        "kubectl get pvc",
        ("NAME", "STATUS", "CAPACITY", "STORAGECLASS", "AGE"),
        "NAME",
        _claim,
        (
            cell("CAPACITY", "which capacity does claim {row} have?", "what is the capacity of {row}?",
                 "how much can be stored in {row}?"),
            cell("STORAGECLASS", "which storage class does claim {row} have?",
                 "what is the storage class of {row}?", "on what class of storage does {row} lie?"),
            cell("STATUS", "which status does claim {row} have?", "what is the status of {row}?",
                 "in what state is the claim called {row}?"),
            only("CAPACITY", "which claim has a capacity of {value}?", "whose capacity is {value}?",
                 "name the claim in which {value} can be stored."),
            most("CAPACITY", "which claim has the largest capacity?", "whose capacity is the largest?",
                 "name the claim that can store most."),
            most("CAPACITY", "which claim has the smallest capacity?", "whose capacity is the smallest?",
                 "name the claim that can store least.", least=True),
            odd_one("STATUS", "Bound", "which claim is not Bound?", "which claim has another status than Bound?",
                    "name the one claim that is without its volume."),
            total("CAPACITY", "how much capacity do {row} and {other} have together?",
                  "what is the sum of the capacities of {row} and {other}?",
                  "add the capacity of {row} to that of {other}.", unit="Gi"),
        ),
    ),
    "events": TableKind(
        "kubectl get events",
        ("LAST SEEN", "TYPE", "REASON", "OBJECT"),
        "OBJECT",
        _event,
        (
            cell("REASON", "which reason is given for {row}?", "what is the reason of the event of {row}?",
                 "what happened to {row}, in one word?"),
            cell("LAST SEEN", "when was the event of {row} last seen?",
                 "how long ago was the event of {row} seen?", "give the time since the event of {row}."),
            cell("TYPE", "which type does the event of {row} have?", "what is the event type for {row}?",
                 "is the event of {row} a normal one or a warning?"),
            only("REASON", "for which object is the reason {value}?", "which object had the event {value}?",
                 "name the object to which {value} happened."),
            most("LAST SEEN", "which object has the latest event?", "for which object is the event most recent?",
                 "name the object to which something happened last.", least=True),
            odd_one("TYPE", "Normal", "which object has a Warning?", "for which object is the event type Warning?",
                    "name the one object that is in trouble."),
            count_odd("TYPE", "Normal", "how many events are warnings?", "how many events have the type Warning?",
                      "count the objects that are in trouble."),
        ),
        by="LAST SEEN",
    ),
    "pod_use": TableKind(
        "kubectl top pods",
        ("NAME", "CPU(cores)", "MEMORY(bytes)"),
        "NAME",
        _pod_use,
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
    ),
    "node_use": TableKind(
        "kubectl top nodes",
        ("NAME", "CPU(cores)", "CPU%", "MEMORY%"),
        "NAME",
        _node_use,
        (
            cell("CPU(cores)", "how much CPU does node {row} use, in cores?",
                 "what is the CPU use of {row} in millicores?",
                 "give the CPU figure, not the share, measured for {row}."),
            cell("MEMORY%", "which share of its memory does node {row} use?",
                 "what is the memory percentage of {row}?", "how full is the memory of {row}?"),
            only("CPU%", "which node uses {value} of its CPU?", "whose CPU percentage is {value}?",
                 "name the node that is busy at {value} of its CPU."),
            most("MEMORY%", "which node has the smallest share of memory free?",
                 "which node uses the largest share of its memory?", "name the node whose memory is fullest."),
            most("CPU%", "which node uses the smallest share of its CPU?", "whose CPU percentage is the lowest?",
                 "name the node with most CPU to spare, by share.", least=True),
            most("CPU(cores)", "which node uses the most CPU in cores?",
                 "which node has the highest CPU figure in millicores?",
                 "name the node that burns most millicores."),
            total("CPU(cores)", "how much CPU do {row} and {other} use together?",
                  "what is the sum of the CPU use of {row} and {other} in millicores?",
                  "add the millicores of {row} to those of {other}.", unit="m"),
        ),
    ),
    "jobs": TableKind(
        "kubectl get jobs",
        ("NAME", "STATUS", "COMPLETIONS", "DURATION"),
        "NAME",
        _job,
        (
            cell("COMPLETIONS", "what does the COMPLETIONS column say for {row}?",
                 "which completions does job {row} have?",
                 "give the completion figure of {row} as it is printed."),
            cell("DURATION", "which duration does job {row} have?", "what is the duration of {row}?",
                 "for how long has {row} run?"),
            cell("STATUS", "which status does job {row} have?", "what is the status of {row}?",
                 "in what state is the job called {row}?"),
            most("DURATION", "which job has the longest duration?", "whose duration is the longest?",
                 "name the job that ran for the longest time."),
            most("DURATION", "which job has the shortest duration?", "whose duration is the shortest?",
                 "name the quickest job.", least=True),
            odd_one("STATUS", "Complete", "which job is not Complete?",
                    "which job has another status than Complete?", "name the one job that is unfinished."),
            missing("COMPLETIONS", "how many completions does job {row} still need?",
                    "how many completions of {row} are missing?", "how many more pods of {row} must succeed?"),
            count_odd("STATUS", "Complete", "how many jobs are not Complete?",
                      "how many jobs have another status than Complete?", "count the unfinished jobs."),
        ),
    ),
    "revisions": TableKind(
        "kubectl rollout history deployment/web",
        ("REVISION", "CHANGE-CAUSE"),
        "REVISION",
        _revision,
        (
            cell("CHANGE-CAUSE", "what is the change cause of revision {row}?",
                 "which image did revision {row} bring?",
                 "give the image, with its tag, of roll-out number {row}."),
            only("CHANGE-CAUSE", "which revision has the change cause {value}?", "which revision brought {value}?",
                 "what is the number of the roll-out of {value}?"),
            most("REVISION", "what is the latest revision?", "which revision has the highest number?",
                 "give the number of the roll-out that came last."),
            most("REVISION", "what is the oldest revision?", "which revision has the lowest number?",
                 "give the number of the roll-out that came first.", least=True),
            before("CHANGE-CAUSE", "to which image would an undo of the latest revision return?",
                   "which image did the revision before the latest one bring?",
                   "which image ran just before the last roll-out?", last=True),
            before("REVISION", "which revision comes directly before {row}?",
                   "what is the revision listed right above {row}?", "from which number was {row} the next step?"),
            before("CHANGE-CAUSE", "which image ran before revision {row} came?",
                   "what is the change cause of the revision right above {row}?",
                   "if roll-out {row} were undone, which image would run?"),
        ),
        by="REVISION",
    ),
    "services": TableKind(
        "kubectl get services",
        ("NAME", "TYPE", "CLUSTER-IP", "PORT(S)"),
        "NAME",
        _service,
        (
            cell("TYPE", "which type does service {row} have?", "what is the type of {row}?",
                 "how is {row} published: by which service type?"),
            cell("CLUSTER-IP", "which cluster IP does service {row} have?", "what is the cluster IP of {row}?",
                 "at what address inside the cluster is {row}?"),
            cell("PORT(S)", "which port does service {row} have?", "what is the port of {row}?",
                 "where does {row} listen: on what port and protocol?"),
            only("CLUSTER-IP", "which service has the cluster IP {value}?", "whose cluster IP is {value}?",
                 "name the service behind the address {value}."),
            only("PORT(S)", "which service has the port {value}?", "whose port is {value}?",
                 "name the service that listens on {value}."),
            most("PORT(S)", "which service has the highest port number?", "whose port number is the highest?",
                 "name the service that listens highest up."),
            odd_one("TYPE", "ClusterIP", "which service is not of type ClusterIP?",
                    "which service has another type than ClusterIP?",
                    "name the one service that is open to the outside."),
            count_odd("TYPE", "ClusterIP", "how many services are not of type ClusterIP?",
                      "how many services have another type than ClusterIP?",
                      "count the services that are open to the outside."),
        ),
    ),
    "autoscalers": TableKind(
        "kubectl get hpa",
        ("NAME", "CPU", "TARGET", "MINPODS", "MAXPODS"),
        "NAME",
        _autoscaler,
        (
            cell("TARGET", "which target does autoscaler {row} have?", "what is the target of {row}?",
                 "at what CPU percentage does {row} aim?"),
            cell("MAXPODS", "how many pods may autoscaler {row} make at most?",
                 "what is the maximum of pods for {row}?", "at how many pods does {row} stop growing?"),
            cell("MINPODS", "how many pods does autoscaler {row} keep at least?",
                 "what is the minimum of pods for {row}?", "below how many pods does {row} never go?"),
            only("MAXPODS", "which autoscaler has a maximum of {value} pods?", "whose maximum of pods is {value}?",
                 "name the autoscaler that stops growing at {value} pods."),
            most("CPU", "which autoscaler has the highest CPU use?", "whose CPU use is the highest?",
                 "name the autoscaler whose pods are busiest."),
            most("MAXPODS", "which autoscaler allows the most pods?", "whose maximum of pods is the highest?",
                 "name the autoscaler that may grow largest."),
            total("MAXPODS", "how many pods may {row} and {other} make together at most?",
                  "what is the sum of the maximum pods of {row} and {other}?",
                  "add the largest size of {row} to that of {other}."),
        ),
    ),
}
# fmt: on
"""Kind of document -> how it is made."""
