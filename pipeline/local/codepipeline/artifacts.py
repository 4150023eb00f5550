"""Artifacts of an execution: zip files in the pipeline's artifact buckets, of which each region with actions has one."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# A zip file cannot hold an earlier time; one fixed time makes equal trees equal archives.
EPOCH = (1980, 1, 1, 0, 0, 0)


def buckets(declaration: Mapping[str, Any], home: str) -> dict[str, str]:
    """Region -> bucket. `home` is the pipeline's region, where its only store is unless it names several."""
    several = declaration.get("artifactStores") or {home: declaration["artifactStore"]}
    return {region: store["location"] for region, store in several.items()}


def store(client: Any, bucket: str, key: str, content: bytes) -> dict[str, str]:
    """Where it was put. `client` is S3's, as whoever stores it."""
    client.put_object(Bucket=bucket, Key=key, Body=content)
    return {"bucket": bucket, "key": key}


def fetch(client: Any, location: Mapping[str, str]) -> bytes:
    body: bytes = client.get_object(Bucket=location["bucket"], Key=location["key"])["Body"].read()
    return body


def copy(client: Any, location: Mapping[str, str], bucket: str) -> dict[str, str]:
    """Where the copy is. CodePipeline copies what an action in another region reads (its user guide, cross-Region actions)."""
    return dict(location) if location["bucket"] == bucket else store(client, bucket, location["key"], fetch(client, location))


def member(archive: bytes, path: str) -> bytes | None:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        try:
            return opened.read(path)
        except KeyError:
            return None


def pack(files: Mapping[str, bytes]) -> bytes:
    """An archive of regular files that is the same for the same content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def unpack(archive: bytes, folder: Path) -> None:
    """With modes and symbolic links, which zipfile's own extractall loses."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for entry in opened.infolist():
            target = folder / entry.filename
            if not target.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"artifact holds {entry.filename}, which is outside of it")
            mode = entry.external_attr >> 16
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(mode):
                target.symlink_to(opened.read(entry).decode())
                continue
            target.write_bytes(opened.read(entry))
            if mode & 0o777:
                target.chmod(mode & 0o777)
