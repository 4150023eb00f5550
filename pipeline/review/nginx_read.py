"""From the text of an nginx.conf to what it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from pipeline.review import nginx_servers
from pipeline.review.nginx_context import ZONES, Context
from pipeline.review.nginx_model import Configuration, Port, Site
from pipeline.review.nginx_settings import STEPS, Module, settings
from pipeline.review.nginx_tokens import Directive, parse, sentence

CONTEXTS = ("http", "stream")
# A block is called by its name and arguments; of these lines there may be many, so the first argument belongs to the name.
_MANY = ("js_var", "js_import", "set_real_ip_from", "load_module", "include")


@lru_cache(maxsize=64)
def read(text: str) -> Configuration:
    """Raises Unreadable."""
    tree = parse(text)
    http, stream = (Context(tuple(one for top in tree if top.name == name for one in top.block or ())) for name in CONTEXTS)
    modules: tuple[Module, ...] = ("proxy", "grpc") if "grpc_" in text else ("proxy",)
    shared = http.left(*ZONES)
    defaults: dict[Module, Mapping[str, str]] = {module: settings(shared, {}, module) for module in modules}
    sites, other = _sites(http, defaults)
    ports, inner = _ports(stream)
    rest = _labelled("", (one for one in tree if one.name not in CONTEXTS and one.block is None))
    for top in tree:
        if top.name not in CONTEXTS and top.block is not None:
            rest |= _labelled(f"{top.name} ", top.block)
    rest |= _labelled("", other)
    rest |= _labelled("", (one for one in http.left("server", "upstream") if one.block is not None or one.name in (*ZONES, *STEPS)))
    rest |= _labelled("stream ", (*inner, *stream.left("server", "upstream")))
    return Configuration(
        sites=sites,
        ports=ports,
        origins={**http.origins(), **{f"{name} of a further port": one for name, one in stream.origins().items()}},
        defaults=defaults,
        rest=rest,
        tree=tree,
    )


def _sites(http: Context, defaults: Mapping[Module, Mapping[str, str]]) -> tuple[dict[str, Site], list[Directive]]:
    """By name, and the servers that are there for no name. Of two with a name the first one serves it."""
    sites: dict[str, Site] = {}
    other: list[Directive] = []
    for server in http.of("server"):
        new = [name for name in nginx_servers.names(server) if name not in sites]
        if new:
            sites |= dict.fromkeys(new, nginx_servers.site(server, http, defaults))
        else:
            other.append(server)
    return sites, other


def _ports(stream: Context) -> tuple[dict[int, Port], list[Directive]]:
    ports: dict[int, Port] = {}
    other: list[Directive] = []
    for server in stream.of("server"):
        found = nginx_servers.port(server, stream)
        if found and found.port not in ports:
            ports[found.port] = found
        else:
            other.append(server)
    return ports, other


def _labelled(prefix: str, directives: Iterable[Directive]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in directives:
        named = one.args[:1] if one.name in _MANY else ()
        if one.name == "server":
            named = next((inner.args[:1] for inner in one.block or () if inner.name == "listen"), ())
        elif one.block is not None:
            named = one.args
        label = prefix + sentence((one.name, *named))
        value = sentence(one.args[len(named) :] if one.block is None else ()) or "; ".join(inner.text for inner in one.block or ())
        found[label] = f"{found[label]}; {value}" if label in found else value
    return found
