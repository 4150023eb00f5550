"""moto as the emulated AWS behind everything that is not ours: its WSGI application in this process, and its memory on disk."""

from __future__ import annotations

import copyreg
import functools
import hashlib
import io
import os
import pickle
import shlex
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from pipeline.errors import PipelineError
from pipeline.local import wire
from pipeline.local.protocol import AwsError
from pipeline.local.world import World

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

# moto would load thousands of machine images otherwise, which no request here asks for; read when moto.ec2 is imported.
SETTINGS = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
READING = ("Describe", "List", "Get", "Head", "BatchGet", "Lookup", "Search", "Query", "Select", "Simulate", "Validate", "Filter")
# Objects above this size are kept beside the pickle, by content, so that a snapshot does not write every artifact again.
LARGE = 16_384

_turn = threading.RLock()


def application(world: World) -> WsgiApp:
    """One request at a time, so that a snapshot never meets a half-made change; it is taken before the caller hears of success."""
    os.environ.update(SETTINGS)
    from moto import settings
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.wrappers import Request

    from pipeline.local import gaps

    # Nobody proves here that a domain is theirs: a certificate is issued when it is next looked at, not a minute later.
    settings.ACM_VALIDATION_WAIT = 0
    gaps.apply()
    emulated = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        writes = _writes(environ)
        with _turn:
            try:
                body: Iterable[bytes] = emulated(environ, start_response)
            except NotImplementedError as missing:
                refusal: WsgiApp = wire.refusal(AwsError("NotImplementedException", f"moto: {missing}", status=501), Request(environ))
                return refusal(environ, start_response)
            if writes:
                snapshot(world)
        return body

    return answer


def _writes(environ: dict[str, Any]) -> bool:
    if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
        return False
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    return not (target.rpartition(".")[2] or _action(environ)).startswith(READING)


def _action(environ: dict[str, Any]) -> str:
    """The Action of a query-protocol request; its body is put back for moto."""
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return ""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return (parse_qs(body.decode()).get("Action") or [""])[0]


def snapshot(world: World) -> None:
    """Write every backend into one file, if anything changed: they refer to each other (an NLB to EC2's interfaces)."""
    with _turn:
        content = _pickled(world.home / "objects")
        digest = hashlib.blake2b(content).hexdigest()
        if _written.get(world.home) == digest:
            return
        path = world.home / "moto.pickle"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)
        _written[world.home] = digest


_written: dict[Path, str] = {}


def restore(world: World) -> None:
    """Put back what the last snapshot holds; without one, moto starts empty."""
    os.environ.update(SETTINGS)
    path = world.home / "moto.pickle"
    with _turn:
        if not path.exists():
            _refuse_half(world, path)
            return
        with path.open("rb") as stream:
            reader = _Unpickler(stream, world.home / "objects")
            try:
                # Two pickles, each with a memo of its own.
                written = _Unpickler(stream, world.home / "objects").load()
                services = reader.load() if written == _version() else None
            # What a damaged pickle raises is anything (Python's manual names four "and others").
            except (pickle.UnpicklingError, ValueError, TypeError, LookupError, AttributeError, ImportError, EOFError, OSError) as error:
                raise _unreadable(path, f"{type(error).__name__}: {error}") from error
        if services is None:
            raise _unreadable(path, f"it was written by moto {written if isinstance(written, str) else 'of unknown version'}")
        reader.forget_others()
        for service, (accounts, more) in services.items():
            vars(_registry(service)).update(more)
            for account, regions in accounts.items():
                for region, backend in regions.items():
                    _registry(service)[account][region] = backend


def _version() -> str:
    """Its classes are what is pickled, so another version may read them and mean something else."""
    import moto

    return str(moto.__version__)


def _unreadable(path: Path, why: str) -> PipelineError:
    return PipelineError(
        f"{path} cannot be read by moto {_version()} ({why}); put back the versions or the file that were there, "
        f"or start anew, without the addresses it holds: rm -r {shlex.quote(str(path.parent))}"
    )


def _refuse_half(world: World, path: Path) -> None:
    """The stacks of a memory that is gone: an update of theirs would change what does not exist."""
    if world.store.all("cloudformation-stack"):
        raise PipelineError(
            f"{path} is missing, with what the deployed stacks consist of; put it back, "
            f"or start anew, without the addresses it held: rm -r {shlex.quote(str(world.home))}"
        )


def _pickled(objects: Path) -> bytes:
    from moto.core.base_backend import BackendDict

    registries = list(BackendDict._instances)  # noqa: SLF001  # moto's own list of what is in use
    services = {held.service_name: (_accounts(held), _more(held)) for held in registries}
    stream = io.BytesIO(pickle.dumps(_version()))
    stream.seek(0, io.SEEK_END)
    pickler = pickle.Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, **_reducers(objects), **dict.fromkeys(map(type, registries), _reduce_registry)}
    pickler.dump(services)
    return stream.getvalue()


