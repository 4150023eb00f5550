"""The request target: at the origin byte for byte as the client wrote it, or refused here."""

from __future__ import annotations

from tests.nginx.probes.expect import Arrives, any_of, refused
from tests.nginx.probes.probe import HOST, Probe, head

SIGNED = "signatures and routing at the origin are over the bytes that the client sent"
LENGTH = 15_000

# Name, target, reason.
EXACT: tuple[tuple[str, bytes, str], ...] = (
    ("root", b"/", SIGNED),
    ("empty query", b"/?", "an empty query is part of what was signed"),
    ("two question marks", b"/??", "only the first one begins the query"),
    ("question mark in query", b"/a?b?c", SIGNED),
    ("query order and empty pairs", b"/a?b=2&&a=1&=&c", SIGNED),
    ("encoded slash", b"/a%2Fb", "%2F is data, / is structure (RFC 3986, 2.2)"),
    ("encoded slash in lower case", b"/a%2fb", "hexadecimal digits keep their case"),
    ("encoded question mark", b"/a%3Fb", "decoded, it would begin a query"),
    ("encoded question mark and query", b"/a%3fb=1?c=%3f", "decoded, it would move the query's begin"),
    ("encoded percent", b"/a%25b", "decoded, it would change what the next decoder reads"),
    ("percent encoded twice", b"/a%252Fb", "one decoding too many opens a path"),
    ("encoded hash", b"/a%23b", "decoded, the rest would be a fragment"),
    ("encoded unreserved letter", b"/%61%62", "equal by RFC 3986, yet not by a signature"),
    ("encoded tilde", b"/%7Ea", "equal by RFC 3986, yet not by a signature"),
    ("encoded space", b"/a%20b", SIGNED),
    ("plus", b"/a+b?c+d", "a plus is not a space in a path"),
    ("encoded line break in path", b"/a%0d%0ab", "decoded, it would end the request line"),
    ("encoded header in path", b"/a%0D%0AX-Injected:%201", "decoded, it would be a header at the origin"),
    ("encoded line break in query", b"/a?x=%0d%0aX-Injected:%201", "decoded, it would be a header at the origin"),
    ("encoded NUL in query", b"/a?b=%00", "a query is the origin's to read"),
    ("invalid percent in query", b"/a?b=%zz&c=%", "a query is the origin's to read"),
    ("two slashes", b"//", "merged, it would be another resource"),
    ("two slashes in front", b"//a", "merged, it would be another resource"),
    ("two slashes inside", b"/a//b", "merged, it would be another resource"),
    ("slashes at the end", b"/a///", "merged, it would be another resource"),
    ("dot segment", b"/a/./b", "resolving is the origin's decision"),
    ("dot dot segment", b"/a/../b", "resolving is the origin's decision"),
    ("dot dot at the end", b"/a/..", "resolving is the origin's decision"),
    ("dot at the end", b"/a/.", "resolving is the origin's decision"),
    ("encoded dot dot", b"/a/%2e%2e/b", "resolving is the origin's decision"),
    ("encoded dot", b"/a/%2E/b", "resolving is the origin's decision"),
    ("encoded slash and dot dot", b"/a%2f..%2fb", "resolving is the origin's decision"),
    ("dot file", b"/.well-known/x", "a name may begin with a dot"),
    ("three dots", b"/.../a", "three dots are a name"),
    ("dot segments in query", b"/a?x=/../../b", "a query has no segments"),
    ("backslash", b"/a\\b", "a backslash is not a slash"),
    ("encoded backslash", b"/a%5Cb", "a backslash is not a slash"),
    ("path parameter", b"/a;b=1/c", "parameters belong to the segment"),
    ("at", b"/@a", SIGNED),
    ("at with a host before it", b"/user@elsewhere.example/", "behind the slash it is a path, not a user"),
    ("colon", b"/a:b", SIGNED),
    ("comma and parentheses", b"/(a,b)", SIGNED),
    ("quotes", b"/a'b\"c", SIGNED),
    ("braces and brackets", b"/{a}[b]", "clients send them raw, and mean them so"),
    ("angle brackets", b"/<a>", "clients send them raw, and mean them so"),
    ("pipe, caret, backquote", b"/a|b^c`d", "clients send them raw, and mean them so"),
    ("exclamation mark and asterisk", b"/!a*b", SIGNED),
    ("nginx variable", b"/$host", "what a client writes is not evaluated"),
    ("nginx variable in braces", b"/${request_id}", "what a client writes is not evaluated"),
    ("encoded UTF-8", b"/%c3%a9", SIGNED),
    ("raw UTF-8", "/caf\u00e9/\u56fa\u5b9a".encode(), "some clients do not encode"),
    ("raw bytes that are not UTF-8", b"/\xe9\x80\xff", "there is no character set in a request line"),
    ("long path", b"/" + b"a" * LENGTH, "15,000 bytes are within the documented limit"),
    ("long query", b"/?" + b"a" * LENGTH, "15,000 bytes are within the documented limit"),
    ("URL in query", b"/?u=https://elsewhere.example/", "a URL in a query is data"),
    ("URL as path", b"/https://elsewhere.example/", "a URL in a path is data"),
    ("encoded URL as path", b"/%2F%2Felsewhere.example", "decoded, a redirect would lead elsewhere"),
    ("host after two slashes", b"//elsewhere.example/a", "the authority comes from Host, not from a path"),
    ("host after slash and backslash", b"/\\elsewhere.example", "the authority comes from Host, not from a path"),
    ("neighbour of a denied path", b"/administration", "a rule for /admin/ says nothing about it"),
    ("child of an exactly denied path", b"/secret/a", "a rule for /secret is exact"),
)
# Name, target, answers, reason.
WITHOUT_MEANING: tuple[tuple[str, bytes, tuple[int, ...], str], ...] = (
    ("above the root", b"/..", (400,), "there is nothing above the root"),
    ("above the root, later", b"/a/../../b", (400,), "there is nothing above the root"),
    ("above the root, encoded", b"/%2e%2e/", (400,), "there is nothing above the root, however it is written"),
    ("above the root, encoded slash", b"/..%2fa", (400,), "there is nothing above the root, however it is written"),
    ("encoded NUL in path", b"/a%00b", (400,), "programs in C end the path there, and rules here would not"),
    ("raw NUL", b"/a\x00b", (400,), "a NUL is in no request line"),
    ("not a hexadecimal digit", b"/%zz", (400,), "it has no decoded form that a rule could be compared with"),
    ("percent at the end", b"/a%", (400,), "it has no decoded form that a rule could be compared with"),
    ("%u escape", b"/%u0041", (400,), "some origins decode it, rules here do not"),
    ("no slash", b"a", (400,), "not a form of a request target"),
    ("empty", b"", (400,), "not a form of a request target"),
    ("question mark without a slash", b"?a", (400,), "not a form of a request target"),
    ("asterisk", b"*", (400,), "only OPTIONS may ask for it"),
    ("authority", b"api.example.com:443", (400,), "only CONNECT may ask for it"),
    ("raw space", b"/a b", (400,), "the rest would be read as the version"),
    ("raw tab", b"/a\tb", (400,), "some parsers end the target there"),
    ("raw carriage return", b"/a\rX-Injected: 1", (400,), "some parsers end the line there"),
    ("raw control character", b"/a\x01b", (400,), "it is in no target"),
    ("delete character", b"/a\x7fb", (400,), "it is in no target"),
    ("longer than the limit", b"/" + b"a" * 17_000, (414,), "what does not fit a buffer is refused, not cut"),
    ("at in place of the slash", b"@elsewhere.example/", (400,), "put behind a host name it would name another host"),
    ("dot in place of the slash", b".elsewhere.example/", (400,), "put behind a host name it would name another host"),
    ("port in place of the slash", b":80@elsewhere.example/", (400,), "put behind a host name it would name another host"),
)
DENIED: tuple[tuple[str, bytes], ...] = (
    ("as it is", b"/admin/"),
    ("without its slash", b"/admin"),
    ("with a query", b"/admin/?x"),
    ("below it", b"/admin/a/b"),
    ("exact", b"/secret"),
    ("exact with a query", b"/secret?x"),
    ("two slashes in front", b"//admin/"),
    ("two slashes at the end", b"/admin//"),
    ("dot segment", b"/./admin/"),
    ("dot dot segment", b"/a/../admin/"),
    ("encoded dot dot", b"/a/%2e%2e/admin/"),
    ("encoded slash and dot dot", b"/a%2f..%2fadmin/"),
    ("encoded letter", b"/%61dmin/"),
    ("encoded slash at the end", b"/admin%2F"),
    ("back from below", b"/admin/x/../y"),
    ("absolute form", b"http://api.example.com/admin/"),
    ("absolute form with dot segments", b"http://api.example.com/a/../admin/"),
)
ABSOLUTE: tuple[tuple[str, bytes, bytes], ...] = (
    ("with a path", b"http://api.example.com/a//b%2F?c", b"/a//b%2F?c"),
    ("https", b"https://api.example.com/a", b"/a"),
    ("without a path", b"http://api.example.com", b"/"),
    ("query without a path", b"http://api.example.com?a=1", b"/?a=1"),
    ("with a port", b"https://api.example.com:443/a", b"/a"),
    ("upper case", b"HTTPS://API.EXAMPLE.COM/A", b"/A"),
)


