"""What is read the short way is what the long way makes of it: the same rows, the same hashes, the same refusals."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyticlens.protocol.canonical import canonical_json, sha256_of, strict_loads
from analyticlens.protocol.records import BatchEnvelope, VerdictBody
from analyticlens.protocol.strict import plain
from api.models import VirtualMachine
from results import spelt
from results.ingest import deliver, ingest
from results.models import InspectionResult
from results.parcel import Parcel, opened, unpacked
from results.records import NoNumber, read_spelt
from tests.results.records import EPOCH, event, gap, verdict

quick = settings(max_examples=150, deadline=None, database=None)
PICTURE = {"sha256": "cd" * 32, "size": 4711, "weight": 10, "mime": "image/png"}
FIELDS = sorted(VerdictBody.model_fields)
numbers = st.one_of(
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-0.001, 0.001),
    st.sampled_from([0.0, -0.0, 1e-4, 1e-5, 9.9e-5, 1e15, 1e16, 1e17, 2**53, 2.0**53, 123456789012345.6]),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["1.0,", "0.0}", "e-", "\x00", "\\u0000", '"', "a\n", "1.0", "é\U0001f600", "\x7f\x1f\u2028"]
)
coordinates = st.integers(-100_000, 100_000) | st.floats(-100_000, 100_000)


def shape(word: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Draw one shape."""
    return st.fixed_dictionaries({"shape": st.just(word), **fields})


few = st.integers(0, 9)
shapes = st.one_of(
    shape("polygon", points=st.lists(st.tuples(coordinates, coordinates), max_size=4)),
    shape("cross", at=st.fixed_dictionaries({"x": coordinates, "y": coordinates}), angle_deg=st.integers(-400, 400)),
    shape("ring", cx=coordinates, cy=coordinates, inner=few, outer=few, start=few, sweep=st.integers(0, 360)),
    shape("rect", x=coordinates, y=coordinates, w=few, h=few, angle=numbers),
)
bounds = st.none() | st.integers(-9, 9) | st.floats(-9, 9)
tools = st.fixed_dictionaries(
    {
        "id": st.integers(0, 9),
        "name": texts,
        "type": texts,
        "status": st.sampled_from(["ok", "not_found", "?"]),
        "verdict": st.sampled_from([None, "ok", "nok"]),
        "features": st.dictionaries(texts, numbers, max_size=3),
        "texts": st.dictionaries(st.sampled_from(["a", "b_1", "A", "a\n"]), texts, max_size=2),
        "limits": st.lists(
            st.fixed_dictionaries({"feature": st.just("a"), "min": bounds, "max": bounds, "guard": st.just(0)}),
            max_size=1,
        ),
        "reason": st.sampled_from([None, "limit", "limit\n", "Limit"]),
        "message": texts,
        "ms": st.floats(0, 100),
    }
)
overlays = st.fixed_dictionaries({"tool_id": few, "role": st.just("found"), "verdict": st.just("ok"), "shape": shapes})
bodies = st.fixed_dictionaries(
    {},
    optional={
        "message": texts,
        "reason": st.sampled_from([None, "limit", "limit\n", "x" * 65]),
        "cycle": st.integers(-1, 2**53 + 1),
        "mono_ns": st.integers(-1, 2**63),
        "part_id": st.none() | texts,
        "simulated": st.booleans(),
        "recipe_sha256": st.sampled_from([None, "1e5" * 21 + "0", "1e5" * 21 + "0\n", "short"]),
        "durations_ms": st.fixed_dictionaries({"capture": numbers, "inspect": st.just(1.5), "total": st.just(2)}),
        "tools": st.lists(tools, max_size=2),
        "overlay": st.lists(overlays, max_size=2),
        "picture": st.sampled_from([None, PICTURE, {"size": 1}]),
    },
)


