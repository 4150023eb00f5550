"""AWS's wire formats for the services that this engine answers itself, from botocore's service models through moto's parsers."""

from __future__ import annotations

import functools
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who calls what, as the Authorization header says. The signature itself is not checked: there is no secret here."""

    key_id: str
    region: str
    service: str


def signature(authorization: str) -> Signature | None:
    found = CREDENTIAL.search(authorization)
    return Signature(key_id=found[1], region=found[2], service=found[3]) if found else None


@functools.cache
def _model(service: str) -> Any:
    from moto.core.utils import get_service_model

    return get_service_model(service)


def _protocol(request: Request) -> str:
    return "json" if "X-Amz-Target" in request.headers else "query"


def operation_name(request: Request) -> str:
    target = request.headers.get("X-Amz-Target")
    if target:
        return str(target).rpartition(".")[2]
    fields = urllib.parse.parse_qs(request.get_data(as_text=True))
    return str((fields.get("Action") or [""])[0])


def parse(service: str, operation: str, request: Request) -> dict[str, Any]:
    """The parameters in botocore's shape."""
    from moto.core.parse import PROTOCOL_PARSERS
    from werkzeug.datastructures import MultiDict

    model = _model(service)
    if operation not in model.operation_names:
        raise AwsError("UnknownOperationException", f"{service} has no operation {operation!r}")
    body = request.get_data()
    values = MultiDict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)) if _protocol(request) == "query" else MultiDict()
    parser = PROTOCOL_PARSERS[_protocol(request)](model.operation_model(operation))
    parsed: dict[str, Any] = parser.parse(
        {"method": "POST", "values": values, "headers": request.headers, "body": body, "url_path": "/", "url_params": {}}
    )
    return parsed


def answer(service: str, operation: str, result: Mapping[str, Any], request: Request) -> Response:
    from moto.core.serialize import get_serializer_class
    from werkzeug.wrappers import Response

    model = _model(service)
    serializer = get_serializer_class(service, _protocol(request))(operation_model=model.operation_model(operation))
    sent = serializer.serialize(_times(result))
    return Response(sent["body"], status=sent["status_code"], headers=dict(sent["headers"]))


def refusal(error: AwsError, request: Request) -> Response:
    """An error that every SDK turns into its ClientError; written here because moto's serializer warns about codes it does not know."""
    from werkzeug.wrappers import Response

    if _protocol(request) == "json":
        body = json.dumps({"__type": error.code, "message": error.message})
        return Response(body, status=error.status, headers={"X-Amzn-Errortype": error.code}, content_type="application/x-amz-json-1.1")
    from xml.sax.saxutils import escape

    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    signed = signature(request.headers.get("Authorization", ""))
    # S3 and EC2 have shapes of their own.
    shapes = {"s3": f"<Error>{inner}</Error>", "ec2": f"<Response><Errors><Error>{inner}</Error></Errors></Response>"}
    query = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>local</RequestId></ErrorResponse>"
    text = shapes.get(signed.service if signed else "", query)
    return Response(text, status=error.status, content_type="text/xml")


def _times(value: Any) -> Any:
    """Moto's serializer takes naive UTC times; documents from the store hold ISO text, which it also takes."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, Mapping):
        return {key: _times(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_times(member) for member in value]
    return value
