"""What the check of masks counted over all pixels: classes that are mixed up, and how well each is met."""

from __future__ import annotations

import streamlit as st

from core.issues import Result

MOST = 20
_COUNT = st.column_config.NumberColumn(format="localized")
_SHARE = st.column_config.NumberColumn(format="percent")


def show(result: Result) -> None:
    """Nothing where no predicted mask was compared."""
    pairs, classes = result.figures["mask_pairs"], result.figures["mask_classes"]
    if not result.summary["compared"]:
        return
    st.subheader("Which classes of the masks are mixed up?", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        shown = pairs.head(MOST).rename(
            columns={"given": "Given", "predicted": "Predicted", "pixels": "Pixels", "share": "Of the given"}
        )
        st.dataframe(
            shown,
            hide_index=True,
            column_config={"Pixels": _COUNT, "Of the given": _SHARE},
            alt="Pixels by given and predicted class, where these differ",
        )
        some = f"The {MOST} largest of {len(pairs):,} pairs. " if len(pairs) > MOST else ""
        st.markdown(f":small[{some}Pixels whose given and predicted class differ, borders included.]")
    with right:
        shown = classes.drop(columns=["low", "high"]).rename(
            columns={"class": "Class", "pictures": "Pictures", "pixels": "Pixels", "iou": "IoU"}
        )
        ends = zip(classes["low"], classes["high"], strict=True)
        shown["95% interval"] = ["" if low != low else f"{low:.1%} to {high:.1%}" for low, high in ends]
        st.dataframe(
            shown,
            hide_index=True,
            column_config={"Pictures": _COUNT, "Pixels": _COUNT, "IoU": _SHARE},
            alt="Intersection over union of each class, lowest first",
        )
        seed = result.summary["seed"]
        st.markdown(
            ":small[IoU of given and predicted masks over all pixels, lowest first, with 95% intervals: "
            f"Poisson bootstrap over pictures, seed {seed}. Agreement with given masks is not truth.]"
        )
