# What type checkers see. webtext/__init__.py imports each name when it is first used.
from webtext.build import Build as Build
from webtext.clean.own_rules import Edited as Edited
from webtext.clean.verdict import Verdict as Verdict
from webtext.clean.verdict import clean_text as clean
from webtext.core.errors import UsageError as UsageError
from webtext.core.errors import WebtextError as WebtextError
from webtext.documents.readers import read_documents as read_documents
from webtext.extract.html import Page as Page
from webtext.extract.html import extract_html as extract

__all__ = ["Build", "Edited", "Page", "UsageError", "Verdict", "WebtextError", "clean", "extract", "read_documents"]
