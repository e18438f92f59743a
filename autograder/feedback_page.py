# SPDX-License-Identifier: BSD-3-Clause
"""The page that a teacher reads: score by item, then the notebook. Self-contained, nothing in it can run."""

import base64
import html
from collections.abc import Mapping
from typing import Any

import nh3
from nbconvert.filters.ansi import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from .outcome import Item, Outcome

_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_LONGEST_TEXT = 200_000
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_WORDS: Mapping[str, tuple[str, str]] = {
    "score": ("得分", "Score"),
    "item": ("题目", "Item"),
    "points": ("分数", "Points"),
    "result": ("结果", "Result"),
    "comment": ("评语", "Comment"),
    "late": ("这次是截止时间之后交的。", "This was handed in after the due date."),
    "waiting": (
        "有的题还要人工评分，分数会再增加。",
        "Some items are still to be marked by a person; points will be added.",
    ),
    "right": ("正确", "right"),
    "partly": ("部分正确", "partly right"),
    "wrong": ("还不对", "not yet right"),
    "to-be-marked": ("待评", "to be marked"),
    "no-answer": ("未作答", "no answer"),
    "your-notebook": ("您的笔记本", "Your notebook"),
    "figure": ("图", "figure"),
    "feedback": ("反馈", "Feedback"),
}

_STYLE = """
body{font:16px/1.6 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;max-width:52rem;
margin:0 auto;padding:1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse}main table{width:100%;margin:1rem 0}
th,td{border:1px solid #c9d1d9;padding:.35rem .6rem;text-align:left;vertical-align:top}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:14px/1.45 ui-monospace,Menlo,Consolas,monospace}
section{margin:1rem 0}section.code{border-left:4px solid #c9d1d9;padding-left:.8rem}
section.test{border-left-color:#0969da}.source{background:#f6f8fa;padding:.6rem}.output{padding:.4rem .6rem}
.note{background:#fff8c5;border:1px solid #d4a72c;padding:.6rem}
.mark{background:#ddf4ff;padding:.4rem .6rem;margin:.3rem 0}img{max-width:100%;height:auto}
.right{color:#116329}.wrong{color:#a40e26}.partly,.to-be-marked,.no-answer{color:#6f4a00}
@media print{section{break-inside:avoid}}
"""


def _say(key: str, language: str) -> str:
    zh, en = _WORDS[key]
    return {"zh": zh, "en": en}.get(language, f"{zh} {en}")


def _pick(text: Mapping[str, str], language: str) -> str:
    if language in text:
        return str(text[language])
    both = [str(text[code]) for code in ("zh", "en") if code in text]
    return both[0] if len(set(both)) == 1 else " / ".join(both)


def language_of(nb: NotebookNode) -> str:
    """``zh`` or ``en`` where the notebook is in one language, else ``both``."""
    told = nb.metadata.get("labroom", {})
    if isinstance(told, dict) and told.get("language") in ("zh", "en"):
        return str(told["language"])
    tags = {tag for cell in nb.cells for tag in cell.metadata.get("tags", [])}
    if ("lang-zh" in tags) != ("lang-en" in tags):
        return "zh" if "lang-zh" in tags else "en"
    return "both"


def notebook_page(nb: NotebookNode, outcome: Outcome, title: Mapping[str, str]) -> str:
    """Feedback on one notebook that has been through ``HideTests`` and nbgrader's ``GetGrades``."""
    language = language_of(nb)
    heading = _pick(title, language)
    titles = {item.name: item for item in outcome.items}
    parts = [_summary(outcome, heading, language), f"<h2>{_say('your-notebook', language)}</h2>"]
    parts += [_cell(cell, titles, language) for cell in nb.cells]
    return _document(heading, language, "\n".join(parts))


def failure_page(outcome: Outcome, title: Mapping[str, str]) -> str:
    """Feedback where there is no score: what happened and what to do."""
    heading = _pick(title, "both")
    return _document(heading, "both", _summary(outcome, heading, "both"))


def _summary(outcome: Outcome, heading: str, language: str) -> str:
    parts = [f"<h1>{_say('feedback', language)}: {html.escape(heading)}</h1>"]
    if outcome.score is not None:
        parts.append(
            f"<p><strong>{_say('score', language)}: {outcome.score:g} / {outcome.max_score:g}</strong></p>"
        )
    if outcome.needs_manual:
        parts.append(f"<p>{_say('waiting', language)}</p>")
    if outcome.late_seconds > 0:
        parts.append(f"<p>{_say('late', language)}</p>")
    if outcome.reason is not None:
        text = _pick(outcome.reason, language)
        if outcome.failure is not None and outcome.failure.kind == "unreadable":
            text += " " + outcome.detail
        parts.append(f'<p class="note">{html.escape(text)}</p>')
    if outcome.items:
        head = "".join(f"<th>{_say(key, language)}</th>" for key in ("item", "result", "points"))
        rows = "".join(_row(item, language) for item in outcome.items)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
    return "\n".join(parts)


