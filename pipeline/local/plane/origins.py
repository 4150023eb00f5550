"""The stand-in for every origin: a real nginx with TLS that answers with what it was sent, so that a path rule shows in the bytes."""

from __future__ import annotations

from pathlib import Path

HEADERS = (
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
    "forwarded",
    "connection",
    "upgrade",
    "user-agent",
)


def config(folder: Path, *, listen: list[tuple[str, int]], certificate: Path) -> str:
    facts = {"origin": "$ssl_server_name", "uri": "$request_uri", "method": "$request_method", "protocol": "$server_protocol"}
    variables = {**facts, **{header: f"$http_{header.replace('-', '_')}" for header in HEADERS}}
    safe = {key: f"$safe_{key.replace('-', '_')}" for key in variables}
    headers = ",".join(f'"{header}":"{safe[header]}"' for header in HEADERS)
    body = ",".join(f'"{key}":"{safe[key]}"' for key in facts) + f',"headers":{{{headers}}}'
    # `return` writes variables as they are; what would break the JSON is not shown.
    maps = "".join(
        f'    map {variable} {safe[key]} {{ default {variable}; "~[\\x00-\\x1f\\x22\\x5c]" "(not shown)"; }}\n'
        for key, variable in variables.items()
    )
    listeners = "".join(f"        listen {address}:{port} ssl;\n" for address, port in listen)
    return f"""# Written by the local data plane.
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/stderr.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/temporary/body;
    proxy_temp_path {folder}/temporary/proxy;
    fastcgi_temp_path {folder}/temporary/fastcgi;
    scgi_temp_path {folder}/temporary/scgi;
    uwsgi_temp_path {folder}/temporary/uwsgi;
    keepalive_timeout 60s;
    client_max_body_size 0;
    default_type application/json;
    variables_hash_bucket_size 128;
{maps}    server {{
{listeners}        http2 on;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        add_header Origin $ssl_server_name always;
        location / {{
            return 200 '{{{body}}}\\n';
        }}
    }}
}}
"""
