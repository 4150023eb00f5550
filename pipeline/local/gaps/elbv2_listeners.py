"""What moto's ELBv2 lacks for the listeners of a Network Load Balancer."""

# ruff: noqa: PLR0917 -- a replacement takes the arguments of what it replaces

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]

# docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html, network load balancers.
_IDLE = "tcp.idle_timeout.seconds"
_SHORTEST_IDLE, _LONGEST_IDLE = 60, 6000


def apply(patch: Patch = setattr) -> None:
    listeners_keep_tls_settings(patch)
    idle_timeouts_are_of_tcp(patch)


def listeners_keep_tls_settings(patch: Patch) -> None:
    """In moto 5.2.5: modify_listener refuses TLS, drops AlpnPolicy, keeps certificates only for HTTPS, and associates no target group."""
    from moto.elbv2.models import ELBv2Backend as Backend
    from moto.elbv2.responses import ELBV2Response as Response

    backend_modify, response_modify = Backend.modify_listener, Response.modify_listener

    def modify_in_backend(
        self: Any,
        arn: str,
        port: Any = None,
        protocol: str | None = None,
        ssl_policy: Any = None,
        certificates: Any = None,
        actions: Any = None,
    ) -> Any:
        listener = backend_modify(self, arn, port, None if protocol == "TLS" else protocol, ssl_policy, certificates or [], actions or [])
        if protocol == "TLS":
            listener.protocol = protocol
        if certificates and listener.protocol == "TLS":
            listener.certificate = certificates[0]["CertificateArn"]
            listener.certificates = [certificate["CertificateArn"] for certificate in certificates]
        if actions:
            _associate(self, listener.load_balancer_arn)
        return listener

    def modify_listener(self: Any) -> Any:
        answer = response_modify(self)
        params = self._get_params()
        if "AlpnPolicy" in params:
            answer.result["Listeners"][0].alpn_policy = params["AlpnPolicy"]
        return answer

    patch(Backend, "modify_listener", modify_in_backend)
    patch(Response, "modify_listener", modify_listener)


def _associate(backend: Any, balancer: str) -> None:
    actions = [action for listener in backend.load_balancers[balancer].listeners.values() for action in listener.default_actions]
    used = {arn for action in actions for arn in backend._get_target_group_arns_from(action_data=action.data)}  # noqa: SLF001 - moto's own
    for group in backend.target_groups.values():
        others = [arn for arn in group.load_balancer_arns if arn != balancer]
        group.load_balancer_arns = [*others, *([balancer] if group.arn in used else [])]


def idle_timeouts_are_of_tcp(patch: Patch) -> None:
    """In moto 5.2.5: modify_listener_attributes takes anything; a TLS listener has a fixed idle timeout, a TCP listener bounds."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend as Backend

    original = Backend.modify_listener_attributes

    def modify_listener_attributes(self: Any, listener_arn: str, attrs: list[dict[str, str]]) -> Any:
        listener = self.describe_listeners(load_balancer_arn=None, listener_arns=[listener_arn])[0]
        for attribute in attrs:
            key, value = attribute["Key"], attribute["Value"]
            if listener.protocol == "TLS" or (listener.protocol == "TCP" and key != _IDLE):
                raise ELBClientError(
                    "InvalidConfigurationRequest", f"Listener attribute key '{key}' is not supported on {listener.protocol}"
                )
            if key == _IDLE and not (value.isdecimal() and _SHORTEST_IDLE <= int(value) <= _LONGEST_IDLE):
                raise ELBClientError("ValidationError", f"'{key}' must be between {_SHORTEST_IDLE} and {_LONGEST_IDLE}")
        return original(self, listener_arn, attrs)

    patch(Backend, "modify_listener_attributes", modify_listener_attributes)