def whole(body: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict's body with every field."""
    return {**plain(VerdictBody.model_validate(verdict(1)["body"])), **body}


def sent(*records: tuple[int, str, str], epoch: str = EPOCH) -> bytes:
    """Return a batch as an outbox puts it together."""
    rows = ",".join(f'{{"seq":{seq},"kind":"{kind}","body":{body}}}' for seq, kind, body in records)
    return f'{{"epoch":"{epoch}","epoch_no":1,"records":[{rows}]}}'.encode()


def outcome(raw: bytes, *, long: bool = False) -> Parcel | type[Exception]:
    """Return what reading a batch gives, or the kind of its refusal."""
    try:
        return unpacked(BatchEnvelope.model_validate(strict_loads(raw))) if long else opened(raw)
    except (ValueError, NoNumber) as error:
        return type(error)


def same(raw: bytes) -> None:
    """Fail unless both ways of reading a batch give the same."""
    assert outcome(raw) == outcome(raw, long=True)


@quick
@given(bodies)
def test_both_ways_give_the_same_row_and_hash(body: dict[str, Any]) -> None:
    same(sent((1, "verdict", canonical_json(whole(body)))))


SPELLINGS = [
    *(
        "1.0",
        "1e5",
        "1E5",
        "1e-5",
        "1e-05",
        "0.00001",
        "1e16",
        "1e+16",
        "10000000000000000.0",
        "-0",
        "-0.0",
        "0.10",
        "01",
    ),
    *(
        "true",
        "null",
        '"5"',
        "NaN",
        "1e999",
        str(2**64),
        '"\\u0041"',
        '"\\/"',
        '"\\ud800"',
        '"\\u0000"',
        "[]",
        "{}",
        " 1",
    ),
    '1,"zz":1',
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_spelling_anywhere_is_read_as_the_long_way_reads_it(spelling: str) -> None:
    features = {"a": 1.5, "b": 2}
    limits = [{"feature": "a", "min": 4, "max": None, "guard": 0}]
    tool = {**plain(VerdictBody.model_validate(verdict(1)["body"]))["tools"][0], "features": features, "limits": limits}
    drawn = {"shape": "polygon", "points": [[1, 2.5], [3, 4]]}
    body = whole({"tools": [tool], "overlay": [{"tool_id": 1, "role": "found", "verdict": "ok", "shape": drawn}]})
    text = canonical_json(body)
    assert spelt.values(text.encode()) is not None
    for place in re.finditer(r'(?<=[:\[,])(?:-?\d[\d.]*|"[a-z0-9A-Z:+-]*"|null|false)(?=[,\]}])', text):
        same(sent((1, "verdict", text[: place.start()] + spelling + text[place.end() :])))


def test_any_damage_is_read_as_the_long_way_reads_it(seed: int) -> None:
    draw = random.Random(seed)
    good = sent(*[(seq, "verdict", canonical_json(whole({"cycle": seq}))) for seq in (1, 2)])
    for _ in range(400):
        place = draw.randrange(len(good))
        junk = draw.choice(
            [b"", b" ", b"0", b'"', b",", b"{", b"\\", b"\xff", b"-", b".", b"e", good[place : place + 9]]
        )
        same(good[:place] + junk + good[place + draw.randint(0, 2) :])


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_or_doubled_field_is_no_proof(name: str) -> None:
    body = whole({})
    less = {key: value for key, value in body.items() if key != name}
    doubled = canonical_json(body)[:-1] + f',"{name}":{json.dumps(body[name])}}}'
    for text in (canonical_json(less), doubled):
        assert spelt.values(text.encode()) is None
        same(sent((1, "verdict", text)))


def test_deep_nesting_is_refused_from_the_same_depth_on() -> None:
    for depth in range(22, 40):
        details = '{"a":' * depth + "1" + "}" * depth
        same(sent((1, "event", f'{{"code":"lost","details":{details},"wall":"w"}}')))


@pytest.mark.parametrize(
    "raw",
    [
        sent(),
        sent(epoch="AB"),
        sent((0, "verdict", "{}")),
        sent((2**53 + 1, "verdict", "{}")),
        sent((1, "rumour", "{}"), (2, "event", "[]"), (3, "verdict", "7")),
        sent((1, "event", canonical_json(event(1)["body"])), (2, "gap", canonical_json(gap(2, 1, 1)["body"]))),
        sent().replace(b"1,", b"1.0,"),
        sent(*[(seq, "event", "{}") for seq in range(1, 502)]),
        b'{"epoch_no":1,' + sent()[1:],
        b"[]",
    ],
)
def test_an_envelope_is_judged_alike(raw: bytes) -> None:
    same(raw)


def test_what_a_machine_sends_is_proven_and_hashed_as_ever() -> None:
    body = whole({})
    found = read_spelt(7, "verdict", canonical_json(body).encode())
    assert found is not None
    assert found.sha256 == sha256_of({"kind": "verdict", "body": body})


@pytest.mark.django_db
def test_both_ways_fill_the_same_columns(machine: VirtualMachine, make: Any) -> None:
    other = make("vm_002")
    picture = {"sha256": "cd" * 32, "size": 4711, "weight": 10, "mime": "image/png"}
    more = [
        {},
        {"picture": picture, "reason": "limit", "part_id": "a\tb\\N\u2028"},
        {"message": 'é\n"\\', "durations_ms": {"capture": 1, "inspect": 2.5, "total": 4}},
    ]
    records = [verdict(seq, **whole(one) | {"verdict": "nok"}) for seq, one in enumerate(more, 1)]
    deliver(machine, opened(sent(*[(one["seq"], "verdict", canonical_json(one["body"])) for one in records])))
    ingest(other, BatchEnvelope(epoch=EPOCH, epoch_no=1, records=records))
    names = [field.attname for field in InspectionResult._meta.concrete_fields]
    kept = sorted(set(names) - {"id", "machine_id", "epoch_id", "received_at"})
    mine, theirs = (
        list(InspectionResult.objects.filter(machine=one).order_by("seq").values(*kept)) for one in (machine, other)
    )
    assert mine == theirs
    assert [row["tools"] for row in mine] == [one["body"]["tools"] for one in records]


@pytest.mark.django_db
def test_a_replay_spelt_otherwise_is_the_same_record(machine: VirtualMachine) -> None:
    body = whole({"durations_ms": {"capture": 1, "inspect": 2.5, "total": 4}})
    loose = json.dumps(dict(reversed(body.items())), indent=1).replace('"total": 4', '"total": 4.0')
    for text in (canonical_json(body), loose, canonical_json(body)):
        answer = deliver(machine, opened(sent((1, "verdict", text))))
        assert (answer.high_water_mark, answer.refusals) == (1, [])
    assert InspectionResult.objects.count() == 1
