"""A container's nginx configuration, told for this computer: same directives, other addresses, ports and files.

Pure text in, text out, so that the check, the tests and the local data plane run the very file that is in the image.
An absolute path that is not known here is an error: a config that reads a file which the image does not have must not pass.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.local.translate import address, port

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
RESOLVER = "169.254.169.253"
# Written by a task before nginx starts: certificates with which the proxy shows who it is.
SECRETS = "/run/kotei/"
LOOPBACK = "127.0.0.1"

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>\#[^\n]*)
      | (?P<end>[;{}])
      | (?P<word>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | (?!["'])(?:\$\{[^}]*\} | \\. | [^\s;{}])+)""",
    re.VERBOSE | re.DOTALL,
)
# Directives whose first argument is a file or a folder. Other arguments may begin with a slash too: `location /`, `proxy_redirect`.
_FILES = frozenset(
    (
        *("access_log", "alias", "auth_basic_user_file", "error_log", "include", "load_module", "lock_file", "pid", "root"),
        *("client_body_temp_path", "fastcgi_temp_path", "proxy_cache_path", "proxy_temp_path", "scgi_temp_path", "uwsgi_temp_path"),
        *("proxy_ssl_certificate", "proxy_ssl_certificate_key", "proxy_ssl_crl", "proxy_ssl_trusted_certificate"),
        *("grpc_ssl_certificate", "grpc_ssl_certificate_key", "grpc_ssl_trusted_certificate"),
        *("ssl_certificate", "ssl_certificate_key", "ssl_client_certificate", "ssl_dhparam", "ssl_trusted_certificate"),
    )
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class _Place:
    prefix: Path
    listen_address: str
    resolver: str
    internal_networks: str
    ca_bundle: Path
    stdout: Path
    stderr: Path


def translated(
    text: str, *, prefix: Path, listen_address: str, resolver: str, internal_networks: str, ca_bundle: Path, stdout: Path, stderr: Path
) -> str:
    """`prefix` holds the image's files and /tmp, `resolver` is `address:port` of a DNS server that answers here.

    `internal_networks` takes the place of the real ones, since all stand-ins are in 127.0.0.0/8, which is one of them.
    """
    place = _Place(
        prefix=prefix,
        listen_address=listen_address,
        resolver=resolver,
        internal_networks=internal_networks,
        ca_bundle=ca_bundle,
        stdout=stdout,
        stderr=stderr,
    )
    return "".join(token.text for token in _rewritten(_tokens(text), place))


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while match := _TOKEN.match(text, position):
        yield _Token(match.lastgroup or "", match.group())
        position = match.end()
    if position != len(text):
        line = text.count("\n", 0, position) + 1
        raise PipelineError(f"nginx configuration, line {line}: a quote is not closed")


def _rewritten(tokens: Iterator[_Token], place: _Place) -> Iterator[_Token]:
    words: list[str] = []
    for token in tokens:
        if token.kind == "end":
            # The modules that the image loads are built into the program that runs here.
            if words[:1] != ["load_module"]:
                yield token
            words = []
        elif token.kind == "word":
            words.append(token.text)
            if words[0] != "load_module":
                yield _Token("word", _rewrite_of(words)(token.text, place))
        else:
            yield token


def _rewrite_of(words: list[str]) -> Callable[[str, _Place], str]:
    """What happens to the last of these words of a directive."""
    directive, argument, last = words[0], len(words) - 1, words[-1]
    if (argument == 1 and directive in _FILES) or last.startswith(SECRETS) or words[0::2] == ["js_import", "from"]:
        return _file
    table = {("listen", 1): _listen, ("server", 1): _origin, ("proxy_pass", 1): _passed, ("js_var", 2): _variable}
    if directive == "resolver" and argument:
        return _resolver
    if directive == "js_var" and "$internal_networks" not in words:
        return _same
    return table.get((directive, argument), _same)


def _same(argument: str, _place: _Place) -> str:
    return argument


def _file(argument: str, place: _Place) -> str:
    path = argument.strip("\"'")
    known = {"/dev/stdout": place.stdout, "/dev/stderr": place.stderr, CA_BUNDLE: place.ca_bundle, "/dev/null": Path("/dev/null")}
    if path in known:
        return _quoted(known[path])
    if path.startswith(("/tmp/", "/etc/nginx/kotei/", SECRETS)):  # noqa: S108 # the container's /tmp, its own tmpfs
        return _quoted(place.prefix / path.lstrip("/"))
    if path.startswith("/"):
        raise PipelineError(
            f"nginx configuration: {path} is not a file that the proxy's image is known to have; keep to /tmp, /etc/nginx/kotei, {SECRETS},"
            f" {CA_BUNDLE}, /dev/stdout and /dev/stderr, or teach pipeline/nginx_translate.py the path"
        )
    return argument


def _quoted(path: Path) -> str:
    return f'"{path}"' if re.search(r"[^\w./-]", str(path)) else str(path)


def _listen(argument: str, place: _Place) -> str:
    # A task has its own loopback; here the task's address stands for that too.
    number = argument.removeprefix("*:").removeprefix("0.0.0.0:").removeprefix(f"{LOOPBACK}:")
    if not number.isdecimal():
        raise PipelineError(f"nginx configuration: listen {argument} is not understood here; write the port only, as in `listen 8080`")
    return f"{place.listen_address}:{port(int(number))}"


def _origin(argument: str, _place: _Place) -> str:
    """The server of an upstream block: a name that the local resolver answers, or an address that has a stand-in."""
    host, separator, number = argument.strip("\"'").partition(":")
    try:
        host = address(str(ipaddress.IPv4Address(host)))
    except ipaddress.AddressValueError:
        if host.startswith("unix"):
            raise PipelineError(f"nginx configuration: server {argument} is not an origin on the network") from None
    return f"{host}:{port(int(number) if separator else 80)}"


def _resolver(argument: str, place: _Place) -> str:
    return f"{place.listen_address}{argument.removeprefix(LOOPBACK)}" if argument.startswith(f"{LOOPBACK}:") else argument


def _passed(argument: str, place: _Place) -> str:
    return place.resolver if argument == f"{RESOLVER}:53" else argument


def _variable(_argument: str, place: _Place) -> str:
    return f'"{place.internal_networks}"'
