"""Environments as people may write them: every key of the sites model, with the characters and numbers at its edges."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from stacks.config_http_values import Method
from stacks.environment import Environment
from tests.support.proxy import environment

METHODS = get_args(Method)
SECRET = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:certificate-AbCdEf"
AUTHORITY = "partner.pem"
LONG_LABELS = ".".join(("y" * 63, "y" * 63, "y" * 63))

Table = dict[str, Any]
LABELS = st.sampled_from(("a", "b", "a-b", "0", "9z", "xn--bcher-kva", "y" * 63))
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join((*labels, "example.com")))
# What each origin speaks; the same host with two ports, and the same origin in two spellings.
ORIGINS: dict[str, str] = {
    "https://one.example.net": "http/1.1",
    "https://one.example.net:443": "http/1.1",
    "https://one.example.net:9443": "http/1.1",
    "https://a-b.0.example.net": "http/1.1",
    f"https://{LONG_LABELS}.example.net:9443": "http/1.1",
    "https://two.example.net": "http/2",
    "https://calls-1.example.net": "grpc",
}
HTTP1 = tuple(url for url, protocol in ORIGINS.items() if protocol == "http/1.1")
HOST_HEADERS = st.sampled_from(("www.example.org", "www.example.org:8080", "x.example.org:65535", "a-b.example.org"))
SEGMENTS = st.sampled_from(("a", "b", "ab", "A", "a.b", "~a", "(x)", "*", "+", "a:b", "@", "!", "=&,", "-", "...", ".a", "..a", "z" * 300))
PATHS = st.builds(
    lambda segments, end: "/" + "/".join(segments) + end, st.lists(SEGMENTS, min_size=1, max_size=3), st.sampled_from(("", "/"))
)
# Printable ASCII, but for what nginx would read as more than text.
TEXT = st.text(alphabet=[chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\$'], max_size=30)
VALUES = TEXT.map(str.strip) | st.sampled_from(("", "v" * 1024, "a; b", "{}#'", "'"))
MEDIA_TYPES = st.sampled_from(("text/plain", "application/json; charset=utf-8", "image/svg+xml"))
LOCATIONS = st.sampled_from(("/", "/a?b=%20&c#d", "https://www.example.org/~x!(y)*", "https://www.example.org:8443/"))
REDIRECTIONS = st.sampled_from((301, 302, 303, 307, 308))
STATUSES = st.sampled_from((200, 206, 299, 400, 403, 404, 405, 408, 410, 429, 494, 502, 503, 599))
SOME_METHODS = st.lists(st.sampled_from(METHODS), unique=True, min_size=1, max_size=4)
SECONDS = st.sampled_from((1, 60, 350))
MEBIBYTES = st.sampled_from((1, 10, 10_240))


def headers(*names: str) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from((*names, "X-A", "x-" + "b" * 44, "User-Agent", "X-1-")), VALUES, max_size=3)


def answers() -> st.SearchStrategy[Table]:
    with_body = st.fixed_dictionaries({"status": STATUSES}, optional={"body": TEXT, "content_type": MEDIA_TYPES})
    return with_body | st.fixed_dictionaries({"status": REDIRECTIONS, "location": LOCATIONS}) | st.just({"status": 204})


@st.composite
def rules(draw: st.DrawFn, site: Table) -> Table:
    path = draw(PATHS)
    kind = draw(st.sampled_from(("deny", "answer", "limits", "limits", "limits")))
    if kind == "deny":
        return {"path": path, "deny": True}
    if kind == "answer":
        return {"path": path, "answer": draw(answers())}
    rule: Table = {"path": path, "read_timeout": draw(SECONDS)}
    if draw(st.booleans()):
        rule["origin"] = draw(st.sampled_from(tuple(ORIGINS)))
        rule |= draw(st.fixed_dictionaries({}, optional={"host_header": HOST_HEADERS}))
    rule |= draw(st.fixed_dictionaries({}, optional={"methods": SOME_METHODS, "max_body": MEBIBYTES, "streaming": st.booleans()}))
    protocol = ORIGINS[str(rule.get("origin", site["origin"]))]
    if protocol == "http/1.1":
        rule |= draw(st.fixed_dictionaries({}, optional={"websocket": st.booleans(), "cache": st.booleans()}))
    else:
        rule |= {"websocket": False, "cache": False}
    if protocol != "grpc" and draw(st.booleans()):
        to = draw(PATHS | st.just("/"))
        rule["rewrite"] = to if to.endswith("/") or not path.endswith("/") else f"{to}/"
    return rule


@st.composite
def sites(draw: st.DrawFn, names: list[str], *, limited: bool) -> Table:
    site: Table = {"host": names[0], "aliases": names[1:], "origin": draw(st.sampled_from((*ORIGINS, *HTTP1, *HTTP1)))}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "host_header": HOST_HEADERS,
        "connect_timeout": st.sampled_from((1, 75)),
        "read_timeout": SECONDS,
        "max_body": MEBIBYTES,
        "streaming": st.booleans(),
        "methods": SOME_METHODS,
        "request_headers": headers("Accept-Encoding", "Cookie", "Range"),
        "response_headers": headers("Set-Cookie", "Cache-Control", "Last-Modified", "Strict-Transport-Security"),
        "connection_limit": st.sampled_from((1, 65_535)),
        "allow": st.lists(st.sampled_from(("10.0.0.0/8", "127.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1", "192.0.2.7/32")), max_size=3),
    }
    if ORIGINS[site["origin"]] == "http/1.1":
        optional |= {"websocket": st.booleans(), "cache": st.booleans()}
    if limited:
        optional["rate_limit"] = st.fixed_dictionaries(
            {"requests_per_second": st.sampled_from((1, 100_000)), "burst": st.sampled_from((0, 1, 100_000))}
        )
    site |= draw(st.fixed_dictionaries({}, optional=optional))
    if draw(st.integers(0, 9)) == 0:
        site["maintenance"] = {"message": draw(TEXT), "retry_after": draw(st.sampled_from((1, 86_400)))}
    own = draw(st.lists(rules(site), max_size=6, unique_by=lambda rule: str(rule["path"])))
    near = draw(st.lists(st.sampled_from(("", "/", "/a/")), unique=True)) if own else []
    paths = {rule["path"] for rule in own}
    # What stands beside and below a path of the site, for the longest to win.
    beside = {own[0]["path"].rstrip("/") + end: answer for end in near for answer in draw(st.lists(answers(), min_size=1, max_size=1))}
    site["paths"] = [*own, *({"path": path, "answer": answer} for path, answer in beside.items() if path not in paths)]
    return site


@st.composite
def origins(draw: st.DrawFn, used: set[str]) -> Table:
    """Settings for one of the origins in use; one that does not speak HTTP/1.1 needs to have them."""
    url = draw(st.sampled_from(sorted(used)))
    optional = {
        "ca": st.just(AUTHORITY),
        "client_certificate": st.just(SECRET),
        "internal": st.booleans(),
        "idle_timeout": st.sampled_from((1, 3600)),
    }
    return {"url": url, "protocol": ORIGINS[url], **draw(st.fixed_dictionaries({}, optional=optional))}


PORTS = st.fixed_dictionaries({"idle_timeout": st.sampled_from((60, 6000)), "internal": st.booleans()}).flatmap(
    lambda port: (
        st.sampled_from((f"{LONG_LABELS}.example.net:1", "db.example.net:65535")).map(lambda origin: {**port, "origin": origin})
        | st.dictionaries(HOSTS, st.sampled_from(("a-b.example.net:1", "c.example.net:993")), min_size=1, max_size=3).map(
            lambda names: {**port, "names": names}
        )
    )
)
BALANCERS = st.sampled_from(({}, {"preserve_client_ip": False, "proxy_protocol": True}))


@st.composite
def environments(draw: st.DrawFn, *, limited: bool = True) -> Environment:
    """Without `limited` no client is refused for how often it asks, and no PROXY protocol is wanted."""
    names = draw(st.lists(HOSTS, unique=True, min_size=3, max_size=14))
    of_site = draw(st.lists(st.integers(1, 3), min_size=1, max_size=len(names)))
    groups = [names[sum(of_site[:index]) : sum(of_site[: index + 1])] for index in range(len(of_site))]
    tables = [draw(sites(group, limited=limited)) for group in groups if group]
    used = {url for table in tables for url in (table["origin"], *(rule.get("origin") for rule in table["paths"])) if url}
    settings = draw(st.lists(origins(used), max_size=4, unique_by=lambda table: str(table["url"]).removesuffix(":443")))
    said = {table["url"] for table in settings}
    settings += [{"url": url, "protocol": ORIGINS[url]} for url in sorted(used - said) if ORIGINS[url] != "http/1.1"]
    more: Table = {"origins": settings}
    if limited:
        numbers = draw(st.lists(st.sampled_from((1, 22, 993, 5432, 8080, 65_535)), unique=True, max_size=4))
        more["ports"] = [{"port": number, **draw(PORTS)} for number in numbers]
        more["loadbalancer"] = draw(BALANCERS)
    cpu, memory = draw(st.sampled_from(((256, 512), (4096, 8192))))
    env = environment(tables, cpu=cpu, memory=memory, **more)
    return env.model_copy(update={"service": env.service.model_copy(update={"max_header": draw(st.sampled_from((4, 16, 64)))})})
