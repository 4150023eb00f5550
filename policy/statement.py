"""The two shapes that almost every document here consists of."""

from __future__ import annotations

from typing import Any

from awacs.aws import Allow, PolicyDocument, Statement


def allow(sid: str, actions: list[Any], *resources: Any) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=actions, Resource=list(resources))


def document(*statements: Statement) -> PolicyDocument:
    return PolicyDocument(Version="2012-10-17", Statement=list(statements))
