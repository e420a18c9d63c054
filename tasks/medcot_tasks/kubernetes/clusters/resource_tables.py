"""Tables on what surrounds the pods: nodes and their use, claims, services, events."""

from __future__ import annotations

from medcot_tasks.kubernetes.clusters.askers import cell, count, is_not, most, only, part, the_one, total
from medcot_tasks.kubernetes.clusters.names import APPS, CLASSES, CORES, HAPPENINGS, TROUBLES, WORKERS
from medcot_tasks.kubernetes.clusters.table import Row, TableKind, age, each
from medcot_tasks.reading import Values


def _node(v: Values, odd: bool) -> Row:
    return v.pick(WORKERS), "NotReady" if odd else "Ready", age(v), f"v1.{v.number(20, 29)}.{v.number(0, 14)}"


def _node_use(v: Values, odd: bool) -> Row:
    # Ten millicores are one percent of a core.
    cores, percent = int(v.pick(CORES)), v.number(10, 49)
    return v.pick(WORKERS), f"{cores * percent * 10}m", f"{percent}%", f"{v.number(10, 49)}%"


def _claim(v: Values, odd: bool) -> Row:
    return f"{v.pick(APPS)}-data", "Lost" if odd else "Bound", f"{v.number(5, 95, 5)}Gi", v.pick(CLASSES), age(v)


def _service(v: Values, odd: bool) -> Row:
    kind = v.rng.choice(("NodePort", "LoadBalancer")) if odd else "ClusterIP"
    address, port, node_port = f"10.0.0.{v.number(2, 99)}", v.number(80, 999), v.number(30000, 31299)
    return v.pick(APPS), kind, address, f"{port}:{node_port}/TCP" if odd else f"{port}/TCP"


def _event(v: Values, odd: bool) -> Row:
    reason = v.pick(TROUBLES if odd else HAPPENINGS)
    return f"{v.number(1, 29)}m", "Warning" if odd else "Normal", reason, f"pod/{v.pick(APPS)}"


