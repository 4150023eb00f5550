"""What moto's CloudWatch Logs lacks: the saved queries of Logs Insights."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]


def apply(patch: Patch = setattr) -> None:
    queries_are_saved(patch)


def queries_are_saved(patch: Patch) -> None:
    """In moto 5.2.5: there are no query definitions."""
    from moto.logs.exceptions import ResourceNotFoundException
    from moto.logs.responses import LogsResponse as Response

    def put_query_definition(self: Any) -> str:
        saved, given = _saved(self), json.loads(self.body)
        identity = given.get("queryDefinitionId") or str(uuid.uuid4())
        if "queryDefinitionId" in given and identity not in saved:
            raise ResourceNotFoundException
        # Nothing is kept of what an update does not name (API reference, PutQueryDefinition).
        kept = {key: given[key] for key in ("name", "queryString", "logGroupNames", "queryLanguage", "parameters") if key in given}
        saved[identity] = {"queryLanguage": "CWLI", "logGroupNames": [], **kept, "lastModified": int(time.time() * 1000)}
        return json.dumps({"queryDefinitionId": identity})

    def describe_query_definitions(self: Any) -> str:
        prefix = self._get_param("queryDefinitionNamePrefix") or ""
        found = [{"queryDefinitionId": key, **query} for key, query in _saved(self).items() if query["name"].startswith(prefix)]
        return json.dumps({"queryDefinitions": sorted(found, key=lambda query: query["name"])})

    def delete_query_definition(self: Any) -> str:
        if _saved(self).pop(self._get_param("queryDefinitionId"), None) is None:
            raise ResourceNotFoundException
        return json.dumps({"success": True})

    for answer in (put_query_definition, describe_query_definitions, delete_query_definition):
        patch(Response, answer.__name__, answer)


def _saved(response: Any) -> dict[str, dict[str, Any]]:
    """Kept with everything else of the account and region."""
    saved: dict[str, dict[str, Any]] = vars(response.logs_backend).setdefault("query_definitions", {})
    return saved
