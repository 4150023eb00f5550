"""The local data plane: nginx processes that stand for load balancers, tasks and origins, as the emulated AWS says they are."""

from pipeline.local.plane.reconcile import Endpoint, Plane, start

__all__ = ["Endpoint", "Plane", "start"]
