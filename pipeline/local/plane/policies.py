"""A listener's TLS settings as nginx directives."""

from __future__ import annotations

from pipeline.errors import PipelineError

# docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html#alpn-policies, most wanted first.
_ALPN = {
    "None": "",
    "HTTP1Only": "http/1.1",
    "HTTP2Only": "h2",
    "HTTP2Optional": "http/1.1 h2",
    "HTTP2Preferred": "h2 http/1.1",
}


def directives(policy: str, alpn: str) -> list[str]:
    # moto carries AWS's own table of protocols and ciphers.
    from moto.elbv2.ssl_policies import SSL_POLICIES

    if policy not in SSL_POLICIES:
        raise PipelineError(f"SslPolicy {policy} is not one that the local load balancer knows; known: {', '.join(sorted(SSL_POLICIES))}")
    if alpn not in _ALPN:
        raise PipelineError(f"AlpnPolicy {alpn} is not one that the local load balancer knows; known: {', '.join(_ALPN)}")
    known = SSL_POLICIES[policy]
    protocols = sorted(known["ssl_protocols"])
    newest = [cipher for cipher in known["ciphers"] if cipher.startswith("TLS_")]
    older = [cipher for cipher in known["ciphers"] if not cipher.startswith("TLS_")]
    # OpenSSL 3 speaks TLS before 1.2 only at security level 0.
    level = [] if not {"TLSv1", "TLSv1.1"} & set(protocols) else ["@SECLEVEL=0"]
    lines = [f"ssl_protocols {' '.join(protocols)};", "ssl_prefer_server_ciphers on;"]
    if newest:
        lines.append(f"ssl_conf_command Ciphersuites {':'.join(newest)};")
    if older:
        lines.append(f"ssl_ciphers {':'.join([*older, *level])};")
    if _ALPN[alpn]:
        lines.append(f"ssl_alpn {_ALPN[alpn]};")
    return lines
