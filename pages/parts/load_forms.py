"""How the labels of a table are laid out, on the Load page: proposed, taken only where a person says so."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.label_forms.form import METHODS, Kind, LabelForm
from core.label_forms.guess import guess_form, guess_long, sentence
from core.label_forms.reading import TABLES, read_form
from core.preflight.targets import guess_target
from core.source import RawTable
from pages.parts import session
from pages.parts.problems import show_problems

FORMS: dict[Kind | None, str] = {
    None: "One column, one label a row",
    "wide": "A column for each annotator",
    "long": "A record for each annotator's answer",
    "soft": "Shares of the classes (soft labels)",
}
LABEL_KINDS = {False: "A class", True: "A number"}
AGREED = {"majority": "What most say", "dawid_skene": "Dawid-Skene"}


def choose_form(raw: RawTable) -> RawTable:
    """The table as it is, or with one row for each item and given labels made of the answers.

    What the table looks like is told; nothing is done about it before somebody chooses it.
    """
    if raw.source.format not in TABLES or not len(raw.frame):
        return raw
    guess = _guessed(raw, raw.source.sha256)
    mark = raw.source.sha256[:12]
    if guess is not None and st.session_state.get(f"l_form_{mark}") != guess.kind:
        # Others begin with the name of a column, which stays as it is written.
        looks = sentence(guess)
        looks = f"C{looks[1:]}" if guess.kind == "wide" else looks
        st.info(
            f"{session.escape(looks)}. If so, choose “{FORMS[guess.kind]}” below.",
            icon=":material/groups:",
        )
    with st.container(horizontal=True):
        kind = st.selectbox(
            "Labels are in", list(FORMS), 0, FORMS.__getitem__, key=f"l_form_{mark}", width=320
        )
        form = None if kind is None else _ask(kind, raw, guess, mark)
    if form is None:
        return raw
    try:
        return _formed(raw, raw.source.sha256, form)
    except InputError as error:
        show_problems(error.problems)
        st.stop()


def _ask(kind: Kind, raw: RawTable, guess: LabelForm | None, mark: str) -> LabelForm:
    """Which columns a form is made of, guessed and shown to be confirmed."""
    names = list(map(str, raw.frame.columns))
    likely = guess if guess is not None and guess.kind == kind else None
    if kind == "long":
        likely = likely or guess_long(raw.frame)
        item, who, label = (
            st.selectbox(title, names, names.index(found) if found in names else 0, key=f"l_{key}_{mark}")
            for title, found, key in (
                ("What is labelled", likely.item, "item"),
                ("Annotator", likely.annotator, "annotator"),
                ("Label", next(iter(likely.columns), ""), "answer"),
            )
        )
        return LabelForm(kind, (label,), item, who, _method(mark))
    title = "Annotators' columns" if kind == "wide" else "Columns of shares"
    default = list(likely.columns) if likely is not None else []
    columns = st.multiselect(title, names, default, key=f"l_answers_{kind}_{mark}")
    return LabelForm(kind, tuple(columns), method=_method(mark) if kind == "wide" else METHODS[0])


def _method(mark: str) -> str:
    return st.selectbox(
        "Given label",
        list(METHODS),
        format_func=AGREED.__getitem__,
        key=f"l_consensus_{mark}",
        help="A tie has none. Dawid-Skene weighs annotators by how often they differ from the others.",
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _guessed(_raw: RawTable, sha256: str) -> LabelForm | None:
    return guess_form(_raw)


@st.cache_resource(max_entries=2, show_spinner="Putting the answers together")
def _formed(_raw: RawTable, sha256: str, form: LabelForm) -> RawTable:
    return read_form(_raw, form)


def choose_kind(raw: RawTable, label: str | None, mark: str) -> bool:
    """Whether a label is a number, proposed by how the column looks."""
    if label is None:
        return False
    guess = _guess_target(raw, label, mark)
    chosen = st.selectbox(
        "A label is",
        list(LABEL_KINDS),
        int(guess),
        LABEL_KINDS.__getitem__,
        key=f"l_target_{label}_{mark}",
        help="A number: a price, an age, a score. Then a model predicts numbers, and a reviewer types them.",
    )
    return bool(chosen)


@st.cache_data(max_entries=16, show_spinner=False)
def _guess_target(_raw: RawTable, label: str, mark: str) -> bool:
    return guess_target(_raw, label)
