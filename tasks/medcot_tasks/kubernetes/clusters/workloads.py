"""Manifests of what runs: deployment, stateful set, cron job, autoscaler, quota."""

from __future__ import annotations

from medcot_tasks.kubernetes.clusters.manifest import Manifest
from medcot_tasks.kubernetes.clusters.names import APPS, CLASSES, IMAGES, NAMESPACES
from medcot_tasks.reading import Values, ask


def image(v: Values) -> str:
    """Return an image with its tag."""
    return f"{v.pick(IMAGES)}:{v.version()}"


def deployment(v: Values) -> Manifest:
    """Two containers, replicas, and the surge of a rolling update."""
    name, replicas, surge = v.pick(APPS), v.number(2, 9), v.number(1, 4)
    containers = [(v.pick(APPS), image(v), v.number(3000, 9999)) for _ in range(2)]
    (container, its_image, port), (_, other_image, _) = v.rng.sample(containers, 2)
    listed = "\n".join(
        f"      - name: {c}\n        image: {i}\n        ports:\n        - containerPort: {p}"
        for c, i, p in containers
    )
    text = f"""kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  strategy:
    rollingUpdate:
      maxSurge: {surge}
  template:
    spec:
      containers:
{listed}"""
    other = next(c for c, i, _ in containers if i == other_image)
    questions = (
        ask("lookup", "image_of_container", its_image, f"which image does container {container} run?",
            f"what is the image of the container {container}?",
            f"give the image, with its tag, that {container} uses."),
        ask("lookup", "container_port", port, f"which port does container {container} expose?",
            f"what is the container port of {container}?", f"on what port does {container} listen?"),
        ask("lookup", "replicas", replicas, f"how many replicas does deployment {name} ask for?",
            f"what is the number of replicas of {name}?", f"how many pods should {name} normally keep up?"),
        ask("compare", "container_of_image", other, f"which container runs the image {other_image}?",
            f"in which container is {other_image} the image?", f"name the container started from {other_image}."),
        ask("steps", "pods_in_update", replicas + surge,
            f"at most how many pods of {name} exist during a rolling update?",
            f"counting the surge, how many pods can {name} have while it is updated?",
            f"add the surge to the replicas of {name}: how many pods is that?"),
        ask("steps", "containers_in_all", 2 * replicas,
            f"how many containers do all replicas of {name} have together?",
            f"with every replica up, how many containers does {name} run?",
            f"count the containers of {name} over all its pods."),
    )  # fmt: skip
    return Manifest(name, text, questions, "number of replicas", replicas)


def stateful_set(v: Values) -> Manifest:
    """Replicas with numbered names, each with a volume."""
    name, service, claim = v.pick(APPS), v.pick(APPS), v.pick(APPS)
    replicas, size, cls, its_image = v.number(3, 9), v.number(10, 60, 5), v.pick(CLASSES), image(v)
    text = f"""kind: StatefulSet
metadata:
  name: {name}
spec:
  serviceName: {service}
  replicas: {replicas}
  template:
    spec:
      containers:
      - image: {its_image}
        name: main
  volumeClaimTemplates:
  - metadata:
      name: {claim}
    spec:
      storageClassName: {cls}
      resources:
        requests:
          storage: {size}Gi"""
    questions = (
        ask("lookup", "service", service, f"which headless service does stateful set {name} use?",
            f"what is the service name of {name}?", f"through which service are the pods of {name} found?"),
        ask("lookup", "image", its_image, f"which image do the pods of {name} run?",
            f"what is the image in stateful set {name}?", f"give the image, with its tag, that {name} starts."),
        ask("lookup", "storage_class", cls, f"which storage class do the volumes of {name} have?",
            f"what is the storage class for {name}?", f"name the class of storage that {name} asks for."),
        ask("lookup", "storage", f"{size}Gi", f"how much storage does each pod of {name} request?",
            f"what is the size of one volume of {name}?",
            f"give the size of the claim of a single {name} pod."),
        ask("compare", "claim", claim, f"what is the volume claim template of {name} called?",
            f"what name does the claim template of {name} have?",
            f"name the template from which {name} makes its claims."),
        ask("steps", "last_pod", f"{name}-{replicas - 1}", f"what is the name of the last pod of {name}?",
            f"which pod of {name} has the highest number?",
            f"numbering from zero, which pod of {name} starts last?"),
        ask("steps", "storage_in_all", f"{replicas * size}Gi",
            f"how much storage do all replicas of {name} request?",
            f"what is the storage of all pods of {name} together?",
            f"multiply out the volumes of {name}: how much storage is that?"),
    )  # fmt: skip
    return Manifest(name, text, questions, "number of replicas", replicas)


