"""What a block http or stream names for the servers in it: variables, origins, zones of limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.review.address_sets import EVERYBODY, NOBODY, Addresses, minus, network, union
from pipeline.review.nginx_settings import settings
from pipeline.review.nginx_tokens import Directive, sentence

# How the templates write what is the same in every environment; other values are told.
ZONE_KEY = "$binary_remote_addr$server_name"
ZONE_SIZE = "10m"
ZONES = ("limit_req_zone", "limit_conn_zone")


class Context:
    """`used` are the ids of directives that a server has explained, so that nobody tells them again."""

    def __init__(self, block: tuple[Directive, ...]) -> None:
        self.block = block
        self.used: set[int] = set()
        self._variables = {one.args[-1]: one for one in block if one.name in ("map", "geo") and one.args}
        self._upstreams = {one.args[0]: one for one in block if one.name == "upstream" and one.args and one.block is not None}
        self._zones = {name: one for one in block if one.name in ZONES for name in _zone_names(one.args)}

    def of(self, *names: str) -> tuple[Directive, ...]:
        return tuple(one for one in self.block if one.name in names)

    def left(self, *names: str) -> tuple[Directive, ...]:
        """What nobody has explained, but for the names."""
        return tuple(one for one in self.block if one.name not in names and id(one) not in self.used)

    def variable(self, kind: str, name: str) -> tuple[Directive, ...]:
        """The lines of the map or geo that makes the variable; none where there is no such."""
        found = self._variables.get(name)
        if found is None or found.name != kind or found.block is None:
            return ()
        self.used.add(id(found))
        return found.block

    def origin(self, name: str) -> str:
        """host:port of an upstream, or the name itself where it is none."""
        return _servers(self._upstreams[name]) if name in self._upstreams else name

    def origins(self) -> Mapping[str, Mapping[str, str]]:
        return {_servers(one): settings(_unnamed(one), {}, "proxy") for one in self._upstreams.values()}

    def limit(self, args: tuple[str, ...]) -> tuple[str, ...]:
        """A limit with the rate of its zone in the zone's place."""
        words: list[str] = []
        for word in args:
            name = word.removeprefix("zone=")
            if name not in self._zones:
                words.append(word)
                continue
            self.used.add(id(self._zones[name]))
            key, *more = self._zones[name].args
            words += [one.removeprefix("rate=") for one in more if one.partition(":")[2] != ZONE_SIZE]
            words += [f"key={key}"] * (key != ZONE_KEY)
        return tuple(words)


def _zone_names(args: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.removeprefix("zone=").partition(":")[0] for word in args if word.startswith("zone="))


def _servers(upstream: Directive) -> str:
    return ", ".join(one.args[0] for one in upstream.block or () if one.name == "server" and one.args)


def _unnamed(upstream: Directive) -> Iterable[Directive]:
    """The address and the shared memory are called after the origin, which is told anyway."""
    for one in upstream.block or ():
        cut = one.name in ("server", "zone")
        yield Directive(one.name, one.args[1:], one.block) if cut else one


def entries(lines: Iterable[Directive]) -> dict[str, str]:
    """Key -> value of a map."""
    return {one.name: sentence(one.args) for one in lines}


def allowed(lines: Iterable[Directive]) -> Addresses | None:
    """Whom a geo gives a text that is not empty. None where this cannot be told."""
    found = EVERYBODY if any(one.name == "default" and one.args != ("",) for one in lines) else NOBODY
    ranges = [(network(one.name), one.args) for one in lines if one.name != "default"]
    if any(one is None for one, _ in ranges):
        return None
    # The most specific network decides.
    for one, args in sorted(ranges, key=lambda pair: pair[0][1] - pair[0][0] if pair[0] else 0, reverse=True):
        if one is not None:
            found = minus(found, (one,)) if args == ("",) else union((*found, one))
    return found
