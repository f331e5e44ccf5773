"""One small file of every format, and of those that are nearly one: what the sniffers have to tell apart."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from core.importers._sql import SqlTable


def choice(labels: list[str], name: str = "sentiment") -> dict:
    """One result of Label Studio's Choices."""
    return {
        "value": {"choices": labels},
        "id": "aB3",
        "from_name": name,
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
    }


def annotation(labels: list[str], by: object = 1, **more: object) -> dict:
    base = {"id": 7, "completed_by": by, "was_cancelled": False, "ground_truth": False}
    return {**base, "result": [choice(labels)], "lead_time": 4.2, **more}


def task(number: int, annotations: list[dict], **data: object) -> dict:
    """A task as Label Studio exports it."""
    return {
        "id": number,
        "annotations": annotations,
        "drafts": [],
        "predictions": [],
        "data": {"text": f"text {number}", **data},
        "meta": {},
        "project": 3,
    }


def short(number: int, label: object) -> dict:
    """A record of JSON_MIN."""
    return {
        "text": f"text {number}",
        "id": number,
        "sentiment": label,
        "annotator": 1,
        "annotation_id": 100 + number,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
        "lead_time": 4.2,
    }


def record(number: int, *labels: object, suggestion: object = None) -> dict:
    """A record of Argilla 2."""
    answers = [{"value": label, "user_id": f"u{i}"} for i, label in enumerate(labels)]
    suggested = {"value": suggestion, "score": 0.25, "agent": "m"}
    return {
        "id": str(number),
        "fields": {"text": f"text {number}"},
        "metadata": {},
        "suggestions": {} if suggestion is None else {"label": suggested},
        "responses": {"label": answers} if answers else {},
        "vectors": {},
        "_server_id": f"s{number}",
    }


def old_record(number: int, *labels: object) -> dict:
    """A record of Argilla 1."""
    responses = [
        {"user_id": f"u{i}", "status": "submitted", "values": {"label": {"value": label}}}
        for i, label in enumerate(labels)
    ]
    suggestions = [{"question_name": "label", "value": "pos", "score": 0.5, "agent": "m"}]
    return {
        "id": str(number),
        "fields": {"text": f"text {number}"},
        "responses": responses,
        "suggestions": suggestions,
        "metadata": {},
    }


def sample(number: int, label: str | None) -> dict:
    """A sample of FiftyOne's samples.json."""
    truth: dict = {"_id": {"$oid": f"a{number}"}, "_cls": "Classification", "tags": [], "label": label}
    guess = {"_id": {"$oid": f"b{number}"}, "_cls": "Classification", "label": "cat", "confidence": 0.75}
    return {
        "_id": {"$oid": f"5f{number}"},
        "filepath": f"data/{number}.png",
        "tags": ["test"],
        "metadata": None,
        "_media_type": "image",
        "ground_truth": truth if label is not None else None,
        "predictions": guess,
    }


def predicted(number: int) -> dict:
    """A task of Label Studio with what two models say."""
    scored = {**choice(["pos"]), "score": 0.75}
    others = [{"model_version": "m2", "result": [choice(["neg"])]}, {"result": [{}]}]
    first = {"model_version": "m1", "score": 0.5, "result": [scored, {**choice(["neg"]), "score": 0.25}]}
    return {**task(number, [annotation(["pos"])]), "predictions": [first, *others]}


def sample_of_several() -> dict:
    """A sample of FiftyOne with several labels and several predictions."""
    labels = [{"_cls": "Classification", "label": name} for name in ("cat", "dog")]
    guesses = [{**one, "confidence": 0.75} for one in labels]
    fields = {"ground_truth": labels, "vit": guesses}
    several = {key: {"_cls": "Classifications", "classifications": found} for key, found in fields.items()}
    return {**sample(1, None), **several}


def vote(number: int, name: str, code: int, guess: str, guess_code: int) -> dict:
    """A record of labelerrors.com."""
    return {
        "id": number,
        "url": f"https://labelerrors.com/static/20news/{number}.txt",
        "given_original_label": code,
        "given_original_label_name": name,
        "our_guessed_label": guess_code,
        "our_guessed_label_name": guess,
        "mturk": {"given": 1, "guessed": 2, "neither": 0, "both": 2},
    }


