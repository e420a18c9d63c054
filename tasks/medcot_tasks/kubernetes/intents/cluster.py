"""Intents on nodes, on running containers, on access, and on kubectl's own configuration."""

from __future__ import annotations

from medcot_tasks.kubernetes.intents.intent import Intent

_TRIAL = ("rehearsed", "previewed")

CLUSTER: tuple[Intent, ...] = (
    Intent(
        "cordon",
        ("cordon the node $node", "mark node $node$where as unschedulable"),
        "close the $node node to new pods by a cordon",
        "kubectl cordon $node",
        scope="context",
        extras=_TRIAL,
    ),
    Intent(
        "uncordon",
        ("uncordon the node $node", "mark node $node$where as schedulable again"),
        "lift the cordon from the $node node",
        "kubectl uncordon $node",
        scope="context",
        extras=_TRIAL,
    ),
    Intent(
        "drain",
        (
            "drain the node $node$where and ignore daemonsets",
            "drain node $node$where without regard to daemonsets",
        ),
        "evict all pods from the $node node$where except for those of daemonsets",
        "kubectl drain $node --ignore-daemonsets",
        scope="context",
        extras=(*_TRIAL, "patient"),
    ),
    Intent(
        "drain-by-force",
        (
            "drain the node $node$where by force with a grace period of $seconds seconds",
            "force node $node$where to drain and give its pods $seconds seconds of grace",
        ),
        "evict the pods of the $node node$where forcibly, with $seconds seconds each to shut down",
        "kubectl drain $node --force --grace-period=$seconds",
        scope="context",
        extras=_TRIAL,
    ),
    Intent(
        "taint",
        (
            "taint the node $node$where with $label and the effect NoSchedule",
            "add the taint $label with effect NoSchedule to node $node",
        ),
        "repel new pods from the $node node$where by the NoSchedule taint $label",
        "kubectl taint nodes $node $label:NoSchedule",
        scope="context",
        extras=_TRIAL,
    ),
    Intent(
        "untaint-all",
        ("remove the taint $labelkey from all nodes", "delete the taint with key $labelkey on every node"),
        "free each and every node from the taint $labelkey",
        "kubectl taint nodes --all $labelkey-",
        scope="context",
        extras=_TRIAL,
    ),
    Intent(
        "exec",
        ("run $program in pod $pod", "execute the command $program in the pod $pod"),
        "have the $pod pod$where carry out $program",
        "kubectl exec $pod -- $program",
    ),
    Intent(
        "exec-shell",
        ("open an interactive sh in pod $pod", "start sh in the pod $pod$where with a terminal"),
        "get into the $pod pod$where with sh at a terminal",
        "kubectl exec -it $pod -- sh",
    ),
    Intent(
        "exec-in-container",
        (
            "run $program in container $container of pod $pod",
            "execute the command $program in the $container container of pod $pod",
        ),
        "have the container $container of the $pod pod$where carry out $program",
        "kubectl exec $pod -c $container -- $program",
    ),
    Intent(
        "attach",
        ("attach to pod $pod$where interactively", "attach to the pod $pod$where with stdin and a terminal"),
        "connect keyboard and terminal to the main process of the $pod pod",
        "kubectl attach $pod -it",
    ),
    Intent(
        "debug",
        (
            "debug the pod $pod$where interactively with image $image",
            "start an interactive debug container from $image in pod $pod",
        ),
        "look into the $pod pod$where from an extra container of $image at a terminal",
        "kubectl debug -it $pod --image=$image",
    ),
    Intent(
        "copy-to-pod",
        (
            "copy the local file $file to $path in pod $pod",
            "copy $file into the pod $pod$where as $path",
        ),
        "transfer $file from this machine to the $pod pod$where at $path",
        "kubectl cp $file $pod:$path",
    ),
    Intent(
        "copy-from-container",
        (
            "copy $path from container $container of pod $pod$where to $file",
            "copy the file $path in pod $pod$where, container $container, to the local file $file",
        ),
        "fetch $path out of the $container container of the $pod pod$where and keep it as $file",
        "kubectl cp $pod:$path $file -c $container",
    ),
    Intent(
        "forward-service",
        (
            "forward local port $localport to port $port of service $name",
            "forward port $localport on this machine to service $name$where, port $port",
        ),
        "reach port $port of the $name service$where at localhost:$localport",
        "kubectl port-forward service/$name $localport:$port",
    ),
    Intent(
        "forward-free-port",
        (
            "forward any free local port to port $port of pod $pod",
            "forward a random local port to port $port of the pod $pod",
        ),
        "reach port $port of the $pod pod$where through whatever local port is free",
        "kubectl port-forward pod/$pod :$port",
    ),
    Intent(
        "proxy",
        ("start a proxy to the API server on port $port", "run the API server proxy on local port $port"),
        "make the API server reachable at localhost:$port by a proxy",
        "kubectl proxy --port=$port",
        scope="context",
    ),
    Intent(
        "wait-ready",
        (
            "wait until pod $pod$where is Ready, at most $seconds seconds",
            "wait up to $seconds seconds for the pod $pod$where to be Ready",
        ),
        "block for no more than $seconds seconds until the $pod pod$where meets the condition Ready",
        "kubectl wait --for=condition=Ready pod/$pod --timeout=${seconds}s",
    ),
    Intent(
        "wait-available",
        (
            "wait until the deployments labeled $selector$where are Available, at most $seconds seconds",
            "wait up to $seconds seconds for the deployments with the label $selector$where to be Available",
        ),
        "block for no more than $seconds seconds until deployments that match $selector$where are Available",
        "kubectl wait --for=condition=Available deployment -l $selector --timeout=${seconds}s",
    ),
    Intent(
        "wait-deleted",
        (
            "wait until all jobs$where are deleted, at most $seconds seconds",
            "wait up to $seconds seconds for the deletion of every job$where",
        ),
        "block for no more than $seconds seconds until the last of all the jobs$where is gone",
        "kubectl wait --for=delete jobs --all --timeout=${seconds}s",
    ),
    Intent(
        "can-i",
        ("check whether user $user may $action $kind", "check if $user is allowed to $action $kind"),
        "find out if $user has permission to $action $kind",
        "kubectl auth can-i $action $kind --as=$user",
    ),
    Intent(
        "can-i-list",
        ("list all actions that are allowed$where", "list everything that one may do$where"),
        "get an overview of everything that is permitted$where",
        "kubectl auth can-i --list",
    ),
    Intent(
        "api-resources",
        ("list the API resources of the group $apigroup", "show all API resources in API group $apigroup"),
        "see what kinds of objects belong to the API group $apigroup",
        "kubectl api-resources --api-group=$apigroup",
        scope="context",
        extras=("bare", "wide"),
    ),
    Intent(
        "cluster-info",
        (
            "write a cluster-info dump$where to the directory $folder",
            "dump cluster-info$where to the output directory $folder",
        ),
        "save the dump of cluster-info$where under $folder for debugging",
        "kubectl cluster-info dump --output-directory=$folder",
        scope="context",
    ),
    Intent(
        "kustomize",
        ("build the kustomization in $folder", "print what kustomize builds from $folder"),
        "render the kustomize directory $folder without applying it",
        "kubectl kustomize $folder",
        scope="local",
        extras=("unrestricted", "charts"),
    ),
    Intent(
        "get-contexts",
        ("list the contexts in the kubeconfig $name.conf", "get all contexts of the kubeconfig file $name.conf"),
        "see which contexts the kubeconfig $name.conf offers",
        "kubectl config get-contexts --kubeconfig=$name.conf",
        scope="none",
        extras=("bare",),
    ),
    Intent(
        "use-context",
        ("switch to the context $context", "use the context $context for all further commands"),
        "work with the context $context from now on",
        "kubectl config use-context $context",
        scope="none",
    ),
    Intent(
        "set-namespace",
        (
            "make $namespace the default namespace of the current context",
            "set the namespace of the current context to $namespace",
        ),
        "have $namespace as the namespace of the current context from now on",
        "kubectl config set-context --current --namespace=$namespace",
        scope="none",
    ),
    Intent(
        "set-context",
        (
            "create a context $context for cluster $cluster and user $user",
            "set the context $context to cluster $cluster with user $user",
        ),
        "define a context called $context that joins the cluster $cluster and the user $user",
        "kubectl config set-context $context --cluster=$cluster --user=$user",
        scope="none",
    ),
    Intent(
        "rename-context",
        ("rename the context $context to $context2", "change the name of context $context to $context2"),
        "have the context $context called $context2 instead",
        "kubectl config rename-context $context $context2",
        scope="none",
    ),
    Intent(
        "view-config",
        (
            "show only the part of the configuration that context $context uses",
            "print the configuration reduced to context $context",
        ),
        "see just as much of the configuration as matters for the context $context",
        "kubectl config view --minify --context=$context",
        scope="none",
    ),
)