def cron_job(v: Values) -> Manifest:
    """A schedule, limits, and what is kept."""
    name, its_image = v.pick(APPS), image(v)
    minute, hour = v.number(1, 29), v.number(0, 11)
    backoff, failed, done = v.number(1, 12), v.number(1, 12), v.number(1, 12)
    policy = v.rng.choice(("Allow", "Forbid", "Replace"))
    text = f"""kind: CronJob
metadata:
  name: {name}
spec:
  schedule: "{minute} {hour} * * *"
  concurrencyPolicy: {policy}
  successfulJobsHistoryLimit: {done}
  failedJobsHistoryLimit: {failed}
  jobTemplate:
    spec:
      backoffLimit: {backoff}
      template:
        spec:
          containers:
          - name: main
            image: {its_image}"""
    questions = (
        ask("lookup", "policy", policy, f"which concurrency policy does cron job {name} have?",
            f"what is the concurrency policy of {name}?", f"name the rule for overlapping runs of {name}."),
        ask("lookup", "backoff", backoff, f"what is the backoff limit of {name}?",
            f"how many retries may a job of {name} make?", f"after how many retries is a run of {name} given up?"),
        ask("lookup", "image", its_image, f"which image does cron job {name} run?",
            f"what is the image of {name}?", f"give the image, with its tag, that {name} starts."),
        ask("lookup", "failed_kept", failed, f"how many failed jobs of {name} are kept?",
            f"what is the history limit for failed jobs of {name}?",
            f"how many failures of {name} can you look back on?"),
        ask("compare", "which_history_is_longer", "failed" if failed > done else "successful",
            f"of which finished jobs does {name} keep more?",
            f"what kind of finished jobs does {name} keep more of?",
            f"which history of {name} is the longer one?"),
        ask("steps", "time_of_day", f"{hour:02}:{minute:02}", f"at what time of day does {name} run, as HH:MM?",
            f"when does cron job {name} start, as HH:MM?", f"read the schedule of {name} as a clock time, HH:MM."),
        ask("steps", "kept_in_all", failed + done, f"how many finished jobs of {name} are kept in all?",
            f"counting successful and failed ones, how many jobs of {name} are kept?",
            f"add up both history limits of {name}."),
    )  # fmt: skip
    return Manifest(name, text, questions, "backoff limit", backoff)


