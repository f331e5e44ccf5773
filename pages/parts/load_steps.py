"""The steps of the Load page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.baseline import why_not
from core.dataset import Columns, Kind
from core.errors import InputError
from core.exporting import counted
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.multilabel import LIST
from core.new_version import of_stored
from core.preflight.columns import guess_label_delimiter
from core.reading import stamp
from core.source import RawTable
from core.uploads import store_upload, store_upload_folder
from core.workspace import Workspace, safe_name
from pages.parts import load_forms, load_sql, session, work
from pages.parts.load_models import Checked, store
from pages.parts.problems import show_problems
from pages.parts.waiting import result_of

NONE = "(none)"
KINDS: dict[Kind, str] = {"text": "Text", "image": "Images", "tabular": "Table", "none": "Nothing"}
DELIMITERS = {
    "": "One",
    "|": "Several, separated by |",
    ";": "Several, separated by ;",
    ",": "Several, separated by ,",
    " ": "Several, separated by spaces",
    LIST: "Several, as a list",
}
"""What can stand between the labels of a row, in words."""
SEVERAL_MODELS = "Several files are several models, one of them in use."
PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 300
PREVIEW_COLUMNS = 200
MOST_CHIPS = 50
"""Feature columns that are listed one by one; of more, those are chosen that are left out."""


@dataclass(frozen=True)
class Files:
    """The files beside the data; None where there is none. softmax: the predictions are logits.

    others: predictions of further models. flags: what cleanlab said of the labels.
    """

    pred_probs: Path | None = None
    embeddings: Path | None = None
    classes: Path | None = None
    softmax: bool = False
    others: tuple[Path, ...] = ()
    flags: Path | None = None


def choose_source(workspace: Workspace) -> Path | None:
    """The data file or folder that the visitor points at, or None so far."""
    ways = ["Upload a file", "Upload several files", "Upload a folder", "Path on this machine"]
    ways += [load_sql.WAY] if workspace.settings.sql_sources else []
    way = st.segmented_control("From", ways, default=ways[0], required=True, key="l_way")
    if way == ways[1]:
        label = "A table for each split, such as train.csv and test.csv"
        files = st.file_uploader(label, accept_multiple_files=True, key="l_files")
        return _kept(workspace, files, "splits/") if files else None
    if way == ways[2]:
        label = "Pictures in class folders, YOLO, COCO, Hugging Face, or a table for each split"
        folder = st.file_uploader(label, accept_multiple_files="directory", key="l_folder")
        return _kept(workspace, folder, "") if folder else None
    if way == ways[3]:
        roots = ", ".join(str(root) for root in workspace.settings.data_roots)
        return _typed_path(workspace, "Path of a file or a folder", "l_path", f"Inside {roots}")
    if way == load_sql.WAY:
        return load_sql.choose_table(workspace)
    label = "CSV, Excel, JSON, Parquet, Arrow, zipped pictures, or a file of an annotation tool"
    return _uploaded(workspace, label, "l_file")


def _uploaded(workspace: Workspace, label: str, key: str) -> Path | None:
    upload = st.file_uploader(label, key=key)
    return None if upload is None else _kept(workspace, [upload])


def _kept(workspace: Workspace, files: list[UploadedFile], under: str | None = None) -> Path:
    """Where uploaded files are kept: written once, not at every step on the page. under: for a folder."""
    kept, ids = session.current().uploads, tuple(f.file_id for f in files)
    if ids not in kept or not kept[ids].exists():
        with st.spinner("Keeping what was uploaded"):
            kept[ids] = (
                store_upload(workspace.uploads, files[0].name, files[0])
                if under is None
                else store_upload_folder(workspace.uploads, [(f"{under}{f.name}", f) for f in files])
            )
    return kept[ids]


def _typed_path(workspace: Workspace, label: str, key: str, help: str = "") -> Path | None:
    typed = st.text_input(label, key=key, placeholder="data/train.csv", help=session.escape(help) or None)
    return workspace.resolve(typed.strip()) if typed.strip() else None


def _uploads(workspace: Workspace, label: str, key: str) -> list[Path]:
    uploads = st.file_uploader(label, key=key, accept_multiple_files=True, help=SEVERAL_MODELS)
    return list(dict.fromkeys(_kept(workspace, [u]) for u in uploads))


def _typed_paths(workspace: Workspace, label: str, key: str) -> list[Path]:
    typed = st.text_input(
        label, key=key, placeholder="data/probs.npy", help=f"{SEVERAL_MODELS} Put ; between."
    )
    paths = [part.strip() for part in typed.split(";")]
    return list(dict.fromkeys(workspace.resolve(path) for path in paths if path))


def offer_samples(workspace: Workspace) -> None:
    """Links to the sample data sets, for a visitor who has no file at hand."""
    from sample_data import SAMPLES

    there = [s for s in SAMPLES if s.name in workspace.names()]
    if there:
        st.text("Or open a sample:")
        with st.container(horizontal=True):
            for sample in there:
                if st.button(sample.title, key=f"l_sample_{sample.name}"):
                    session.select_project(sample.name)
                    st.switch_page("overview.py", query_params={"ds": sample.name})


def read(path: Path) -> RawTable:
    """The source as read; kept while the visitor matches columns."""
    unpacked, kept = session.workspace().unpacked, session.workspace().kept
    return result_of(
        f"Reading {path.name}",
        (str(path), stamp(path)),
        lambda progress: read_table(path, progress, unpack_to=unpacked, keep_in=kept),
    )


def _stamps(*paths: Path | None) -> tuple[tuple[str, float, int], ...]:
    """What changes where one of these files does."""
    return tuple((str(path), *stamp(path)) for path in paths if path is not None)


def mark_of(raw: RawTable) -> str:
    """What tells one reading of a file from another: its content, and how its labels are laid out."""
    form = raw.source.layout.get("form", "")
    return hashlib.sha256(f"{raw.source.sha256}{form}".encode()).hexdigest()[:12]


@st.cache_data(max_entries=2, show_spinner=False)
def _guess(_raw: RawTable, mark: str) -> Columns:
    return guess_columns(_raw)


def match_columns(raw: RawTable) -> Columns:
    """The role of each column, guessed and shown for confirmation with a preview."""
    guess = _guess(raw, mark_of(raw))
    names = list(raw.frame.columns)
    mark = mark_of(raw)  # another file starts from its own guess

    def role(title: str, guessed: str | None, key: str, none: str = NONE) -> str | None:
        options = [none, *names]
        index = options.index(guessed) if guessed in names else 0
        chosen = st.selectbox(title, options, index=index, key=f"l_{key}_{mark}")
        return None if chosen == none else chosen

    with st.container(border=True):
        st.text(f"{raw.source.path.name}: {counted(len(raw.frame), 'row')}, {counted(len(names), 'column')}")
        with st.container(horizontal=True):
            label = role("Label", guess.label, "label")
            target = load_forms.choose_kind(raw, label, mark)
            delimiter = "" if target else _delimiter(raw, label, mark)
            kinds = list(KINDS)
            kind = st.selectbox(
                "Content is", kinds, kinds.index(guess.kind), KINDS.__getitem__, key=f"l_kind_{mark}"
            )
            split = role("Split", guess.split, "split")
            row_id = role("Row id", guess.id, "id", "(from the content)")
            mask = role("Mask", guess.mask, "mask") if kind == "image" else None
        content = _content(kind, guess, [n for n in names if n not in (label, split, mask)], row_id, mark)
        st.dataframe(_preview(raw.frame), hide_index=True, alt="The first rows of the file")
        if len(names) > PREVIEW_COLUMNS:
            st.text(f"The first {PREVIEW_COLUMNS:,} of {len(names):,} columns.")
    kind = kind if content else "none"
    return Columns(row_id, label, split, content, kind, delimiter, target, guess.tokens, mask)


def _delimiter(raw: RawTable, label: str | None, mark: str) -> str:
    """What stands between the labels of a row; "" for one label a row."""
    if label is None:
        return ""
    guess = guess_label_delimiter(raw, label) or ""
    return st.selectbox(
        "Labels a row",
        list(DELIMITERS),
        list(DELIMITERS).index(guess),
        lambda mark: DELIMITERS.get(mark, f"Several, separated by {mark}"),
        key=f"l_delimiter_{label}_{mark}",
        accept_new_options=True,
        help="Several: a row can have any number of labels, as in multi-label classification.",
    )


def _content(
    kind: Kind, guess: Columns, names: Sequence[str], row_id: str | None, mark: str
) -> tuple[str, ...]:
    free = [n for n in names if n != row_id]
    # The path of a picture is often its id, too.
    free += [n for n in names if n == row_id and kind != "tabular"]
    key = f"l_content_{kind}_{mark}"
    if kind == "none" or not free:
        return ()
    if kind == "text" and guess.tokens:
        st.text("Each row is a token of its sentence.")
        return guess.content
    if kind == "tabular":
        guessed = set(guess.content) if guess.kind == kind else set(free)
        if len(free) > MOST_CHIPS:
            out = st.multiselect(
                "Leave out of the features",
                free,
                default=[n for n in free if n not in guessed],
                key=key,
                placeholder=f"Nothing: all {len(free):,} other columns are features",
            )
            return tuple(n for n in free if n not in set(out))
        return tuple(
            st.multiselect("Feature columns", free, default=[n for n in free if n in guessed], key=key)
        )
    first = guess.content[0] if guess.content and guess.content[0] in free else free[0]
    return (st.selectbox(f"{KINDS[kind]} column", free, index=free.index(first), key=key),)


def _preview(frame: pd.DataFrame) -> pd.DataFrame:
    """The first rows and columns with long cells cut short, for showing only."""
    head = frame.iloc[:PREVIEW_ROWS, :PREVIEW_COLUMNS]
    return head.map(lambda v: v if not isinstance(v, str) else v[:PREVIEW_CHARACTERS])


def choose_predictions(workspace: Workspace) -> Files:
    """The files of a model's out-of-sample outputs, and the class list, where the visitor has them."""
    with st.expander("Predictions, embeddings and class names", icon=":material/neurology:", expanded=True):
        st.text("Predictions must be out-of-sample: made by a model that did not train on the row.")
        way = st.segmented_control(
            "From", ["Upload", "Path on this machine"], default="Upload", required=True, key="l_pway"
        )
        ask = _uploaded if way == "Upload" else _typed_path
        with st.container(horizontal=True):
            several = _uploads if way == "Upload" else _typed_paths
            pred_probs = several(workspace, "Predictions (.npy, .npz, CSV, JSON, Parquet)", f"l_probs_{way}")
            embeddings = ask(workspace, "Embeddings, optional", f"l_embeddings_{way}")
            classes = ask(workspace, "Class names, optional", f"l_classes_{way}")
            flags = ask(workspace, "Flags of cleanlab, optional", f"l_flags_{way}")
        softmax = bool(pred_probs) and st.toggle(
            "The predictions are logits", key="l_softmax", help="Labelmend then takes their softmax."
        )
    first = pred_probs[0] if pred_probs else None
    return Files(first, embeddings, classes, bool(softmax), tuple(pred_probs[1:]), flags)


