"""An alarm of CloudWatch, as small as it may be."""

from __future__ import annotations

from typing import Any

ERRORS: dict[str, Any] = {
    "AlarmName": "errors",
    "MetricName": "m",
    "Namespace": "n",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}
