"""What the check of masks counted over all pixels: classes that are mixed up, and how well each is met."""

from __future__ import annotations

import streamlit as st

from core.issues import Result

MOST = 20


def show(result: Result) -> None:
    """Nothing where no predicted mask was compared."""
    pairs, classes = result.figures["mask_pairs"], result.figures["mask_classes"]
    if not result.summary["compared"]:
        return
    st.subheader("Which classes of the masks are mixed up?", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        shown = pairs.head(MOST).rename(columns={"share": "share of given"})
        st.dataframe(shown, hide_index=True, alt="Pixels by given and predicted class, where these differ")
        some = f"The {MOST} largest of {len(pairs):,} pairs. " if len(pairs) > MOST else ""
        st.markdown(f":small[{some}Pixels whose given and predicted class differ, borders included.]")
    with right:
        st.dataframe(classes, hide_index=True, alt="Intersection over union of each class, lowest first")
        seed = result.summary["seed"]
        st.markdown(
            ":small[IoU of given and predicted masks over all pixels, lowest first, with 95% intervals: "
            f"Poisson bootstrap over pictures, seed {seed}. Agreement with given masks is not truth.]"
        )
