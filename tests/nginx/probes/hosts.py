"""Which site is meant, and that no spelling makes this an open proxy."""

from __future__ import annotations

from tests.nginx.probes.expect import Arrives, any_of, refused
from tests.nginx.probes.probe import HOST, ORIGIN_HOST, SECOND_HOST, Expectation, Probe, head

LINE = b"GET / HTTP/1.1"
SAME = "the same name (RFC 9110, 4.2.3)"
SERVED: tuple[tuple[str, bytes, str], ...] = (
    ("as configured", HOST, "the plain case"),
    ("alias", SECOND_HOST, "an alias is a name of the site"),
    ("upper case", HOST.upper(), SAME),
    ("trailing dot", HOST + b".", SAME),
    ("port 443", HOST + b":443", "clients may write the port"),
    ("port 8443", HOST + b":8443", "a port that is forwarded to the load balancer's"),
)
NOT_SERVED: tuple[tuple[str, bytes, str], ...] = (
    ("unknown", b"unknown.example.com", "only configured hosts reach an origin"),
    ("the origin's own", ORIGIN_HOST, "an origin's name is not a site"),
    ("parent domain", b"example.com", "a site's parent is not a site"),
    ("subdomain", b"x." + HOST, "a name below a site is not the site"),
    ("longer first label", b"xapi.example.com", "a suffix is not the name"),
    ("longer last label", HOST + b"m", "a prefix is not the name"),
    ("site as a prefix", HOST + b".elsewhere.example", "a prefix is not the name"),
    ("address", b"127.0.0.1", "scanners ask for addresses"),
    ("address and health port", b"127.0.0.1:8081", "the health port is not reached from here"),
    ("metadata service", b"169.254.169.254", "no open proxy (SSRF)"),
    ("task credentials", b"169.254.170.2", "no open proxy (SSRF)"),
    ("localhost", b"localhost", "no open proxy (SSRF)"),
    ("IPv6", b"[::1]", "an address is not a site"),
    ("IPv6 with a port", b"[::1]:443", "an address is not a site"),
    ("number", b"2130706433", "127.0.0.1 in another spelling"),
    ("underscore", b"_", "what many configurations call their default server"),
    ("asterisk", b"*.example.com", "a pattern is not a name"),
    ("regular expression", b"~.", "a pattern is not a name"),
    ("encoded dot", b"api%2Eexample.com", "a host name is not percent-decoded"),
    ("300 letters", b"a" * 300, "longer than a DNS name can be"),
    ("5,000 letters", b"a" * 5_000, "longer than a DNS name can be"),
    ("bytes beyond ASCII", "\u56fa\u5b9a.example.com".encode(), "the name on the wire is punycode"),
)
CONFUSED: tuple[tuple[str, bytes, str], ...] = (
    ("user", b"user@" + HOST, "what stands before @ is no host, and for some parsers the host"),
    ("site as a user", HOST + b"@elsewhere.example", "what stands before @ is no host, and for some parsers the host"),
    ("site and port as a user", HOST + b":443@elsewhere.example", "what stands before @ is no host, and for some parsers the host"),
    ("path", HOST + b"/../x", "a host has no path"),
    ("query", HOST + b"?x", "a host has no query"),
    ("fragment", HOST + b"#x", "a host has no fragment"),
    ("backslash", HOST + b"\\elsewhere.example", "a browser takes a backslash for a slash"),
    ("scheme", b"https://" + HOST, "a host has no scheme"),
    ("space inside", HOST + b" elsewhere.example", "some parsers stop at a space"),
    ("tab inside", HOST + b"\telsewhere.example", "some parsers stop at a tab"),
    ("two hosts in one line", HOST + b", elsewhere.example", "some parsers take the last one"),
    ("two dots at the end", HOST + b"..", "no DNS name has an empty label"),
    ("dot in front", b"." + HOST, "no DNS name has an empty label"),
    ("two dots inside", b"api..example.com", "no DNS name has an empty label"),
    ("NUL", HOST + b"\x00.elsewhere.example", "programs in C end the name there"),
    ("vertical tab", HOST + b"\x0b", "some parsers strip it"),
    ("carriage return", HOST + b"\rX-Injected: 1", "some parsers end the line there"),
    ("only a port", b":443", "a port is not a host"),
    ("open bracket", b"[::1", "not an address"),
)
PORTS: tuple[tuple[str, bytes], ...] = (
    ("letters", b":abc"),
    ("negative", b":-1"),
    ("beyond 65535", b":99999"),
    ("twice", b":443:443"),
    ("with a host behind", b":443.elsewhere.example"),
    ("with a quote", b':443"'),
    ("with an address behind", b":@169.254.169.254"),
)
# A default site may answer before the name is understood: 421 says as clearly that nothing is served.
REFUSED = refused(400, 421)


