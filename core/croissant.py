"""Croissant metadata of an exported file, as JSON-LD.

Croissant 1.0, http://mlcommons.org/croissant/1.0: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
What is not known is left out: the licence, the address, who made the data and when they were published.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd

from core.corrections import EXCLUDED, Corrections
from core.dataset import Dataset
from core.exported import Exported
from core.exporting import counted, formats
from core.label_forms.form import LABEL_FORM, inner_source
from core.multilabel import LIST

VERSION = "http://mlcommons.org/croissant/1.0"
FILE, RECORDS, CLASSES, SPLITS = "data-file", "records", "classes", "splits"
ENCODINGS = {
    "csv": "text/csv",
    "manifest": "text/csv",
    "json": "application/json",
    "jsonl": "application/jsonlines",
    "parquet": "application/x-parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "npy": "application/octet-stream",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Of the export formats that are tables, by name. A delimited text of another delimiter is text/csv too."""
_BY_SUFFIX = {
    ".json": "application/json",
    ".sql": "application/sql",
    ".jsonl": "application/jsonlines",
    ".tar": "application/x-tar",
    ".zip": "application/zip",
    ".conll": "text/plain",
}
_STANDARD_SPLITS = {
    "train": "cr:TrainingSplit", "training": "cr:TrainingSplit",
    "val": "cr:ValidationSplit", "valid": "cr:ValidationSplit", "validation": "cr:ValidationSplit",
    "dev": "cr:ValidationSplit", "test": "cr:TestSplit", "testing": "cr:TestSplit",
}  # fmt: skip
_CROISSANT_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet",
    "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
    "transform",
)  # fmt: skip
_CONTENT = {"image": "Path of the picture.", "text": "Text of the row.", "tabular": "Feature.", "none": ""}
_ADDED = {
    "given_label": "Label before review.",
    "label_quality": "Label quality score from 0 (worst) to 1 (clean).",
    "decision": "What review decided.",
    "annotator": "Who decided it.",
    "decided_at": "When it was decided.",
    EXCLUDED: "Whether review excluded the row.",
}
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _CROISSANT_TERMS},
}
"""The context that the specification gives in its appendix."""


def croissant(corrections: Corrections, written: Exported) -> str:
    """The metadata of an exported file that lies beside them, as JSON. The same file gives the same text.

    Of a format that is no table (those of annotation tools, archives) the file is described, not its records.
    """
    dataset = corrections.dataset
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": dataset.name,
        "description": _description(corrections, written),
        "conformsTo": VERSION,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": FILE,
                "name": written.path.name,
                "contentUrl": quote(os.fsencode(written.path.name)),
                "contentSize": f"{written.size} B",
                "encodingFormat": encoding(_laid_out_as(corrections, written)),
                "sha256": written.sha256,
            }
        ],
    }
    if written.format in ENCODINGS:
        records = {
            "@type": "cr:RecordSet",
            "@id": RECORDS,
            "name": RECORDS,
            "description": f"{counted(written.rows, 'row')}, in the order of the file.",
            "field": _fields(corrections, written),
        }
        document["recordSet"] = [records, *_classes(corrections, written), *_splits(corrections, written)]
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def encoding(format: str) -> str:
    """The media type of an export format."""
    return ENCODINGS.get(format) or _BY_SUFFIX[formats()[format].suffix]


def _laid_out_as(corrections: Corrections, written: Exported) -> str:
    """The format of the written file; of answers put back into their own file, that of the file."""
    return inner_source(corrections.source).format if written.format == LABEL_FORM else written.format


def _description(corrections: Corrections, written: Exported) -> str:
    dataset = corrections.dataset
    labels = sum(change.writes_label for change in corrections.changes)
    said = [
        f"{counted(written.rows, 'row')} of {dataset.name} with {counted(labels, 'label cell')} changed by "
        "review with Labelmend."
    ]
    if written.format not in ENCODINGS:
        said.append(f"Its records are laid out as {formats()[written.format].title}.")
    if _headless(corrections, written):
        said.append("The file has no header row; columns are counted from 1 in the order of the fields.")
    if dataset.columns.kind == "image":
        said.append("Pictures are not part of it: a column holds their paths.")
    return " ".join(said)


def _headless(corrections: Corrections, written: Exported) -> bool:
    same = corrections.source.format == written.format == "csv"
    return same and not corrections.source.layout.get("header", True)


def _fields(corrections: Corrections, written: Exported) -> list[dict[str, Any]]:
    """A field for each column of the file; the labels alone where it is an array of them."""
    dataset = corrections.dataset
    if written.format == "npy":
        extract = {"fileProperty": "content"}
        whole = _all_whole(_tokens(corrections, written).values())
        kinds = ["sc:Integer" if whole else "sc:Text", "cr:Label"]
        field = {"@type": "cr:Field", "@id": f"{RECORDS}/0", "name": "label", "dataType": kinds}
        return [{**field, "source": {"fileObject": {"@id": FILE}, "extract": extract}}]
    names = [*dataset.table.columns, *corrections.added_names]
    return [_field(corrections, written, str(name), number) for number, name in enumerate(names)]


