"""The engine's one endpoint: our own services, moto for the rest, and two addresses that are not AWS's."""

from __future__ import annotations

import io
import json
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.local import wire
from pipeline.local.iam import authorize, sessions
from pipeline.local.protocol import AwsError, Call, Operation
from pipeline.paths import PLANS

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from pipeline.local.world import World

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
ACCOUNT_DIGITS = 12
# A browser signs nothing. On AWS the console asks an approver who they are; here it is the owner of the account who looks.
PLAN = re.compile(rf"/[^/]+/{PLANS}/.+\.html")


@dataclass(frozen=True, kw_only=True)
class Front:
    """`services` by signing name, `internal` by path: what they return is streamed line by line."""

    world: World
    services: Mapping[str, Mapping[str, Operation]]
    emulator: WsgiApp
    internal: Mapping[str, Callable[[dict[str, Any]], Iterable[str]]] = field(default_factory=dict)
    after_call: Callable[[], None] = lambda: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        from werkzeug.wrappers import Request

        request = Request(environ)
        if request.path in self.internal:
            return _sent(self._internal(request), environ, start_response)
        signed = wire.signature(request.headers.get("Authorization", ""))
        role = sessions.find(signed.key_id) if signed else None
        if signed and role and (refused := _refused(role, request, signed)):
            return _sent(refused, environ, start_response)
        account = self._account(signed, role)
        if not signed and request.method == "GET" and PLAN.fullmatch(request.path):
            environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={account}/20000101/{self.world.region}/s3/aws4_request"
        if signed and signed.service in self.services:
            return _sent(self._own(request, signed, account), environ, start_response)
        if environ.get("REQUEST_METHOD") != "GET" or signed:
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        return self._emulated(environ, start_response)

    def _account(self, signed: wire.Signature | None, role: sessions.Session | None) -> str:
        if signed and signed.key_id.isdigit() and len(signed.key_id) == ACCOUNT_DIGITS:
            return signed.key_id
        return role.account if role else self.world.account

    def _emulated(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = self.emulator(environ, start_response)
        self.after_call()
        return answer

    def _own(self, request: Request, signed: wire.Signature, account: str) -> Response:
        service, operation = signed.service, wire.operation_name(request)
        try:
            params = wire.parse(service, operation, request)
            handler = self.services[service].get(operation) or _unanswered
            call = Call(service=service, operation=operation, params=params, account=account, region=signed.region)
            answer = wire.answer(service, operation, handler(self.world, call), request)
        except AwsError as error:
            return wire.refusal(error, request)
        # The top of a request's thread: a bug must reach the caller as an answer and the log as a traceback.
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            return wire.refusal(AwsError("InternalFailure", f"local engine: {type(error).__name__}: {error}", status=500), request)
        self.after_call()
        return answer

    def _internal(self, request: Request) -> Response:
        from werkzeug.wrappers import Response

        body = request.get_data()
        lines = self.internal[request.path](json.loads(body) if body else dict(request.args))
        return Response((f"{line}\n".encode() for line in lines), content_type="text/plain; charset=utf-8")


def _sent(response: Response, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    body: Iterable[bytes] = response(environ, start_response)
    return body


def _unanswered(_world: World, call: Call) -> Mapping[str, Any]:
    raise AwsError("NotImplementedException", f"the local engine does not answer {call.service}:{call.operation}", status=501)


def _refused(role: sessions.Session, request: Request, signed: wire.Signature) -> Response | None:
    """What a role may not do. A person owns the account here, and is not asked."""
    if signed.service != "s3":
        # It is read to see what is asked, and once more to answer. An object, which may be large, is not.
        request.environ["wsgi.input"] = io.BytesIO(request.get_data())
    try:
        authorize.check_request(role, request, signed)
    except AwsError as error:
        return wire.refusal(error, request)
    return None


def listen(front_port: int) -> Any:
    """A threaded HTTP server on loopback whose application is set later; the wanted port, or a free one when it is taken."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):  # type: ignore[misc]  # werkzeug is not followed by mypy here
        protocol_version = "HTTP/1.1"
        # Headers and body leave in two writes: without this the client's delayed ACK costs 40 ms a call.
        disable_nagle_algorithm = True

        def log_request(self, *_args: object) -> None:
            """One line a request would bury what matters."""

    def unready(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "1")])
        return [b"starting\n"]

    try:
        server = make_server("127.0.0.1", front_port, unready, threaded=True, request_handler=Handler)
    # werkzeug exits the process when a port is taken.
    except (OSError, SystemExit):
        server = make_server("127.0.0.1", 0, unready, threaded=True, request_handler=Handler)
    server.daemon_threads = True
    return server