def _raw(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def _absolute(name: str, target: bytes, expect: Expectation, why: str, *, host: bytes = HOST) -> Probe:
    send = head(b"GET " + target + b" HTTP/1.1", host=host)
    return Probe(name=f"absolute form: {name}", send=send, expect=expect, why=why)


OPEN_PROXY = "no open proxy: an absolute target names a site or nothing"
PROBES = (
    *(
        Probe(name=f"host: {n}", send=head(LINE, host=host), expect=Arrives(line=LINE, has=(b"Host: " + ORIGIN_HOST,)), why=why)
        for n, host, why in SERVED
    ),
    *(Probe(name=f"host unknown: {n}", send=head(LINE, host=host), expect=REFUSED, why=why) for n, host, why in NOT_SERVED),
    *(Probe(name=f"host confused: {n}", send=head(LINE, host=host), expect=REFUSED, why=why) for n, host, why in CONFUSED),
    *(
        Probe(
            name=f"host port: {n}",
            send=head(LINE, host=HOST + port),
            expect=refused(400),
            why="redirects name the port that the client wrote; what is no port must not get that far",
        )
        for n, port in PORTS
    ),
    Probe(
        name="host: empty port",
        send=head(LINE, host=HOST + b":"),
        expect=any_of(refused(400), Arrives(line=LINE, has=(b"X-Forwarded-Host: " + HOST,))),
        why="an empty port is the default one (RFC 3986, 3.2.3)",
    ),
    Probe(name="host: none", send=_raw(LINE), expect=refused(400), why="HTTP/1.1 requires it (RFC 9112, 3.2)"),
    Probe(name="host: empty", send=_raw(LINE, b"Host:"), expect=REFUSED, why="nobody is meant"),
    Probe(name="host: spaces", send=_raw(LINE, b"Host:   "), expect=REFUSED, why="nobody is meant"),
    Probe(
        name="host: twice, different",
        send=_raw(LINE, b"Host: " + HOST, b"Host: unknown.example.com"),
        expect=refused(400),
        why="two parsers, two sites (RFC 9112, 3.2)",
    ),
    Probe(name="host: twice, the same", send=_raw(LINE, b"Host: " + HOST, b"Host: " + HOST), expect=refused(400), why="RFC 9112, 3.2"),
    Probe(
        name="host: twice, one unknown first",
        send=_raw(LINE, b"Host: unknown.example.com", b"host: " + HOST),
        expect=refused(400),
        why="two parsers, two sites (RFC 9112, 3.2)",
    ),
    Probe(
        name="host: folded second line",
        send=_raw(LINE, b"Host: " + HOST + b"\r\n .elsewhere.example"),
        expect=refused(400),
        why="folded, some parsers join the two lines into another name",
    ),
    Probe(
        name="host: with a space before the colon",
        send=_raw(LINE, b"Host : " + HOST),
        expect=refused(400),
        why="not a Host for all parsers",
    ),
    Probe(name="host: none in HTTP/1.0", send=_raw(b"GET / HTTP/1.0"), expect=REFUSED, why="1.0 does not require it, but no site is meant"),
    Probe(
        name="host: HTTP/1.0",
        send=_raw(b"GET / HTTP/1.0", b"Host: " + HOST),
        expect=Arrives(line=LINE),
        why="old clients that name a site are served",
    ),
    Probe(
        name="host: in X-Forwarded-Host only",
        send=head(LINE, b"X-Forwarded-Host: " + HOST, b"X-Host: " + HOST, host=b"unknown.example.com"),
        expect=REFUSED,
        why="only Host and the request line choose a site",
    ),
    _absolute(
        "Host names another site",
        b"http://api.example.com/a",
        Arrives(line=b"GET /a HTTP/1.1", has=(b"X-Forwarded-Host: " + HOST,)),
        "the request line wins (RFC 9112, 3.2.2)",
        host=SECOND_HOST,
    ),
    _absolute("another host, Host is a site", b"http://unknown.example.com/", REFUSED, OPEN_PROXY),
    _absolute("metadata service", b"http://169.254.169.254/latest/meta-data/", REFUSED, OPEN_PROXY),
    _absolute("task credentials", b"http://169.254.170.2/v2/credentials", REFUSED, OPEN_PROXY),
    _absolute("health port", b"http://127.0.0.1:8081/healthz", REFUSED, OPEN_PROXY),
    _absolute("site as a user", b"http://api.example.com@elsewhere.example/", REFUSED, OPEN_PROXY),
    _absolute("user and site", b"http://elsewhere.example@api.example.com/", REFUSED, "parsers differ on which one is the host"),
    _absolute("backslash and user", b"http://api.example.com\\@elsewhere.example/", REFUSED, "parsers differ on which one is the host"),
    _absolute("fragment and user", b"http://elsewhere.example#@api.example.com/", REFUSED, "parsers differ on which one is the host"),
    _absolute("no host", b"http:///a", REFUSED, "no site is meant"),
    _absolute("nothing", b"http://", REFUSED, "no site is meant"),
    _absolute("one slash", b"http:/api.example.com/", REFUSED, "not a form of a request target"),
    _absolute("encoded host", b"http://api%2eexample.com/", REFUSED, "a host name is not percent-decoded"),
    _absolute("port beyond 65535", b"http://api.example.com:99999/", refused(400), "not a port"),
    _absolute("local file", b"file:///etc/passwd", REFUSED, "there is nothing but HTTP here"),
    _absolute("IPv6", b"http://[::1]:8081/healthz", REFUSED, OPEN_PROXY),
)
