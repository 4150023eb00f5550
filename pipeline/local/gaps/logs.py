"""What moto's CloudWatch Logs lacks: the saved queries of Logs Insights, patterns on JSON lines, and what the tasks log."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pipeline.local.filter_pattern import test as pattern_test

if TYPE_CHECKING:
    from pipeline.local.plane.log_streams import Line

Patch = Callable[[Any, str, Any], None]
# Set by the data plane: what tasks have logged, by account, region and log group.
LINES: list[Callable[[str, str, str], Iterable[Line]]] = []
# FilterLogEvents, limit.
MOST_EVENTS = 10_000


def apply(patch: Patch = setattr) -> None:
    queries_are_saved(patch)
    events_are_filtered(patch)


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


def events_are_filtered(patch: Patch) -> None:
    """In moto 5.2.5: patterns on JSON lines let every line through, and there are no lines of ECS's log driver."""
    from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
    from moto.logs.models import LogsBackend as Backend

    def filter_log_events(  # noqa: PLR0917 - moto's signature
        self: Any,
        log_group_name: str,
        log_stream_names: list[str] | None,
        start_time: int | None,
        end_time: int | None,
        limit: int | None,
        next_token: str | None,
        filter_pattern: str | None,
        interleaved: bool,  # noqa: ARG001, FBT001 - AWS ignores it as well (API reference, FilterLogEvents)
    ) -> tuple[list[dict[str, Any]], str | None, list[dict[str, Any]]]:
        if log_group_name not in self.groups:
            raise ResourceNotFoundException
        try:
            wanted = pattern_test(filter_pattern or "")
        except ValueError as error:
            raise InvalidParameterException(constraint=str(error), parameter="filterPattern", value=filter_pattern) from error
        streams, first, last = set(log_stream_names or ()), start_time or 0, end_time
        found = [
            event
            for event in (*_put(self.groups[log_group_name]), *_logged(self, log_group_name))
            if (not streams or event["logStreamName"] in streams)
            and event["timestamp"] >= first
            and (last is None or event["timestamp"] <= last)
            and wanted(event["message"])
        ]
        found.sort(key=lambda event: (event["timestamp"], event["eventId"]))
        start, size = int(next_token or 0), limit or MOST_EVENTS
        more = str(start + size) if start + size < len(found) else None
        return found[start : start + size], more, []

    patch(Backend, "filter_log_events", filter_log_events)


def _put(group: Any) -> Iterator[dict[str, Any]]:
    """By PutLogEvents."""
    for name, stream in group.streams.items():
        yield from ({**event.to_filter_dict(), "logStreamName": name, "eventId": str(event.event_id)} for event in stream.events)


def _logged(backend: Any, group: str) -> Iterator[dict[str, Any]]:
    for lines in LINES:
        for line in lines(backend.account_id, backend.region_name, group):
            yield {
                "logStreamName": line.stream,
                "timestamp": line.milliseconds,
                "ingestionTime": line.milliseconds,
                "message": line.text,
                "eventId": line.id,
            }
