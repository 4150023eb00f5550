"""What CloudWatch counts in the proxy's log. Each metric costs some cents a month, so there are few."""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Ref, Template, logs

from stacks.environment import Environment

REQUESTS = "Requests"
SERVER_ERRORS = "ServerErrors"
REFUSED = "Refused"
REQUEST_TIME = "RequestTime"
FAILED_CONNECTIONS = "FailedConnections"


@dataclass(frozen=True)
class Counted:
    """A metric and the lines that it counts, in the language of metric filters; or what it takes of each of them, `value`."""

    metric: str
    pattern: str
    value: str = "1"


# A request has a method, a connection on a further port has a port.
OF_REQUESTS = (
    Counted(REQUESTS, "{ $.method = * }"),
    Counted(SERVER_ERRORS, "{ ($.method = *) && ($.status >= 500) }"),
    # An empty text has no letter. The language has no comparison with one.
    Counted(REFUSED, "{ ($.method = *) && ($.refused = %[a-z]%) }"),
    Counted(REQUEST_TIME, "{ $.method = * }", value="$.request_time"),
)
OF_CONNECTIONS = (Counted(FAILED_CONNECTIONS, "{ ($.port = *) && ($.status >= 400) }"),)


def namespace(env: Environment) -> str:
    """Where the metrics of nginx's log are."""
    return f"{env.project}/{env.name}"


def counted(env: Environment) -> tuple[Counted, ...]:
    return (*OF_REQUESTS, *OF_CONNECTIONS) if env.ports else OF_REQUESTS


def build(t: Template, env: Environment) -> None:
    for one in counted(env):
        transformation = logs.MetricTransformation(MetricNamespace=namespace(env), MetricName=one.metric, MetricValue=one.value)
        if one.value == "1":
            # A minute without such a line counts none. A time has no value then.
            transformation.DefaultValue = 0
        t.add_resource(
            logs.MetricFilter(
                f"{one.metric}Filter", LogGroupName=Ref("Logs"), FilterPattern=one.pattern, MetricTransformations=[transformation]
            )
        )
