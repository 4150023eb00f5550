"""What moto's CloudWatch lacks: an alarm that nothing has measured yet is not OK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]


def apply(patch: Patch = setattr) -> None:
    alarms_start_without_data(patch)


def alarms_start_without_data(patch: Patch) -> None:
    """In moto 5.2.5: put_metric_alarm sets the state to OK, for a new alarm and for a changed one."""
    from moto.cloudwatch.models import CloudWatchBackend as Backend

    original = Backend.put_metric_alarm

    def put_metric_alarm(self: Any, name: str, **kwargs: Any) -> Any:
        former = self.alarms.get(name)
        alarm = original(self, name=name, **kwargs)
        if former is None:
            alarm.state_value, alarm.state_reason = "INSUFFICIENT_DATA", "Unchecked: Initial alarm creation"
        else:
            for key in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
                setattr(alarm, key, getattr(former, key))
        return alarm

    patch(Backend, "put_metric_alarm", put_metric_alarm)