def make_plan(workspace: Workspace, raw: RawTable, columns: Columns, files: Files) -> Plan:
    """What the page says about the file, under a name that the visitor can change."""
    source = raw.source.path
    called = source.parent.name if source.stem == "metadata" else source.stem
    free = workspace.free_name(called, source)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input("Name of the data set", free, key=f"l_name_{raw.source.sha256[:12]}", width=320)
        merge = st.toggle(
            "Merge labels that differ only by case or spaces",
            key="l_merge",
            help="For the analysis only: cells of rows that nobody changes are exported as they are.",
        )
    name = workspace.free_name(typed or free, raw.source.path)
    wanted = safe_name(called if typed in ("", free) else typed)
    if wanted != name and st.toggle(
        f"This is a new version of {session.escape(wanted)}",
        key="l_version",
        help="Its rows are replaced by those of this file. Decisions carry over by row id.",
    ):
        name = wanted
    return Plan(
        name=name,
        columns=columns,
        classes=files.classes,
        pred_probs=files.pred_probs,
        embeddings=files.embeddings,
        softmax=files.softmax,
        merge_variants=merge,
        flags=files.flags,
    )


def check(raw: RawTable, plan: Plan) -> Prepared:
    """The pre-flight check; run again only where the file or a choice has changed."""
    stamps = _stamps(raw.source.path, plan.pred_probs, plan.embeddings, plan.classes, plan.flags)
    # The name is no part of the work: typing another must not check a million rows again.
    unnamed, kept = replace(plan, name=""), session.workspace().kept
    prepared = result_of(
        "Checking every row",
        (mark_of(raw), unnamed, stamps),
        lambda progress: prepare(raw, unnamed, progress, keep_in=kept),
    )
    unnamed_data = prepared.dataset
    if unnamed_data is None:
        return prepared
    dataset = replace(unnamed_data, name=plan.name)
    # The name is in no digest: what later steps ask for is digested once, not at each step on the page.
    dataset.trust({part: unnamed_data.part(part) for part in ("ids", "labels", "flags")})
    return replace(prepared, dataset=dataset)


