"""Manifests of what surrounds the pods: service, ingress, network policy, volume claim, configuration."""

from __future__ import annotations

from medcot_tasks.kubernetes.clusters.manifest import Manifest
from medcot_tasks.kubernetes.clusters.names import APPS, CLASSES, HOSTS, KEYS, LOG_LEVELS, NAMESPACES, PATHS
from medcot_tasks.reading import Values, ask


def service(v: Values) -> Manifest:
    """Two named ports, each forwarded to a target port."""
    name, app, timeout = v.pick(APPS), v.pick(APPS), v.number(600, 3600, 60)
    kind = v.rng.choice(("ClusterIP", "NodePort", "LoadBalancer"))
    ports = [(v.pick(KEYS), v.number(80, 999), v.number(3000, 9999)) for _ in range(2)]
    listed = "\n".join(f"  - name: {n}\n    port: {p}\n    targetPort: {t}" for n, p, t in ports)
    (_, port, target), (other_key, other_port, other_target) = v.rng.sample(ports, 2)
    text = f"""kind: Service
metadata:
  name: {name}
spec:
  type: {kind}
  selector:
    app: {app}
  sessionAffinity: ClientIP
  sessionAffinityConfig:
    clientIP:
      timeoutSeconds: {timeout}
  ports:
{listed}"""
    questions = (
        ask("lookup", "type", kind, f"which type of service is {name}?", f"what is the type of service {name}?",
            f"how is {name} published: by which service type?"),
        ask("lookup", "selector", app, f"which app label does service {name} select?",
            f"what is the app in the selector of {name}?",
            f"pods with which app label get the traffic of {name}?"),
        ask("lookup", "port_by_name", other_port, f"which port of service {name} is called {other_key}?",
            f"what is the port number of {other_key} in {name}?",
            f"give the service port behind the name {other_key}."),
        ask("lookup", "timeout", timeout, f"how many seconds is the client timeout of {name}?",
            f"what is the affinity timeout of {name} in seconds?",
            f"for how many seconds does {name} stick to a client?"),
        ask("compare", "target_of_port", target, f"to which target port does {name} forward port {port}?",
            f"on which port of the pod does traffic for port {port} of {name} end?",
            f"which port of the pod gets a request that reaches {name} on {port}?"),
        ask("compare", "name_of_target", other_key,
            f"which port name of {name} leads to target port {other_target}?",
            f"what is the port with target {other_target} called in {name}?",
            f"name the port of {name} that ends at {other_target} in the pod."),
        ask("steps", "minutes", timeout // 60,
            f"how many minutes is the client timeout of {name}?",
            f"what is the affinity timeout of {name} in minutes?",
            f"for how many minutes does {name} stick to a client?"),
    )  # fmt: skip
    return Manifest(name, text, questions, "client timeout in seconds", timeout)


def ingress(v: Values) -> Manifest:
    """A host whose paths lead to services."""
    name, host, secret = v.pick(APPS), f"{v.pick(HOSTS)}.example.com", f"{v.pick(APPS)}-tls"
    timeout = v.number(20, 90, 5)
    rules = [(v.pick(PATHS), v.pick(APPS), v.number(3000, 9999)) for _ in range(2)]
    listed = "\n".join(
        f"      - path: {path}\n        backend:\n          service:\n            name: {s}\n"
        f"            port:\n              number: {port}"
        for path, s, port in rules
    )
    (path, target, _), (other_path, other_target, other_port) = v.rng.sample(rules, 2)
    text = f"""kind: Ingress
metadata:
  name: {name}
  annotations:
    proxy-read-timeout: "{timeout}"
spec:
  tls:
  - secretName: {secret}
  rules:
  - host: {host}
    http:
      paths:
{listed}"""
    questions = (
        ask("lookup", "host", host, f"which host does ingress {name} serve?",
            f"what is the host of ingress {name}?", f"under which host name is {name} reached?"),
        ask("lookup", "secret", secret, f"which secret holds the certificate of {name}?",
            f"what is the TLS secret of ingress {name}?", f"name the secret from which {name} takes its TLS key."),
        ask("lookup", "service_of_path", target, f"which service of {name} gets requests for {path}?",
            f"what is the backend service for {path} in {name}?",
            f"to which service does {name} send a visitor of {path}?"),
        ask("lookup", "path_of_service", other_path, f"which path of {name} leads to service {other_target}?",
            f"what is the path for service {other_target} in {name}?",
            f"by which path does one reach {other_target} through {name}?"),
        ask("compare", "port_of_path", other_port, f"on which port does {name} reach the backend of {other_path}?",
            f"what is the backend port for {other_path} in {name}?",
            f"to which port does a request for {other_path} go on behind {name}?"),
        ask("compare", "service_of_port", other_target, f"which backend service of {name} has port {other_port}?",
            f"which service has the port {other_port} behind {name}?",
            f"name the service that {name} reaches on {other_port}."),
        ask("steps", "url", f"{host}{path}", f"under which host and path does {name} serve {target}?",
            f"what is the address, host and path, of {target} behind {name}?",
            f"write the host with the path that brings a browser to {target} through {name}."),
    )  # fmt: skip
    return Manifest(name, text, questions, "proxy read timeout", timeout)


