"""IAM's documents, as short as tests want to write them."""

from __future__ import annotations

import json
from typing import Any


def allow(actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions.split(), "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str, **condition: Any) -> str:
    """Of a role that the service takes on."""
    more = {"Condition": condition} if condition else {}
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}, **more})
