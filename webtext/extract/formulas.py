"""Formulas as LaTeX: where a page has their source, it takes the place of what a browser would draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# Elements that hold all of a formula: its source, its MathML, what is drawn
_WHOLE = re.compile(r"(?:^|\s)(?:katex(?:-display)?|mwe-math-element|MathJax(?:_Display|_SVG\w*|_CHTML)?|MJXc-display)(?:\s|$)")
_DRAWN = re.compile(r"(?:^|\s)(?:MathJax\w*|MJXc-display|mjx-chtml)(?:\s|$)")  # by MathJax 2, beside the script with the source
# Of pictures of formulas
_NAMES = re.compile(r"(?:^|\s)(?:tex|latex|mwe-math-\S+|math|equation)(?:\s|$)")
_ADDRESS = re.compile(r"/latex\.php|codecogs|mimetex|mathtex")
_STYLE = re.compile(r"^\{?\s*\\(?:displaystyle|textstyle)\s*(.*?)\s*(\})?$", re.DOTALL)
_INFIX = {"msub": "_", "msup": "^", "munder": "_", "mover": "^"}


def to_latex(tree: Any) -> None:
    """Replace each formula of a tree by `$…$`, or `$$…$$` where it stands alone; MathML without a source is written as LaTeX."""
    sources = [(element, _of_mathml(element)) for element in tree.iter("math")]
    sources += [(script, (script.text or "").strip()) for script in tree.iter("script") if script.get("type", "").startswith("math/tex")]
    sources += [(image, _bare(image.get("alt", ""))) for image in tree.iter("img") if _is_picture(image)]
    for element, source in sources:
        if source and tree in element.iterancestors():  # not in a formula that has been replaced
            whole = element
            for around in element.iterancestors():
                if around.tag == "mjx-container" or _WHOLE.search(around.get("class", "")):
                    whole = around
            _replace(whole, f"$${source}$$" if _is_display(element, whole) else f"${source}$")


def _is_picture(image: Any) -> bool:
    names, address = image.get("class", ""), image.get("src", "")
    # Most pictures have neither
    of_name = ("tex" in names or "math" in names or "equation" in names) and _NAMES.search(names)
    return bool(of_name or (("tex" in address or "codecogs" in address) and _ADDRESS.search(address)))


def _of_mathml(element: Any) -> str:
    for annotation in element.iter("annotation"):
        if "tex" in (annotation.get("encoding") or "").lower() and annotation.text:
            return _bare(annotation.text)
    return _bare(element.get("alttext") or "") or " ".join(_written(element).split())


def _bare(source: str) -> str:
    r"""Without the signs and the style around it.

    >>> _bare(r"{\displaystyle E=mc^{2}}")
    'E=mc^{2}'
    """
    source = source.strip().strip("$").strip()
    found = _STYLE.match(source)
    if found:
        source = found[1] if source.startswith("{") or not found[2] else f"{found[1]}}}"
    return source


def _is_display(element: Any, whole: Any) -> bool:
    around = whole.get("class") or ""
    return (
        element.get("display") == "block"
        or "mode=display" in (element.get("type") or "")
        or "display" in around.lower()
        or whole.get("display") == "true"
    )


def _written(element: Any) -> str:
    """MathML as LaTeX."""
    parts = list(map(_written, element.iterchildren(tag=None)))
    name = element.tag if isinstance(element.tag, str) else ""
    if not parts:
        return (element.text or "").strip()
    if name == "mfrac" and len(parts) == 2:
        return f"\\frac{{{parts[0]}}}{{{parts[1]}}}"
    if name == "msqrt":
        return f"\\sqrt{{{''.join(parts)}}}"
    if name == "mroot" and len(parts) == 2:
        return f"\\sqrt[{parts[1]}]{{{parts[0]}}}"
    if name in _INFIX and len(parts) == 2:
        return f"{parts[0]}{_INFIX[name]}{{{parts[1]}}}"
    if name in ("msubsup", "munderover") and len(parts) == 3:
        return f"{parts[0]}_{{{parts[1]}}}^{{{parts[2]}}}"
    if name == "mtr":
        return " & ".join(parts)
    return " \\\\ ".join(parts) if name == "mtable" else "".join(parts)


def _drawn(whole: Any) -> Iterator[Any]:
    """What MathJax drew of the formula whose script this is."""
    before = whole.getprevious() if whole.tag == "script" else None
    while before is not None and not (before.tail or "").strip() and _DRAWN.search(before.get("class") or ""):
        yield before
        before = before.getprevious()


def _replace(whole: Any, text: str) -> None:
    for element in list(_drawn(whole)):
        element.drop_tree()
    whole.tag, tail = "span", whole.tail
    whole.clear()
    whole.text, whole.tail = text, tail