def _field(corrections: Corrections, written: Exported, name: str, number: int) -> dict[str, Any]:
    """@id is a number and not the name, so that any name will do."""
    columns = corrections.dataset.columns
    # JSONPath: a name in brackets, its quotes escaped as in JSON
    path = {"jsonPath": f"$[*][{json.dumps(name)}]"}
    source: dict[str, Any] = {
        "fileObject": {"@id": FILE},
        "extract": path if written.format == "json" else {"column": name},
    }
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/{number}",
        "name": name,
        "description": _role(corrections.dataset, name),
        "dataType": [_data_type(corrections, name)],
        "source": source,
    }
    if name == columns.label:
        field["dataType"].append("cr:Label")
        if corrections.dataset.targets is None:
            field["references"] = {"field": {"@id": f"{CLASSES}/label"}}
        sets = corrections.dataset.sets
        if sets is not None:
            field["repeated"] = True
            if sets.delimiter != LIST:
                source["transform"] = {"separator": sets.delimiter}
    if name == columns.split and _split_names(corrections):
        field["references"] = {"field": {"@id": f"{SPLITS}/name"}}
    return {key: value for key, value in field.items() if value != ""}


def _role(dataset: Dataset, name: str) -> str:
    """What a column is for, in words; "" where nothing is known."""
    columns = dataset.columns
    if name not in dataset.table.columns:
        return _ADDED[name]
    content: dict[str | None, str] = dict.fromkeys(columns.content, _CONTENT[columns.kind])
    own = {columns.id: "Identifier of the row.", columns.label: "Label.", columns.split: "Split."}
    return {**content, **own}.get(name, "")


def _data_type(corrections: Corrections, name: str) -> str:
    """What a column holds. Cells of a text format are texts, unless they are labels that are all numbers."""
    dataset = corrections.dataset
    if name not in dataset.table.columns:
        return {"label_quality": "sc:Float", EXCLUDED: "sc:Boolean"}.get(name, "sc:Text")
    kind = dataset.table[name].dtype
    if pd.api.types.is_bool_dtype(kind):
        return "sc:Boolean"
    if name == dataset.columns.label and dataset.targets is not None:
        return "sc:Integer" if dataset.targets.whole else "sc:Float"
    whole = name == dataset.columns.label and _all_whole(_tokens(corrections).values())
    if pd.api.types.is_integer_dtype(kind) or whole:
        return "sc:Integer"
    return "sc:Float" if pd.api.types.is_float_dtype(kind) else "sc:Text"


def _all_whole(tokens: Iterable[str]) -> bool:
    """Whether all tokens are whole numbers as Python writes them."""
    return all(t.lstrip("-").isdecimal() and t.isascii() and str(int(t)) == t for t in tokens)


def _classes(corrections: Corrections, written: Exported) -> list[dict[str, Any]]:
    """The classes as an enumeration: what the label column holds, and what it means."""
    if corrections.dataset.columns.label is None or corrections.dataset.targets is not None:
        return []
    tokens = _tokens(corrections, written)
    whole = _all_whole(tokens.values())
    label, name = f"{CLASSES}/label", f"{CLASSES}/name"
    fields = [
        {"@type": "cr:Field", "@id": label, "name": label, "dataType": "sc:Integer" if whole else "sc:Text"},
        {"@type": "cr:Field", "@id": name, "name": name, "dataType": "sc:Text"},
    ]
    rows = [{label: int(token) if whole else token, name: called} for called, token in tokens.items()]
    return [
        {
            "@type": "cr:RecordSet",
            "@id": CLASSES,
            "name": CLASSES,
            "description": "The classes: how the file writes each, and its name.",
            "dataType": "sc:Enumeration",
            "key": {"@id": label},
            "field": fields,
            "data": rows,
        }
    ]


def _tokens(corrections: Corrections, written: Exported | None = None) -> Mapping[str, str]:
    """How each class is written, by its name; in an array made anew by its place."""
    sets = corrections.dataset.sets
    if sets is not None:
        return dict(zip(sets.names, sets.tokens, strict=True))
    if written is not None and written.format == "npy" and corrections.source.format != "npy":
        return {name: str(place) for name, place in corrections.written.codes.items()}
    return corrections.written.tokens


def _split_names(corrections: Corrections) -> list[str]:
    """The splits of the rows written, by name."""
    splits = corrections.dataset.splits
    return [] if splits is None else sorted(splits[~corrections.dropped].dropna().unique())


def _splits(corrections: Corrections, written: Exported) -> list[dict[str, Any]]:
    """The splits; those with a usual name with the type that Croissant has for them."""
    names = _split_names(corrections)
    if not names or written.format == "npy":
        return []
    known = [_STANDARD_SPLITS.get(name.lower(), "") for name in names]
    fields: list[dict[str, Any]] = [
        {"@type": "cr:Field", "@id": f"{SPLITS}/name", "name": f"{SPLITS}/name", "dataType": "sc:Text"}
    ]
    rows = [{f"{SPLITS}/name": name} for name in names]
    if all(known):
        address = f"{SPLITS}/url"
        fields.append({"@type": "cr:Field", "@id": address, "name": address, "dataType": "sc:URL"})
        rows = [{**row, address: url} for row, url in zip(rows, known, strict=True)]
    return [
        {
            "@type": "cr:RecordSet",
            "@id": SPLITS,
            "name": SPLITS,
            "description": "The splits of the data set.",
            "dataType": "cr:Split",
            "key": {"@id": f"{SPLITS}/name"},
            "field": fields,
            "data": rows,
        }
    ]