def lines(records: list[dict]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode()


def listed(records: object, indent: int | None = 2) -> bytes:
    return json.dumps(records, ensure_ascii=False, indent=indent).encode()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), out)
    return out.getvalue()


def _npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array(["x", "y"]))
    return out.getvalue()


def _arrow() -> bytes:
    out = io.BytesIO()
    table = pa.table({"text": ["a", "b"], "label": ["x", "y"]})
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _sql_table() -> bytes:
    out = io.BytesIO()
    about = SqlTable("team", "sqlite", None, "pets", ("id",))
    table = pa.table({"id": [1, 2], "text": ["a", "b"], "label": ["x", "y"]})
    with pa.ipc.new_file(out, table.schema.with_metadata(about.metadata())) as writer:
        writer.write_table(table)
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("cat/1.png", "dog/2.png"):
            archive.writestr(name, b"\x89PNG")
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("1.png", "1.cls", "2.png", "2.cls"):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    return out.getvalue()


def coco(**more: object) -> dict:
    """Two annotations of COCO in two pictures."""
    return {
        **more,
        "images": [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png"}],
        "annotations": [
            {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"id": 8, "image_id": 2, "category_id": 2, "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }


DOCCANO = [{"id": i, "text": f"text {i}", "label": [name], "Comments": []} for i, name in enumerate("abab")]
LONG = "word " * 40_000


FLAGGED = (
    b"id,text,label,is_label_issue,label_issue_score,suggested_label\n"
    b"1,a,x,True,0.9375,y\n2,b,y,False,0.0625,\n"
)


def _workbook() -> bytes:
    book, made = openpyxl.Workbook(), io.BytesIO()
    for row in (("text", "label"), ("a", "x")):
        book.active.append(row)
    book.save(made)
    return made.getvalue()


CONLL = b"-DOCSTART- -X- O\n\nAnn NNP B-PER\nleft VBD O\n\n# second\n# NN O\nBerlin NNP B-LOC\n"
TAGGED = [{"id": str(i), "tokens": ["Ann", "left"], "ner_tags": ["B-PER", "O"]} for i in range(2)]

SAMPLES: dict[str, tuple[str, bytes]] = {
    "conll": ("conll", CONLL),
    "conll with tabs": ("conll", b"Ann\tB-PER\r\nleft\tO\r\n\r\nSan Marino\tB-LOC\r\n"),
    "csv of words and tags": ("csv", b"word\ttag\nAnn\tB-PER\n\nleft\tO\n"),
    "csv of one sentence": ("csv", b"Ann\tB-PER\nleft\tO\n"),
    "csv of two words a line": ("csv", b"Ann left\nBen came\n\nCy stayed\n"),
    "token_json": ("token_json", listed(TAGGED)),
    "token_json lines": ("token_json", lines(TAGGED)),
    "token_json with names": ("token_json", listed({"names": ["O", "B-PER"], "data": TAGGED})),
    "token_json of one": ("token_json", listed(TAGGED[0])),
    "jsonl with tokens": ("jsonl", lines([{"tokens": ["a", "b"], "label": "x"}] * 2)),
    "jsonl with too few tags": ("jsonl", lines([{"tokens": ["a", "b"], "tags": ["x"]}] * 2)),
    "csv": ("csv", b"id,text,label\n1,a,x\n2,b,y\n"),
    "csv with lists": ("csv", b'text,label\n"a","[""x""]"\n'),
    "csv that begins like a task": ("csv", b'{"data":1},annotations\n1,2\n'),
    "parquet": ("parquet", _parquet()),
    "npy": ("npy", _npy()),
    "xlsx": ("xlsx", _workbook()),
    "arrow": ("arrow", _arrow()),
    "sql_table": ("sql_table", _sql_table()),
    "webdataset": ("webdataset", _tar()),
    "zip": ("zip", _zip()),
    "coco": ("coco", listed(coco(info={}, licenses=[]))),
    "coco on one line": ("coco", listed(coco(), None)),
    "coco, last list first": ("coco", listed(dict(reversed(coco().items())))),
    "coco with a long beginning": ("coco", listed(coco(info={"about": LONG}))),
    "coco with a long outline": (
        "coco",
        listed(
            {"annotations": [{"image_id": 1, "category_id": 1, "segmentation": {"counts": LONG}}], **coco()}
        ),
    ),
    "json": ("json", listed([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])),
    "json in an object": ("json", listed({"version": 1, "data": [{"text": "a", "label": "x"}]})),
    "json with a data column": ("json", listed([{"data": "a", "label": "x", "annotations": 2}])),
    "json with an object called data": ("json", listed([{"data": {"a": 1}, "label": "x"}])),
    "json with fields": ("json", listed([{"fields": {"a": 1}, "label": "x"}])),
    "json with classes": ("json", listed({"classes": 3, "labels": [{"text": "a", "label": "x"}]})),
    "json with images": ("json", listed({"images": [{"id": 1, "text": "a", "label": "x"}]})),
    "json with categories": ("json", listed({"annotations": [{"category_id": 1, "label": "x"}]})),
    "jsonl with images": ("jsonl", lines([coco(), coco()])),
    "json with samples": ("json", listed({"samples": [{"text": "a", "label": "x"}]})),
    "jsonl": ("jsonl", lines([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])),
    "jsonl with lists": ("jsonl", lines([{"text": "a", "label": ["x"]}, {"text": "b", "label": []}])),
    "jsonl with more than doccano": ("jsonl", lines([{"id": 1, "text": "a", "label": ["x"], "n": 1}] * 2)),
    "jsonl, one of many a task": (
        "jsonl",
        lines([{"data": {"a": 1}, "annotations": []}, {"data": {"a": 1}, "label": "x"}]),
    ),
    "label_studio": ("label_studio", listed([task(1, [annotation(["pos"])]), task(2, [])])),
    "label_studio on one line": ("label_studio", listed([task(1, [annotation(["pos"])])], None)),
    "label_studio lines": ("label_studio", lines([task(1, [annotation(["pos"])]), task(2, [])])),
    "label_studio with a long text": ("label_studio", listed([task(1, [annotation(["pos"])], more=LONG)])),
    "label_studio tasks to import": ("label_studio", listed([{"data": {"text": "a"}, "predictions": []}])),
    "label_studio_min": ("label_studio_min", listed([short(1, "pos"), short(2, {"choices": ["a", "b"]})])),
    "doccano": ("doccano", lines(DOCCANO)),
    "doccano list": ("doccano", listed(DOCCANO)),
    "doccano without comments": ("doccano", lines([{"id": 1, "text": "a", "label": ["x"]}] * 2)),
    "doccano of one text": ("doccano", lines([{"id": 1, "text": "a", "label": "x", "Comments": []}] * 2)),
    "doccano spans": ("doccano", lines([{"id": 1, "text": "a b", "label": [[0, 1, "LOC"]]}] * 2)),
    "doccano pictures": ("doccano", lines([{"id": 1, "filename": "a.png", "label": ["x"], "Comments": []}])),
    "argilla": ("argilla", listed([record(1, "pos"), record(2)])),
    "argilla lines": ("argilla", lines([record(1, "pos"), record(2)])),
    "argilla 1": ("argilla", listed([old_record(1, "pos")])),
    "fiftyone_samples": ("fiftyone_samples", listed({"samples": [sample(1, "cat")]}, None)),
    "fiftyone_labels": ("fiftyone_labels", listed({"classes": ["cat"], "labels": {"a": 0, "b": None}}, None)),
    "fiftyone_labels of names": ("fiftyone_labels", listed({"classes": None, "labels": {"a": "cat"}})),
    "fiftyone_labels, many": (
        "fiftyone_labels",
        listed({"classes": ["cat"], "labels": {f"{i:08d}": 0 for i in range(9_000)}}, None),
    ),
    "label_errors": ("label_errors", listed([vote(1, "a", 0, "b", 1)])),
}


RESULTS = [{"image_id": i, "category_id": c, "score": 0.5} for i in (1, 2) for c in (1, 2)]
OUTPUTS: dict[str, bytes] = {
    "ls.json": listed([predicted(1), predicted(2)]),
    "fo.json": listed({"samples": [sample_of_several()]}, None),
    "flags.csv": FLAGGED,
    "pictures.json": listed(RESULTS),
    "boxes.json": listed([{**one, "bbox": [1, 2, 3, 4]} for one in RESULTS]),
    "coco.json": listed(coco()),
}
"""Small files that hold what models or other tools say, and the data that some of them speak of."""


def write_sample(name: str, folder: Path, suffix: str) -> Path:
    path = folder / f"sample{suffix}"
    path.write_bytes(SAMPLES[name][1])
    return path
