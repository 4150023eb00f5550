"""Who may reach the pipeline's artifact bucket, and how: TLS only, and accounts of environments may read."""

from __future__ import annotations

from typing import Any

from awacs import s3
from awacs.aws import Action, PolicyDocument

from policy.statement import document, only_tls, other_accounts_read


def bucket(*, bucket: Any, objects: Any, readers: list[str]) -> PolicyDocument:
    """`readers` are roles in other accounts."""
    return document(
        only_tls(Action("s3", "*"), bucket, objects),
        *other_accounts_read(readers, [s3.GetObject, s3.GetObjectVersion], objects),
    )
