"""Questions to the proxy's log, for CloudWatch Logs Insights: saved beside the log group, and shown in docs/log.md."""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Template, logs

from stacks.environment import Environment


@dataclass(frozen=True)
class Query:
    """`name` is its name in the console; `question` is what it answers."""

    name: str
    question: str
    text: str

    @property
    def logical_id(self) -> str:
        return f"Query{self.name.title().replace('-', '')}"


OF_REQUESTS = (
    Query(
        "slowest-origins",
        "Which origins take long, and on which routes?",
        """\
filter ispresent(method) and refused = "" and upstream_addr != ""
| stats count(*) as requests, avg(upstream_header_time) as mean, pct(upstream_header_time, 99) as p99,
    max(upstream_connect_time) as longest_connect by route, upstream_addr
| sort p99 desc
| limit 50""",
    ),
    Query(
        "errors-by-route",
        "Where do clients get a 5xx, and did the origin say so or the proxy?",
        """\
filter ispresent(method) and status >= 500
| stats count(*) as errors, max(request_time) as longest by route, status, upstream_status, refused
| sort errors desc
| limit 100""",
    ),
    Query(
        "refusals",
        "What does the proxy refuse, to whom, and why?",
        """\
filter refused != ""
| stats count(*) as refusals, max(@timestamp) as latest by refused, client, host
| sort refusals desc
| limit 100""",
    ),
    Query(
        "top-clients",
        "Who asks most, and what does it cost?",
        """\
filter ispresent(method)
| stats count(*) as requests, sum(bytes_in) as received, sum(bytes_out) as sent, sum(request_time) as seconds by client
| sort requests desc
| limit 50""",
    ),
    Query(
        "one-request",
        "What happened to one request? Put the X-Request-ID of its answer in place of the zeros.",
        """\
filter request_id = "00000000000000000000000000000000"
| display @timestamp, client, host, method, uri, status, refused, route, upstream_addr, upstream_status,
    upstream_connect_time, upstream_header_time, upstream_response_time, request_time, cache, user_agent
| limit 10""",
    ),
    Query(
        "one-client",
        "What did one client ask for? Put its address in place of the one here.",
        """\
filter client = "192.0.2.1"
| display @timestamp, host, method, uri, status, refused, request_time, bytes_out, user_agent
| sort @timestamp desc
| limit 200""",
    ),
)
OF_CONNECTIONS = (
    Query(
        "connections",
        "Who uses the further ports, by which name, and what failed?",
        """\
filter ispresent(port)
| stats count(*) as connections, sum(bytes_in) as received, sum(bytes_out) as sent, max(request_time) as longest
    by port, host, client, status, refused, upstream_addr
| sort connections desc
| limit 100""",
    ),
)
ALL = (*OF_REQUESTS, *OF_CONNECTIONS)


def log_group(env: Environment) -> str:
    return f"/{env.project}/{env.name}/proxy"


def build(t: Template, env: Environment) -> None:
    for query in ALL if env.ports else OF_REQUESTS:
        t.add_resource(
            logs.QueryDefinition(
                query.logical_id,
                # The slashes make folders in the console.
                Name=f"{env.project}/{env.name}/{query.name}",
                LogGroupNames=[log_group(env)],
                QueryString=query.text,
            )
        )