def network_policy(v: Values) -> Manifest:
    """Who may reach some pods, and what these may reach."""
    name, app, client, backend = (v.pick(APPS) for _ in range(4))
    port, out = v.number(3000, 9999), v.number(3000, 6999)
    opened = v.number(6, 60)
    end = out + opened - 1
    allowed, inside = v.yes(), v.yes()
    # What is refused: an app that may only be called, an app of no rule, or the right app on another port.
    refused = ((backend, port), (v.pick(APPS), port), (client, v.number(3000, 9999)))
    asked, asked_port = (client, port) if allowed else v.rng.choice(refused)
    tried = (
        v.rng.randint(out, end)
        if inside
        else v.rng.choice((out - v.rng.randint(1, 40), end + v.rng.randint(1, 40)))
    )
    text = f"""kind: NetworkPolicy
metadata:
  name: {name}
spec:
  podSelector:
    matchLabels:
      app: {app}
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app: {client}
    ports:
    - port: {port}
  egress:
  - to:
    - podSelector:
        matchLabels:
          app: {backend}
    ports:
    - port: {out}
      endPort: {end}"""
    questions = (
        ask("lookup", "client", client, f"pods of which app does policy {name} let in?",
            f"what is the app from which {name} allows ingress?",
            f"under {name}, which app may open connections to {app}?"),
        ask("lookup", "backend", backend, f"pods of which app does policy {name} allow egress to?",
            f"what is the app to which {name} allows egress?",
            f"under {name}, which app may {app} open connections to?"),
        ask("lookup", "port", port, f"on which port does policy {name} allow ingress?",
            f"what is the ingress port of {name}?", f"give the one port on which {name} lets traffic in."),
        ask("lookup", "subject", app, f"to the pods of which app does policy {name} apply?",
            f"what is the app that {name} protects?", f"name the app whose traffic {name} limits."),
        ask("compare", "may_connect", "yes" if allowed else "no",
            f"does policy {name} let {asked} connect to {app} on port {asked_port}?",
            f"under {name}, is {asked} allowed to reach port {asked_port} of {app}?",
            f"would {name} pass a connection from {asked} to {app} on {asked_port}?"),
        ask("steps", "ports_in_range", opened, f"how many ports does policy {name} open for egress?",
            f"counting both ends, how many egress ports does {name} allow?",
            f"work out how many ports the egress range of {name} holds, both ends included."),
        ask("steps", "port_in_range", "yes" if inside else "no",
            f"does policy {name} allow egress to port {tried}?", f"is port {tried} in the egress range of {name}?",
            f"could {app} call {backend} on {tried} under {name}?"),
    )  # fmt: skip
    return Manifest(name, text, questions, "number of egress ports", opened)


