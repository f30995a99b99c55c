"""From the bytes of a page to its text: decoding and main text."""

from webtext.core.callable_package import make_callable

make_callable(__name__, "webtext.extract.html", "extract_html")
