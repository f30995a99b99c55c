"""The hosts of the demo's web that have nothing special, and the ones that the planted cases are on."""

from __future__ import annotations

from webtext.demo.looks import Site

SITES = (
    Site("docs.reference-desk.example", "docs", "The Reference Desk", "Everything in its place", ("language",)),
    Site("handbook.snakeskin.example", "docs", "Snakeskin Handbook", "For those who shed their code", ("module",)),
    Site("api.class-index.example", "api", "Class Index 3", "All members, no mysteries", ("class", "type")),
    Site("api.callables.example", "api", "Callables", "What it takes and what it gives", ("functions", "type")),
    Site("wiki.codepoints.example", "wiki", "Codepoints Wiki", "The handbook that anyone may fix", ("language", "module")),
    Site("www.everything-iterates.example", "wiki", "Everything Iterates", "A wiki about loops and other things", ("module",)),
    Site("blog.indentation.example", "blog", "Four Spaces", "Notes on indentation and other quarrels", ("notes",)),
    Site("www.slow-loops.example", "blog", "Slow Loops", "Programming without hurry", ("notes", "module")),
    Site("offbyone.example", "blog", "Off by One", "A weblog in n+1 parts", ("module",)),
    Site("hexdump-diaries.example", "blog", "Hexdump Diaries", "00 01 02 03 and so on", ("notes",)),
    Site("www.daily-traceback.example", "news", "The Daily Traceback", "Most recent call last", ("module", "language")),
    Site("news.merge-conflict.example", "news", "Merge Conflict", "All sides of the story", ("notes", "module")),
    Site("www.longform-byte.example", "magazine", "Longform Byte", "Eight bits at a time, unhurriedly", ("module", "notes")),
    Site("thepolyglot.example", "magazine", "The Polyglot Reader", "Ideas that compile", ("language", "notes")),
    Site("forum.bare-except.example", "forum", "Bare Except Forums", "We catch everything", ("module", "notes")),
    Site("boards.null-terminated.example", "forum", "Null Terminated", "Old hands, short strings", ("notes",)),
    Site("ask.stack-frames.example", "questions", "Stack Frames", "Ask and be answered", ("module", "class")),
    Site("www.geopages.example", "tables", "Welcome to my homepage!!!", "Under construction since 1998", ("module",)),
    Site("members.dialup.example", "tables", "The Dial-Up Library", "Please be patient while it loads", ("language", "notes")),
    Site("lists.patch-bay.example", "list", "patch-bay", "A list for those who send patches", ("notes",)),
    Site("git.forkyard.example", "project", "forkyard", "Where branches grow", ("module", "class")),
    Site("etext.plain-ascii.example", "plain", "Plain ASCII Etexts", "No markup was harmed", ("language", "module")),
)

# Sites of the planted cases. Those where a page may take its time have one page each: a host is asked one page at a time.
GALLERY = Site("www.oddities.example", "blog", "Cabinet of Oddities", "Pages that are not quite right")
COURIER = Site("www.well-linked.example", "news", "The Well-Linked Courier", "Posted again and again")
RUINS = Site("www.ruins.example", "blog", "Ruins", "What is left of a site")
GATES = Site("www.closed-gates.example", "docs", "Closed Gates", "Members and robots keep out")
ORIGINAL = Site("original.example", "blog", "The Original", "Read it here first")
COPYCAT = Site("mirror.copycat.example", "docs", "Copycat", "Mirrors of everything")
REPOSTS = Site("www.reposts.example", "news", "The Daily Repost", "News that others wrote")
CARNET = Site("www.carnet-de-bord.example", "blog", "Carnet de bord", "Notes d'un promeneur")
NOTIZEN = Site("notizen.example", "magazine", "Notizen", "Was vom Tage bleibt")
CUADERNO = Site("www.cuaderno.example", "news", "El Cuaderno", "Historias sin prisa")
ATTIC = Site("attic.example", "tables", "The Attic", "Old files in old encodings")
