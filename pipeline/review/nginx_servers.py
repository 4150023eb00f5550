"""One server block as a site or as a further port."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipeline.review.nginx_context import Context, allowed, entries
from pipeline.review.nginx_model import Kind, Place, Port, Route, Site
from pipeline.review.nginx_settings import Module, settings, steps
from pipeline.review.nginx_tokens import Directive, sentence

_PASSED = re.compile(r"(?P<scheme>[a-z]+)://(?P<name>[^/$]+)(?P<rest>.*)", re.DOTALL)
_METHODS = re.compile(r"\^\(\?:([A-Z|]+)\)\$")
_REFUSED: dict[str, Kind] = {"path denied": "denied", "maintenance": "maintenance"}
_LIMITS = ("limit_req", "limit_conn")


def names(server: Directive) -> tuple[str, ...]:
    """None where the server is there for whatever no site is called."""
    found = [name for one in server.block or () if one.name == "server_name" for name in one.args if name]
    default = any(one.name == "listen" and "default_server" in one.args for one in server.block or ())
    return () if default else tuple(dict.fromkeys(found))


def site(server: Directive, http: Context, defaults: Mapping[Module, Mapping[str, str]]) -> Site:
    block = tuple(_limited(one, http) for one in server.block or ())
    gate, lines = _gate(block, http)
    inherited = {module: settings(block, outer, module) for module, outer in defaults.items()}
    own = steps(one for one in block if one is not gate and one.name not in ("location", "server_name"))
    return Site(
        names=names(server),
        settings={**inherited["proxy"], **own},
        routes={_place(one): _route(one, http, inherited) for one in block if one.name == "location"},
        block=server.block or (),
        allow=", ".join(f"{one.name} refused" if one.args == ("",) else one.name for one in lines if one.name != "default"),
        allowed=allowed(lines) if gate else None,
    )


def _limited(one: Directive, http: Context) -> Directive:
    return Directive(one.name, http.limit(one.args)) if one.name in _LIMITS else one


def _gate(block: Iterable[Directive], http: Context) -> tuple[Directive | None, tuple[Directive, ...]]:
    """The `if` that lets in only whom a geo knows, and the geo's lines."""
    for one in block:
        if (
            one.name == "if"
            and one.args[1:] == ("=", "")
            and any(step.name == "return" and step.args[:1] == ("403",) for step in one.block or ())
        ):
            lines = http.variable("geo", one.args[0])
            if lines and allowed(lines) is not None:
                return one, lines
    return None, ()


def _place(location: Directive) -> Place:
    *modifier, path = location.args or ("",)
    return " ".join(modifier), path


def _route(location: Directive, http: Context, inherited: Mapping[Module, Mapping[str, str]]) -> Route:
    block = location.block or ()
    module: Module = "grpc" if any(one.name == "grpc_pass" for one in block) else "proxy"
    found = settings((_limited(one, http) for one in block), inherited.get(module, {}), module)
    target, rewrite, guard = _target(block, http)
    methods = next((_methods(one) for one in block if _methods(one)), ())
    kind, said = _answer(block) if target is None else ("origin", target)
    skipped = ("grpc_pass", "proxy_pass", *(("return",) if kind != "origin" else ()))
    own = steps(one for one in block if one.name not in skipped and not _methods(one) and one.args != guard)
    if own.get("set $methods", "").strip('"') == ", ".join(methods):
        own.pop("set $methods", None)
    # The log's label is the site and the path, which are told anyway.
    if "/" + own.get("set $route", "").partition("/")[2].rstrip("/") == "/" + _place(location)[1].strip("/"):
        own.pop("set $route", None)
    for name in ("proxy_ssl_certificate", "proxy_ssl_certificate_key"):
        if name in found and (files := http.variable("map", found[name])):
            found[name] = entries(files).get("default", found[name])
    return Route(
        kind=kind,
        target=said,
        module=module,
        settings={
            **found,
            **own,
            **({"methods": ", ".join(methods)} if methods else {}),
            **({"rewrite": rewrite} if rewrite else {}),
        },
    )


def _target(block: tuple[Directive, ...], http: Context) -> tuple[str | None, str, tuple[str, ...]]:
    """The origin, how the path is rewritten for it, and the words of the `if` that refuses what cannot be."""
    if any(one.name == "return" for one in block):
        # It answers before anything is passed on (nginx documentation, ngx_http_rewrite_module).
        return None, "", ()
    for one in block:
        if one.name in ("proxy_pass", "grpc_pass"):
            passed = _PASSED.fullmatch(sentence(one.args))
            if not passed:
                return sentence(one.args), "", ()
            scheme = passed["scheme"].replace("grpc", "http")
            ends = {"https": ":443", "http": ":80"}.get(scheme, "")
            variable = passed["rest"].removeprefix("/")
            lines = http.variable("map", variable)
            rewrite = "; ".join(f"{key} -> /{value}" for key, value in entries(lines).items()) if lines else passed["rest"]
            return f"{scheme}://{http.origin(passed['name']).removesuffix(ends)}", rewrite, (variable, "=", " ") if lines else ()
    return None, "", ()


def _methods(one: Directive) -> tuple[str, ...]:
    if one.name == "if" and one.args[:2] == ("$request_method", "!~") and one.block == (Directive("return", ("405",)),):
        found = _METHODS.fullmatch(sentence(one.args[2:]))
        return tuple(found[1].split("|")) if found else ()
    return ()


def _answer(block: Iterable[Directive]) -> tuple[Kind, str]:
    answers = [one for one in block if one.name == "return"]
    if len(answers) != 1:
        return "other", "; ".join(one.text for one in block if one.block is None and one.name not in ("set", "return"))
    reason = next((sentence(one.args[1:]).strip('"') for one in block if one.name == "set" and one.args[:1] == ("$refused",)), "")
    return _REFUSED.get(reason, "answer"), " ".join(one for one in answers[0].args if one != "$nothing")


def port(server: Directive, stream: Context) -> Port | None:
    """None where the server is not there for clients."""
    block = server.block or ()
    listens = next((one.args[0] for one in block if one.name == "listen" and one.args), "")
    passed = next((one.args[0] for one in block if one.name == "proxy_pass" and one.args), "")
    if not listens.isdigit() or not passed:
        return None
    # Tasks may listen elsewhere than the load balancer; the log says the load balancer's port.
    public = entries(stream.variable("map", "$listener_port")).get(listens, listens)
    lines = stream.variable("map", passed)
    chosen = {one.name: stream.origin(sentence(one.args).strip('"')) for one in lines if one.args and one.args != ("",)} if lines else {}
    own = {**settings(block, {}, "proxy"), **{key: one for key, one in steps(block).items() if key not in ("proxy_pass", "listen")}}
    further = next((" ".join(one.args[1:]) for one in block if one.name == "listen"), "")
    return Port(
        port=int(public) if public.isdigit() else int(listens),
        names=chosen if lines else {"": stream.origin(passed)},
        settings={**own, **({"listen": further} if further else {}), **({"by name": "yes"} if lines else {})},
    )
