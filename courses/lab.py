# SPDX-License-Identifier: BSD-3-Clause
"""Everything a lab notebook needs beside numpy, matplotlib and ipywidgets, in one file.

    import lab
    lab.tr("海拔", "Altitude")              # the learner's language
    table = lab.data("altitudes")           # data/altitudes.csv, checked against its card
    lab.predict("boil", question, options)  # commit a prediction before the result is visible
    lab.reveal("boil", show)                # ... and only then see it
    lab.explore(draw, lab.slider(...))      # slider, figure and one live sentence
    lab.check_number(x, 12.3, 0.1, "m")     # test cells: say what to look at, never the answer

The file travels with each lab and runs in any Jupyter, and in the browser, without a network.
"""

import base64
import csv
import hashlib
import html
import io
import json
import locale
import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NoReturn

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

FONT_FAMILY = "Labroom Sans SC"
# Okabe & Ito's palette, told apart by readers with any common colour vision; yellow left out on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Where lab.ttf is missing, the first of these that the machine has.
OTHER_FAMILIES = ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei")
PREDICTIONS = Path("predictions.json")
_HERE = Path(__file__).parent  # not resolved: lab.json and data/ lie beside the link
Label = str | tuple[str, str]
_NARROW = {"width": "auto", "align_self": "flex-start"}


# What this module says to learners: (Chinese, English), filled in by _say().
# fmt: off
_SENTENCES = {
    "alt": ("请写 alt：一句话说出图里有什么", "write alt: one sentence on what the figure shows"),
    "no-data": ("找不到数据 data/{name}.csv。请重新下载本实验。",
                "There is no data/{name}.csv. Fetch the lab again."),
    "no-card": ("数据卡 {card} 缺失或无法读取（{error}）。请重新下载本实验。",
                "The data card {card} is missing or unreadable ({error}). Fetch the lab again."),
    "no-read": ("无法读取 {path}：{error}", "Cannot read {path}: {error}"),
    "changed": ("{path} 的内容和数据卡上的校验值不一致：文件被改动过。请重新下载本实验。",
                "{path} is not the file its card describes: it has been changed. Fetch the lab again."),
    "because": ("我这样想，是因为……", "I think so because …"),
    "commit": ("提交预测", "Commit my prediction"),
    "final": ("提交之后不能再改。预测错了不扣分。",
              "Once committed it stays. A wrong prediction costs nothing."),
    "locked": ("已锁定：{text}", "Locked: {text}"),
    "choose": ("请先选一项。", "Choose one first."),
    "give-reason": ("请写一句理由，一句就够。", "Give a reason; one sentence will do."),
    "not-saved": ("没有存下来：{error}", "Could not be saved: {error}"),
    "no-prediction": ("还没有预测。请先在上面提交预测，再运行这一格。",
                      "No prediction was made. Commit one above, then run this cell again."),
    "mine": ("我的预测", "My prediction"),
    "my-reason": ("我的理由", "My reason"),
    "result": ("结果", "The result"),
    "reset": ("复位", "Reset"),
    "unit": ("看看单位：题目要的是 {unit}。", "Look at the unit: the question asks for {unit}."),
    "blank": ("这里还是空着的：把 ... 换成你的答案。", "Still blank: put your answer in place of the dots."),
    "quoted": ("数要写成数，不要加引号。", "Write a number without quotation marks."),
    "one-number": ("答案应该是一个数。", "The answer should be one number."),
    "infinite": ("结果不是有限的数：检查有没有除以零，或取了负数的对数。",
                 "Not a finite number: look for a division by zero or the logarithm of a negative number."),
    "implausible": ("这个数的大小不合理：先估一估，再检查单位和公式。",
                    "That size is not plausible: estimate first, then look at the unit and the formula."),
    "sign": ("看看正负号。", "Look at the sign."),
    "power": ("数字对，大小差了 10 的整数次方：检查单位换算。",
              "Right digits, wrong power of ten: check how you converted the units."),
    "kelvin": ("这像是热力学温度（K）。题目要摄氏度。", "That looks like kelvins. The question asks for ℃."),
    "not-yet": ("还不对：再看一遍题目要的是哪个量，用了哪些数据。",
                "Not yet: read again which quantity is asked for and which data it needs."),
    "letter": ("请写一个带引号的字母：{options}。", "Write one letter in quotation marks: {options}."),
    "other-option": ("还不对：回到上面的图再看一看。", "Not yet: go back to the figure above."),
    "no-function": ("这里应该是一个函数（def ...）。", "This should be a function (def ...)."),
    "raised": ("输入 {arguments} 时函数出错了：{error}", "The function failed for {arguments}: {error}"),
    "no-return": ("函数没有返回结果：最后一行写了 return 吗？",
                  "The function gives nothing back: does it end with return?"),
    "constant": ("输入不同，结果却一样：函数用到输入了吗？",
                 "Different inputs, same result: does the function use its input?"),
    "some-inputs": ("有的输入对不上：代一个容易算的数，手算一遍再比较。",
                    "Some inputs do not fit: put in an easy number, work it out by hand and compare."),
}
_CARD_LABELS = {
    "file": ("文件", "File"), "title": ("内容", "Contents"), "source": ("来源", "Source"),
    "measured_by": ("测量者", "Measured by"), "measured_when": ("测量时间", "Measured when"),
    "instrument": ("仪器与方法", "Instrument and method"), "doi": ("DOI", "DOI"), "url": ("网址", "Address"),
    "licence": ("许可", "Licence"), "extracted_from": ("取自", "Extracted from"),
    "retrieved": ("取得日期", "Retrieved"), "rows": ("行数", "Rows"), "columns": ("各列", "Columns"),
    "dropped": ("删去的部分", "Left out"), "uncertainty": ("不确定度", "Uncertainty"),
    "sha256": ("SHA-256 校验值", "SHA-256 checksum"), "made_by": ("生成脚本", "Made by"),
}
_UNIT_NAMES = {
    "°c": "℃", "c": "℃", "degc": "℃", "摄氏度": "℃", "度": "℃", "celsius": "℃",
    "百帕": "hpa", "帕": "pa", "千帕": "kpa",
    "米": "m", "千米": "km", "公里": "km", "千克": "kg", "公斤": "kg", "秒": "s", "开": "k", "开尔文": "k",
}
# fmt: on