def volume_claim(v: Values) -> Manifest:
    """Storage that is asked for, and what the volume has."""
    name, namespace, cls, volume = v.pick(APPS), v.pick(NAMESPACES), v.pick(CLASSES), f"pv-{v.number(100, 499)}"
    size, more = v.number(20, 90, 2), v.number(2, 15)
    mode = v.rng.choice(("ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"))
    used = size - v.number(3, 15)
    fits = v.yes()
    backup = size + more + v.rng.randint(1, 9) * (-1 if fits else 1)
    text = f"""kind: PersistentVolumeClaim
metadata:
  name: {name}
  namespace: {namespace}
spec:
  storageClassName: {cls}
  volumeName: {volume}
  accessModes:
  - {mode}
  resources:
    requests:
      storage: {size}Gi
status:
  phase: Bound
  capacity:
    storage: {size + more}Gi"""
    questions = (
        ask("lookup", "class", cls, f"which storage class does claim {name} have?",
            f"what is the storage class of {name}?", f"name the class of storage that {name} asks for."),
        ask("lookup", "volume", volume, f"which volume is bound to claim {name}?",
            f"what is the volume name of {name}?", f"on which volume do the data of {name} lie?"),
        ask("lookup", "mode", mode, f"which access mode does claim {name} ask for?",
            f"what is the access mode of {name}?", f"in what way may {name} be mounted?"),
        ask("lookup", "namespace", namespace, f"in which namespace is claim {name}?",
            f"what is the namespace of {name}?", f"name the namespace that holds {name}."),
        ask("compare", "requested", f"{size}Gi", f"how much storage does claim {name} request?",
            f"what is the requested size of {name}?", f"how large a volume did {name} ask for?"),
        ask("compare", "capacity", f"{size + more}Gi", f"how much capacity did claim {name} get?",
            f"what is the actual capacity of {name}?", f"how large is the volume that {name} was given?"),
        ask("steps", "beyond_request", f"{more}Gi", f"how much more storage than requested did {name} get?",
            f"by how much does the capacity of {name} exceed the request?",
            f"subtract the request of {name} from its capacity."),
        ask("steps", "free", f"{size + more - used}Gi",
            f"if {used}Gi of {name} are used, how much of its capacity is free?",
            f"with {used}Gi written, how much capacity is left on {name}?",
            f"how much space remains on {name} when its data take {used}Gi?"),
        ask("steps", "fits", "yes" if fits else "no", f"do {backup}Gi of data fit into the capacity of {name}?",
            f"is the capacity of {name} at least {backup}Gi?", f"could {name} hold {backup}Gi?"),
    )  # fmt: skip
    return Manifest(name, text, questions, "requested storage", size, "Gi")


def config_map(v: Values) -> Manifest:
    """Settings of an application as keys and values."""
    name, ttl, connections = v.pick(APPS), v.number(2, 19), v.number(20, 95, 5)
    data = {
        "LOG_LEVEL": v.pick(LOG_LEVELS),
        "QUEUE_NAME": v.pick(APPS),
        "BACKEND_HOST": v.pick(APPS),
        "CACHE_TTL_SECONDS": str(ttl * 60),
        "MAX_CONNECTIONS": str(connections),
        "WORKERS": str(v.number(2, 9)),
        "RETRY_LIMIT": str(v.number(2, 9)),
        "LISTEN_PORT": str(v.number(3000, 9999)),
    }
    keys = [key for key in v.rng.sample([*data], 8) if key not in ("RETRY_LIMIT", "BACKEND_HOST") or v.yes()]
    single = [key for key in keys if not key.startswith("CACHE") and [*data.values()].count(data[key]) == 1]
    plain, other = v.rng.sample(single, 2)
    text = "\n".join(
        ("kind: ConfigMap", "metadata:", f"  name: {name}", "data:", *(f'  {k}: "{data[k]}"' for k in keys))
    )
    questions = (
        ask("lookup", "value", data[plain], f"what is the value of {plain} in config map {name}?",
            f"to what does {name} set {plain}?", f"read {plain} from {name}: what do you get?"),
        ask("lookup", "another_value", data[other], f"which value does {name} give to {other}?",
            f"what does config map {name} say for {other}?", f"give the setting of {other} under {name}."),
        ask("compare", "key", other, f"which key of config map {name} has the value {data[other]}?",
            f"what is set to {data[other]} in {name}?", f"name the key behind the value {data[other]} in {name}."),
        ask("steps", "minutes", ttl, f"how many minutes is the cache TTL of {name}?",
            f"what is CACHE_TTL_SECONDS of {name} in minutes?",
            f"after how many minutes do cache entries of {name} expire?"),
        ask("steps", "connections_in_all", connections * int(data["WORKERS"]),
            f"with MAX_CONNECTIONS for each of the WORKERS, how many connections does {name} allow in all?",
            f"what do MAX_CONNECTIONS and WORKERS of {name} make when multiplied?",
            f"multiply the workers of {name} by the connections that each may open."),
    )  # fmt: skip
    return Manifest(name, text, questions, "MAX_CONNECTIONS", connections)
