"""What people ask kubectl for: task sentences with their commands, made without end."""

from medcot_tasks.kubernetes.intents.basic import BASIC
from medcot_tasks.kubernetes.intents.change import CHANGE
from medcot_tasks.kubernetes.intents.cluster import CLUSTER
from medcot_tasks.kubernetes.intents.create import CREATE
from medcot_tasks.kubernetes.intents.intent import Intent
from medcot_tasks.kubernetes.intents.look import LOOK
from medcot_tasks.kubernetes.intents.remove import REMOVE

INTENTS: tuple[Intent, ...] = (*LOOK, *CHANGE, *CREATE, *REMOVE, *CLUSTER)

__all__ = ["BASIC", "INTENTS"]
