"""What CloudFormation does with something that holds state when its stack, or a new template, no longer wants it."""

from __future__ import annotations

KEEP = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
# For what has a name of its own: a stack that fails while it is created takes it away again, or the second attempt would find
# the name taken. Once the stack stands, the resource is kept like the others.
KEEP_ONCE_CREATED = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
