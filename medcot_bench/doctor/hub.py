"""Can the model hub be asked?"""

from __future__ import annotations

import os

from medcot_bench.doctor.finding import Finding

SECONDS = 5.0
"""How long an answer is waited for."""
WITHOUT = "models and data sets come from folders and caches"


def check_hub() -> Finding:
    """Return whether the hub answers, and whether there is a token; the token itself is shown nowhere."""
    from huggingface_hub import constants, get_session, get_token

    known = "with a token" if get_token() else "without a token: gated models can't be read"
    if constants.is_offline_mode():
        return Finding("note", "hub", f"not asked (HF_HUB_OFFLINE); {WITHOUT}")
    try:
        get_session().head(constants.ENDPOINT, timeout=SECONDS)
    except Exception as error:  # which HTTP client the hub library uses, and so what it raises, changes
        proxy = " (a proxy is set)" if any(name.lower().endswith("_proxy") for name in os.environ) else ""
        reason = f"no answer: {type(error).__name__}{proxy}"
        return Finding("note", "hub", f"{reason}; {WITHOUT}")
    return Finding("ok", "hub", f"answers, {known}")