def _accounts(registry: Any) -> dict[str, dict[str, Any]]:
    return {account: dict(regions) for account, regions in registry.items()}


def _more(registry: Any) -> dict[str, Any]:
    """What a service keeps outside its accounts, such as S3's list of who owns which bucket name."""
    own = {"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"}
    return {key: value for key, value in vars(registry).items() if key not in own}


def _reduce_registry(registry: Any) -> tuple[Any, ...]:
    return _registry, (registry.service_name,)


def _reducers(objects: Path) -> dict[type, Callable[[Any], Any]]:
    """How to write what pickle cannot: locks, private keys, and moto's accounts (only by name: their content is at the top)."""
    from cryptography.hazmat.bindings._rust import openssl, x509
    from moto.core.base_backend import AccountSpecificBackend
    from moto.s3.models import FakeKey

    # Not imported for it: that takes a second and a half, and without it nobody has asked SSM.
    ssm = sys.modules.get("moto.ssm.models")
    return {
        type(threading.RLock()): lambda _: (threading.RLock, ()),
        type(threading.Lock()): lambda _: (threading.Lock, ()),
        openssl.rsa.RSAPrivateKey: _reduce_key,
        openssl.ec.ECPrivateKey: _reduce_key,
        x509.Certificate: _reduce_certificate,
        AccountSpecificBackend: lambda held: (_account, (held.service_name, held.account_id)),
        FakeKey: lambda stored: _reduce_object(stored, objects),
        defaultdict: _reduce_defaults,
        **({ssm.ParameterDict: _reduce_parameters} if ssm else {}),
    }


def _reduce_defaults(held: defaultdict[Any, Any]) -> tuple[Any, ...]:
    """Moto makes some of the factories on the spot (SSM's tags), and pickle knows functions by their names only."""
    factory: Any = held.default_factory
    if "<locals>" in getattr(factory, "__qualname__", ""):
        made = factory()
        factory = functools.partial(defaultdict, made.default_factory) if isinstance(made, defaultdict) else type(made)
    return defaultdict, (factory,), None, None, iter(held.items())


def _reduce_parameters(held: Any) -> tuple[Any, ...]:
    """Without AWS's own parameters: five megabytes that moto reads again when somebody next asks for them."""
    state = {name: value and not name.endswith("_loaded") for name, value in vars(held).items()}
    return _parameters, (), state, None, ((name, value) for name, value in held.items() if not name.startswith("/aws/service/"))


def _parameters() -> Any:
    """As pickle makes dictionaries: empty. Its own constructor asks for an account."""
    from moto.ssm.models import ParameterDict

    made = ParameterDict.__new__(ParameterDict)
    defaultdict.__init__(made, list)
    return made


def _registry(service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)


def _account(service: str, account: str) -> Any:
    return _registry(service)[account]


def _reduce_key(key: Any) -> tuple[Any, ...]:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return _private_key, (key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)


def _private_key(encoded: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(encoded, None)


def _reduce_certificate(certificate: Any) -> tuple[Any, ...]:
    from cryptography.hazmat.primitives.serialization import Encoding

    return _certificate, (certificate.public_bytes(Encoding.DER),)


def _certificate(encoded: bytes) -> Any:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(encoded)


def _reduce_object(stored: Any, objects: Path) -> tuple[Any, ...]:
    """An S3 object; moto's ETag is made from the content, so it names the file."""
    if stored.disposed or stored.size < LARGE:
        return copyreg.__newobj__, (type(stored),), stored.__getstate__()  # type: ignore[attr-defined]  # typeshed has no copyreg.__newobj__
    name = f"{stored.etag.strip(chr(34))}-{stored.size}"
    path = objects / name
    if not path.exists():
        objects.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(stored.value)
        fresh.replace(path)
    state = {key: value for key, value in vars(stored).items() if key not in {"_value_buffer", "lock"}}
    return _load_object, (type(stored), state, _Content(name))


class _Content:
    """Stands for a large object's bytes in the pickle."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return _read_content, (self.name,)


def _read_content(name: str) -> bytes:
    """Only a name: `_Unpickler` puts the reader with its folder in this place."""
    raise NotImplementedError(name)


def _load_object(kind: Any, state: dict[str, Any], value: bytes) -> Any:
    stored = kind.__new__(kind)
    stored.__setstate__({**state, "value": value})
    return stored


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: Any, objects: Path) -> None:
        super().__init__(stream)
        self._objects = objects
        self._used: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (__name__, "_read_content"):
            return self._content
        return super().find_class(module, name)

    def _content(self, name: str) -> bytes:
        self._used.add(name)
        return (self._objects / name).read_bytes()

    def forget_others(self) -> None:
        """Remove the objects that the snapshot just read does not hold."""
        for path in self._objects.glob("*"):
            if path.name not in self._used:
                path.unlink()
