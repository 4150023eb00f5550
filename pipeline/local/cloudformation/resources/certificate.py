"""ACM certificates."""

from __future__ import annotations

import time

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    tag_changes,
    tag_list,
    without,
)
from pipeline.local.cloudformation.resources.shape import params

ISSUE_SECONDS = 120
POLL_SECONDS = 0.1


def _request(scope: Scope, properties: Properties) -> Made:
    client = scope.client("acm")
    wanted = without(properties, "DomainValidationOptions")
    arn = client.request_certificate(**params(client, "RequestCertificate", wanted))["CertificateArn"]
    return Made(id=arn, attributes={"CertificateArn": arn, "Id": arn})


def _await_issue(scope: Scope, made: Made, _: Properties) -> None:
    client = scope.client("acm")
    end = time.monotonic() + ISSUE_SECONDS
    while time.monotonic() < end:
        status = client.describe_certificate(CertificateArn=made.id)["Certificate"]["Status"]
        if status == "ISSUED":
            return
        if status != "PENDING_VALIDATION":
            raise ResourceError(f"the certificate is {status}")
        scope.pause(POLL_SECONDS)
    raise ResourceError(f"the certificate was not issued within {ISSUE_SECONDS} s")


def _retag(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("acm")
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.add_tags_to_certificate(CertificateArn=made.id, Tags=tag_list(wanted))
    if gone:
        client.remove_tags_from_certificate(CertificateArn=made.id, Tags=[{"Key": key} for key in gone])
    return made


def _delete(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("acm").delete_certificate(CertificateArn=made.id)


HANDLERS = {
    "AWS::CertificateManager::Certificate": Handler(
        create=_request,
        update=_retag,
        settle=_await_issue,
        delete=_delete,
        enforced=names("DomainName KeyAlgorithm SubjectAlternativeNames Tags ValidationMethod"),
        mutable=names("Tags"),
        # Who owns a domain is not asked on this computer: no record is written and the certificate is issued.
        recorded=names("DomainValidationOptions"),
    ),
}
