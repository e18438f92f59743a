# SPDX-License-Identifier: BSD-3-Clause
"""``courses/lab.py``: what notebooks may rely on, also with hostile input and no front end."""

import ast
import hashlib
import json
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from lab_files import COURSES, LABS, lab_module, notebook_of

lab = lab_module()


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABROOM_LANGUAGE", "en")


def write_table(folder, name="air", content="height_m,place\n1,a\n2,b\n", **card):
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / f"{name}.csv").write_text(content, encoding="utf-8", newline="")
    whole = {"sha256": hashlib.sha256(content.encode()).hexdigest(), **card}
    (folder / "data" / f"{name}.card.json").write_text(
        json.dumps(whole, ensure_ascii=False), encoding="utf-8"
    )


# ---- language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LABROOM_LANGUAGE": "zh", "LANG": "en_GB.UTF-8"}, "zh"),
        ({"LABROOM_LANGUAGE": "klingon", "LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
    ],
)
def test_language_follows_the_environment(monkeypatch, environment, expected):
    for name in ("LABROOM_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert lab.language() == expected


@pytest.mark.parametrize(
    ("content", "spoken", "expected"),
    [
        ('{"language": "zh"}', "en_US.UTF-8", "zh"),
        ('{"language": "both"}', "C.UTF-8", "zh"),
        ('{"language": "both"}', "en_US.UTF-8", "en"),
        ("[]", "zh_CN.UTF-8", "zh"),
        ("{broken", "en_US.UTF-8", "en"),
    ],
)
def test_language_follows_lab_json_beside_the_module(monkeypatch, tmp_path, content, spoken, expected):
    for name in ("LABROOM_LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", spoken)
    (tmp_path / "lab.json").write_text(content, encoding="utf-8")
    monkeypatch.setattr(lab, "_HERE", tmp_path)
    assert lab.language() == expected


def test_a_translated_text_is_a_string_that_keeps_both_languages():
    text = lab.tr("海拔", "altitude")
    assert text == "altitude"
    assert (text.zh, text.en) == ("海拔", "altitude")
    assert pickle.loads(pickle.dumps(text)).zh == "海拔"


# ---- data


def test_numbers_become_arrays_and_words_lists(tmp_path):
    write_table(tmp_path, content="# a note\nheight_m,place,empty\n1,a,\n2.5,b,3\n")
    table = lab.data("air")
    assert table["height_m"].tolist() == [1.0, 2.5]
    assert table["place"] == ["a", "b"]
    assert np.isnan(table["empty"][0])


def test_a_changed_file_is_refused_in_both_languages(tmp_path, monkeypatch):
    write_table(tmp_path)
    (tmp_path / "data" / "air.csv").write_text("height_m,place\n1,a\n2,c\n", encoding="utf-8")
    with pytest.raises(lab.DataError, match="has been changed"):
        lab.data("air")
    monkeypatch.setenv("LABROOM_LANGUAGE", "zh")
    with pytest.raises(lab.DataError, match="被改动过"):
        lab.data("air")


@pytest.mark.parametrize("card", ["", "[]", '{"sha256": 7}', "{}"])
def test_a_useless_card_is_named(tmp_path, card):
    write_table(tmp_path)
    (tmp_path / "data" / "air.card.json").write_text(card, encoding="utf-8")
    with pytest.raises(lab.DataError, match=r"air\.card\.json"):
        lab.data("air")


def test_a_missing_table_or_card_is_named(tmp_path):
    with pytest.raises(lab.DataError, match=r"data/nothing\.csv"):
        lab.data("nothing")
    write_table(tmp_path)
    (tmp_path / "data" / "air.card.json").unlink()
    with pytest.raises(lab.DataError, match=r"air\.card\.json"):
        lab.data("air")
    write_table(tmp_path)
    (tmp_path / "data" / "air.csv").unlink()
    with pytest.raises(lab.DataError, match=r"air\.csv"):
        lab.data("air")


def test_the_data_card_speaks_the_learners_language_and_escapes(tmp_path, capsys):
    write_table(tmp_path, title={"zh": "空气", "en": "Air"}, source="<script>", other={})
    lab.data_card("air")
    shown = capsys.readouterr().out
    assert "Air" in shown
    assert "空气" not in shown
    assert "&lt;script&gt;" in shown


# ---- predictions


def test_the_first_prediction_stays(tmp_path, capsys):
    first = lab.commit("kettle", 2, " because ", ["hot", "cold"])
    second = lab.commit("kettle", 1, "changed my mind", ["hot", "cold"])
    assert first == second == lab.prediction("kettle")
    assert (first["text"], first["reason"]) == ("cold", "because")
    assert lab.commit("other", "a word")["text"] == "a word"
    assert set(json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))) == {"kettle", "other"}


