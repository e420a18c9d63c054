"""Intents that create something new: create and run."""

from __future__ import annotations

from medcot_tasks.kubernetes.intents.intent import Intent

_TRIAL = ("rehearsed", "previewed")
_SHOWN = (*_TRIAL, "yaml", "json")

CREATE: tuple[Intent, ...] = (
    Intent(
        "create-from-file",
        (
            "create the objects in $file$where, none of which may exist yet",
            "create the resources that $file defines$where, with an error for those that exist",
        ),
        "make what is written in $file$where from scratch and fail where it is there already",
        "kubectl create -f $file",
        extras=_SHOWN,
    ),
    Intent(
        "create-deployment",
        (
            "create a deployment $name$where with image $image and $replicas replicas",
            "create the deployment $name$where that runs $replicas replicas of $image",
        ),
        "start a new deployment called $name$where: $image, $replicas copies",
        "kubectl create deployment $name --image=$image --replicas=$replicas",
        extras=_SHOWN,
    ),
    Intent(
        "deployment-manifest",
        (
            "print the YAML of a new deployment $name$where with image $image from a dry run on the client",
            "generate a YAML manifest for deployment $name$where with image $image by a client dry run",
        ),
        "get the YAML for a $name deployment$where that runs $image, by a mere client dry run",
        "kubectl create deployment $name --image=$image --dry-run=client -o yaml",
    ),
    Intent(
        "create-configmap",
        (
            "create a configmap $name$where with the entry $setting",
            "create the configmap $name$where from the literal $setting",
        ),
        "store $setting in a new configmap called $name",
        "kubectl create configmap $name --from-literal=$setting",
        extras=_SHOWN,
    ),
    Intent(
        "create-configmap-from-env-file",
        (
            "create a configmap $name$where from the env file $name2.env",
            "create the configmap $name$where with the variables in $name2.env",
        ),
        "turn the lines of the env file $name2.env into a new configmap called $name",
        "kubectl create configmap $name --from-env-file=$name2.env",
        extras=_SHOWN,
    ),
    Intent(
        "create-secret",
        (
            "create a generic secret $name$where from the file $file",
            "create the generic secret $name$where with the contents of $file",
        ),
        "store the file $file in a new generic secret called $name",
        "kubectl create secret generic $name --from-file=$file",
        extras=_SHOWN,
    ),
    Intent(
        "create-tls-secret",
        (
            "create a TLS secret $name$where from $name2.crt and $name2.key",
            "create the TLS secret $name$where with certificate $name2.crt and key $name2.key",
        ),
        "store the certificate $name2.crt and its key $name2.key in a new TLS secret called $name",
        "kubectl create secret tls $name --cert=$name2.crt --key=$name2.key",
        extras=_SHOWN,
    ),
    Intent(
        "create-namespace",
        ("create a namespace $name", "create the namespace $name"),
        "set up a new namespace called $name",
        "kubectl create namespace $name",
        scope="context",
        extras=_SHOWN,
    ),
    Intent(
        "create-job",
        (
            "create a job $name$where with image $image that runs $program",
            "create the job $name$where that runs the command $program in $image",
        ),
        "run $program once in $image as a new job called $name",
        "kubectl create job $name --image=$image -- $program",
        extras=_SHOWN,
    ),
    Intent(
        "create-job-from-cronjob",
        (
            "create a job $name$where from the cronjob $name2",
            "create the job $name$where as a manual run of the cronjob $name2",
        ),
        "trigger the $name2 cronjob$where right now as a job called $name",
        "kubectl create job $name --from=cronjob/$name2",
        extras=_SHOWN,
    ),
    Intent(
        "create-cronjob",
        (
            "create a cronjob $name$where with image $image that runs every day at $hour:00",
            "create the cronjob $name$where that starts $image daily at $hour:00",
        ),
        "have $image run at $hour:00 each day as a cronjob called $name",
        'kubectl create cronjob $name --image=$image --schedule="0 $hour * * *"',
        extras=_SHOWN,
    ),
    Intent(
        "create-serviceaccount",
        ("create a service account $name", "create the service account $name"),
        "set up a new service account called $name",
        "kubectl create serviceaccount $name",
        extras=_SHOWN,
    ),
    Intent(
        "create-role",
        (
            "create a role $name$where that may $action $kind",
            "create the role $name$where with the verb $action on $kind",
        ),
        "define a role called $name$where which allows its holders to $action $kind",
        "kubectl create role $name --verb=$action --resource=$kind",
        extras=_SHOWN,
    ),
    Intent(
        "create-rolebinding",
        (
            "create a role binding $name$where that gives role $name2 to user $user",
            "bind the role $name2$where to user $user by a role binding $name",
        ),
        "grant user $user the role $name2$where through a role binding called $name",
        "kubectl create rolebinding $name --role=$name2 --user=$user",
        extras=_SHOWN,
    ),
    Intent(
        "create-clusterrolebinding",
        (
            "create a cluster role binding $name that gives the cluster role view to user $user$where",
            "bind the cluster role view to user $user by a cluster role binding $name",
        ),
        "grant user $user the cluster role view through a cluster role binding called $name",
        "kubectl create clusterrolebinding $name --clusterrole=view --user=$user",
        scope="context",
        extras=_SHOWN,
    ),
    Intent(
        "create-quota",
        (
            "create a quota $name$where of at most $amount pods",
            "create the resource quota $name$where that limits pods to $amount",
        ),
        "cap the number of pods$where at $amount with a quota called $name",
        "kubectl create quota $name --hard=pods=$amount",
        extras=_SHOWN,
    ),
    Intent(
        "create-service",
        (
            "create a ClusterIP service $name$where from port $port to target port $localport",
            "create the ClusterIP service $name$where that maps port $port to $localport",
        ),
        "set up a service of type ClusterIP called $name$where which leads from $port to $localport",
        "kubectl create service clusterip $name --tcp=$port:$localport",
        extras=_SHOWN,
    ),
    Intent(
        "create-ingress",
        (
            "create an ingress $name$where that routes exactly $name2.com/ to port $port of service $name2",
            "create the ingress $name$where with a rule from the exact path $name2.com/ to service $name2:$port",
        ),
        "lead requests for exactly $name2.com/ to port $port of service $name2$where by an ingress called $name",
        'kubectl create ingress $name --rule="$name2.com/=$name2:$port"',
        extras=_SHOWN,
    ),
    Intent(
        "create-pdb",
        (
            "create a disruption budget $name$where that keeps $least pods labeled $selector available",
            "create the pod disruption budget $name$where: at least $least available pods labeled $selector",
        ),
        "make sure by a disruption budget called $name$where that $least pods matching $selector stay up",
        "kubectl create pdb $name --selector=$selector --min-available=$least",
        extras=_SHOWN,
    ),
    Intent(
        "create-token",
        (
            "create a token for the service account $name$where that is valid for $hours hours",
            "request a token of service account $name$where with a duration of $hours hours",
        ),
        "issue the service account $name$where a token that expires after $hours hours",
        "kubectl create token $name --duration=${hours}h",
    ),
    Intent(
        "create-priorityclass",
        (
            "create a priority class $name$where with the value $amount",
            "create the priority class $name$where of value $amount",
        ),
        "define a priority class called $name$where worth $amount",
        "kubectl create priorityclass $name --value=$amount",
        scope="context",
        extras=_SHOWN,
    ),
    Intent(
        "run",
        (
            "run a pod $name$where with image $image and container port $port",
            "start a pod $name$where from image $image with container port $port",
        ),
        "launch $image as a single pod called $name$where whose container port is $port",
        "kubectl run $name --image=$image --port=$port",
        extras=_SHOWN,
    ),
    Intent(
        "run-with-env",
        (
            "run a pod $name$where with image $image and the environment variable $setting",
            "start a pod $name$where from image $image with $setting in its environment",
        ),
        "launch $image as a single pod called $name$where that sees $setting",
        "kubectl run $name --image=$image --env=$setting",
        extras=_SHOWN,
    ),
    Intent(
        "run-shell",
        (
            "run an interactive sh in a pod $name of $image$where, never restarted and removed at the end",
            "start a temporary pod $name$where from $image with an interactive sh and no restarts",
        ),
        "open sh at a terminal in a pod called $name$where made from $image, never restarted and gone on exit",
        "kubectl run $name -it --rm --image=$image --restart=Never -- sh",
    ),
)