def _row(item: Item, language: str) -> str:
    message = f"<br>{html.escape(_pick(item.message, language))}" if item.message else ""
    points = "?" if item.score is None else f"{item.score:g}"
    return (
        f"<tr><td>{html.escape(_pick(item.title, language))}</td>"
        f'<td><span class="{item.state}">{_say(item.state, language)}</span>{message}</td>'
        f"<td>{points} / {item.max_score:g}</td></tr>"
    )


def _cell(cell: NotebookNode, items: Mapping[str, Item], language: str) -> str:
    mark = cell.metadata.get("nbgrader", {})
    body = _source(cell)
    if mark.get("grade") or mark.get("task"):
        body += _marked(cell, items, language)
    if mark.get("comment"):
        said = _markdown(str(mark["comment"]))
        body += f'<div class="mark"><strong>{_say("comment", language)}:</strong> {said}</div>'
    if cell.cell_type == "code":
        body += "".join(f'<div class="output">{_output(output, language)}</div>' for output in cell.outputs)
    kind = "code" if cell.cell_type == "code" else "text"
    test = " test" if mark.get("grade") and not mark.get("solution") else ""
    return f'<section class="{kind}{test}">{body}</section>'


def _marked(cell: NotebookNode, items: Mapping[str, Item], language: str) -> str:
    item = items.get(str(cell.metadata.nbgrader.get("grade_id")))
    if item is None:
        return ""
    points = "?" if item.score is None else f"{item.score:g}"
    message = cell.metadata.get("labroom_message")
    said = (
        f"<br>{html.escape(_pick(message, language))}"
        if message and item.state in ("wrong", "partly")
        else ""
    )
    title, state = html.escape(_pick(item.title, language)), _say(item.state, language)
    return (
        f'<div class="mark"><strong>{title}</strong>: <span class="{item.state}">{state}</span>, '
        f"{points} / {item.max_score:g}{said}</div>"
    )


def _source(cell: NotebookNode) -> str:
    if cell.cell_type == "code":
        return (
            f'<div class="source">{highlight(cell.source, PythonLexer(), HtmlFormatter(cssclass="hl"))}</div>'
        )
    if cell.cell_type == "markdown":
        return _markdown(cell.source, cell.get("attachments"))
    return _plain(cell.source)


def _markdown(text: str, attachments: Any = None) -> str:
    if len(text) > _LONGEST_TEXT:
        return _plain(text)
    renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    try:
        rendered: str = MarkdownWithMath(renderer=renderer).render(text)
    except Exception:  # noqa: BLE001 - a stranger's text (a picture that is not there, …) has no common error
        return _plain(text)
    return rendered


def safe_markdown(text: str) -> str:
    """Markdown of a stranger as HTML in which nothing runs and nothing is fetched."""
    return sanitised(_markdown(text))


def _plain(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


def _output(output: NotebookNode, language: str) -> str:
    kind = output.output_type
    if kind == "stream":
        return f"<pre>{ansi2html(output.text)}</pre>"
    if kind == "error":
        return f"<pre>{ansi2html(chr(10).join(output.traceback))}</pre>"
    data = output.get("data", {})
    for mime in _IMAGES:
        if mime in data:
            return _image(mime, "".join(str(data[mime]).split()), language)
    if "image/svg+xml" in data:
        return _image(
            "image/svg+xml", base64.b64encode(str(data["image/svg+xml"]).encode()).decode(), language
        )
    if "text/html" in data:
        return str(data["text/html"])
    if "text/markdown" in data:
        return _markdown(str(data["text/markdown"]))
    return _plain(str(data.get("text/plain", "")))


def _image(mime: str, content: str, language: str) -> str:
    return f'<img src="data:{mime};base64,{html.escape(content)}" alt="{_say("figure", language)}">'


def _document(heading: str, language: str, body: str) -> str:
    code = "en" if language == "en" else "zh-CN"
    colours = HtmlFormatter(cssclass="hl").get_style_defs()
    return (
        f'<!DOCTYPE html>\n<html lang="{code}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(heading)}</title><style>{_STYLE}{colours}</style></head>\n"
        f"<body><main>\n{sanitised(body)}\n</main></body></html>\n"
    )


def sanitised(body: str) -> str:
    """HTML in which nothing runs and nothing is fetched; images from ``data:`` only."""
    return nh3.clean(
        body,
        tags=(nh3.ALLOWED_TAGS | {"section", "main", "img"}) - {"map", "area"},
        clean_content_tags={"script", "style"},
        attributes={
            "*": {"class", "lang", "title"},
            "a": {"href"},
            "img": {"src", "alt"},
            "td": {"colspan", "rowspan"},
            "th": {"colspan", "rowspan", "scope"},
            "ol": {"start"},
        },
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        url_relative="deny",
    )


def _attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "src":
        return value if tag == "img" and value.lower().startswith("data:image/") else None
    if attribute == "href":
        return value if value.lower().startswith(("https://", "http://", "mailto:")) else None
    return value
