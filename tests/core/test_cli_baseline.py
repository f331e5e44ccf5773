"""`labelmend audit` where a data set has labels and no predictions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.core.test_baseline import texts
from tests.core.test_cli import labelmend


def written(folder: Path) -> Path:
    dataset = texts(200, (3, 50, 121))
    names = [("cat", "dog")[k] for k in dataset.labels]
    dataset.table.assign(label=names).to_csv(folder / "pets.csv", index=False)
    return folder / "pets.csv"


def test_audit__trains_a_baseline_and_says_how_far_to_trust_it(tmp_path: Path) -> None:
    out = labelmend("audit", written(tmp_path), "--out", tmp_path / "out", workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "baseline: TF-IDF of words. Out of sample it agrees with 98.5% of 200 labels" in out.stderr
    assert "label_issues: skipped" not in out.stdout
    with (tmp_path / "out" / "issues.csv").open(newline="") as lines:
        worst = [line["row_id"] for line in csv.DictReader(lines) if line["check"] == "label_issues"][:3]
    assert set(worst) == {"r3", "r50", "r121"}
    assert "label_issues" in json.loads((tmp_path / "out" / "summary.json").read_text())["checks"]


def test_audit__no_model_leaves_the_data_set_without_predictions(tmp_path: Path) -> None:
    out = labelmend("audit", written(tmp_path), "--no-model", workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "label_issues: skipped, needs predicted probabilities" in out.stdout
    assert "baseline" not in out.stderr
    assert not list((tmp_path / "w" / "datasets").glob("*/pred_probs.npy"))


def test_audit__says_why_there_is_no_baseline(tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("id,text,label\na,one text,x\nb,two texts,y\nc,three texts,x\n")
    out = labelmend("audit", tmp_path / "few.csv", "--text-column", "text", workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "no baseline: 3 labelled rows are too few to learn from; 10 are needed" in out.stderr


def test_audit__an_unknown_kind_of_features_is_a_clear_failure(tmp_path: Path) -> None:
    out = labelmend("audit", written(tmp_path), "--features", "bert", workspace=tmp_path / "w")
    assert out.returncode == 1
    assert "no features called 'bert' for text. Expected: text_characters, text_tfidf." in out.stderr
    assert "Traceback" not in out.stderr


OWN = """
def cats(texts):
    return [["cat" in text or "kitten" in text, len(text)] for text in texts]
"""


def test_audit__learns_from_a_function_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "own_features.py").write_text(OWN.replace('"cat" in text', '1.0 * ("cat" in text)'))
    file = written(tmp_path)
    wanted = ("--features", "text_callable:own_features:cats")
    out = labelmend("audit", file, *wanted, workspace=tmp_path / "w", cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert "baseline: own_features:cats. Out of sample it agrees with 98.5% of 200 labels" in out.stderr


def test_audit__a_hub_is_not_asked_without_download(tmp_path: Path) -> None:
    wanted = ("--features", "text_sentences:owner/name")
    out = labelmend("audit", written(tmp_path), *wanted, workspace=tmp_path / "w")
    assert out.returncode == 1
    assert (
        "nothing is downloaded unless you ask" in out.stderr or "pip install 'labelmend[text]'" in out.stderr
    )
    assert "Traceback" not in out.stderr


def test_features__lists_built_in_and_pretrained(tmp_path: Path) -> None:
    out = labelmend("features", workspace=tmp_path)
    assert out.returncode == 0, out.stderr
    lines = out.stdout.splitlines()
    assert lines[3] == "text_tfidf  text: TF-IDF of words. Built in."
    names = [line.split(":WEIGHTS")[0] for line in lines[4:]]
    assert names == [
        "image_callable",
        "image_clip",
        "image_onnx",
        "image_timm",
        "text_callable",
        "text_onnx",
        "text_sentences",
    ]
    assert all(("Ready; " in line) != ("pip install 'labelmend[" in line) for line in lines[4:])
