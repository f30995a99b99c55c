# What type checkers see. webtext/__init__.py imports each name when it is first used.
from webtext.clean.own_rules import Edited as Edited
from webtext.clean.verdict import Verdict as Verdict
from webtext.core.errors import UsageError as UsageError
from webtext.core.errors import WebtextError as WebtextError
from webtext.extract.html import Page as Page
from webtext.library import Build as Build
