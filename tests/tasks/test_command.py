"""Two kubectl commands are the same in any spelling, and never where a word, name, number or flag differs."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Callable
from itertools import islice, permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_tasks.bundled import Level
from medcot_tasks.kubernetes.command import holds_placeholder, read_command, same_command
from medcot_tasks.kubernetes.kubectl import Kubectl
from medcot_tasks.kubernetes.matching import can_pair_off
from medcot_tasks.kubernetes.shell import read_script

LEVELS: tuple[Level, ...] = ("basic", "hard")
SAME = [
    ("kubectl get pods -n web", "kubectl get po --namespace web"),
    ("kubectl get pods -n web", "kubectl -n=web get pod"),
    ("kubectl get pods -n web", "kubectl get pods --namespace=web"),
    ("kubectl get pods -n web", "kubectl get pods -nweb"),
    ("kubectl get pods -o yaml", "kubectl get -oyaml pods"),
    ("kubectl get pods -A -w", "kubectl get pods --all-namespaces=true --watch"),
    ("kubectl get pods -Aw", "kubectl get pods -w -A"),
    ("kubectl get deployment web", "kubectl get deploy/web"),
    ("kubectl get pods a b", "kubectl get pod/a po/b"),
    ("kubectl get svc,deploy", "kubectl get services,deployments"),
    ("kubectl get pods -l a=b,c=d", "kubectl get pods --selector=c=d,a=b"),
    ("kubectl get pods -l 'x in (a,b),c=d'", "kubectl get pods -l 'c=d,x in (a,b)'"),
    ("kubectl logs -p web-0 -c app", "kubectl logs pod/web-0 --previous --container=app"),
    ("kubectl logs -f web-0", "kubectl logs web-0 --follow"),
    ("kubectl logs -f web-0", "kubectl logs -f=true web-0"),
    ("kubectl patch svc web -p '{\"a\":1}'", 'kubectl patch service/web --patch "{\\"a\\":1}"'),
    ("kubectl exec -it web-0 -- sh", "kubectl exec web-0 --tty --stdin -- sh"),
    ("kubectl exec -it web-0 -- sh", "kubectl exec -ti web-0 -- sh"),
    (
        "kubectl create cm a --from-literal=x --from-literal=y",
        "kubectl create cm a --from-literal y --from-literal x",
    ),
    ("kubectl create role a --verb=get,list", "kubectl create role a --verb=list --verb=get"),
    ("kubectl create job a --from=cronjob/b", "kubectl create job a --from=cj/b"),
    ("kubectl run a --image=b -l x=1,y=2", "kubectl run a --labels=y=2,x=1 --image b"),
    ("kubectl set env deploy/web -c app A=1", "kubectl set env deployment web A=1 --containers=app"),
    ("kubectl set image deployment web app=web:2", "kubectl set image deploy/web app=web:2"),
    ("kubectl set serviceaccount deployment web bot", "kubectl set sa deploy/web bot"),
    ("kubectl label pod web-0 a=b", "kubectl label po/web-0 a=b"),
    ("kubectl top pods", "kubectl top po"),
    ("kubectl config use-context a", "kubectl config use a"),
    ("kubectl apply -k base", "kubectl apply --kustomize=base"),
    ("kubectl rollout status deployment web -n x", "kubectl rollout -n x status deploy/web"),
    ("kubectl events --for=pod/a", "kubectl events --for po/a"),
    ("kubectl auth can-i get pods", "kubectl auth can-i get po"),
    ("kubectl explain pod.spec", "kubectl explain pods.spec"),
    ("kubectl get pods -o 'wide'", 'kubectl get pods -o "wide"'),
    ("kubectl get pods \\\n  -o wide", "kubectl get pods -o wide"),
    ("kubectl get po\\\nds", "kubectl get pods"),
    ("kubectl wait --for=condition=Ready pod/a", "kubectl wait pod/a --for=condition=ready=true"),
    ("kubectl rollout status deployment web", "kubectl rollout status deploy/web -w"),
    ("kubectl expose deploy web --port=80", "kubectl expose deploy web --port=80 --protocol=TCP"),
    ("kubectl apply -k overlays/cache", "kubectl apply -k ./overlays/cache/"),
    ("kubectl create cm a --from-file=k=a.txt", "kubectl create cm a --from-file=k=./a.txt"),
    ("kubectl get pods | grep -v x", "kubectl get po | grep -v x"),
    ("kubectl get pods > a.txt", "kubectl get po >a.txt"),
    ("kubectl get pods", "$ kubectl get pods"),
    ("kubectl get pods", "`kubectl get pods`"),
    ("kubectl get pods", "```bash\nkubectl get pods\n```"),
    ("kubectl get pods", "```\n$ kubectl get pods\n```"),
    ("kubectl get pods", "Here it is:\nkubectl get pods\nIt's that simple."),
    ("kubectl get pods", "kubectl get pods  # all of them"),
    ("kubectl delete pod a\nkubectl get pods", "kubectl delete pod/a\n\nkubectl get po"),
    ("kubectl logs a --since=60m", "kubectl logs a --since 1h"),
    ("kubectl wait --for=delete pod/a --timeout=120s", "kubectl wait pod a --for=delete --timeout=2m"),
    ("kubectl get pods -l a=b", "kubectl get pods -l a==b"),
    ("kubectl autoscale sts a --max=3 --cpu-percent=60", "kubectl autoscale sts a --max=3 --cpu=60%"),
    ('kubectl patch job a -p \'{"a":{"b":1}}\'', 'kubectl patch job a -p \'{ "a": {"b": 1} }\''),
    ("kubectl patch job a -p '{\"a\":1}'", "kubectl patch job a -p '{\"a\":1}' --type=strategic"),
    ("kubectl rollout undo deployment/web", "kubectl rollout undo deployment.apps/web"),
    ("kubectl rollout undo deployment/web", "kubectl rollout undo deployments.v1.apps web"),
    ("kubectl scale deployment web --replicas=2", "kubectl scale deployment.apps/web --replicas=2"),
    ("kubectl logs deploy/web", "kubectl logs deployment.apps/web"),
    ("kubectl get ingress", "kubectl get ingresses.networking.k8s.io"),
    ("kubectl create role a --verb=get --resource=jobs", "kubectl create role a --verb=get --resource=jobs.batch"),
    ("kubectl cordon n", "kubectl cordon node/n"),
    ("kubectl uncordon n", "kubectl uncordon no/n"),
    ("kubectl drain n --ignore-daemonsets", "kubectl drain --ignore-daemonsets nodes/n"),
    ("kubectl cp a.txt web-0:/b -n x", "kubectl cp a.txt x/web-0:/b"),
    ("kubectl cp web-0:/b a.txt -n x", "kubectl cp -n y x/web-0:/b a.txt"),
    ("kubectl port-forward pod/a :80", "kubectl port-forward a 0:80"),
    ("kubectl get pods --sort-by=.metadata.name", "kubectl get pods --sort-by='{.metadata.name}'"),
    ("kubectl get pods --sort-by=.metadata.name", "kubectl get pods --sort-by metadata.name"),
    ("kubectl get pods --field-selector=a=b", "kubectl get pods --field-selector a==b"),
    ("kubectl get pods -o jsonpath='{.items}'", "kubectl get pods -o jsonpath={.items}"),
    ("kubectl get pods -o jsonpath='{.items[*]}'", 'kubectl get pods -o jsonpath="{.items[*]}"'),
    ("kubectl get pods -o jsonpath='{.items[*]}'", r"kubectl get pods -o jsonpath={.items\[\*\]}"),
    ('kubectl exec a -- echo "$HOME"', 'kubectl exec a -- echo "${HOME}"'),
    ('kubectl exec a -- echo "$HOME"', "kubectl exec a -- echo $HOME"),
    ("kubectl exec a -- echo '$HOME'", r'kubectl exec a -- echo "\$HOME"'),
    ("kubectl exec a -- echo '5$ a$.b'", 'kubectl exec a -- echo "5$ a$.b"'),
    ("kubectl logs web-0 -c app", "kubectl logs web-0 app"),
    ("kubectl events --types=Warning", "kubectl events --types warning"),
    ("kubectl get pods", "kubectl get Pod"),
    ("kubectl rollout undo deployment/web", "kubectl rollout undo Deployment web"),
    ("kubectl exec -it a -- sh", "kubectl exec -it a -- /bin/sh"),
    ("kubectl delete pod a", "kubectl delete pod a --wait --cascade=background"),
    ("kubectl delete pod a --force --grace-period=0", "kubectl delete pod a --force"),
    ("kubectl delete jobs --all", "kubectl delete jobs --all --ignore-not-found"),
    ("kubectl delete pods -l a=b", "kubectl delete pods -l a=b --ignore-not-found=true"),
    ("kubectl expose deploy web --port=80", "kubectl expose deploy/web --port=80 --name=web --type=ClusterIP"),
    ("kubectl run a --image=b", "kubectl run a --image=b --restart=Always"),
    ("kubectl apply -f a.yaml -f b.yaml", "kubectl apply -f ./a.yaml,./b.yaml"),
]

OTHERS = [
    ("kubectl logs a --since=60m", "kubectl logs a --since=60s"),
    ("kubectl logs a --since=60m", "kubectl logs a --since="),
    ("kubectl get pods -l a=b", "kubectl get pods -l a!=b"),
    ("kubectl autoscale sts a --max=3 --cpu-percent=60", "kubectl autoscale sts a --max=3 --cpu=60"),
    ("kubectl patch job a -p '{\"a\":1}'", "kubectl patch job a -p '{\"a\":2}'"),
    ("kubectl patch job a -p '{\"a\":1}'", 'kubectl patch job a -p \'{"a":"1"}\''),
    ("kubectl get pods", "kubectl describe pods"),
    ("kubectl get pods", "kubectl get services"),
    ("kubectl get pods", "kubectl get"),
    ("kubectl get pods", "kubectl get pods -n web"),
    ("kubectl get pods -n web", "kubectl get pods"),
    ("kubectl get pods -n web", "kubectl get pods -n webs"),
    ("kubectl get pods -n web", "kubectl get pods web"),
    ("kubectl get pods -n web", "kubectl get pods -n"),
    ("kubectl get pods -n web", "kubectl get pods -A"),
    ("kubectl get pods a b", "kubectl get pods b a"),
    ("kubectl get pods -o wide", "kubectl get pods -o wide -o yaml"),
    ("kubectl get pods -w", "kubectl get pods --watch=false"),
    ("kubectl get pods -l a=b,c=d", "kubectl get pods -l a=b"),
    ("kubectl get pods -l a=b", "kubectl get pods -l a=b -l a=b"),
    ("kubectl get pods -l 'x in (a,b),c=d'", "kubectl get pods -l 'x in (a),b,c=d'"),
    ("kubectl rollout status deployment web", "kubectl rollout -n x status deploy/web"),
    ("kubectl logs -p web-0", "kubectl logs -f web-0"),
    ("kubectl logs web-0 --tail=20", "kubectl logs web-0 --tail=200"),
    ("kubectl logs web-0 app", "kubectl logs app web-0"),
    ("kubectl exec web-0 -- ls -l", "kubectl exec web-0 -l -- ls"),
    ("kubectl exec web-0 -- ls -l /a", "kubectl exec web-0 -- ls /a -l"),
    ("kubectl exec web-0 -- ls", "kubectl exec web-0 ls"),
    ("kubectl cp a web-0:b", "kubectl cp web-0:b a"),
    ("kubectl delete pod web", "kubectl delete pod web --force"),
    ("kubectl delete pod a", "kubectl delete deployment/a"),
    ("kubectl create deployment a --image=b", "kubectl create deployments a --image=b"),
    ("kubectl create cm a --from-literal=x=1", "kubectl create cm a --from-literal=x=2"),
    ("kubectl apply -f a.yaml", "kubectl apply -k a.yaml"),
    ("kubectl apply -f a.yaml", "kubectl create -f a.yaml"),
    ("kubectl apply -f a.yaml", "kubectl apply view-last-applied -f a.yaml"),
    ("kubectl label pod a x=y", "kubectl label pod a x-"),
    ("kubectl taint nodes a x=y:NoSchedule", "kubectl taint nodes a x=y:NoExecute"),
    ("kubectl create deployment a --image=b --dry-run=client", "kubectl create deployment a --image=b --dry-run"),
    ("kubectl get pods", "get pods"),
    ("kubectl get pods", "kubectlget pods"),
    ("kubectl get pods", "kubectl get pods 'x"),
    ("kubectl get pods", "kubectl get pods | head"),
    ("kubectl get pods", "kubectl get pods > a.txt"),
    ("kubectl get pods", "kubectl get pods; kubectl delete pods --all"),
    ("kubectl get pods", "kubectl get pods &&"),
    ("kubectl get pods", "kubectl get pods &"),
    ("kubectl get pods | grep a", "kubectl get pods '|' grep a"),
    ("kubectl get pods | grep a -v", "kubectl get pods | grep -v a"),
    ("kubectl get pods && date", "kubectl get pods || date"),
    ("kubectl delete pod a\nkubectl get pods", "kubectl delete pod a"),
    ("kubectl get pods", ""),
    ("kubectl get pods <name>", "kubectl get pods web"),
    ("kubectl patch job a -p '{\"a\":1}'", "kubectl patch job a -p '{\"a\":1}' --type=merge"),
    ("kubectl get deployment web", "kubectl get deployment.extensions web"),
    ("kubectl get hpa web", "kubectl get hpa.v1.autoscaling web"),
    ("kubectl cordon n", "kubectl cordon pod/n"),
    ("kubectl cordon n", "kubectl cordon node n"),
    ("kubectl drain n", "kubectl drain node/m"),
    ("kubectl cp a.txt web-0:/b -n x", "kubectl cp a.txt y/web-0:/b -n x"),
    ("kubectl cp a.txt web-0:/b", "kubectl cp a.txt x/web-0:/b"),
    ("kubectl port-forward pod/a :80", "kubectl port-forward pod/a 80:80"),
    ("kubectl get pods --sort-by=.metadata.name", "kubectl get pods --sort-by=.metadata.names"),
    ("kubectl apply -f '*.json'", "kubectl apply -f *.json"),
    ("kubectl apply -f a?.json", 'kubectl apply -f "a?.json"'),
    ("kubectl apply -f [ab].json", r"kubectl apply -f \[ab].json"),
    ("kubectl apply -f {a,b}.json", "kubectl apply -f '{a,b}.json'"),
    ("kubectl apply -f a{1..3}.json", "kubectl apply -f 'a{1..3}.json'"),
    ("kubectl apply -f ~/a.json", "kubectl apply -f '~/a.json'"),
    ("kubectl exec a -- echo '$HOME'", 'kubectl exec a -- echo "$HOME"'),
    ("kubectl exec a -- echo '$HOME'", "kubectl exec a -- echo $HOME"),
    ("kubectl exec a -- echo '`date`'", 'kubectl exec a -- echo "`date`"'),
    ("kubectl exec a -- echo '$(date)'", 'kubectl exec a -- echo "$(date)"'),
    ('kubectl exec a -- echo "$HOM"E', 'kubectl exec a -- echo "$HOME"'),
    ("kubectl exec a -- echo $'HOME'", "kubectl exec a -- echo $HOME"),
    ("kubectl get pods > '*.txt'", "kubectl get pods > *.txt"),
    ("kubectl apply -f '\0*.json'", "kubectl apply -f *.json"),
    ("kubectl logs web-0 -c app", "kubectl logs web-0 web"),
    ("kubectl logs web-0 -c app", "kubectl logs web-0 app -c app"),
    ("kubectl exec a -- ls sh", "kubectl exec a -- ls /bin/sh"),
    ("kubectl exec a -- sh", "kubectl exec a -- bash"),
    ("kubectl delete pod a", "kubectl delete pod a --ignore-not-found"),
    ("kubectl delete pod a", "kubectl delete pod a --wait=false"),
    ("kubectl delete pod a", "kubectl delete pod a --grace-period=0"),
    ("kubectl delete pod a --cascade=orphan", "kubectl delete pod a"),
    ("kubectl delete pod a --cascade=orphan", "kubectl delete pod a --cascade=background"),
    ("kubectl drain a --force --grace-period=0", "kubectl drain a --force"),
    ("kubectl expose deploy web --port=80", "kubectl expose deploy web --port=80 --name=other"),
    ("kubectl run a --image=b", "kubectl run a --image=b --restart=Never"),
]

WITH_PLACEHOLDERS = [
    ("kubectl delete pod <pod_name>", "kubectl delete pod/web-0", True),
    ("kubectl delete pod <pod_name>", "kubectl delete pod <name>", True),
    ("kubectl delete pod <pod_name>", "kubectl delete pod NAME", True),
    ("kubectl delete pod <pod_name>", "kubectl delete pod {{pod}}", True),
    ("kubectl delete pod <pod_name>", "kubectl delete pod --all", False),
    ("kubectl delete pod <pod_name>", "kubectl delete pod", False),
    ("kubectl delete pod <pod_name>", "kubectl delete pod a b", False),
    ("kubectl delete pod <pod_name>", "kubectl delete service a", False),
    ("kubectl get pods --namespace=<ns>", "kubectl get pods -n web", True),
    ("kubectl get pods --namespace=<ns>", "kubectl get pods", False),
    ("kubectl label pods <pod> <key>=<value>", "kubectl label pod a b=c", True),
    ("kubectl label pods <pod> <key>=<value>", "kubectl label pod a b-", False),
    ("kubectl label pods <pod> <key>=<value>", "kubectl label pod a b=c=d", False),
    ("kubectl cp <path/to/file> <pod>:/<path>", "kubectl cp ./a.txt web-0:/tmp/a.txt", True),
    ("kubectl cp <path/to/file> <pod>:/<path>", "kubectl cp ./a.txt ns/web-0:/tmp/a.txt", False),
    ("kubectl set image deploy/<d> <c>=<image>", "kubectl set image deployment web app=x.io/web:2", True),
    ("kubectl taint nodes <node> <key>-", "kubectl taint nodes a b:NoSchedule-", False),
    ("kubectl top pod POD_NAME -n NAMESPACE", "kubectl top pods web-0 --namespace=x", True),
    ("kubectl set env deploy/web KEY=VALUE", "kubectl set env deploy/web A=b", True),
    ("kubectl set env deploy/web ENV=prod", "kubectl set env deploy/web A=prod", False),
    ("kubectl get pod {{name}}", "kubectl get pod web", True),
    ("kubectl get pod a --template={{.status.phase}}", "kubectl get pod a --template=x", False),
    ("kubectl create cm a --user=<k> --user=b", "kubectl create cm a --user=b --user=c", True),
    ("kubectl top <pods|nodes>", "kubectl top nodes", True),
    ("kubectl kustomize <dir> > <output.yaml>", "kubectl kustomize base > out.yaml", True),
    ("kubectl cordon <node1 node2 ...>", "kubectl cordon 'a b'", False),
    ("kubectl cordon <node>", "kubectl cordon node/a", True),
    ("kubectl cordon <node>", "kubectl cordon $NODE", True),
    ("kubectl cordon <node>", "kubectl cordon a-${N}-b", True),
    ("kubectl delete pod <pod>", "kubectl delete pod *", False),
    ("kubectl delete pod <pod>", "kubectl delete pod $(date)", False),
    ("kubectl cp <file> <namespace>/<pod>:<path>", "kubectl cp a.txt web-0:/tmp/a -n x", True),
    ("kubectl delete pod <a>-<b>", "kubectl delete pod x-y-z", True),
    ("kubectl delete pod <a>-<b>", "kubectl delete pod x-", False),
    ("kubectl expose deploy <name> --name=<service>", "kubectl expose deploy web --name=web", True),
    ("kubectl expose deploy <name> --name=<service>", "kubectl expose deploy web", False),
    ("kubectl expose deploy web --type=<type>", "kubectl expose deploy web --type=ClusterIP", True),
    (
        "kubectl create cm a --from-file=<file> --from-file=<k>",
        "kubectl create cm a --from-file=/x --from-file=y",
        True,
    ),
    (
        "kubectl create cm a --from-file=<file> --from-file=<k>",
        "kubectl create cm a --from-file=<file> --from-file=/x",
        True,
    ),
]

SHELLISH_NAMES = st.text(st.sampled_from(list("ab./:1")), min_size=1, max_size=5)
SQUARES = st.integers(0, 5).flatmap(
    lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=n, max_size=n)
)
COMMANDS = [example.answer for level in LEVELS for example in islice(Kubectl(level=level).examples("train"), 300)]


@pytest.mark.parametrize(("gold", "other"), SAME)
def test_spellings_of_one_command_are_the_same(gold: str, other: str) -> None:
    assert same_command(gold, other)
    assert same_command(gold, gold)


@pytest.mark.parametrize(("gold", "other"), OTHERS)
def test_other_commands_are_different(gold: str, other: str) -> None:
    assert not same_command(gold, other)


@pytest.mark.parametrize(("gold", "other", "same"), WITH_PLACEHOLDERS)
def test_a_placeholder_takes_one_plain_word_or_a_part_of_one(gold: str, other: str, same: bool) -> None:
    assert same_command(gold, other, placeholders=True) is same


def test_many_placeholders_each_find_their_own() -> None:
    """Neither flags nor parts of a word may be tried in every order: that would not come to an end."""
    flags = [f"--from-literal=<key{n}>=v{n}" for n in range(12)]
    given = [f"--from-literal=k{n}=v{n}" for n in range(12)]
    gold = " ".join(["kubectl create cm a", *flags])
    assert same_command(gold, " ".join(["kubectl create cm a", *reversed(given)]), placeholders=True)
    given[-1] = "--from-literal=k11=other"
    assert not same_command(gold, " ".join(["kubectl create cm a", *given]), placeholders=True)
    loose = " ".join(["kubectl create cm a", *(f"--from-literal=<k{n}>" for n in range(12))])
    assert not same_command(loose, " ".join(["kubectl create cm a", *given]), placeholders=True)
    word = "-".join(["<part>"] * 12)
    assert same_command(f"kubectl get pod {word}", f"kubectl get pod {'-'.join('a' * 60)}", placeholders=True)
    assert not same_command(f"kubectl get pod {word}", f"kubectl get pod {'-'.join('a' * 60)}=", placeholders=True)


@given(
    st.permutations(range(12)), st.integers(0, 11), st.sampled_from(["kubectl create cm a", "kubectl get pods -w"])
)
def test_twelve_placeholders_find_their_own_in_any_order(order: list[int], wrong: int, start: str) -> None:
    gold = " ".join([start, *(f"--from-literal=<k{n}>=v{n % 3}" for n in range(12))])
    given = [f"--from-literal=a{n}=v{n % 3}" for n in order]
    assert same_command(gold, " ".join([start, *given]), placeholders=True)
    given[wrong] = "--from-literal=a=v3"
    assert not same_command(gold, " ".join([start, *given]), placeholders=True)


@given(st.lists(st.text(st.sampled_from("ab-"), min_size=1, max_size=8), min_size=12, max_size=12), st.booleans())
def test_twelve_placeholders_in_a_word_are_told_apart(parts: list[str], changed: bool) -> None:
    gold = ".".join(f"<p{n}>" for n in range(12))
    word = ".".join(f"x{part}" for part in parts) + "=" * changed
    assert same_command(f"kubectl get pod {gold}", f"kubectl get pod {word}", placeholders=True) is not changed


@given(SQUARES)
def test_pairs_are_found_where_there_are_any(fit: list[list[bool]]) -> None:
    places = range(len(fit))
    found = can_pair_off(places, places, lambda one, other: fit[one][other])
    assert found is any(all(fit[n][place] for n, place in enumerate(order)) for order in permutations(places))


@given(
    st.sampled_from(["*", "$HOME", "a?", "`date`", "$(id)", "{a,b}", "~", "[ab]"]), SHELLISH_NAMES, SHELLISH_NAMES
)
def test_quotes_matter_where_the_shell_expands(special: str, before: str, after: str) -> None:
    word = (before if special != "~" else "") + special + after
    assert not same_command(f"kubectl apply -f {word}", f"kubectl apply -f '{word}'")
    assert same_command(f"kubectl apply -f {before}{after}", f"kubectl apply -f '{before}{after}'")


def test_placeholders_in_the_gold_mean_nothing_unless_asked_for() -> None:
    assert not same_command("kubectl delete pod NAME", "kubectl delete pod web")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("kubectl get pods -n <namespace>", True),
        ("kubectl run <name> --env '<KEY>=x'", True),
        ("kubectl top node NODE_NAME", True),
        ("kubectl get pods > out.yaml", False),
        ("kubectl set env deploy/a LOG=debug", False),
        ("kubectl expose rc a --port=1 --protocol=UDP", False),
        ("kubectl get pod a --template={{.status.phase}}", False),
        ("not a command <x>", False),
    ],
)
def test_placeholders_are_found(text: str, holds: bool) -> None:
    assert holds_placeholder(text) is holds


COMMENT = re.compile(r"\s#")
SHELLISH = st.text(st.sampled_from(list("kubectl -=/,:'\"`\\$<>|&;#\n\t{}()aA1.*é\x00")), max_size=60)


@given(st.one_of(st.text(), SHELLISH, SHELLISH.map("kubectl ".__add__)), SHELLISH)
def test_no_text_makes_the_reader_raise_and_every_text_is_itself(text: str, other: str) -> None:
    for placeholders in (False, True):
        read_command(text, placeholders=placeholders)
        assert same_command(text, text, placeholders) or read_command(text) is None
        same_command(f"kubectl {text}", f"kubectl {other}", placeholders)
    holds_placeholder(text)


@given(st.text(st.sampled_from(list("ab-='\"\\ \t.#")), max_size=30).filter(lambda text: not COMMENT.search(text)))
def test_words_are_the_shells(text: str) -> None:
    script = read_script(f"x{text}")
    try:
        words = shlex.split(f"x{text}")
    except ValueError:
        assert script is None
    else:
        assert script is not None
        assert list(script.segments[0].words) == words


def parts(command: str) -> tuple[list[str], list[str], list[str]]:
    """Verb and arguments, flags, and what follows `--`, of one of our own commands."""
    words = shlex.split(command)
    border = words.index("--") if "--" in words else len(words)
    arguments: list[str] = []
    flags: list[list[str]] = []
    for word in words[1:border]:
        if word.startswith("-") and len(word) > 1:
            flags.append([word])
        elif flags and flags[-1] in (["-n"], ["-l"], ["-o"], ["-f"], ["-k"], ["-c"], ["-p"], ["-L"]):
            flags[-1].append(word)
        else:
            arguments.append(word)
    if words[1] == "logs":
        arguments += [flag.pop() for flag in flags if flag[0] == "-f" and len(flag) > 1]
    return arguments, [shlex.join(flag) for flag in flags], words[border:]


@given(st.sampled_from(COMMANDS), st.randoms())
def test_flags_may_stand_in_any_order_and_spelling(command: str, rng: random.Random) -> None:
    arguments, flags, remote = parts(command)
    spelt = []
    for flag in flags:
        name, equals, value = flag.partition("=")
        if flag.startswith("-n "):
            flag = rng.choice(["--namespace ", "--namespace=", "-n", "-n="]) + flag[3:]
        elif flag.startswith("-l "):
            flag = rng.choice(["--selector ", "--selector=", "-l"]) + flag[3:]
        elif (
            equals
            and name.startswith("--")
            and name not in ("--dry-run", "--cascade")
            and value not in ("true", "false")
        ):
            flag = rng.choice([flag, f"{name} {value}"])
        spelt.append(flag)
    rng.shuffle(spelt)
    places = [("a", shlex.quote(word)) for word in arguments]
    for flag in spelt:
        places.insert(rng.randint(1, len(places)), ("f", flag))
    written = " ".join(["kubectl", *(text for _, text in places), shlex.join(remote)])
    assert same_command(command, written), written


def change_word(words: list[str], at: int, rng: random.Random) -> None:
    words[at] += rng.choice(["x", "-1", "7"])


def drop_word(words: list[str], at: int, rng: random.Random) -> None:
    del words[at]


def add_flag(words: list[str], at: int, rng: random.Random) -> None:
    border = words.index("--") if "--" in words else len(words)
    words.insert(border, rng.choice(["--wait=false", "--kubeconfig=x", "--force-conflicts", "-A", "--stderr"]))


def add_word(words: list[str], at: int, rng: random.Random) -> None:
    words.append("surplus")


def other_verb(words: list[str], at: int, rng: random.Random) -> None:
    words[1] = rng.choice(sorted({"get", "delete", "describe", "apply", "scale", "logs"} - {words[1]}))


def other_number(words: list[str], at: int, rng: random.Random) -> None:
    places = [n for n, word in enumerate(words) if n and any(letter.isdigit() for letter in word)]
    at = rng.choice(places or [at])
    word = words[at]
    digits = [n for n, letter in enumerate(word) if letter.isdigit()]
    if not digits:
        words[at] += "1"
        return
    n = rng.choice(digits)
    words[at] = word[:n] + str((int(word[n]) + rng.randint(1, 9)) % 10) + word[n + 1 :]


MUTATIONS: list[Callable[[list[str], int, random.Random], None]] = [
    change_word,
    drop_word,
    add_flag,
    add_word,
    other_verb,
    other_number,
]


@given(st.sampled_from(COMMANDS), st.sampled_from(MUTATIONS), st.randoms())
def test_a_changed_command_is_never_accepted(
    command: str, mutate: Callable[[list[str], int, random.Random], None], rng: random.Random
) -> None:
    words = shlex.split(command)
    mutate(words, rng.randrange(1, len(words)), rng)
    if mutate is add_flag and words.count("-A") > 1:
        return
    if mutate is drop_word and set(shlex.split(command)) - set(words) == {"--grace-period=0"}:
        return  # a forced deletion has none anyway
    if mutate is drop_word and words[1:2] == ["logs"] and set(shlex.split(command)) - set(words) == {"-c"}:
        return  # kubectl logs POD CONTAINER
    changed = shlex.join(words)
    assert not same_command(command, changed), changed
    assert not same_command(changed, command), changed


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("completion", "score"),
    [("{gold}", 1.0), ("$ {gold}", 1.0), ("{gold} --quiet", 0.0), ("I don't know.", None), ("", None)],
)
def test_completions_are_scored(level: Level, completion: str, score: float | None) -> None:
    task = Kubectl(level=level)
    for example in islice(task.examples("eval"), 100):
        assert task.score(example, completion.format(gold=example.answer)) == {"answer": score}


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_real_commands_are_themselves_and_not_each_other(real_data: Path, step: int) -> None:
    rows = (real_data / "kubernetes" / "kubectl.jsonl").read_text(encoding="utf-8").splitlines()
    golds = sorted({json.loads(row)["answer"] for row in rows})[::step]
    for gold in golds:
        assert same_command(gold, gold, holds_placeholder(gold)), gold
    exact = [gold for gold in golds if not holds_placeholder(gold)]
    spellings = {(one, other) for one in exact for other in exact if one < other and same_command(one, other)}
    assert len(spellings) <= 10, "commands that the file spells in two ways"