# fmt: off
NODES = TableKind(
    "kubectl get nodes",
    ("NAME", "STATUS", "AGE", "VERSION"),
    "NAME",
    each(_node),
    (
        cell("VERSION", "which version does node {row} run?", "what is the version of {row}?",
             "give the kubelet release on {row}."),
        cell("STATUS", "which status does node {row} have?", "what is the status of {row}?",
             "in what state is the node called {row}?"),
        cell("AGE", "how old is node {row}?", "what is the age of {row}?", "for how long has {row} existed?"),
        only("VERSION", "which node runs version {value}?", "on which node is the version {value}?",
             "name the node with the kubelet release {value}."),
        most("AGE", "which node is the oldest?", "which node has the highest age?",
             "name the node that has been there longest."),
        most("AGE", "which node is the youngest?", "which node has the lowest age?",
             "name the node that joined last.", least=True),
        the_one("STATUS", is_not("Ready"), "which node is not Ready?", "which node has the status NotReady?",
                "name the one node that can take no pods."),
        count("STATUS", is_not("Ready"), "how many nodes are not Ready?",
              "how many nodes have the status NotReady?",
              "count the nodes that can take no pods."),
    ),
)
NODE_USE = TableKind(
    "kubectl top nodes",
    ("NAME", "CPU(cores)", "CPU%", "MEMORY%"),
    "NAME",
    each(_node_use),
    (
        cell("CPU(cores)", "how much CPU does node {row} use, in millicores?",
             "what is the CPU use of {row} in millicores?",
             "give the CPU figure, not the share, measured for {row}."),
        cell("MEMORY%", "which share of its memory does node {row} use?",
             "what is the memory percentage of {row}?",
             "how full is the memory of {row}?"),
        only("CPU%", "which node uses {value} of its CPU?", "whose CPU percentage is {value}?",
             "name the node that is busy at {value} of its CPU."),
        most("MEMORY%", "which node has the smallest share of memory free?",
             "which node uses the largest share of its memory?", "name the node whose memory is fullest."),
        most("CPU%", "which node uses the smallest share of its CPU?", "whose CPU percentage is the lowest?",
             "name the node with the largest share of CPU to spare.", least=True),
        most("CPU(cores)", "which node uses the most CPU in millicores?",
             "which node has the highest CPU figure in millicores?", "name the node that burns most millicores."),
        total("CPU(cores)", "how much CPU do {row} and {other} use together?",
              "what is the sum of the CPU use of {row} and {other} in millicores?",
              "add the millicores of {row} to those of {other}.", unit="m"),
    ),
)
CLAIMS = TableKind(
    "kubectl get pvc",
    ("NAME", "STATUS", "CAPACITY", "STORAGECLASS", "AGE"),
    "NAME",
    each(_claim),
    (
        cell("CAPACITY", "which capacity does claim {row} have?", "what is the capacity of {row}?",
             "give the size listed for {row}."),
        cell("STORAGECLASS", "which storage class does claim {row} have?", "what is the storage class of {row}?",
             "name the class of storage behind {row}."),
        cell("STATUS", "which status does claim {row} have?", "what is the status of {row}?",
             "in what state is the claim called {row}?"),
        only("CAPACITY", "which claim has a capacity of {value}?", "whose capacity is {value}?",
             "name the claim whose size is {value}."),
        most("CAPACITY", "which claim has the largest capacity?", "whose capacity is the largest?",
             "name the claim that is listed with most storage."),
        most("CAPACITY", "which claim has the smallest capacity?", "whose capacity is the smallest?",
             "name the claim that is listed with least storage.", least=True),
        the_one("STATUS", is_not("Bound"), "which claim is not Bound?",
                "which claim has another status than Bound?",
                "name the one claim that is without its volume."),
        count("STATUS", is_not("Bound"), "how many claims are not Bound?",
              "how many claims have another status than Bound?",
              "count the claims that are without their volume."),
        total("CAPACITY", "how much capacity do {row} and {other} have together?",
              "what is the sum of the capacities of {row} and {other}?",
              "add the capacity of {row} to that of {other}.", unit="Gi"),
    ),
)
SERVICES = TableKind(
    "kubectl get services",
    ("NAME", "TYPE", "CLUSTER-IP", "PORT(S)"),
    "NAME",
    each(_service),
    (
        cell("TYPE", "which type does service {row} have?", "what is the type of {row}?",
             "how is {row} published: by which service type?"),
        cell("CLUSTER-IP", "which cluster IP does service {row} have?", "what is the cluster IP of {row}?",
             "at what address inside the cluster is {row}?"),
        part("lookup", "PORT(S)", 0, "which port does service {row} have inside the cluster?",
             "what is the port of {row} inside the cluster?", "on what port of its cluster IP does {row} answer?"),
        only("CLUSTER-IP", "which service has the cluster IP {value}?", "whose cluster IP is {value}?",
             "name the service behind the address {value}."),
        only("PORT(S)", "which service shows {value} under PORT(S)?", "whose PORT(S) cell is {value}?",
             "name the service that is listed with {value}."),
        the_one("TYPE", is_not("ClusterIP"), "which service is not of type ClusterIP?",
                "which service has another type than ClusterIP?",
                "name the one service that is open to the outside."),
        count("TYPE", is_not("ClusterIP"), "how many services are not of type ClusterIP?",
              "how many services have another type than ClusterIP?",
              "count the services that are open to the outside."),
        part("steps", "PORT(S)", 1, "which node port does service {row} have?", "what is the node port of {row}?",
             "by what port of every node can {row} be reached?"),
    ),
)
EVENTS = TableKind(
    "kubectl get events",
    ("LAST SEEN", "TYPE", "REASON", "OBJECT"),
    "OBJECT",
    each(_event),
    (
        cell("REASON", "which reason is given for {row}?", "what is the reason of the event of {row}?",
             "give in one word what happened to {row}."),
        cell("LAST SEEN", "how long ago was the event of {row} last seen?", "how old is the event of {row}?",
             "give the time since the event of {row}."),
        cell("TYPE", "which type does the event of {row} have?", "what is the event type for {row}?",
             "how does the table class what happened to {row}?"),
        only("REASON", "for which object is the reason {value}?", "which object had the event {value}?",
             "name the object to which {value} happened."),
        most("LAST SEEN", "which object has the latest event?", "for which object is the event most recent?",
             "name the object to which something happened last.", least=True),
        most("LAST SEEN", "which object has the oldest event?", "for which object is the event longest ago?",
             "name the object to which nothing has happened for the longest time."),
        the_one("TYPE", is_not("Normal"), "for which object is the event a Warning?",
                "which object has an event of the type Warning?", "name the one object that is in trouble."),
        count("TYPE", is_not("Normal"), "how many events are warnings?", "how many events have the type Warning?",
              "count the objects that are in trouble."),
    ),
)
# fmt: on
