"""Request headers by which a client could speak for the proxy: what it claims is replaced or removed."""

from __future__ import annotations

from tests.nginx.probes.expect import Arrives
from tests.nginx.probes.probe import CLIENT, HOST, SECOND_HOST, Probe, head

LINE = b"GET / HTTP/1.1"
CLAIM = b"203.0.113.99"
BEHIND_NLB = "TLS ended at the load balancer; the origin builds links from this"

# Name, value at the origin, reason.
SET: tuple[tuple[bytes, bytes, str], ...] = (
    (b"X-Forwarded-For", CLIENT, "one address, the connection's; a list that begins with a claim is believed by many"),
    (b"X-Real-IP", CLIENT, "the connection's address"),
    (b"X-Forwarded-Host", HOST, "password reset links are built from it"),
    (b"X-Forwarded-Proto", b"https", BEHIND_NLB),
    (b"X-Forwarded-Port", b"443", BEHIND_NLB),
)
ADDRESS = "origins or their frameworks take it for the client's address"
ROUTE = "frameworks route by it instead of by the path, around the path rules"
SCHEME = "origins take it for the client's scheme"
# Name, reason.
REMOVED: tuple[tuple[bytes, str], ...] = (
    (b"Forwarded", "RFC 7239's name for the same; two headers that differ are a choice for an attacker"),
    (b"X-Client-IP", ADDRESS),
    (b"True-Client-IP", ADDRESS),
    (b"X-Cluster-Client-IP", ADDRESS),
    (b"Client-IP", f"{ADDRESS} (Rails, PHP)"),
    (b"X-Forwarded", f"{ADDRESS} (PHP)"),
    (b"Forwarded-For", f"{ADDRESS} (PHP)"),
    (b"X-Original-Forwarded-For", ADDRESS),
    (b"Proxy-Client-IP", f"{ADDRESS} (Java)"),
    (b"WL-Proxy-Client-IP", f"{ADDRESS} (WebLogic)"),
    (b"X-Originating-IP", ADDRESS),
    (b"X-Remote-IP", ADDRESS),
    (b"X-Remote-Addr", ADDRESS),
    (b"CF-Connecting-IP", f"{ADDRESS} (behind a CDN that is not there)"),
    (b"Fastly-Client-IP", f"{ADDRESS} (behind a CDN that is not there)"),
    (b"X-Envoy-External-Address", f"{ADDRESS} (behind a mesh that is not there)"),
    (b"X-Host", "origins take it for the host that was asked for"),
    (b"X-Original-Host", "origins take it for the host that was asked for"),
    (b"X-HTTP-Host-Override", "origins take it for the host that was asked for"),
    (b"X-Forwarded-Server", "origins take it for the host that was asked for"),
    (b"X-Forwarded-Prefix", "origins put it before the links they write"),
    (b"X-Forwarded-Scheme", SCHEME),
    (b"X-Forwarded-Protocol", SCHEME),
    (b"X-Forwarded-Ssl", SCHEME),
    (b"X-Url-Scheme", SCHEME),
    (b"Front-End-Https", SCHEME),
    (b"X-Forwarded-Uri", ROUTE),
    (b"X-Forwarded-Path", ROUTE),
    (b"X-Original-URL", ROUTE),
    (b"X-Original-URI", ROUTE),
    (b"X-Rewrite-URL", ROUTE),
    (b"X-Envoy-Original-Path", ROUTE),
    (b"Proxy", "httpoxy: CGI programs take it for the HTTP_PROXY variable"),
    (b"X_Forwarded_For", "CGI and WSGI cannot tell it from X-Forwarded-For"),
    (b"X_Real-IP", "CGI and WSGI cannot tell it from X-Real-IP"),
    (b"X.Forwarded.For", "some gateways cannot tell it from X-Forwarded-For"),
    (b"x-FORWARDED-pREFIX", "names are the same in upper and lower case"),
)
PROBES = (
    *(
        Probe(
            name=f"claim replaced: {name.decode()}",
            send=head(LINE, name + b": " + CLAIM),
            expect=Arrives(line=LINE, has=(name + b": " + value,), lacks=(CLAIM,)),
            why=why,
        )
        for name, value, why in SET
    ),
    *(
        Probe(
            name=f"claim removed: {name.decode()}",
            send=head(LINE, name + b": " + CLAIM),
            expect=Arrives(line=LINE, lacks=(CLAIM,)),
            why=why,
        )
        for name, why in REMOVED
    ),
    Probe(
        name="claim replaced: X-Forwarded-For in two lines",
        send=head(LINE, b"X-Forwarded-For: " + CLAIM, b"X-FORWARDED-FOR: " + CLAIM),
        expect=Arrives(line=LINE, has=(b"X-Forwarded-For: " + CLIENT,), lacks=(CLAIM,)),
        why="the second line of a name is as much a claim as the first",
    ),
    Probe(
        name="claim replaced: X-Request-ID",
        send=head(LINE, b"X-Request-ID: " + CLAIM),
        expect=Arrives(line=LINE, lacks=(CLAIM,)),
        why="a chosen id would let a client write into another request's log",
    ),
    Probe(
        name="claim replaced: X-Forwarded-Host without a claim",
        send=head(LINE, host=SECOND_HOST),
        expect=Arrives(line=LINE, has=(b"X-Forwarded-Host: " + SECOND_HOST, b"Host: origin.example.net")),
        why="the origin learns the name that was asked for, and is asked by its own",
    ),
    Probe(
        name="claims: nothing is added that is not documented",
        send=head(LINE),
        expect=Arrives(
            line=LINE,
            names=frozenset(
                {b"host", b"x-forwarded-for", b"x-real-ip", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port", b"x-request-id"}
            ),
        ),
        why="each header more is one that an origin may begin to rely on",
    ),
)