def test_the_result_stays_hidden_until_there_is_a_prediction(capsys):
    shown = []
    lab.reveal("kettle", lambda: shown.append("result"))
    lab.compare("kettle", "87.8 ℃")
    said = capsys.readouterr().out
    assert not shown
    assert "No prediction was made" in said
    assert "87.8" not in said
    lab.commit("kettle", "100 ℃", "the book")
    lab.reveal("kettle", lambda: shown.append("result"))
    lab.compare("kettle", "87.8 ℃")
    said = capsys.readouterr().out
    assert shown == ["result"]
    assert all(part in said for part in ("100 ℃", "the book", "87.8 ℃"))


@pytest.mark.parametrize("content", ["", "[]", '{"kettle": 1}', '{"kettle": {"text": "x"}}', "\x00"])
def test_a_spoilt_prediction_file_counts_as_none_and_is_kept(tmp_path, content):
    (tmp_path / "predictions.json").write_text(content, encoding="utf-8")
    assert lab.prediction("kettle") is None
    lab.commit("kettle", "88 ℃")
    assert lab.prediction("kettle")["text"] == "88 ℃"
    if not content.startswith("{"):
        assert (tmp_path / "predictions.unreadable.json").read_text(encoding="utf-8") == content


# ---- figures


def test_a_figure_without_description_is_refused():
    fig, _ = lab.figure()
    with pytest.raises(ValueError, match="alt"):
        lab.show(fig, " ")


def test_a_figure_carries_its_description(capsys):
    fig, ax = lab.figure()
    ax.plot([1, 2])
    lab.show(fig, 'a line from "1" to 2')
    assert "alt=&quot" not in (shown := capsys.readouterr().out)
    assert "a line from &quot;1&quot; to 2" in shown


def texts_of_figures():
    """Every string in the code of every lab, in both languages, and the signs that labs may use."""
    found = {"−1.5 × 10⁻³ ℃ ± 2 µm ≤ ≥ ≈ ÷ ° ² ³ ₀ Ω Δ"}
    for folder in LABS:
        for cell in notebook_of(folder)["cells"]:
            if cell["cell_type"] == "code":
                tree = ast.walk(ast.parse(cell["source"]))
                found |= {n.value for n in tree if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return sorted(text for text in found if text.strip() and "$" not in text)


def test_every_text_of_every_lab_has_its_glyphs():
    families = lab.mpl.rcParams["font.family"]
    assert families == ["Labroom Sans SC", "DejaVu Sans"]  # both travel with the lab: no font of the machine
    fig = lab.Figure()
    for text in texts_of_figures():
        fig.text(0.1, 0.5, text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fig.savefig(os.devnull, format="png")


def test_the_font_is_the_one_its_card_describes():
    card = json.loads((COURSES / "lab.ttf.card.json").read_text(encoding="utf-8"))
    assert hashlib.sha256((COURSES / "lab.ttf").read_bytes()).hexdigest() == card["sha256"]
    assert card["family"] == lab.FONT_FAMILY
    assert "Noto" not in card["family"]
    assert "SIL OPEN FONT LICENSE" in (COURSES / "LICENSE-font").read_text(encoding="utf-8")


@pytest.mark.slow
def test_importing_says_nothing_on_a_machine_without_fonts_or_caches(tmp_path):
    (tmp_path / "lab.py").symlink_to(COURSES / "lab.py")
    code = "import lab; fig, ax = lab.figure(); ax.set_title('高原 ℃ −1'); print(lab._image(fig, '')[:4])"
    environment = {"PATH": os.environ["PATH"], "MPLCONFIGDIR": str(tmp_path / "m"), "HOME": str(tmp_path)}
    (tmp_path / "no-fonts.conf").write_text("<fontconfig></fontconfig>", encoding="utf-8")
    environment["FONTCONFIG_FILE"] = str(tmp_path / "no-fonts.conf")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "<img\n", "")


# ---- checks


def message_of(call, *arguments, **options):
    with pytest.raises(lab.LabCheck) as caught:
        call(*arguments, **options)
    return caught.value.args[0]


@pytest.mark.parametrize("value", [87.8, (87.8, "℃"), [87.8, "°C"], np.float64(87.75), np.array([87.8]), 88])
def test_a_right_number_passes_in_any_form(value):
    lab.check_number(value, 87.8, 0.3, "℃")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (None, "blank"),
        (..., "blank"),
        ((..., "℃"), "blank"),
        ("87.8", "quotation"),
        (True, "one number"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        ([1, 2, 3], "one number"),
        (np.array([1.0, 2.0]), "one number"),
        ({}, "one number"),
        (1j, "one number"),
        ((87.8, "K"), "℃"),
        (100, "sea level"),
        (99.7, "sea level"),
        (360.95, "kelvin"),
        (-87.8, "sign"),
        (8.78, "power of ten"),
        (878, "power of ten"),
        (450, "plausible"),
        (80, "Not yet"),
    ],
)
def test_a_wrong_number_gets_its_own_advice_and_never_the_answer(value, part):
    advice = message_of(
        lab.check_number,
        value,
        87.8,
        0.3,
        "℃",
        low=0,
        high=374,
        wrong={100.0: ("海平面", "that is sea level")},
    )
    assert part in advice
    assert "87.8" not in advice


