"""What the features know by name: elements, words of class names, and words of texts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

# Elements that a block can be; the number of an element is its place. Any other that is neither inline nor skipped is "other".
TAGS = (
    "other html body div p h1 h2 h3 h4 h5 h6 li ul ol dl dt dd table tr td th caption blockquote pre section article main header footer "
    "nav aside figure figcaption form fieldset button details summary dialog address center"
).split()
TAG = {name: number for number, name in enumerate(TAGS)} | dict.fromkeys(("thead", "tbody", "tfoot"), TAGS.index("table"))

# Elements that do not end a block
INLINE = frozenset(
    "a abbr acronym b bdi bdo big blink cite code data del dfn em font i img ins kbd label mark nobr picture q rb rp rt rtc ruby s "
    "samp small source span strike strong sub sup time tt u var wbr".split()
)

# Elements whose content is no text of the page
SKIPPED = frozenset(
    "applet audio base canvas datalist embed frame frameset iframe input link map math meta noframes noscript object option param script "
    "select style svg template textarea title video".split()
)

# Words of class, id, role and the like: a line is a feature, named by its first word. A word counts for the first line that has it.
NAMES = """
nav navigation navbar navi topnav subnav navigator
menu submenu dropdown menubar
breadcrumb breadcrumbs crumb crumbs
header head masthead topbar top
footer foot bottom contentinfo
sidebar aside side rail column right left complementary
comment comments disqus commentlist respond comentarios kommentare commentaires
share sharing social follow facebook twitter sharedaddy addthis
related recommended recommendations similar also recirc read
popular trending latest recent news
ad ads advert advertisement sponsor sponsored promo promotion dfp adsense taboola outbrain
cookie cookies consent gdpr privacy onetrust
newsletter subscribe signup subscription paywall
login register signin account
article story artikel articulo
post posts entry hentry blog
content contents inhalt contenu
main primary
body text copy prose richtext rte wysiwyg markdown articlebody storytext bodytext
title headline heading heads h
author byline bio authors
date time published timestamp dateline
meta metadata info
tag tags category categories topics keywords
caption figcaption credit credits copyright
image img figure gallery photo media slider carousel slideshow swiper
toc
product products item
price cart basket buy add checkout shipping
review reviews rating ratings stars
description desc details
summary excerpt abstract intro lead teaser standfirst subtitle deck dek
list listing results result listings archive
grid collection items cards tiles row
card tile
hidden hide collapse collapsed sr visually invisible none
modal popup overlay dialog lightbox tooltip toast drawer
accordion faq toggle question answer panel
tab tabs tabpanel
hero banner jumbotron
cta button btn
search filter filters facet sort
pagination pager page paging next prev
thread topic forum discussion
message messages reply replies msg bbp
user username avatar profile member userinfo
signature sig quote
code highlight source snippet syntax
footnote footnotes reference references citation bibliography
widget widgets
module block section component
tools toolbar actions action utility print
skip back jump
legal disclaimer terms
logo brand branding
spec specs specification specifications feature features attributes technical
testimonial testimonials client clients customer
video player audio
table
notice alert warning messagebox note
edit editsection
language lang locale languages
map location address contact phone
wrapper container inner outer layout
""".strip().split("\n")

# Words of texts, likewise
CUES = """
cookie cookies
copyright rights reserved impressum datenschutz
privacy terms policy conditions mentions legales
subscribe newsletter signup abonnieren abonnez suscríbete
share facebook twitter whatsapp linkedin pinterest instagram teilen partager compartir tweet
related recommended similar also trending popular auch ähnliche lire aussi voir
read more weiterlesen mehr suite learn
comment comments reply replies kommentar kommentare commentaire commentaires responses leave
login register sign account password anmelden registrieren connexion
cart shipping checkout basket stock warenkorb
buy add price sale order shop
previous next page seite prev weiter zurück
posted published updated written author by von par
january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec \
januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août
advertisement sponsored anzeige publicité werbung affiliate ad
click here view see all show hide less expand
references notes sources bibliography einzelnachweise weblinks
likes views votes upvote downvote members joined posts threads
search menu home contact about faq help
download print pdf email rss feed
product products features description specifications overview details
question questions answer answers frequently
""".strip().split("\n")
COPYRIGHT = 1  # the line of CUES that the sign © counts for

# The commonest words of Latin and Cyrillic scripts: running text has them, menus do not
STOP_WORDS = frozenset(
    """
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were her all
she there would their we him been has when who will more no if out so said what up its about into than them can only other new some could
time these two may then do my now over such our man me even most made after also did many before must through back years where much your
way well down should because each just those people how too little state good very make world still own see men work long get here
between both life being under never day same
der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei
einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde sei ich wir kann wenn ihre
de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son ou mais comme on nous elle ses
cette aux ont unter
el los las y del se por con no para su al lo como más pero sus este ya cuando todo esta son entre sin sobre también
di che e il per non una sono da si con alla della nel dei più anche le ha gli ma come delle ed
van het een dat op te niet zijn voor met aan er om ook maar bij naar door worden wordt nog
da em os não uma com o na do mais dos foi ao das pelo pela
w i z nie się że jest jak po od za dla są przez och att det som på av är med till var inte han kan från ikke af fra
je v že s k jsou pro ve ja ei oli bir bu için ile olarak çok daha az és hogy nem egy cu pe care nu mai si
и в не на что с как по это из для от он же но за все его так бы мы
dan yang untuk dengan ini itu dari tidak pada
""".split()
)

STOP, CUE_SHIFT = 1, 1  # a value of WORDS: 1 for a stop word, and twice (1 + the line of CUES)


def fnv1a(data: bytes) -> int:
    """64-bit FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/)."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def folded(word: str) -> bytes:
    """UTF-8 with the letters of ASCII in lower case, as the kernels compare words."""
    return word.encode("utf-8", "replace").lower()


Table = tuple[NDArray[np.uint64], NDArray[np.int32]]


def table(values: Iterable[tuple[bytes, int]], size: int) -> Table:
    """A hash table with linear probing: keys (0: free) and values. `size` is a power of two and well above the number of entries."""
    keys, numbers = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for name, number in values:
        key = fnv1a(name)
        place = key & (size - 1)
        while keys[place] not in (0, key):
            place = (place + 1) & (size - 1)
        keys[place], numbers[place] = key, number
    return keys, numbers


def _lines(lines: list[str]) -> dict[str, int]:
    """word -> the first line that has it."""
    return {word: number for number, line in reversed(list(enumerate(lines))) for word in line.split()}


NAME, CUE = _lines(NAMES), _lines(CUES)


def words_of_texts() -> Table:
    entries = {folded(word): STOP for word in sorted(STOP_WORDS)}
    for word, line in sorted(CUE.items()):
        entries[folded(word)] = entries.get(folded(word), 0) | (line + 1) << CUE_SHIFT
    return table(sorted(entries.items()), 4096)


def words_of_names() -> Table:
    return table(((word.encode(), line + 1) for word, line in sorted(NAME.items())), 2048)
