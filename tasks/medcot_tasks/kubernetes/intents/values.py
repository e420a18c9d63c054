"""The names and numbers in bundled items, each kind in two halves: for training, and for `@unseen_range`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medcot_tasks.bundled import Draw

_SLOT = re.compile(r"\$\{?([a-z]+\d?)")
_Half = Sequence[str]


def _words(text: str) -> _Half:
    return text.split()


def _numbers(low: int, high: int, step: int = 1) -> _Half:
    return [str(number) for number in range(low, high + 1, step)]


_WORDS = (
    _words("""
        web api cart shop auth mail chat blog feed queue cache store media login orders users search
        stock maps photos video audio batch report ledger wallet ticket survey forum wiki gallery catalog
        coupon rating profile session gateway scraper indexer mailer uploader planner router notifier
        checkout invoice basket lottery
    """),
    _words("""
        kiosk radar tracker beacon harvest lantern compass falcon meteor orchid piano quartz rocket
        saffron tulip velvet willow zephyr pepper marble copper ember glacier harbor
    """),
)
_PARTS = (
    _words("backend frontend worker canary primary replica internal public stable reader writer"),
    _words("legacy shadow edge mirror archive hub core relay"),
)
_NAMESPACES = (
    _words("""
        dev staging prod test qa demo sandbox finance sales support ops infra data ml research tools
        games travel books music sports health maps-eu maps-us team-a team-b team-c team-d
    """),
    _words("lab pilot legal retail logistics marketing security training team-x team-y team-z hr"),
)
_TAGS = (
    [f"{major}.{minor}" for major in range(1, 5) for minor in range(9)],
    [f"{major}.{minor}" for major in range(11, 15) for minor in range(10, 19)],
)
_IMAGES = (
    _words("nginx redis httpd postgres mysql node python golang alpine memcached"),
    _words("caddy mariadb rabbitmq traefik haproxy ubuntu debian ruby"),
)
_PEOPLE = (
    _words("jane omar lucy pedro anna kofi mei ivan sara tom"),
    _words("wanda yusuf greta hugo priya nils"),
)
_LABEL_KEYS = (_words("tier env team track role part"), _words("zone stage owner unit"))
_LABEL_VALUES = (
    _words("gold silver blue green red fast slow main test spare east west"),
    _words("amber violet north south heavy light alpha omega"),
)
_SETTINGS = (
    _words("MODE LEVEL REGION COLOR TARGET FORMAT THEME LOCALE"),
    _words("PROFILE CHANNEL ORIGIN DIALECT SHARD LAYOUT"),
)
_FIELDS = (
    _words("""
        pod.spec.containers pod.spec.volumes pod.status.phase deployment.spec.strategy
        deployment.spec.replicas service.spec.ports service.spec.type job.spec.backoffLimit
        job.spec.template cronjob.spec.schedule configmap.data secret.type node.spec.taints
        ingress.spec.rules pod.spec.affinity pod.spec.tolerations
    """),
    _words("""
        statefulset.spec.volumeClaimTemplates daemonset.spec.updateStrategy pvc.spec.resources
        hpa.spec.metrics networkpolicy.spec.ingress pod.spec.initContainers namespace.status.phase
        role.rules
    """),
)
_SECTIONS = (
    _words("""
        pod.spec.containers pod.spec.volumes pod.spec.affinity pod.spec.tolerations deployment.spec.strategy
        deployment.spec.template service.spec.ports job.spec.template cronjob.spec.jobTemplate ingress.spec.rules
        node.spec.taints ingress.spec.tls node.status.conditions pod.spec.securityContext
    """),
    _words("""
        statefulset.spec.volumeClaimTemplates daemonset.spec.updateStrategy pvc.spec.resources hpa.spec.metrics
        networkpolicy.spec.ingress pod.spec.initContainers role.rules pv.spec.nfs
    """),
)


def _joined(first: tuple[_Half, _Half], second: tuple[_Half, _Half], form: str) -> tuple[_Half, _Half]:
    def half(part: int) -> _Half:
        return [form.format(one, other) for one in first[part] for other in second[part]]

    return half(0), half(1)


_DIGITS = (_numbers(0, 9), _numbers(10, 19))
POOLS: Mapping[str, tuple[_Half, _Half]] = {
    "name": _WORDS,
    "pod": _joined(_WORDS, _DIGITS, "{}-{}"),
    "node": _joined(
        (_words("host worker pool"), _words("gpu edge metal")), (_numbers(1, 40), _numbers(50, 99)), "{}-{}"
    ),
    "namespace": _NAMESPACES,
    "context": _joined(
        (_words("dev staging prod test office"), _words("lab pilot backup")),
        (_words("eu us asia west east north"), _words("south africa brazil")),
        "{}-{}",
    ),
    "cluster": _joined((_words("kind mini big old new"), _words("giant tiny")), _DIGITS, "{}-{}"),
    "container": (_words("app main proxy setup loader server helper"), _words("agent exporter logger shipper")),
    "user": _PEOPLE,
    "image": _joined(_IMAGES, _TAGS, "{}:{}"),
    "file": _joined(_WORDS, (["yaml", "json"], ["yml"]), "{}.{}"),
    "folder": _joined((["base", "overlays", "deploy"], ["stacks", "variants"]), _WORDS, "{}/{}"),
    "path": _joined((["/tmp", "/data", "/srv"], ["/opt", "/mnt"]), _WORDS, "{}/{}.txt"),
    "label": _joined(_LABEL_KEYS, _LABEL_VALUES, "{}={}"),
    "labelkey": _LABEL_KEYS,
    "note": _joined((_words("contact docs purpose reviewed"), _words("backup manual origin")), _WORDS, "{}={}"),
    "notekey": (_words("contact docs purpose reviewed checksum"), _words("backup manual origin")),
    "setting": _joined(_SETTINGS, _LABEL_VALUES, "{}={}"),
    "settingkey": _SETTINGS,
    "datakey": (_words("password token username hostname"), _words("passphrase apikey licence")),
    "kind": (_words("pods deployments services secrets jobs cronjobs"), _words("configmaps ingresses daemonsets")),
    "action": (_words("get list create delete"), _words("patch update watch")),
    "apigroup": (_words("apps batch autoscaling policy"), ["networking.k8s.io", "storage.k8s.io"]),
    "field": _FIELDS,
    "section": _SECTIONS,
    "phase": (["Failed", "Pending", "Succeeded"], ["Unknown", "Running"]),
    "program": (_words("date env whoami hostname uptime"), _words("pwd id df")),
    "replicas": (_numbers(2, 9), _numbers(10, 40)),
    "least": (_numbers(2, 5), _numbers(11, 15)),
    "most": (_numbers(6, 10), _numbers(20, 40)),
    "percent": (_numbers(50, 90, 5), _numbers(20, 45, 5)),
    "lines": (_numbers(20, 200, 10), _numbers(300, 900, 50)),
    "minutes": (_numbers(2, 30), _numbers(40, 90)),
    "seconds": (_numbers(20, 120, 5), _numbers(200, 600, 20)),
    "hours": (_numbers(2, 12), _numbers(15, 40)),
    "hour": (_numbers(1, 11), _numbers(13, 22)),
    "revision": (_numbers(2, 9), _numbers(10, 40)),
    "port": (_numbers(8000, 8099), _numbers(9000, 9099)),
    "localport": (_numbers(3000, 3099), _numbers(5000, 5099)),
    "millicores": (_numbers(100, 900, 50), _numbers(1100, 2000, 100)),
    "mebibytes": (_numbers(64, 512, 64), _numbers(640, 2048, 128)),
    "amount": (_numbers(3, 30), _numbers(50, 200, 10)),
}
"""Kind -> values seen in training, and values outside."""


@dataclass(frozen=True, slots=True)
class Values:
    """What fills the slots of one item: slot -> value, drawn when first asked for."""

    draw: Draw
    drawn: dict[str, str]

    def fill(self, *texts: str) -> None:
        """Draw a value for every slot of the texts that has none; two of a kind differ."""
        for text in texts:
            for slot in _SLOT.findall(text):
                if slot not in self.drawn and slot != "where":
                    self.drawn[slot] = self._value(slot.rstrip("0123456789"))

    def _value(self, kind: str) -> str:
        while True:
            value = self._one(kind)
            if value not in self.drawn.values():
                return value

    def _one(self, kind: str) -> str:
        rng = self.draw.rng
        if kind == "selector":
            return self._selector(rng)
        value = rng.choice(self._half(POOLS[kind]))
        if self.draw.level == "hard" and kind in ("name", "pod"):
            word, dash, number = value.partition("-")
            return f"{word}-{rng.choice(self._half(_PARTS))}{dash}{number}"
        return value

    def _selector(self, rng: random.Random) -> str:
        count = 2 if self.draw.level == "hard" else 1
        keys = rng.sample(self._half(_LABEL_KEYS), count)
        return ",".join(f"{key}={rng.choice(self._half(_LABEL_VALUES))}" for key in keys)

    def _half(self, pool: tuple[_Half, _Half]) -> _Half:
        return pool[self.draw.unseen_range]
