"""`endcap forget`: a person is erased everywhere, and a certificate says what was erased where.

The store first, so that nothing of them is answered with from then on; then what was imported and
prepared, so that nothing learns from them again; then what releases hold beside their weights.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from endcap.class_paths import import_class
from endcap.config import Shop, alone
from endcap.errors import EndcapError
from endcap.importing.workspace import importing
from endcap.stages import Retriever
from endcap.store import forgetting as rows
from endcap.store.people import People
from endcap.store.releases import MANIFEST, Releases, checksum
from endcap.tables import forgetting as files
from endcap.tables.atomic import replace
from endcap.tables.prepare import current, point

BEGUN = ".forgetting.json"
"""Whom an erasure was begun of that has not come to its end."""

METHOD = "scrypt(n=16384, r=8, p=1) of the id in UTF-8, with the salt"

AGGREGATES = (
    "counts and weights of items, learned from the events of all, theirs among them, until the "
    "next fit; no vector, weight or row that is theirs"
)
"""What a model holds of a person without weights of single users."""


def forget(shop: Shop, user_id: str, people: People) -> dict[str, Any]:
    """Erase a person, and return the certificate. Doing it again is harmless.

    Raises StateError where an import or `prepare` is at work, which might bring back what was
    erased; the store has been cleared by then.
    """
    began = _now()
    with ExitStack() as held:
        # What is on its way from the store to the tables would bring them back.
        held.enter_context(alone(shop.tables, "compaction", wait=True))
        ids = _begun(shop, user_id, people)
        erased, left = rows.erase(people.database.engine, ids)
        places = [{"where": f"store: {name}", "rows": count} for name, count in erased.items()]
        held.enter_context(importing(shop.tables))
        held.enter_context(alone(shop.prepared, "prepare"))
        places += _imported(shop, ids)
        places += _prepared(shop, ids)
        places += _released(shop, ids)
        _ended(shop, user_id)
    elsewhere = sorted(str(path.relative_to(shop.folder)) for path in _elsewhere(shop, ids))
    return _sealed(
        {
            "certificate": secrets.token_hex(8),
            "person": _person(user_id),
            "devices": len(ids) - 1,
            "began": began,
            "ended": _now(),
            "erased": [place for place in places if place["rows"]],
            "releases": list(_weights(shop)),
            "left_in_the_store": left,
            "found_elsewhere": elsewhere,
            "not_reached": "backups, copies of the shop folder and files that it was imported from",
        }
    )


def _begun(shop: Shop, user_id: str, people: People) -> list[str]:
    """The person's ids, kept until all is done: the store, which is cleared first, is the only one
    to know their devices."""
    known = _under_way(shop)
    ids = dict.fromkeys([user_id, *people.devices(user_id), *known.get(user_id, [])])
    replace(shop.tables / BEGUN, json.dumps({**known, user_id: [*ids]}))
    return [*ids]


def _ended(shop: Shop, user_id: str) -> None:
    if others := {who: ids for who, ids in _under_way(shop).items() if who != user_id}:
        replace(shop.tables / BEGUN, json.dumps(others))
    else:
        (shop.tables / BEGUN).unlink()


def _under_way(shop: Shop) -> dict[str, list[str]]:
    path = shop.tables / BEGUN
    found: dict[str, list[str]] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def sealed(certificate: dict[str, Any]) -> bool:
    """Whether a certificate says what it said when it was made."""
    given = {key: value for key, value in certificate.items() if key != "digest"}
    return bool(_sealed(given)["digest"] == certificate.get("digest"))


def is_of(certificate: dict[str, Any], user_id: str) -> bool:
    """Whether a certificate is about a person."""
    person = certificate["person"]
    return bool(_digest(user_id, bytes.fromhex(person["salt"])) == person["digest"])


def _imported(shop: Shop, ids: list[str]) -> Iterator[dict[str, Any]]:
    for path in sorted(shop.tables.rglob("*.parquet")):
        yield {"where": str(path.relative_to(shop.folder)), "rows": files.erase(path, ids)}


def _prepared(shop: Shop, ids: list[str]) -> Iterator[dict[str, Any]]:
    """What is valid is written anew, what is not is removed. The others keep their codes."""
    valid = current(shop.prepared)
    for folder in [path for path in shop.prepared.iterdir() if path.is_dir()]:
        if folder.name != valid:
            shutil.rmtree(folder)
    folder = shop.prepared / valid
    if not valid or not folder.is_dir():
        return
    users = pq.read_table(folder / "users.parquet", columns=["user_id"])
    about = np.asarray(files.rows_of(users, ids))
    codes = np.flatnonzero(about) + 1
    if len(codes):
        count = files.erase_codes(folder / "events.parquet", codes)
        yield {"where": f"prepared/{valid}/events.parquet", "rows": count}
        name = f"forgotten-{secrets.token_hex(8)}"
        count = files.erase(folder / "users.parquet", ids, _emptied(name))
        yield {"where": f"prepared/{valid}/users.parquet", "rows": count}
        features = folder / "features" / "visitors.parquet"
        files.replace(features, _zeroed(pq.read_table(features), about))
        yield {"where": f"prepared/{valid}/features/visitors.parquet", "rows": len(codes)}
        # Whoever has the tables in memory sees by it that they are other ones.
        point(shop.prepared, valid)


def _released(shop: Shop, ids: list[str]) -> Iterator[dict[str, Any]]:
    """The questions that releases were judged by are asked by nobody from now on."""
    for folder in (shop.releases, shop.runs, shop.tune):
        for path in sorted(folder.rglob("*.parquet")):
            count = files.erase(path, ids, files.nameless("forgotten"))
            if count and folder == shop.releases:
                _sign(shop.releases / path.relative_to(shop.releases).parts[0], path)
            yield {"where": str(path.relative_to(shop.folder)), "rows": count}


def _sign(release: Path, path: Path) -> None:
    """Have the manifest of a release vouch for a file as it is now."""
    manifest = release / MANIFEST
    if manifest.is_file():
        values = json.loads(manifest.read_text(encoding="utf-8"))
        name = str(path.relative_to(release))
        values["files"][name] = checksum(path)
        replace(manifest, json.dumps(values, indent=1, ensure_ascii=False))


def _weights(shop: Shop) -> Iterator[dict[str, Any]]:
    """What each release still holds of all who were in the log when it was fitted."""
    releases = Releases(shop.releases)
    for name in releases.names():
        personal = {
            path.parent.name: held
            for path in sorted(releases.path(name).rglob("retrievers/*/stage.json"))
            if (held := _personal(path))
        }
        yield {"release": name, "live": name == releases.live(), "holds": personal or AGGREGATES}


def _personal(stage: Path) -> str:
    try:
        use = json.loads(stage.read_text(encoding="utf-8"))["use"]
        return str(import_class(Retriever, use, str(stage)).personal)
    except (OSError, ValueError, KeyError, EndcapError) as error:
        return f"unknown: {error}"


def _elsewhere(shop: Shop, ids: list[str]) -> Iterator[Path]:
    """Files that name the person and are not ours: what people put or had written here. Ours are
    not read: models may be larger than the memory."""
    folders = (shop.tables, shop.prepared, shop.releases, shop.runs, shop.content, shop.tune)
    store = shop.live.name if isinstance(shop.live, Path) else ""
    for path in sorted(shop.folder.rglob("*")):
        ours = any(map(path.is_relative_to, folders))
        ours |= bool(store) and path.name.startswith(store)
        if not ours and files.mentions(path, ids):
            yield path


def _person(user_id: str) -> dict[str, str]:
    """By which whoever knows the id can tell that it is meant, and nobody else can find it out."""
    salt = secrets.token_bytes(16)
    return {"salt": salt.hex(), "digest": _digest(user_id, salt), "method": METHOD}


def _digest(user_id: str, salt: bytes) -> str:
    return hashlib.scrypt(user_id.encode(), salt=salt, n=16_384, r=8, p=1, dklen=32).hex()


def _sealed(certificate: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(certificate, sort_keys=True, ensure_ascii=False)
    return {**certificate, "digest": hashlib.sha256(text.encode()).hexdigest()}


def _emptied(name: str) -> files.Change:
    """A user of whom nothing is known."""
    anonymous = files.nameless(name)

    def change(table: pa.Table, about: pa.Array) -> pa.Table:
        table = anonymous(table, about)
        for place, field in enumerate(table.schema):
            if field.name != "user_id":
                values = pc.if_else(about, pa.scalar(None, field.type), table[field.name])
                table = table.set_column(place, field, values)
        return table

    return change


def _zeroed(features: pa.Table, about: np.ndarray) -> pa.Table:
    columns = {
        name: np.where(about, np.float32(0), features[name].to_numpy())
        for name in features.column_names
    }
    return pa.table(columns, features.schema)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