# ---------------------------------------------------------------- language


class Text(str):
    """A sentence in the learner's language that still knows both, as .zh and .en."""

    zh: str
    en: str
    __slots__ = ("en", "zh")

    def __new__(cls, zh: str, en: str) -> "Text":
        """The sentence in the language of the moment."""
        text = super().__new__(cls, zh if language() == "zh" else en)
        text.zh, text.en = zh, en
        return text

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return self.zh, self.en


def language() -> str:
    """Language "zh" or "en": $LABROOM_LANGUAGE, else lab.json beside this file, else the machine's."""
    chosen = os.environ.get("LABROOM_LANGUAGE", "")
    if chosen not in ("zh", "en"):
        try:
            chosen = json.loads((_HERE / "lab.json").read_text(encoding="utf-8"))["language"]
        except (OSError, ValueError, KeyError, TypeError):
            chosen = ""
    if chosen in ("zh", "en"):
        return str(chosen)
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    spoken = next((name for name in [*names, locale.getlocale()[0] or ""] if name), "").lower()
    if chosen == "both":
        return "en" if spoken.startswith("en") else "zh"
    return "zh" if spoken.startswith(("zh", "chinese")) else "en"


def tr(zh: str, en: str) -> Text:
    """The text in the learner's language."""
    return Text(zh, en)


def _text(label: Label) -> str:
    return tr(*label) if isinstance(label, tuple) else label


def _say(sentence: str, **values: object) -> Text:
    zh, en = _SENTENCES[sentence]
    return tr(zh.format(**values), en.format(**values))


# ---------------------------------------------------------------- figures


