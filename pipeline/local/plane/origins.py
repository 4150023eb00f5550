"""The stand-in for origins that speak TLS: a real nginx that answers with what it was sent, so that a path rule shows in the bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
FACTS = {
    "origin": "$ssl_server_name",
    "reached": "$reached",
    "uri": "$request_uri",
    "method": "$request_method",
    "protocol": "$server_protocol",
    "client_certificate": "$ssl_client_s_dn",
}


def config(
    folder: Path,
    *,
    endpoints: Mapping[tuple[str, int], str],
    certificate: Path,
    asking: Sequence[str],
    authority: Path,
) -> str:
    """`endpoints`: where to listen, and for whom; `asking`: who wants to see a certificate of the local authority."""
    variables = {**FACTS, **{header: f"$http_{header.replace('-', '_')}" for header in HEADERS}}
    safe = {key: f"$safe_{key.replace('-', '_')}" for key in variables}
    headers = ",".join(f'"{header}":"{safe[header]}"' for header in HEADERS)
    body = ",".join(f'"{key}":"{safe[key]}"' for key in FACTS) + f',"headers":{{{headers}}}'
    # `return` writes variables as they are; what would break the JSON is not shown.
    maps = "".join(
        f'    map {variable} {safe[key]} {{ default {variable}; "~[\\x00-\\x1f\\x22\\x5c]" "(not shown)"; }}\n'
        for key, variable in variables.items()
    )
    listeners = "".join(f"        listen {address}:{port} ssl;\n" for address, port in endpoints)
    reached = "".join(f'        "{address}:{port}" "{name}";\n' for (address, port), name in endpoints.items())
    strangers = "".join(f'        "{name}:NONE" 1;\n' for name in asking)
    # Asked of all clients, since nginx chooses by the Host header whose settings hold; refused for those that want it, by the name in TLS.
    verify = f"        ssl_verify_client optional;\n        ssl_client_certificate {authority};\n" if asking else ""
    return f"""# Written by the local data plane.
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/stderr.log warn;
events {{ worker_connections {1024 + len(endpoints)}; }}
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
    map_hash_bucket_size 512;
    map "$server_addr:$server_port" $reached {{
        default "";
{reached}    }}
    map "$ssl_server_name:$ssl_client_verify" $stranger {{
        default "";
{strangers}    }}
    map $http_content_type $grpc {{ default ""; "~^application/grpc" 1; }}
{maps}    server {{
{listeners}        http2 on;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
{verify}        add_header Origin $ssl_server_name always;
        location / {{
            if ($stranger) {{ return 400 "$ssl_server_name wants to see a certificate\\n"; }}
            if ($grpc) {{ rewrite ^ /a-grpc-answer last; }}
            return 200 '{{{body}}}\\n';
        }}
        # UNIMPLEMENTED, with what was reached as its message.
        location = /a-grpc-answer {{
            internal;
            default_type application/grpc;
            add_header grpc-status 12 always;
            add_header grpc-message $safe_reached$safe_uri always;
            return 200 "";
        }}
    }}
}}
"""