def autoscaler(v: Values) -> Manifest:
    """Bounds of replicas and a target of CPU use."""
    name, target = v.pick(APPS), v.pick(APPS)
    least, spread, percent, wait = v.number(2, 6), v.number(2, 8), v.number(35, 59), v.number(60, 300, 15)
    most = least + spread
    above = v.yes()
    # An autoscaler leaves its pods alone within a tenth of the target: ask well beyond that.
    gap = -(-percent * 15 // 100) + v.rng.randint(0, 12)
    measured = percent + gap * (1 if above else -1)
    text = f"""kind: HorizontalPodAutoscaler
metadata:
  name: {name}
spec:
  scaleTargetRef:
    kind: Deployment
    name: {target}
  minReplicas: {least}
  maxReplicas: {most}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: {wait}
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        averageUtilization: {percent}"""
    questions = (
        ask("lookup", "target", target, f"which deployment does autoscaler {name} scale?",
            f"what is the scale target of {name}?", f"name the deployment that {name} grows and shrinks."),
        ask("lookup", "most", most, f"what is the maximum number of replicas for {name}?",
            f"up to how many replicas may {name} scale?", f"at how many replicas does {name} stop growing?"),
        ask("lookup", "least", least, f"what is the minimum number of replicas for {name}?",
            f"how many replicas does {name} keep at least?", f"below how many replicas does {name} never go?"),
        ask("lookup", "percent", percent, f"which average CPU utilization does {name} aim at?",
            f"what is the target CPU utilization of {name}?",
            f"give the CPU percentage that {name} tries to hold."),
        ask("lookup", "window", wait, f"how many seconds is the scale-down window of {name}?",
            f"for how many seconds does {name} wait before it scales down?",
            f"give the stabilization window of {name} in seconds."),
        ask("compare", "above_target", "yes" if above else "no",
            f"is an average CPU utilization of {measured} percent above the target of {name}?",
            f"is {measured} percent of CPU more than {name} aims at?",
            f"would {name} want more replicas at {measured} percent CPU?"),
        ask("steps", "spread", spread, f"how many replicas can {name} add to its minimum?",
            f"what is the difference between the maximum and minimum replicas of {name}?",
            f"from its smallest size, by how many replicas can {name} grow?"),
    )  # fmt: skip
    return Manifest(name, text, questions, "maximum of replicas", most)


def quota(v: Values) -> Manifest:
    """Hard limits of a namespace, and what of them is used."""
    name, namespace = v.pick(APPS), v.pick(NAMESPACES)
    kinds = v.rng.sample(["pods", *v.rng.sample(["services", "secrets", "configmaps"], 2)], 3)
    used, left = {kind: v.number(20, 59) for kind in kinds}, {kind: v.number(2, 12) for kind in kinds}
    hard = {kind: used[kind] + left[kind] for kind in kinds}
    kind, other = v.rng.sample(kinds, 2)
    fits = v.yes()
    more = max(2, left[kind] - v.rng.randint(0, 3)) if fits else left[kind] + v.rng.randint(1, 4)
    lines = {
        key: "\n".join(f"    {k}: {n}" for k, n in part.items()) for key, part in (("hard", hard), ("used", used))
    }
    text = f"""kind: ResourceQuota
metadata:
  name: {name}
  namespace: {namespace}
status:
  hard:
{lines["hard"]}
  used:
{lines["used"]}"""
    scarce = min(left, key=lambda k: left[k])
    questions = (
        ask("lookup", "namespace", namespace, f"which namespace does quota {name} apply to?",
            f"what is the namespace of {name}?", f"name the namespace that {name} limits."),
        ask("lookup", "hard", hard[kind], f"how many {kind} does quota {name} allow?",
            f"what is the hard limit of {kind} in {name}?", f"give the ceiling for {kind} that {name} sets."),
        ask("lookup", "used", used[other], f"how many {other} does quota {name} count as used?",
            f"how many {other} are in use under {name}?", f"under {name}, how many {other} exist already?"),
        ask("compare", "scarce", scarce, f"of which resource does quota {name} leave the fewest?",
            f"which resource under {name} has the fewest left?",
            f"under {name}, of what can the smallest number still be made?"),
        ask("steps", "left", left[kind], f"how many more {kind} can be made under quota {name}?",
            f"how many {kind} are left in {name}?", f"subtract the used {kind} of {name} from the hard limit."),
        ask("steps", "fits", "yes" if fits else "no", f"do {more} more {kind} fit into quota {name}?",
            f"can {more} further {kind} be made under {name}?", f"would {name} admit another {more} {kind}?"),
    )  # fmt: skip
    return Manifest(name, text, questions, "hard limit of pods", hard["pods"])
