"""The remote's post-receive hook: hands the push to the engine and copies what it says. Only the standard library: it starts in no time."""

from __future__ import annotations

import http.client
import json
import os
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def lines(endpoint: str, path: str, body: Any) -> Iterator[str]:
    """What an internal address of the engine says, while it says it."""
    where = urllib.parse.urlsplit(endpoint)
    connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != http.HTTPStatus.OK:
        raise ConnectionError(f"the engine answered {answer.status}")
    for line in answer:
        yield line.decode(errors="replace").rstrip("\n")


def main() -> int:
    home = Path(os.environ["KOTEI_HOME"])
    changes = [line.split() for line in sys.stdin]
    try:
        endpoint = (home / "endpoint").read_text().strip()
        for line in lines(endpoint, "/_kotei/push", {"changes": changes}):
            print(line, flush=True)  # noqa: T201 - git shows it to the person who pushes
    except (OSError, http.client.HTTPException) as error:
        # The refs are already updated, so this is not a failed push.
        print(f"the commit is in the local remote, but the engine does not answer ({error}); run: kotei local up")  # noqa: T201
    # Ctrl-C of the person who pushes stops the telling, not the pipeline.
    except KeyboardInterrupt:
        print("the pipeline goes on; see: kotei local status")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