def test_the_visible_part_asks_only_whether_it_can_be_an_answer():
    lab.check_number(55, unit="℃", low=0, high=374)
    assert "plausible" in message_of(lab.check_number, 400, unit="℃", low=0, high=374)


def test_a_message_is_said_in_the_learners_language(monkeypatch):
    monkeypatch.setenv("LABROOM_LANGUAGE", "zh")
    assert message_of(lab.check, 1 > 2, ("看图", "look")) == "看图"


@pytest.mark.parametrize("condition", [False, None, 0, np.array([True, False]), np.False_])
def test_a_condition_that_does_not_hold_fails(condition):
    assert message_of(lab.check, condition, "look") == "look"
    lab.check(np.array([True, True]), "look")


def test_a_choice_is_a_letter():
    lab.check_choice(" b ", "B")
    lab.check_choice("A")
    for value in (1, "E", "AB", "", "火", ["A"]):
        assert "quotation marks" in message_of(lab.check_choice, value, "B")
    for value in (None, ...):
        assert "blank" in message_of(lab.check_choice, value, "B")
    assert message_of(lab.check_choice, "A", "B", {"A": "why A"}) == "why A"
    assert "figure" in message_of(lab.check_choice, "C", "B", {"A": "why A"})


def test_a_function_is_tried_on_unseen_input():
    cases = [((1,), 2.0), ((5,), 10.0)]
    lab.check_function(lambda x: np.float64(2 * x), cases, 0.01)
    lab.check_function(lambda x: x, [((1,), None)], low=0, high=5)
    wrong = {"square": (lambda x: x * x + 1, "squared")}

    def fails(x):
        raise KeyError("air")

    for function, part in [
        (None, "blank"),
        (3, "def"),
        (fails, "KeyError"),
        (lambda: 1, "TypeError"),
        (lambda x: None, "return"),
        (lambda x: "2", "quotation"),
        (lambda x: 2, "Different inputs"),
        (lambda x: x * x + 1, "squared"),
        (lambda x: 2 * x + 0.1, "Some inputs"),
    ]:
        assert part in message_of(lab.check_function, function, cases, 0.01, wrong=wrong)
    assert "plausible" in message_of(lab.check_function, lambda x: 900 + x, cases, 0.01, high=100)


def test_a_failed_check_shows_one_sentence_in_a_notebook():
    failed = lab.LabCheck(lab.tr("看看单位", "look at the unit"))
    assert failed._render_traceback_() == ["✗ look at the unit"]
    assert str(failed) == "看看单位\nlook at the unit"  # for the grader, who may work in another language
    assert str(lab.LabCheck("said once")) == "said once"
    assert isinstance(failed, AssertionError)


@pytest.mark.parametrize("sentence", sorted(lab._SENTENCES))
def test_every_sentence_is_one_line_in_both_languages(sentence):
    zh, en = lab._SENTENCES[sentence]
    assert zh
    assert en
    assert "\n" not in zh + en
