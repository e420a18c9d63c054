"""The names and other words in invented clusters. The last third of each pool is kept for `@unseen_range`."""

from __future__ import annotations

# fmt: off
APPS = (
    "billing", "catalog", "checkout", "ledger", "mailer", "search", "profile", "invoice", "basket", "courier",
    "gateway", "pricing", "review", "stock", "notify", "upload", "account", "parser", "router", "planner",
    "session", "payments", "metrics", "reports", "scanner", "loyalty", "voucher", "tracker", "shipping", "archive",
    "refunds", "tickets", "uploader", "coupon", "returns", "booking", "roster", "payroll", "digest", "survey",
    "crawler", "resizer", "vault", "audit", "forum", "wallet", "beacon", "locator",
)
IMAGES = (
    "tandrel", "quillgate", "mosswick", "fernby", "corvane", "ostrell", "brackton", "pellow", "dunmere",
    "larkhill", "wexbury", "grindle", "hollin", "sorrowby", "tamsin", "verrick", "yarrowby", "zellwick", "umbrel",
    "kestow", "jossam", "ivoryk", "norbeck", "eddick",
)
NAMESPACES = (
    "shop", "finance", "media", "support", "ops", "retail", "beta", "core", "studio", "demo", "stage", "trade",
)
HOSTS = (
    "maple", "cedar", "birch", "rowan", "alder", "hazel", "aspen", "willow", "larch", "juniper", "spruce",
    "linden",
)
WORKERS = tuple(f"worker-{number}" for number in range(1, 43))
CORES = ("2", "3", "4", "6", "8", "12")
CLASSES = (
    "fast-ssd", "standard", "bulk-hdd", "mirrored", "encrypted", "local-nvme", "archive-tape", "cold-hdd",
    "replicated",
)
PATHS = (
    "/api", "/shop", "/docs", "/login", "/media", "/admin", "/orders", "/users", "/feed", "/help", "/chat",
    "/cart", "/jobs", "/maps", "/news", "/team", "/blog", "/faq", "/press", "/games", "/music", "/photos",
    "/status", "/terms",
)
KEYS = (
    "web", "grpc", "stats", "admin", "health", "debug", "probe", "sync", "peer", "rpc", "events", "gossip",
    "proxy", "raft", "trace", "socket", "bridge", "relay", "mirror", "intake", "ops",
)
LOG_LEVELS = ("debug", "info", "warn", "error", "trace", "fatal")
HAPPENINGS = (
    "Pulled", "Created", "Started", "Scheduled", "Killing", "Pulling", "SandboxChanged", "TriggeredScaleUp",
    "SuccessfulAttachVolume",
)
TROUBLES = (
    "BackOff", "FailedMount", "Unhealthy", "FailedScheduling", "Evicted", "FailedPostStartHook",
    "FailedCreatePodSandBox", "FailedAttachVolume", "NetworkNotReady",
)
# fmt: on
"""Reasons of a pod's events of type Normal and Warning."""