def _set_style() -> None:
    """Chinese in figures from lab.ttf, legible size, colours with marker shapes."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # "building the font cache"
    from matplotlib import font_manager

    font = Path(__file__).resolve().with_name("lab.ttf")
    if font.is_file():
        font_manager.fontManager.addfont(str(font))
        families = [FONT_FAMILY]
    else:
        known = {entry.name for entry in font_manager.fontManager.ttflist}
        families = [family for family in OTHER_FAMILIES if family in known][:1]
    mpl.rcParams.update(
        {
            "font.family": [*families, "DejaVu Sans"],  # the second has ₀ and ⁻
            "font.size": 12,
            "axes.titlesize": 13,
            "axes.unicode_minus": True,
            "axes.prop_cycle": cycler(color=COLOURS) + cycler(marker=MARKERS),
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.alpha": 0.3,
            "legend.frameon": False,
        }
    )


_set_style()


def figure(width: float = 7.2, height: float = 4.2) -> tuple[Figure, Any]:
    """New figure (inches) and its axes, to be shown with show(fig, alt)."""
    fig = Figure(figsize=(width, height), dpi=100, layout="constrained")
    return fig, fig.add_subplot()


def _image(fig: Figure, alt: str) -> str:
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _display(markup: str, plain: str, widget: Any = None) -> None:
    from IPython.display import display

    bundle: dict[str, Any] = {"text/plain": str(plain), "text/html": markup}
    if widget is not None:
        view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        bundle["application/vnd.jupyter.widget-view+json"] = view
    display(bundle, raw=True)


def _display_table(rows: Sequence[tuple[str, str]], summary: str = "") -> None:
    style = 'style="text-align:left;vertical-align:top;overflow-wrap:anywhere"'
    cells = "".join(
        f'<tr><th scope="row" {style}>{html.escape(label)}</th><td {style}>{html.escape(value)}</td></tr>'
        for label, value in rows
    )
    markup = f"<table>{cells}</table>"
    if summary:  # folded away until asked for
        markup = f"<details><summary>{html.escape(summary)}</summary>{markup}</details>"
    _display(markup, "\n".join(f"{label}: {value}" for label, value in rows))


def show(fig: Figure, alt: str) -> None:
    """Show a figure with its description for readers who cannot see it; ValueError without one."""
    if not alt.strip():
        raise ValueError(_say("alt"))
    _display(_image(fig, alt), alt)


# ---------------------------------------------------------------- data


class DataError(ValueError):
    """A data file is missing, changed or has no card; the message says which and what to do."""


def _card(name: str) -> tuple[Path, dict[str, Any]]:
    for folder in (Path("data"), _HERE / "data"):
        path, card = folder / f"{name}.csv", folder / f"{name}.card.json"
        if path.is_file() or card.is_file():
            break
    else:
        raise DataError(_say("no-data", name=name))
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(_say("no-card", card=card, error=error)) from None
    if not isinstance(content, dict) or not isinstance(content.get("sha256"), str):
        raise DataError(_say("no-card", card=card, error="sha256"))
    return path, content


def data(name: str) -> dict[str, Any]:
    """Columns of data/<name>.csv by header: float arrays (empty cell = nan), or lists of str.

    Raises DataError when the file is not, byte for byte, the one its card describes.
    """
    path, card = _card(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(_say("no-read", path=path, error=error)) from None
    if hashlib.sha256(content).hexdigest() != card["sha256"].lower():
        raise DataError(_say("changed", path=path))
    lines = [line for line in content.decode("utf-8-sig").splitlines() if line and not line.startswith("#")]
    header, *rows = csv.reader(lines)
    return {key: _column([row[i] for row in rows]) for i, key in enumerate(header)}


def _column(cells: list[str]) -> Any:
    try:
        return np.array([float(cell) if cell else math.nan for cell in cells])
    except ValueError:
        return cells


def data_card(name: str) -> None:
    """Show who measured data/<name>.csv, when, how, under which licence, and what was cut."""
    _, card = _card(name)
    rows, summary = [], f"{name}.csv"
    for key, value in card.items():
        label = _text(_CARD_LABELS.get(key, key))
        if isinstance(value, Mapping):
            value = value.get(language(), next(iter(value.values()), ""))
        rows.append((label, str(value)))
        if key == "title":
            summary = f"{name}.csv  {value}"
    _display_table(rows, summary)


# ---------------------------------------------------------------- predictions


def _predictions() -> dict[str, Any]:
    try:
        stored = json.loads(PREDICTIONS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def prediction(item: str) -> dict[str, str] | None:
    """The committed prediction {"choice", "text", "reason", "at"}, or None."""
    found = _predictions().get(item)
    whole = isinstance(found, dict) and all(
        isinstance(found.get(k), str) for k in ("choice", "text", "reason")
    )
    return found if whole else None


def commit(item: str, choice: int | str, reason: str = "", options: Sequence[str] = ()) -> dict[str, str]:
    """Store a prediction in predictions.json, which is handed in; the first one is final.

    choice: its text, or the option's number counted from 1.
    Returns the stored prediction: the earlier one if there is one already.
    """
    earlier = prediction(item)
    if earlier is not None:
        return earlier
    text = options[choice - 1] if isinstance(choice, int) and 0 < choice <= len(options) else choice
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")  # noqa: UP017 (older Pythons in browsers)
    record = {"choice": str(choice), "text": str(text), "reason": reason.strip(), "at": now}
    stored = _predictions()
    if PREDICTIONS.exists() and not stored:
        PREDICTIONS.replace(PREDICTIONS.with_suffix(".unreadable.json"))  # never throw away what was there
    temporary = PREDICTIONS.with_suffix(".new.json")
    temporary.write_text(json.dumps(stored | {item: record}, ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(PREDICTIONS)
    return record


def predict(item: str, question: str, options: Sequence[str], *, reason: bool = True) -> None:
    """Form that commits one option and a reason before the result is seen, then locks.

    Does not wait: without a click (or when graded) the notebook runs on with no prediction.
    """
    import ipywidgets as widgets

    wide = {"width": "100%"}
    choices = widgets.RadioButtons(
        options=[(text, number) for number, text in enumerate(options, 1)], value=None, layout=wide
    )
    why = widgets.Textarea(placeholder=_say("because"), layout=wide)
    button = widgets.Button(description=_say("commit"), button_style="primary", layout=_NARROW)
    status = widgets.HTML(_live(_say("final")))

    def lock(record: Mapping[str, str]) -> None:
        for control in (choices, why, button):
            control.disabled = True
        if record["choice"].isdecimal() and 0 < int(record["choice"]) <= len(options):
            choices.value = int(record["choice"])
        why.value = record["reason"]
        status.value = _live(_say("locked", text=record["text"]))

    def on_click(_: Any) -> None:
        if choices.value is None:
            status.value = _live(_say("choose"))
        elif reason and not why.value.strip():
            status.value = _live(_say("give-reason"))
        else:
            try:
                lock(commit(item, choices.value, why.value, options))
            except OSError as error:
                status.value = _live(_say("not-saved", error=error))

    button.on_click(on_click)
    made = prediction(item)
    if made is not None:
        lock(made)
    heading = f"<p><strong>{html.escape(question)}</strong></p>"
    form = widgets.VBox([widgets.HTML(heading), choices, *([why] if reason else []), button, status])
    listed = "".join(f"<li>{html.escape(text)}</li>" for text in options)
    _display(f"{heading}<ol>{listed}</ol>", question, form)


def reveal(item: str, show_result: Callable[[], object]) -> None:
    """Run show_result() if the prediction has been committed; otherwise ask for it, kindly."""
    if prediction(item) is not None:
        show_result()
    else:
        _display(_live(_say("no-prediction")), _say("no-prediction"))


def compare(item: str, result: str) -> None:
    """Show the prediction beside the result; without a prediction, ask for it and hide the result."""
    made = prediction(item) or {}
    rows = [("mine", made.get("text", "")), ("my-reason", made.get("reason", "")), ("result", result)]
    reveal(item, lambda: _display_table([(_say(label), value) for label, value in rows]))


# ---------------------------------------------------------------- sliders


def slider(
    name: str, unit: str, low: float, high: float, start: float, step: float, symbol: str | None = None
) -> Any:
    """Slider over low..high in unit, labelled "symbol name (unit)"; explore() adds a reset."""
    import ipywidgets as widgets

    label = " ".join(part for part in (symbol, name) if part) + (f" ({unit})" if unit else "")
    made = widgets.FloatSlider(
        value=start, min=low, max=high, step=step, description=label,
        readout_format=f".{max(0, -math.floor(math.log10(step)))}f",
        style={"description_width": "initial"}, layout={"width": "min(36em, 100%)"},
    )  # fmt: skip
    made.start = start
    return made


def _live(line: str) -> str:
    return f'<div role="status" aria-live="polite" aria-atomic="true">{html.escape(line)}</div>'


def explore(
    draw: Callable[..., str],
    *sliders: Any,
    alt: str,
    width: float = 7.2,
    height: float = 4.2,
    after: str | None = None,
) -> None:
    """Lay out sliders, the figure that draw(fig, *values) fills, and the one line it returns.

    The line says the state in words ("3650 m: 645 hPa, 87.8 ℃") and is announced to screen readers; alt
    describes the figure. fig is empty at each call. With after=item, nothing is shown before that
    prediction is committed. Without a front end the start values are drawn once.
    """
    import ipywidgets as widgets

    fig = Figure(figsize=(width, height), dpi=90, layout="constrained")
    line, picture = widgets.HTML(), widgets.HTML()
    reset = widgets.Button(description=_say("reset"), icon="undo", layout=_NARROW)
    layouts: dict[Any, list[Any]] = {}  # finding the margins takes most of the time: once for each look

    def redraw(_: Any = None) -> None:
        fig.clear()
        said = draw(fig, *(each.value for each in sliders))
        look = _look(fig)
        fig.set_layout_engine("none" if look in layouts else "constrained")
        for axes, place in zip(fig.axes, layouts.get(look, [])):  # noqa: B905 (none the first time)
            axes.set_position(place)
        line.value = _live(said)
        picture.value = _image(fig, f"{alt} {said}")
        layouts.setdefault(look, [axes.get_position() for axes in fig.axes])

    def to_start(_: Any) -> None:
        for each in sliders:
            each.value = each.start

    def lay_out() -> None:
        redraw()
        for each in sliders:
            each.observe(redraw, names="value")
        reset.on_click(to_start)
        box = widgets.VBox([*sliders, reset, line, picture])
        _display(line.value + picture.value, alt, box)

    if after is None:
        lay_out()
    else:
        reveal(after, lay_out)


def _look(fig: Figure) -> tuple[Any, ...]:
    """What the margins depend on: ticks, labels and titles of all axes."""
    return tuple(
        (
            *(label.get_text() for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()),
            axes.get_xlabel(),
            axes.get_ylabel(),
            *(
                axes.get_title(loc).count("\n") + bool(axes.get_title(loc))
                for loc in ("left", "center", "right")
            ),
        )
        for axes in fig.axes
    )


# ---------------------------------------------------------------- checks


class LabCheck(AssertionError):  # noqa: N818 (learners read the name)
    """A test of the learner's work failed; the message says what to look at, never the answer.

    As text it says both languages, a line each, for whoever grades; the notebook shows the learner's.
    """

    def __str__(self) -> str:
        said = self.args[0]
        return f"{said.zh}\n{said.en}" if isinstance(said, Text) else str(said)

    def _render_traceback_(self) -> list[str]:  # IPython: one sentence in place of a stack
        return [f"✗ {self.args[0]}"]


def _fail(message: Label) -> NoReturn:
    raise LabCheck(_text(message))


def check(condition: object, message: Label) -> None:
    """Fail with message unless condition is true. An array counts only if all its elements do."""
    if condition is None or not np.all(np.asarray(condition)):
        _fail(message)


def _unit(name: str) -> str:
    plain = name.strip().casefold().replace(" ", "").replace("³", "^3").replace("²", "^2").replace("**", "^")
    return _UNIT_NAMES.get(plain, plain)


def _number(value: object, unit: str) -> float:
    """Number of an answer 12.3 or (12.3, "m"); LabCheck says what is wrong with it."""
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[1], str):
        if unit and _unit(value[1]) != _unit(unit):
            _fail(_say("unit", unit=unit))
        value = value[0]
    if value is None or value is Ellipsis:
        _fail(_say("blank"))
    if isinstance(value, str):
        _fail(_say("quoted"))
    array = np.asarray(value) if isinstance(value, (int, float, np.number, np.ndarray)) else np.empty(0)
    if array.size != 1 or isinstance(value, bool) or array.dtype.kind not in "iuf":
        _fail(_say("one-number"))
    number = float(array.reshape(-1)[0])
    if not math.isfinite(number):
        _fail(_say("infinite"))
    return number


def check_number(
    value: object,
    expected: float | None = None,
    tolerance: float = 0.0,
    unit: str = "",
    *,
    low: float = -math.inf,
    high: float = math.inf,
    wrong: Mapping[float, Label] | None = None,
) -> None:
    """Pass a number, or (number, unit), within tolerance of expected; else LabCheck with advice.

    Without expected, for the part of a test that learners see: is it filled in, a number, in the right
    unit, between low and high. wrong: number that a misconception leads to -> message about it,
    recognised within tolerance (at least 0.5 % of it). A message is text or (zh, en).
    """
    number = _number(value, unit)
    if expected is not None and abs(number - expected) <= tolerance:
        return
    for mistaken, message in (wrong or {}).items():
        if abs(number - mistaken) <= max(tolerance, abs(mistaken) * 0.005):
            _fail(message)
    if expected is not None:
        _advise(number, expected, tolerance, unit)
    if not low <= number <= high:
        _fail(_say("implausible"))
    if expected is not None:
        _fail(_say("not-yet"))


def _advise(number: float, expected: float, tolerance: float, unit: str) -> None:
    if unit == "℃" and abs(number - expected - 273.15) <= max(tolerance, 0.2):
        _fail(_say("kelvin"))
    if number and abs(number + expected) <= tolerance:
        _fail(_say("sign"))
    for power in (-6, -3, -2, -1, 1, 2, 3, 6):
        if abs(number * 10.0**power - expected) <= tolerance:
            _fail(_say("power"))


def check_choice(
    value: object,
    right: str | None = None,
    wrong: Mapping[str, Label] | None = None,
    *,
    options: str = "ABCD",
) -> None:
    """Pass the letter of the right option; without right, any option. Case and blanks do not matter.

    wrong: option -> message on the idea behind it.
    """
    if value is None or value is Ellipsis:
        _fail(_say("blank"))
    letter = value.strip().upper() if isinstance(value, str) else ""
    if len(letter) != 1 or letter not in options:
        _fail(_say("letter", options=", ".join(f'"{option}"' for option in options)))
    if right is not None and letter != right:
        _fail((wrong or {}).get(letter, _say("other-option")))


def check_function(
    function: object,
    cases: Sequence[tuple[tuple[Any, ...], float | None]],
    tolerance: float = 0.0,
    unit: str = "",
    *,
    low: float = -math.inf,
    high: float = math.inf,
    wrong: Mapping[str, tuple[Callable[..., float], Label]] | None = None,
) -> None:
    """Pass a function that gives the expected number, within tolerance, for every (arguments, expected).

    expected None asks only for a number between low and high. wrong: misconception -> (the function
    it leads to, message), told when it explains all the learner's values.
    """
    if not callable(function):
        _fail(_say("blank" if function is None or function is Ellipsis else "no-function"))
    got = []
    for arguments, _ in cases:
        try:
            returned = function(*arguments)
        except Exception as error:  # noqa: BLE001 (a learner's function may raise anything)
            given = ", ".join(map(str, arguments))
            _fail(_say("raised", arguments=given, error=f"{type(error).__name__}: {error}"))
        if returned is None or returned is Ellipsis:
            _fail(_say("no-return"))
        got.append(_number(returned, unit))

    def agrees(number: float, wanted: float | None) -> bool:
        return low <= number <= high and (wanted is None or abs(number - wanted) <= tolerance)

    if all(agrees(number, wanted) for number, (_, wanted) in zip(got, cases, strict=True)):
        return
    for model, message in (wrong or {}).values():
        if all(abs(n - model(*arguments)) <= tolerance for n, (arguments, _) in zip(got, cases, strict=True)):
            _fail(message)
    if len(cases) > 1 and len(set(got)) == 1:
        _fail(_say("constant"))
    _fail(_say("some-inputs" if all(low <= number <= high for number in got) else "implausible"))
