"""What another value of one nginx setting means to clients and origins: a verdict, and words without the place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pipeline.review.model import Verdict

LONGEST = 80


class Judgement(NamedTuple):
    """A finding before it has a place."""

    rule: str
    verdict: Verdict
    text: str
    mend: str = ""


# Settings whose smaller value refuses or ends what was served: what people call them, and what is felt.
LIMITS = {
    "client_max_body_size": ("largest request body", "larger ones get 413"),
    "proxy_connect_timeout": ("time to connect to the origin", "slower origins get clients 504"),
    "proxy_read_timeout": ("longest silence of the origin (read_timeout)", "slower answers become 504"),
    "proxy_send_timeout": ("longest silence of the origin (read_timeout)", "slower answers become 504"),
    "limit_req": ("rate limit of each client", "more requests get 429"),
    "limit_conn": ("number of requests of one client at a time", "more get 429"),
    "client_header_timeout": ("time for a request's header", "slower clients are let go"),
    "client_body_timeout": ("longest silence of a client in a request", "slower clients are let go"),
    "send_timeout": ("longest silence of a client that reads an answer", "slower clients are let go"),
    "large_client_header_buffers": ("room for a request's header", "larger ones get 400 or 414"),
    "keepalive_timeout": ("idle time of a client's connection", "connections end earlier"),
    "keepalive_requests": ("requests of one connection", "connections end earlier"),
    "worker_shutdown_timeout": ("time that requests get when a task stops", "longer ones are cut off"),
    "proxy_timeout": ("longest silence of a connection", "connections end earlier"),
    "preread_timeout": ("time for a TLS greeting", "slower clients are let go"),
}
# Present is tighter than absent; all others have a value of nginx's own where they are absent.
_FROM_NONE = ("limit_req", "limit_conn")
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "r/s": 1.0, "r/m": 1 / 60}
_SIZES = {"": 1.0, "k": 1024.0, "m": 1024.0**2, "g": 1024.0**3}
_AMOUNT = re.compile(r"(?:burst=)?(\d+)([a-z/]*)", re.IGNORECASE)
PLAIN = {
    ("proxy_cache", "answers"): "answers are kept as far as the origin allows it",
    ("proxy_cache", "off"): "answers are not kept any more",
    ("proxy_cache", None): "answers are not kept any more",
    ("proxy_buffering", "off"): "answers are passed on as they come (streaming)",
    ("proxy_buffering", "on"): "answers are collected before they are passed on (no streaming)",
    ("proxy_buffering", None): "answers are collected before they are passed on (no streaming)",
}
# Headers of answers with which a site protects its clients.
PROTECTING = re.compile(
    r"strict-transport-security|content-security-policy.*|x-frame-options|x-content-type-options|referrer-policy|permissions-policy"
    r"|cross-origin-.*|access-control-.*|set-cookie|clear-site-data",
    re.IGNORECASE,
)
# What keeps clients and origins from being deceived, by the name of the setting.
GUARDS = re.compile(
    r"if |return$|rewrite$|auth_|load_module|(?:stream )?(?:allow|deny)$"
    r"|(?:stream )?(?:server |resolver|js_|include|access_log|error_log|set_real_ip_from|real_ip_)"
    r"|underscores_in_headers|ignore_invalid_headers|merge_slashes|server_tokens|absolute_redirect|error_page|proxy_ignore_headers"
    r"|passed answer header |proxy_next_upstream$|proxy_pass_request|proxy_cache_(?:key|bypass)|proxy_no_cache"
    r"|map .*\$(?:upgrade|connection_to_origin|names_headers|has_fragment|unclear)$"
)
# They say the same as another setting that changes with them.
ECHOES = {
    "proxy_ssl_certificate_key": "proxy_ssl_certificate",
    "request header Connection": "request header Upgrade",
    "hidden answer header Upgrade": "request header Upgrade",
    "answer header Retry-After": "limit_req",
    "answer header Allow": "methods",
    "proxy_redirect": "set $origin_host",
    "proxy_cookie_domain": "set $origin_host",
}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Name -> both values, without what another difference says already."""
    if before == after:
        return {}
    names = sorted({key for key, _ in before.items() ^ after.items()})
    found = {key: (before.get(key), after.get(key)) for key in names}
    told = {key for key in found if ECHOES.get(key) in found}
    told |= {key for key in found if key.startswith("hidden answer header ") and key.removeprefix("hidden ") in found}
    if "rewrite" in found:
        told.add("proxy_redirect")
    return {key: values for key, values in found.items() if key not in told}


def judged(key: str, before: str | None, after: str | None) -> Iterator[Judgement]:
    name, _, header = key.partition(" header ")
    if key in LIMITS:
        yield _limit(key, before, after)
    elif key == "methods":
        yield from _methods(before, after)
    elif key == "rewrite":
        yield Judgement("route-changed", "risky", f"the origin gets {rewritten(after)} instead of {rewritten(before)}")
    elif key == "set $origin_host":
        yield Judgement("route-changed", "risky", f"the origin is asked as host {_shown(after)} instead of {_shown(before)}")
    elif "_ssl_" in key:
        yield _trust(key, before, after)
    elif key == "request header Upgrade" and "$upgrade" in (before, after):
        on = after == "$upgrade"
        words = "clients may upgrade to WebSocket" if on else "WebSocket connections are refused"
        yield Judgement("proxy-setting", "safe", words) if on else Judgement("route-refused", "risky", words)
    elif name == "answer":
        yield _answer_header(header, before, after)
    elif (key, after) in PLAIN:
        yield Judgement("proxy-setting", "safe", PLAIN[key, after])
    elif GUARDS.match(key):
        yield Judgement("proxy-guard", "risky", difference(key, before, after))
    else:
        yield Judgement("proxy-setting", "safe", difference(key, before, after))


