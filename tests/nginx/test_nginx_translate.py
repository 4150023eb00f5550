"""The container's configuration, told for this computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.nginx_translate import translated


def here(text: str, prefix: str = "/srv/task") -> str:
    root = Path(prefix)
    return translated(
        text,
        prefix=root,
        listen_address="127.20.0.7",
        resolver="127.254.169.253:8053",
        internal_networks="127.66.0.0/16",
        ca_bundle=root / "ca.pem",
        stdout=root / "stdout",
        stderr=root / "stderr",
    )


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ("listen 8080;", "listen 127.20.0.7:8080;"),
        ("listen 443 default_server backlog=9;", "listen 127.20.0.7:8443 default_server backlog=9;"),
        ("listen *:80;", "listen 127.20.0.7:8080;"),
        ("listen 127.0.0.1:8053 udp;", "listen 127.20.0.7:8053 udp;"),
        ("resolver 127.0.0.1:8053 valid=10s;", "resolver 127.20.0.7:8053 valid=10s;"),
        ("server { proxy_pass 169.254.169.253:53; }", "server { proxy_pass 127.254.169.253:8053; }"),
        ("proxy_pass https://u;", "proxy_pass https://u;"),
        ('js_var $internal_networks "10.0.0.0/8 127.0.0.0/8";', 'js_var $internal_networks "127.66.0.0/16";'),
        ('js_var $internal_names "a.example.net";', 'js_var $internal_names "a.example.net";'),
        ("js_import names from /etc/nginx/kotei/names.js;", "js_import names from /srv/task/etc/nginx/kotei/names.js;"),
        ("load_module modules/a.so; pid /tmp/p;", "  pid /srv/task/tmp/p;"),
        ('map "" $x { default /run/kotei/a.pem; }', 'map "" $x { default /srv/task/run/kotei/a.pem; }'),
        ("pid /tmp/nginx.pid;", "pid /srv/task/tmp/nginx.pid;"),
        ("access_log /dev/stdout json;", "access_log /srv/task/stdout json;"),
        ("access_log off;", "access_log off;"),
        ("error_log /dev/stderr warn;", "error_log /srv/task/stderr warn;"),
        ("include /etc/nginx/kotei/staging/*.conf;", """include "/srv/task/etc/nginx/kotei/staging/*.conf";"""),
        ("proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;", "proxy_ssl_trusted_certificate /srv/task/ca.pem;"),
        ("upstream u { server a.example.net:443 resolve; }", "upstream u { server a.example.net:8443 resolve; }"),
        ("upstream u { server 192.0.2.9:443; }", "upstream u { server 127.0.2.9:8443; }"),
        ("upstream u { server a.example.net:9443; }", "upstream u { server a.example.net:9443; }"),
    ],
)
def test_what_differs_here(there: str, told: str) -> None:
    assert here(there) == told


@pytest.mark.parametrize(
    "text",
    [
        "location /tmp/ { return 200; }",
        "# listen 80; pid /var/run/x;\n",
        "server { server_name a; }",
        """log_format json '{"listen 80; ":"$x"}' "pid /var/run/x;";""",
        'proxy_redirect "~*^https://a(/.*)?$" https://$host${x}/$1;',
        "return 200 'a\\'; listen 80;';",
    ],
)
def test_what_stays(text: str) -> None:
    assert here(text) == text


def test_lines_keep_their_numbers() -> None:
    text = "events {\n}\n\nhttp {\n    listen\n        8080;\n}\n"
    assert here(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("text", ["pid /run/nginx.pid;", "ssl_certificate /etc/ssl/own.pem;", 'include "/etc/nginx/mime.types";'])
def test_unknown_file_is_an_error(text: str) -> None:
    with pytest.raises(PipelineError, match="is not a file that the proxy's image is known to have"):
        here(text)


@pytest.mark.parametrize("text", ["listen [::]:8080;", "listen unix:/tmp/x;", "upstream u { server unix:/tmp/x; }"])
def test_listener_or_origin_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(PipelineError, match=r"not understood here|not an origin"):
        here(text)


def test_open_quote_is_an_error_with_its_line() -> None:
    with pytest.raises(PipelineError, match="line 2: a quote is not closed"):
        here('a b;\nc "d;\n')


def test_prefix_with_a_space_is_quoted() -> None:
    assert here("pid /tmp/nginx.pid;", "/srv/a task") == 'pid "/srv/a task/tmp/nginx.pid";'
