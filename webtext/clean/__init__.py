"""Cleaning of any text: rules of published corpora by name, rules of one's own, and the language."""

from webtext.core.callable_package import make_callable

make_callable(__name__, "webtext.clean.verdict", "clean_text")