def with_decisions(workspace: Workspace, prepared: Prepared) -> Prepared:
    """The same, with what does not fit of the decisions on the version that the data set would replace."""
    dataset = prepared.dataset
    if dataset is None or dataset.name not in workspace.names():
        return prepared
    found = of_stored(session.store(), dataset)
    if found.decided:
        st.text(f"A new version of {dataset.name}: {found.sentence}.")
    return replace(prepared, problems=(*prepared.problems, *found.problems(prepared.source.path.name)))


def say_verdict(prepared: Prepared) -> None:
    """How many problems there are, and each of them."""
    count = {s: sum(p.severity == s for p in prepared.problems) for s in ("error", "warning", "notice")}
    to_mend, to_know = count["error"], count["warning"] + count["notice"]
    if not prepared.problems:
        st.success("Nothing to mend.", icon=":material/check_circle:")
    elif to_mend:
        st.error(f"{to_mend:,} to mend, {to_know:,} to know. Nothing is stored yet.", icon=":material/error:")
    else:
        st.info(f"Nothing to mend, {to_know:,} to know.", icon=":material/info:")
    if prepared.problems:
        show_problems(prepared.problems)


def analyse(workspace: Workspace, checked: Checked, rows: int, confirmed: bool) -> None:
    """The buttons that store the data set and start the audit, with or without a baseline.

    confirmed: nothing is left to ask.
    """
    prepared, ready = checked.prepared, checked.whole.ok and confirmed
    dataset, probs = prepared.dataset, prepared.predictions.output
    trainable = ready and dataset is not None and probs is None and not why_not(dataset)
    features = None
    if trainable and dataset is not None:
        features = work.choose_features(dataset, f"l_features_{dataset.columns.kind}")
    with st.container(horizontal=True):
        # Without predictions most checks have nothing to say: then training is the likeliest next step.
        train = trainable and st.button(
            f"Train a baseline and analyse {counted(rows, 'row')}",
            type="primary",
            icon=":material/model_training:",
            help="Learns from your labels here, without the network.",
        )
        alone = st.button(
            f"Analyse {counted(rows, 'row')}",
            type="secondary" if trainable else "primary",
            icon=":material/troubleshoot:",
            disabled=not ready,
            help=_why_disabled(checked.whole.ok, confirmed),
        )
    if train or alone:
        try:
            name = store(workspace, checked)
        except InputError as error:
            show_problems(error.problems)
            return
        session.select_project(name)
        if train:
            work.start_baseline(name, features)
        else:
            work.start(name)
        st.switch_page("overview.py", query_params={"ds": name})


def _why_disabled(ok: bool, confirmed: bool) -> str | None:
    if not ok:
        return "Mend the errors above first. Your file is not touched."
    return None if confirmed else "Say above whether the rows are in the same order."
