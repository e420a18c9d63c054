"""Intents that only look: get, describe, logs, events, top, explain."""

from __future__ import annotations

from medcot_tasks.kubernetes.intents.intent import Intent

_LIST = ("labels", "bare", "selected")
_LOG = ("stamped", "prefixed")

LOOK: tuple[Intent, ...] = (
    Intent(
        "pods-wide",
        ("list the pods$where in wide format, with their nodes and IPs", "list pods in the wide format$where"),
        "see the pods$where in the wide format that tells the node and IP of each",
        "kubectl get pods -o wide",
        extras=_LIST,
    ),
    Intent(
        "deployment-yaml",
        ("print the deployment $name$where as YAML", "get the YAML of deployment $name"),
        "look at the YAML definition of the $name deployment",
        "kubectl get deployment $name -o yaml",
    ),
    Intent(
        "configmap-json",
        ("print the configmap $name$where as JSON", "get configmap $name$where in JSON format"),
        "see what the $name configmap$where looks like as JSON",
        "kubectl get configmap $name -o json",
    ),
    Intent(
        "pods-by-label",
        ("list the pods with the label $selector", "list pods labeled $selector"),
        "find the pods whose labels match $selector",
        "kubectl get pods -l $selector",
        extras=("labels", "bare", "wide", "sorted"),
    ),
    Intent(
        "pods-everywhere",
        ("list the pods of all namespaces$where", "list pods across all namespaces$where"),
        "see the pods$where, whatever their namespace",
        "kubectl get pods -A",
        scope="context",
        extras=("labels", "bare", "wide", "selected"),
    ),
    Intent(
        "services-sorted",
        (
            "list the services$where sorted by their creation timestamp",
            "list services$where ordered by the timestamp of their creation",
        ),
        "see the services$where in the order in which they were created",
        "kubectl get services --sort-by=.metadata.creationTimestamp",
        extras=(*_LIST, "wide"),
    ),
    Intent(
        "pods-of-node",
        (
            "list the pods of all namespaces$where that run on node $node, by a field selector",
            "list pods on node $node$where across all namespaces with a field selector",
        ),
        "find out by a field selector which pods of any namespace the $node node$where hosts",
        "kubectl get pods -A --field-selector=spec.nodeName=$node",
        scope="context",
        extras=("labels", "bare", "wide", "selected"),
    ),
    Intent(
        "pods-in-phase",
        (
            "list the pods with the label $selector$where that are in phase $phase",
            "list pods labeled $selector$where whose phase is $phase",
        ),
        "find the $phase pods among those that match $selector",
        "kubectl get pods -l $selector --field-selector=status.phase=$phase",
        extras=("labels", "bare", "wide", "sorted"),
    ),
    Intent(
        "watch-job",
        ("get the job $name$where and watch it for changes", "get job $name$where and keep watching it"),
        "look at the $name job$where and then follow how it changes",
        "kubectl get job $name -w",
        extras=("labels", "wide"),
    ),
    Intent(
        "service-ip",
        (
            "print only the cluster IP of service $name$where with jsonpath",
            "get the cluster IP of the service $name$where by jsonpath",
        ),
        "read nothing but the cluster IP of the $name service$where through jsonpath",
        "kubectl get service $name -o jsonpath='{.spec.clusterIP}'",
    ),
    Intent(
        "secret-value",
        (
            "print the value of key $datakey of secret $name$where as it is stored, with jsonpath",
            "get the encoded $datakey of the secret $name$where by jsonpath",
        ),
        "read just the stored $datakey from the $name secret$where through jsonpath",
        "kubectl get secret $name -o jsonpath='{.data.$datakey}'",
    ),
    Intent(
        "node-labels",
        ("list the nodes$where with their labels", "list nodes$where along with the labels they have"),
        "see a table of the nodes$where that shows every label on them",
        "kubectl get nodes --show-labels",
        scope="context",
        extras=("bare", "wide", "selected", "sorted"),
    ),
    Intent(
        "label-column",
        (
            "list the statefulsets$where with a column for the label $labelkey",
            "list statefulsets$where and the value of their label $labelkey in a column",
        ),
        "see the statefulsets$where with the label $labelkey as another column",
        "kubectl get statefulsets -L $labelkey",
        extras=("bare", "wide", "selected", "sorted"),
    ),
    Intent(
        "all-of-label",
        (
            "list the resources of the category all with the label $selector",
            "list what is in the category all and labeled $selector",
        ),
        "find the objects of the category all that match $selector",
        "kubectl get all -l $selector",
        extras=("labels", "bare", "wide"),
    ),
    Intent(
        "two-kinds",
        (
            "list the deployments and services labeled $selector$where in one go",
            "list deployments and services together$where, those with the label $selector",
        ),
        "see both the deployments and the services that match $selector$where with a single call",
        "kubectl get deployments,services -l $selector",
        extras=("labels", "bare", "wide", "sorted"),
    ),
    Intent(
        "ingress-if-there",
        (
            "get the ingress $name$where without an error if it does not exist",
            "get ingress $name$where and ignore that it may not be found",
        ),
        "look up the $name ingress$where, silently if it is missing",
        "kubectl get ingress $name --ignore-not-found",
        extras=("wide", "yaml", "json", "labels"),
    ),
    Intent(
        "cronjobs-bare",
        ("list the cronjobs$where without the header line", "list cronjobs with no headers$where"),
        "see the cronjobs$where minus the line of column titles",
        "kubectl get cronjobs --no-headers",
        extras=("labels", "wide", "selected", "sorted"),
    ),
    Intent(
        "objects-of-file",
        ("get the objects that $file defines", "get the live resources defined in file $file"),
        "see the live objects that $file contains",
        "kubectl get -f $file",
        extras=("wide", "yaml", "json", "lenient"),
    ),
    Intent(
        "describe-pod",
        ("describe the pod $pod", "show the details and events of pod $pod"),
        "read everything about the $pod pod$where including its events",
        "kubectl describe pod $pod",
    ),
    Intent(
        "describe-by-label",
        (
            "describe the services with the label $selector",
            "show the details and events of the services labeled $selector",
        ),
        "read everything about the services that match $selector$where including their events",
        "kubectl describe services -l $selector",
    ),
    Intent(
        "describe-node",
        (
            "describe the node $node$where without its events",
            "print the description of node $node$where but not the events",
        ),
        "read the description of the $node node$where except for the events",
        "kubectl describe node $node --show-events=false",
        scope="context",
    ),
    Intent(
        "logs",
        ("print the logs of pod $pod", "get the logs of the pod $pod"),
        "read what the $pod pod$where has logged",
        "kubectl logs $pod",
        extras=_LOG,
    ),
    Intent(
        "logs-follow",
        ("follow the logs of deployment $name", "stream the logs of the deployment $name"),
        "keep reading what the $name deployment$where logs",
        "kubectl logs -f deployment/$name",
        extras=_LOG,
    ),
    Intent(
        "logs-previous",
        (
            "print the logs of the previous container instance of pod $pod",
            "get the logs of pod $pod$where from before its last restart",
        ),
        "read what the $pod pod$where logged in its previous, crashed run",
        "kubectl logs $pod --previous",
        extras=_LOG,
    ),
    Intent(
        "logs-tail",
        ("print the last $lines lines of the logs of pod $pod", "get only the last $lines log lines of pod $pod"),
        "read the final $lines lines that the $pod pod$where logged",
        "kubectl logs $pod --tail=$lines",
        extras=_LOG,
    ),
    Intent(
        "logs-since",
        (
            "print the logs of pod $pod$where from the last $minutes minutes",
            "get the last $minutes minutes of logs of pod $pod",
        ),
        "read what the $pod pod$where has logged over the past $minutes minutes",
        "kubectl logs $pod --since=${minutes}m",
        extras=_LOG,
    ),
    Intent(
        "logs-container",
        (
            "print the logs of container $container of pod $pod",
            "get the logs of pod $pod$where, container $container",
        ),
        "read what the $container container of the $pod pod$where has logged",
        "kubectl logs $pod -c $container",
        extras=_LOG,
    ),
    Intent(
        "logs-all-containers",
        ("print the logs of all containers of pod $pod", "get the logs of every container in pod $pod"),
        "read what each container of the $pod pod$where has logged",
        "kubectl logs $pod --all-containers",
        extras=_LOG,
    ),
    Intent(
        "logs-by-label",
        (
            "print the last $lines log lines of each pod labeled $selector$where with the source before each line",
            "get the last $lines log lines of each pod with the label $selector$where, prefixed by their source",
        ),
        "read the final $lines lines that each pod matching $selector$where logged, prefixed by their source",
        "kubectl logs -l $selector --prefix --tail=$lines",
        extras=("stamped",),
    ),
    Intent(
        "logs-of-job",
        (
            "print the logs of job $name$where with timestamps",
            "get the logs of the job $name$where, each line with its time",
        ),
        "read what the $name job$where has logged and when",
        "kubectl logs job/$name --timestamps",
        extras=("prefixed",),
    ),
    Intent(
        "events-of-pod",
        ("list the events for pod $pod$where with kubectl events", "use kubectl events to list those of pod $pod"),
        "see by kubectl events what has happened to the $pod pod",
        "kubectl events --for=pod/$pod",
        extras=("bare", "yaml", "json"),
    ),
    Intent(
        "warnings",
        (
            "list only the warnings$where with kubectl events",
            "use kubectl events to list those of type Warning$where",
        ),
        "see by kubectl events just the warnings$where",
        "kubectl events --types=Warning",
        extras=("bare", "yaml", "json"),
    ),
    Intent(
        "top-pods",
        (
            "show the resource usage of the pods labeled $selector$where sorted by memory",
            "list the resource usage of pods with the label $selector$where, ordered by memory",
        ),
        "see what the pods that match $selector$where consume, in the order of their memory",
        "kubectl top pods -l $selector --sort-by=memory",
        extras=("bare",),
    ),
    Intent(
        "top-containers",
        (
            "show the CPU and memory usage of each container in pod $pod",
            "list the resource usage of pod $pod$where by container",
        ),
        "see what every single container of the $pod pod$where consumes",
        "kubectl top pod $pod --containers",
        extras=("bare",),
    ),
    Intent(
        "top-node",
        ("show the CPU and memory usage of node $node", "get the resource usage of the node $node"),
        "see how much CPU and memory the $node node$where uses at present",
        "kubectl top node $node",
        scope="context",
        extras=("bare",),
    ),
    Intent(
        "explain",
        ("explain the field $field", "show the documentation of the field $field"),
        "read what the API says about $field",
        "kubectl explain $field",
        scope="context",
    ),
    Intent(
        "explain-all",
        ("explain $section with all its fields recursively", "explain the fields of $section at every depth"),
        "read what the API says about $section down to the innermost field",
        "kubectl explain $section --recursive",
        scope="context",
    ),
    Intent(
        "diff",
        ("show how $file differs from what runs", "diff the file $file against the live objects"),
        "see what would change$where if $file were applied",
        "kubectl diff -f $file",
    ),
    Intent(
        "rollout-history",
        (
            "show revision $revision in the rollout history of deployment $name",
            "print the details of revision $revision of the rollout history of deployment $name",
        ),
        "see what revision $revision of the $name deployment$where looked like",
        "kubectl rollout history deployment/$name --revision=$revision",
        extras=("yaml", "json"),
    ),
)