def difference(key: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"{key} {_shown(after)} is new" if after else f"{key} is new"
    if after is None:
        return f"{key} {_shown(before)} is gone" if before else f"{key} is gone"
    return f"{key} {_shown(before)} -> {_shown(after)}"


def rewritten(value: str | None) -> str:
    """The first pattern of a rewrite in plain words: /api/2019/ for /v1/."""
    if value is None:
        return "the path as clients write it"
    for line in value.split("; "):
        pattern, _, to = line.partition(" -> ")
        if pattern.startswith("~^"):
            plain = re.sub(r"\\(.)", r"\1", pattern.removeprefix("~^").removesuffix("(.*)$").removesuffix(r"(\?.*)?$"))
            return f"{_shown(to.removesuffix('$1'))} for {_shown(plain)}"
    return _shown(value)


def tighter(key: str, before: str | None, after: str | None) -> bool:
    """Also where it cannot be told."""
    if before is None or after is None:
        return after is not None or key not in _FROM_NONE
    old, new = _amounts(key, before), _amounts(key, after)
    return len(old) != len(new) or not old or any(one < other for one, other in zip(new, old, strict=True))


def _limit(key: str, before: str | None, after: str | None) -> Judgement:
    name, felt = LIMITS[key]
    so_far = "there was none" if before is None else f"so far {before}"
    text = f"{name} is {after} from now on, {so_far}" if after else f"{name} has no limit any more, {so_far}"
    if tighter(key, before, after):
        return Judgement("client-limit-tightened", "risky", f"{text}: {felt}")
    return Judgement("proxy-setting", "safe", text)


def _amounts(key: str, value: str) -> list[float]:
    """Numbers with their units, the larger the looser; none where a word is no amount."""
    units = _SIZES if key in ("client_max_body_size", "large_client_header_buffers") else _UNITS
    words = [word for word in value.split() if word != "nodelay"]
    found = [_AMOUNT.fullmatch(word) for word in words]
    amounts = [float(one[1]) * units[one[2].lower()] for one in found if one and one[2].lower() in units]
    if len(amounts) != len(words):
        return []
    if key == "client_max_body_size":
        # nginx takes 0 for no limit.
        return [one or float("inf") for one in amounts]
    if key == "limit_req":
        return [*amounts, *([] if "burst=" in value else [0.0]), float("nodelay" in value)]
    return amounts


def _methods(before: str | None, after: str | None) -> Iterator[Judgement]:
    old, new = (None if value is None else value.split(", ") for value in (before, after))
    if new is not None:
        gone = None if old is None else [one for one in old if one not in new]
        if gone is None:
            yield Judgement("route-refused", "risky", f"only {after} is served; other methods get 405")
        elif gone:
            yield Judgement("route-refused", "risky", f"{', '.join(gone)} is refused with 405")
    if old is not None:
        come = None if new is None else [one for one in new if one not in old]
        if come is None:
            yield Judgement("route-opened", "risky", f"all methods are served, not only {before}")
        elif come:
            yield Judgement("route-opened", "risky", f"{', '.join(come)} is served, too")
    if old and new and old != new and set(old) == set(new):
        yield Judgement("proxy-setting", "safe", difference("methods", before, after))


def _trust(key: str, before: str | None, after: str | None) -> Judgement:
    if key == "proxy_ssl_certificate" and before is None:
        return Judgement("proxy-setting", "safe", "the proxy shows the origin a certificate of its own")
    words = {
        "proxy_ssl_verify": "the origin's certificate is no longer checked" if after != "on" else "the origin's certificate is checked",
        "proxy_ssl_name": f"the origin's certificate must be for {_shown(after)} instead of {_shown(before)}",
        "proxy_ssl_trusted_certificate": f"the origin's certificate is checked against {_authority(after)} instead of {_authority(before)}",
        "proxy_ssl_certificate": "the proxy shows the origin another certificate" if after else "the proxy shows the origin no certificate",
    }
    return Judgement("origin-trust", "risky", words.get(key, f"trust in the origin: {difference(key, before, after)}"))


def _authority(file: str | None) -> str:
    name = (file or "nothing").rpartition("/")[2]
    return "the public authorities" if name == "ca-certificates.crt" else name


def _answer_header(header: str, before: str | None, after: str | None) -> Judgement:
    weaker = before is not None and PROTECTING.fullmatch(header)
    old, new = (None if value is None else value.removesuffix(" always") for value in (before, after))
    text = difference(f"header {header} of answers", old, new)
    if after is None:
        text += "; what the origin says is passed on"
    return Judgement("answer-header-weakened", "risky", text) if weaker else Judgement("proxy-setting", "safe", text)


def _shown(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 3]}..."