def _get(target: bytes) -> bytes:
    return head(b"GET " + target + b" HTTP/1.1")


PROBES = (
    *(Probe(name=f"uri: {n}", send=_get(t), expect=Arrives(line=b"GET " + t + b" HTTP/1.1"), why=why) for n, t, why in EXACT),
    *(Probe(name=f"uri refused: {n}", send=_get(t), expect=refused(*s), why=why) for n, t, s, why in WITHOUT_MEANING),
    *(
        Probe(name=f"denied path: {n}", send=_get(t), expect=refused(403), why="a rule holds for every spelling of its path")
        for n, t in DENIED
    ),
    *(
        Probe(
            name=f"absolute form: {n}",
            send=_get(t),
            expect=Arrives(line=b"GET " + at_origin + b" HTTP/1.1", has=(b"X-Forwarded-Host: " + HOST,)),
            why="servers must take the absolute form (RFC 9112, 3.2.2); origins are asked in origin form",
        )
        for n, t, at_origin in ABSOLUTE
    ),
    Probe(
        name="uri: fragment",
        send=_get(b"/a#b"),
        expect=refused(400),
        why="a fragment never leaves the client; origins differ on whether it is part of the path",
    ),
    Probe(
        name="denied path: behind a fragment",
        send=_get(b"/#/../admin/"),
        expect=refused(400, 403),
        why="an origin that takes # for a letter resolves this to /admin/",
    ),
    Probe(
        name="uri: OPTIONS *",
        send=head(b"OPTIONS * HTTP/1.1"),
        expect=any_of(refused(400), Arrives(line=b"OPTIONS * HTTP/1.1")),
        why="it asks about the server as a whole, which no path rule covers",
    ),
    Probe(
        name="uri: another scheme",
        send=_get(b"ftp://api.example.com/a"),
        expect=any_of(refused(400), Arrives(line=b"GET /a HTTP/1.1")),
        why="what is not HTTP is refused or treated as HTTP, never passed on as it is",
    ),
)
