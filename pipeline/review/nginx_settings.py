"""What is set at one level of an nginx configuration, with what it inherits from the level above, as name -> value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pipeline.review.nginx_tokens import Directive, sentence

Module = Literal["proxy", "grpc"]
Settings = dict[str, str]

# One header a line. A level with one of its own inherits none (nginx documentation, add_header and proxy_set_header).
HEADERS = {
    "proxy_set_header": "request header ",
    "proxy_hide_header": "hidden answer header ",
    "proxy_pass_header": "passed answer header ",
    "add_header": "answer header ",
}
# These act where they stand and are not inherited.
STEPS = ("set", "if", "return", "rewrite", "break", "proxy_pass", "listen", "http2", "server_name")
# The rest of the module that a location does not use has no effect on it.
OTHER: dict[Module, str] = {"proxy": "grpc_", "grpc": "proxy_"}


def settings(block: Iterable[Directive], outer: Mapping[str, str], module: Module) -> Settings:
    """What is set for gRPC has the names of HTTP's, since it means the same."""
    lines: dict[str, list[tuple[str, ...]]] = {}
    for one in block:
        name = one.name
        if one.block is not None or name in STEPS or name.startswith(OTHER[module]):
            continue
        name = name if module == "proxy" or not name.startswith("grpc_") else f"proxy_{name.removeprefix('grpc_')}"
        if name not in STEPS:
            lines.setdefault(name, []).append(one.args)
    kinds = tuple(HEADERS[name] for name in lines if name in HEADERS)
    found = {key: value for key, value in outer.items() if not key.startswith(kinds)} if kinds else dict(outer)
    for name, values in lines.items():
        if name in HEADERS:
            for args in values:
                _add(found, HEADERS[name] + "".join(args[:1]), sentence(args[1:]))
        else:
            found[name] = "; ".join(sentence(args) for args in values)
    return found


def steps(block: Iterable[Directive]) -> Settings:
    """What acts where it stands, and blocks that nothing else here reads."""
    found: Settings = {}
    for one in block:
        if one.name == "set" and one.args:
            _add(found, f"set {one.args[0]}", sentence(one.args[1:]))
        elif one.block is not None:
            _add(found, sentence((one.name, *one.args)), "; ".join(step.text for step in one.block))
        elif one.name in STEPS:
            _add(found, one.name, sentence(one.args))
    return found


def _add(found: Settings, key: str, value: str) -> None:
    """Nothing is lost where the same thing is said twice."""
    found[key] = f"{found[key]}; {value}" if key in found else value
