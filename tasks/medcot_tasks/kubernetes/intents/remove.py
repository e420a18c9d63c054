"""Intents that remove something."""

from __future__ import annotations

from medcot_tasks.kubernetes.intents.intent import Intent

_DRY_RUN = ("rehearsed", "previewed")
_TRIAL = (*_DRY_RUN, "lenient", "patient")

REMOVE: tuple[Intent, ...] = (
    Intent(
        "delete-file",
        ("delete the objects in $file", "delete the resources that $file defines"),
        "get rid of everything that $file describes",
        "kubectl delete -f $file",
        extras=_TRIAL,
    ),
    Intent(
        "delete-deployment",
        ("delete the deployment $name", "remove deployment $name"),
        "get rid of the $name deployment",
        "kubectl delete deployment $name",
        extras=_TRIAL,
    ),
    Intent(
        "delete-by-label",
        ("delete the pods with the label $selector", "remove the pods labeled $selector"),
        "get rid of those pods that match $selector",
        "kubectl delete pods -l $selector",
        extras=(*_DRY_RUN, "patient"),
    ),
    Intent(
        "delete-by-force",
        (
            "delete the pod $pod$where by force with a grace period of 0",
            "force the deletion of pod $pod$where at once, with zero grace period",
        ),
        "kill the $pod pod$where forcibly and leave it zero seconds of grace",
        "kubectl delete pod $pod --force --grace-period=0",
        extras=("lenient", "rehearsed"),
    ),
    Intent(
        "delete-gently",
        (
            "delete the pod $pod$where with a grace period of $seconds seconds",
            "remove pod $pod$where and give it $seconds seconds of grace",
        ),
        "get rid of the $pod pod$where, with $seconds seconds of grace to shut down",
        "kubectl delete pod $pod --grace-period=$seconds",
        extras=(*_DRY_RUN, "lenient"),
    ),
    Intent(
        "delete-all",
        ("delete all jobs", "remove every job$where"),
        "clear out the jobs$where, all of them",
        "kubectl delete jobs --all",
        extras=(*_DRY_RUN, "patient"),
    ),
    Intent(
        "delete-keeping-pods",
        (
            "delete the replicaset $name$where but orphan its pods",
            "remove replicaset $name$where with orphan cascading, so that its pods stay",
        ),
        "get rid of the $name replicaset$where while its pods live on as orphans",
        "kubectl delete replicaset $name --cascade=orphan",
        extras=_TRIAL,
    ),
    Intent(
        "delete-if-there",
        (
            "delete the secret $name$where and ignore it if it does not exist",
            "remove secret $name$where without an error if it is not there",
        ),
        "get rid of the $name secret$where, silently if it is missing",
        "kubectl delete secret $name --ignore-not-found",
        extras=(*_DRY_RUN, "patient"),
    ),
    Intent(
        "delete-without-waiting",
        (
            "delete the namespace $name$where without waiting for it to finish",
            "remove namespace $name$where and do not wait",
        ),
        "get rid of the $name namespace$where but do not block until it is gone",
        "kubectl delete namespace $name --wait=false",
        scope="context",
        extras=("lenient",),
    ),
)
