"""A page of HTML from plain values: everything that is text is escaped, nothing is fetched from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from string import Template

STYLE = """
@page { size: A4; margin: 16mm 15mm }
* { box-sizing: border-box }
body { font: 10.5pt/1.45 "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; color: #222;
  background: #fff; max-width: 180mm; margin: 0 auto; padding: 6mm 4mm }
h1 { font-size: 17pt; line-height: 1.2; margin: 0 0 1mm }
h2 { font-size: 12.5pt; margin: 8mm 0 2mm; padding-bottom: 1mm; border-bottom: 0.3mm solid #bbb;
  break-after: avoid }
p { margin: 1.5mm 0 }
.quiet { color: #555; font-size: 9pt }
.verdict { border-left: 1.2mm solid #999; background: #f4f4f4; padding: 2mm 3mm; margin: 3mm 0;
  break-inside: avoid }
.good { border-color: #009e73; background: #eef8f4 }
.doubt { border-color: #e69f00; background: #fdf6e7 }
table { border-collapse: collapse; width: 100%; font-size: 9pt; margin: 2mm 0;
  font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600; border-bottom: 0.3mm solid #888; vertical-align: bottom }
th, td { padding: 0.6mm 2mm 0.6mm 0 }
td { border-bottom: 0.15mm solid #ddd; vertical-align: top; overflow-wrap: anywhere }
.numbers td, .numbers th { text-align: right }
.numbers td:first-child, .numbers th:first-child { text-align: left }
tr { break-inside: avoid }
figure { margin: 4mm 0 5mm; break-inside: avoid }
figure img { display: block; margin: 0 auto; max-width: 100% }
figure.half { display: inline-block; vertical-align: top; width: 48%; margin-right: 1.5% }
figcaption { font-size: 9pt; margin-top: 1.5mm }
pre { font: 8.5pt/1.35 "DejaVu Sans Mono", Consolas, monospace; background: #f4f4f4; padding: 2mm 3mm;
  white-space: pre-wrap; overflow-wrap: anywhere }
summary { cursor: pointer; font-weight: 600 }
@media print { body { padding: 0; max-width: none } .verdict, pre { print-color-adjust: exact;
  -webkit-print-color-adjust: exact } }
"""

_HALF, _MOST = 90.0, 175.0
"""Widths of figures of which two stand beside each other, and of the widest, mm."""
_PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
$body
</body>
</html>
"""
)


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole document of parts that are HTML already."""
    return _PAGE.substitute(title=text(title), style=STYLE, body="\n".join(part for part in parts if part))


def text(value: object) -> str:
    """Return plain text as HTML."""
    return html.escape(str(value), quote=True)


def element(tag: str, content: object, kind: str = "") -> str:
    """Return an element that holds plain text."""
    attribute = f' class="{text(kind)}"' if kind else ""
    return f"<{tag}{attribute}>{text(content)}</{tag}>"


def table(header: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "") -> str:
    """Return a table of plain texts; nothing without rows."""
    lines = ["<tr>" + "".join(element("td", cell) for cell in row) + "</tr>" for row in rows]
    if not lines:
        return ""
    attribute = f' class="{text(kind)}"' if kind else ""
    head = "".join(element("th", name) for name in header)
    return (
        f"<table{attribute}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + ("\n</tbody>\n</table>")
    )


def picture(svg: bytes, caption: str, alternative: str, width: float) -> str:
    """Return a figure with its caption; the drawing itself is inside the page.

    Parameters
    ----------
    svg
        The drawing.
    caption, alternative
        Below it, and for those who cannot see it.
    width
        In print, mm.
    """
    kind = ' class="half"' if width <= _HALF else ""
    data = base64.b64encode(svg).decode("ascii")
    return (
        f"<figure{kind}>"
        f'<img alt="{text(alternative)}" style="width:{min(width, _MOST):.0f}mm" '
        f'src="data:image/svg+xml;base64,{data}">\n{element("figcaption", caption)}</figure>'
    )


def folded(title: str, content: str) -> str:
    """Return preformatted plain text that is shown when its title is clicked."""
    return f"<details>{element('summary', title)}\n{element('pre', content)}</details>"
