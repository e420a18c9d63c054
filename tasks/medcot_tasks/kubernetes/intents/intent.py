"""One thing to do with kubectl, in three wordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["namespace", "context", "none", "local"]
"""What a command depends on: a namespace, a cluster, no more than the kubeconfig, not even that."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A command with the sentences that ask for it.

    A wording is a verb phrase in the imperative, from a small letter on, without a full stop. `$name` and the
    like are filled in (`values.POOLS` lists the kinds; `$name2` is another of the kind); what the command holds
    stands in every wording. `$where` is the place of the clause that names a namespace or context, by default the
    end.
    """

    name: str
    seen: tuple[str, str]
    unseen: str
    command: str
    scope: Scope = "namespace"
    extras: tuple[str, ...] = ()
    """Options that a hard item may add, of `item.EXTRAS`."""
