"""Intents that change what runs: apply, scale, rollout, set, label, annotate, patch, expose."""

from __future__ import annotations

from medcot_tasks.kubernetes.intents.intent import Intent

_TRIAL = ("rehearsed", "previewed")
_SHOWN = (*_TRIAL, "yaml", "json")

CHANGE: tuple[Intent, ...] = (
    Intent(
        "apply",
        ("apply the manifest $file", "apply the configuration in file $file"),
        "bring the objects$where declaratively in line with $file",
        "kubectl apply -f $file",
        extras=_SHOWN,
    ),
    Intent(
        "apply-kustomization",
        ("apply the kustomization in $folder", "apply the kustomize directory $folder"),
        "bring the objects$where declaratively in line with the kustomization in $folder",
        "kubectl apply -k $folder",
        extras=_SHOWN,
    ),
    Intent(
        "apply-server-side",
        (
            "apply the manifests in folder $folder and its subfolders with server-side apply",
            "apply the folder $folder$where recursively and on the server side",
        ),
        "use apply on the server side$where for all manifests in $folder and the folders below it",
        "kubectl apply --server-side -R -f $folder",
        extras=("rehearsed", "yaml", "json"),
    ),
    Intent(
        "replace-by-force",
        (
            "replace the objects in $file by force",
            "replace with --force what $file defines$where, so that it is deleted and created again",
        ),
        "forcibly recreate the objects of $file",
        "kubectl replace --force -f $file",
        extras=("patient",),
    ),
    Intent(
        "edit-service",
        ("edit the service $name", "open service $name$where in the editor"),
        "change the live $name service$where by hand in an editor",
        "kubectl edit service $name",
    ),
    Intent(
        "scale",
        (
            "scale the deployment $name$where to $replicas replicas",
            "set the replicas of deployment $name$where to $replicas",
        ),
        "have $replicas copies of the $name deployment$where run",
        "kubectl scale deployment $name --replicas=$replicas",
        extras=_SHOWN,
    ),
    Intent(
        "scale-if-current",
        (
            "scale the statefulset $name$where from $least to $most replicas, but only if it has $least now",
            "scale statefulset $name$where to $most replicas if its current number is $least",
        ),
        "take the $name statefulset$where up to $most copies provided that exactly $least run at present",
        "kubectl scale statefulset $name --current-replicas=$least --replicas=$most",
        extras=_SHOWN,
    ),
    Intent(
        "scale-by-label",
        (
            "scale the deployments labeled $selector$where to $replicas replicas",
            "set the replicas of the deployments with the label $selector$where to $replicas",
        ),
        "have $replicas copies of each deployment that matches $selector",
        "kubectl scale deployment -l $selector --replicas=$replicas",
        extras=_SHOWN,
    ),
    Intent(
        "autoscale",
        (
            "autoscale the deployment $name$where between $least and $most replicas",
            "create an autoscaler for deployment $name$where with at least $least and at most $most replicas",
        ),
        "let the number of copies of the $name deployment$where vary from $least to $most automatically",
        "kubectl autoscale deployment $name --min=$least --max=$most",
        extras=_SHOWN,
    ),
    Intent(
        "autoscale-by-cpu",
        (
            "autoscale the statefulset $name$where up to $most replicas at $percent percent CPU",
            "create an autoscaler for statefulset $name$where up to $most replicas with $percent percent CPU",
        ),
        "keep the $name statefulset$where near $percent percent CPU automatically with no more than $most copies",
        "kubectl autoscale statefulset $name --max=$most --cpu-percent=$percent",
        extras=_SHOWN,
    ),
    Intent(
        "rollout-status",
        (
            "follow the rollout status of deployment $name$where for at most $seconds seconds",
            "check the status of the rollout of deployment $name$where with a timeout of $seconds seconds",
        ),
        "track until it is done, $seconds seconds at most, how the $name deployment$where rolls out",
        "kubectl rollout status deployment/$name --timeout=${seconds}s",
    ),
    Intent(
        "rollout-undo",
        (
            "undo the last rollout of deployment $name",
            "roll the deployment $name$where back to its previous revision",
        ),
        "revert the $name deployment$where to how it was one release ago",
        "kubectl rollout undo deployment/$name",
        extras=_SHOWN,
    ),
    Intent(
        "rollout-undo-to",
        (
            "roll the daemonset $name$where back to revision $revision",
            "undo the rollout of daemonset $name$where to revision $revision",
        ),
        "revert the $name daemonset$where to what it was in revision $revision",
        "kubectl rollout undo daemonset/$name --to-revision=$revision",
        extras=_SHOWN,
    ),
    Intent(
        "rollout-restart",
        ("restart the deployment $name", "do a rolling restart of deployment $name"),
        "get fresh pods for the $name deployment$where one after the other",
        "kubectl rollout restart deployment/$name",
        extras=("yaml", "json"),
    ),
    Intent(
        "rollout-restart-by-label",
        (
            "restart the daemonsets labeled $selector",
            "do a rolling restart of the daemonsets with the label $selector",
        ),
        "get fresh pods for each daemonset that matches $selector",
        "kubectl rollout restart daemonset -l $selector",
        extras=("yaml", "json"),
    ),
    Intent(
        "rollout-pause",
        ("pause the rollout of deployment $name", "stop rolling out deployment $name$where for now"),
        "put the rollout of the $name deployment$where on hold",
        "kubectl rollout pause deployment/$name",
        extras=("yaml", "json"),
    ),
    Intent(
        "rollout-resume",
        ("resume the rollout of deployment $name", "continue the paused rollout of deployment $name"),
        "take the rollout of the $name deployment$where off hold",
        "kubectl rollout resume deployment/$name",
        extras=("yaml", "json"),
    ),
    Intent(
        "set-image",
        (
            "set the image of container $container of deployment $name$where to $image",
            "update container $container in the deployment $name$where to image $image",
        ),
        "have the $container container of the $name deployment$where run $image",
        "kubectl set image deployment/$name $container=$image",
        extras=_SHOWN,
    ),
    Intent(
        "set-env",
        (
            "set the environment variable $setting on deployment $name",
            "add the environment variable $setting to the deployment $name",
        ),
        "have the $name deployment$where run with $setting in its environment",
        "kubectl set env deployment/$name $setting",
        extras=_SHOWN,
    ),
    Intent(
        "unset-env",
        (
            "remove the environment variable $settingkey from statefulset $name",
            "unset the environment variable $settingkey of the statefulset $name",
        ),
        "have the $name statefulset$where run without $settingkey in its environment",
        "kubectl set env statefulset/$name $settingkey-",
        extras=_SHOWN,
    ),
    Intent(
        "set-env-from",
        (
            "set the environment of deployment $name$where from the configmap $name2",
            "import all keys of configmap $name2$where as environment variables of deployment $name",
        ),
        "feed the entries of the $name2 configmap$where to the $name deployment as its environment",
        "kubectl set env deployment/$name --from=configmap/$name2",
        extras=_SHOWN,
    ),
    Intent(
        "set-limits",
        (
            "set the limits of deployment $name$where to ${millicores}m CPU and ${mebibytes}Mi memory",
            "limit the deployment $name$where to ${millicores}m of CPU and ${mebibytes}Mi of memory",
        ),
        "allow the $name deployment$where no more than ${millicores}m CPU and ${mebibytes}Mi memory",
        "kubectl set resources deployment $name --limits=cpu=${millicores}m,memory=${mebibytes}Mi",
        extras=_SHOWN,
    ),
    Intent(
        "set-requests",
        (
            "set the memory request of container $container in statefulset $name$where to ${mebibytes}Mi",
            "request ${mebibytes}Mi of memory for container $container of statefulset $name",
        ),
        "reserve ${mebibytes}Mi of memory for the $container container of the $name statefulset",
        "kubectl set resources statefulset $name -c $container --requests=memory=${mebibytes}Mi",
        extras=_SHOWN,
    ),
    Intent(
        "set-serviceaccount",
        (
            "set the service account of deployment $name$where to $name2",
            "change the service account of the deployment $name$where to $name2",
        ),
        "have the pods of the $name deployment$where run as the service account $name2",
        "kubectl set serviceaccount deployment $name $name2",
        extras=_SHOWN,
    ),
    Intent(
        "label-pod",
        ("add the label $label to pod $pod", "label the pod $pod$where with $label"),
        "tag the $pod pod$where with the label $label",
        "kubectl label pod $pod $label",
        extras=_SHOWN,
    ),
    Intent(
        "relabel-node",
        (
            "set the label $label on node $node$where even if it has another value",
            "label the node $node$where with $label and overwrite any other value",
        ),
        "tag the node $node$where with $label, whatever value was there before",
        "kubectl label node $node $label --overwrite",
        scope="context",
        extras=_SHOWN,
    ),
    Intent(
        "label-all",
        ("add the label $label to all pods", "label every pod$where with $label"),
        "tag each and every pod$where with $label",
        "kubectl label pods --all $label",
        extras=_TRIAL,
    ),
    Intent(
        "unlabel-service",
        ("remove the label $labelkey from service $name", "delete the label $labelkey of the service $name"),
        "strip the $name service$where of its label $labelkey",
        "kubectl label service $name $labelkey-",
        extras=_SHOWN,
    ),
    Intent(
        "annotate",
        ("add the annotation $note to deployment $name", "annotate the deployment $name$where with $note"),
        "attach the note $note to the $name deployment$where as an annotation",
        "kubectl annotate deployment $name $note",
        extras=_SHOWN,
    ),
    Intent(
        "unannotate",
        (
            "remove the annotation $notekey from ingress $name",
            "delete the annotation $notekey of the ingress $name",
        ),
        "strip the $name ingress$where of its annotation $notekey",
        "kubectl annotate ingress $name $notekey-",
        extras=_SHOWN,
    ),
    Intent(
        "patch",
        (
            "patch the deployment $name$where so that spec.paused is true, by a strategic merge patch",
            "set spec.paused to true in deployment $name$where with a strategic merge patch",
        ),
        "turn on spec.paused for the $name deployment$where through a patch of type strategic",
        'kubectl patch deployment $name -p \'{"spec":{"paused":true}}\'',
        extras=_SHOWN,
    ),
    Intent(
        "patch-merge",
        (
            "set spec.parallelism of job $name$where to $replicas with a JSON merge patch",
            "patch the job $name$where so that spec.parallelism is $replicas, by a patch of type merge",
        ),
        "turn spec.parallelism of the $name job$where into $replicas by way of a JSON merge patch",
        'kubectl patch job $name --type=merge -p \'{"spec":{"parallelism":$replicas}}\'',
        extras=_SHOWN,
    ),
    Intent(
        "patch-from-file",
        (
            "patch the service $name$where with the strategic merge patch in file $file",
            "apply the patch file $file of type strategic to service $name",
        ),
        "change the $name service$where as the strategic merge patch in the file $file says",
        "kubectl patch service $name --patch-file=$file",
        extras=_SHOWN,
    ),
    Intent(
        "expose",
        (
            "expose the deployment $name$where on port $port with target port $localport",
            "create a service for deployment $name$where on port $port that targets port $localport",
        ),
        "put a service at port $port before the $name deployment$where, whose containers listen on $localport",
        "kubectl expose deployment $name --port=$port --target-port=$localport",
        extras=_SHOWN,
    ),
    Intent(
        "expose-outside",
        (
            "expose the pod $pod$where on port $port as a service of type NodePort",
            "create a NodePort service on port $port for pod $pod",
        ),
        "make the $pod pod$where reachable at port $port through a service of the NodePort type",
        "kubectl expose pod $pod --port=$port --type=NodePort",
        extras=_SHOWN,
    ),
)
