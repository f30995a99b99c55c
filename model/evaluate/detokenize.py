"""De-tokenizers that can be undone, for the artefacts of WikiText, the Penn Treebank, the Children's Book Test and the 1B Word Benchmark.

GPT-2 is trained on text as people write it, and these sets have spaces before punctuation, `@-@` for hyphens and `n't` apart. The paper
removes such artefacts by "invertible de-tokenizers", so that the probability of the original is still the one that is measured. Ours are
pairs of functions: `tokenize(detokenize(line)) == line`. Where a rule joins tokens that `tokenize` would part in another way, they
stay apart; a line in which even single tokens would be parted is undecidable, and is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

# Words that end in a full stop which is theirs, not the sentence's: titles, firms, months, measures.
_ABBREVIATIONS = frozenset(
    """
    adj adm al alt app approx apr art assn assoc asst aug ave bldg blvd bp brig bros bt ca capt cc cent cf ch cl cmdr co col comdr
    cons corp cos cpl ct dec del dept det diss div dist dr ed eds eq esp esq est etc ex exec fac feat feb ff fig fl fr freq ft fwd gal
    gen gov hon hr hwy inc incl ind inf insp inst intl jan jr jul jun kg lat lb lbs lieut lit llc lon lt ltd maj mar max messrs mfg mg
    mgr mi min misc ml mm mr mrs ms msgr mt mtn mts mus nat neb nev no nos nov nr oct op ord ore orig oz pa penn pfc ph pl pop pp pres
    prof pron pseud pt pts pty pub pvt qt rd rep reps rev rt sec sen sens sept sgt sp spp sq sr st sta ste str supp supt tech tel temp
    tenn tex trans treas univ vol vols vp vs vt wis wm yd yrs
    """.split()
)
_OPENING, _CLOSING, _MARKS = frozenset("([{$£€¥₱#"), frozenset(")]}%,;:?!"), {"@-@": "-", "@,@": ",", "@.@": "."}

_WHOLE = re.compile(r"[^\w]|\.+|--|``|''|@[-,.]@")  # tokens without letters and digits that are never parted

Inner = Callable[[str], list[str]]


def _written_quote(quote: str) -> str:
    return '"' if quote in ("``", "''", '"') else "'"


def _moses(word: str) -> list[str]:
    """Part a word as WikiText and 1BW do, "don't" to "don 't": before an apostrophe between letters, and before `'s` behind digits."""
    return re.sub(r"(?:(?<=[^\W\d_])|(?<=>))'(?=[^\W\d_])|(?<=\d)'(?=s$)", " '", word).split(" ")


def _wikitext(word: str) -> list[str]:
    """The same, with WikiText's marks for hyphens and for points and commas in numbers."""
    marked = re.sub(r"(?:(?<=[^\W_])|(?<=>))-(?=[^\W_]|<)", " @-@ ", " ".join(_moses(word)))
    marked = re.sub(r"(?<=\d),(?=\d{3}(?!\w))", " @,@ ", marked)
    return re.sub(r"(?<!\w)(\d+)\.(?=\d)", r"\1 @.@ ", marked).split(" ")


def _treebank(word: str) -> list[str]:
    """Part a word as the Penn Treebank does, "don't" to "do n't": before `n't` and clitics."""
    match = re.fullmatch(r"(.*?[\w>])(n't|'(?:s|re|ve|m|d|ll))", word, re.IGNORECASE)
    return [*_treebank(match[1]), match[2]] if match else [word]


@dataclass(frozen=True)
class Detokenizer:
    """The artefacts of a set, undone and put back.

    >>> LM1B.detokenize("They won 't pay $ 7.3bn , he said .")
    "They won't pay $7.3bn, he said."
    >>> LM1B.tokenize("They won't pay $7.3bn, he said.")
    "They won 't pay $ 7.3bn , he said ."
    """

    name: str
    inner: Inner = field(repr=False)  # parts a word without punctuation around it
    full_stops: bool = True  # are tokens of their own
    quotes: tuple[tuple[str, str], ...] = (('"', '"'), ("'", "'"))  # opening and closing, as the set has them
    padded: bool = False  # lines begin and end with a space
    clitic: re.Pattern[str] = field(default=re.compile(r"'\w+"), repr=False)  # tokens that were parted from the word before

    @cached_property
    def _quotes(self) -> tuple[dict[str, str], dict[str, str]]:
        """The opening and the closing quotes, by how they are written."""
        return {_written_quote(pair[0]): pair[0] for pair in self.quotes}, {_written_quote(pair[1]): pair[1] for pair in self.quotes}

    def for_lines(self, lines: Iterable[str]) -> Detokenizer:
        """The same for lines that all begin and end with a space, as in the files of WikiText and PTB, or for those that do not."""
        return replace(self, padded=all(line[:1] == " " == line[-1:] for line in lines if line))

    def detokenize(self, line: str) -> str:
        """The line as people write it; itself where that could not be undone."""
        tokens = line.split(" ")
        if self.padded:
            if len(tokens) < 2 or tokens[0] or tokens[-1]:
                return line
            tokens = tokens[1:-1]
        chunks = list(self._chunks(tokens))
        text = " ".join(self._written(chunk, final=number == len(chunks)) for number, chunk in enumerate(chunks, 1))
        return text if self.tokenize(text) == line else line

    def tokenize(self, text: str) -> str:
        """The text with the artefacts of the set."""
        chunks = text.split(" ") if text else []
        tokens = [token for number, chunk in enumerate(chunks, 1) for token in self._parted(chunk, final=number == len(chunks))]
        return " ".join(["", *tokens, ""]) if self.padded else " ".join(tokens)

    def decides(self, line: str) -> bool:
        """Whether the round trip gives the line back."""
        return self.tokenize(self.detokenize(line)) == line

    def _chunks(self, tokens: Sequence[str]) -> Iterator[list[str]]:
        """Runs of tokens that are written without a space between them."""
        chunk: list[str] = []
        open_: list[str] = []  # quotes that are not closed yet
        joins = True
        for token in tokens:
            left, right = self._sides(token, chunk[-1] if chunk else "", open_)
            if chunk and not (joins or (left and chunk[-1])):
                yield chunk
                chunk = []
            chunk.append(token)
            joins = right and bool(token)
        if chunk:
            yield chunk

    def _sides(self, token: str, before: str, open_: list[str]) -> tuple[bool, bool]:
        """Whether a token is written next to the one before it, and next to the one behind it."""
        if token.isalpha():
            return False, False
        if token in _MARKS and self.inner is _wikitext:
            return True, True
        for opening, closing in self.quotes:
            if token not in (opening, closing):
                continue
            if opening != closing:
                return token == closing, token == opening
            if token == "'" and token not in open_ and before.endswith("s"):
                return True, False  # a possessive: the players ' shoes
            if token in open_:
                open_.remove(token)
                return True, False
            open_.append(token)
            return False, True
        if token == "=" == before and self.inner is _wikitext:
            return True, False  # of headings
        closes = token in _CLOSING or token == "..." or (token == "." and self.full_stops)
        return closes or bool(self.clitic.fullmatch(token)), token in _OPENING

    def _written(self, chunk: Sequence[str], final: bool) -> str:
        """A chunk in one piece, or its tokens apart where it could not be parted into them again."""
        if len(chunk) == 1 and chunk[0].isalpha():
            return chunk[0]
        marks = _MARKS if self.inner is _wikitext else {}
        quotes = {quote: written for sides in self._quotes for written, quote in sides.items()}
        text = "".join(quotes.get(token, marks.get(token, token)) for token in chunk)
        if self._parted(text, final) == list(chunk):
            return text
        return " ".join(chunk)

    def _parted(self, chunk: str, final: bool) -> list[str]:
        """The tokens of what stands between two spaces."""
        if not chunk or chunk.isalpha() or _WHOLE.fullmatch(chunk):  # NB: most are letters alone, and this is quick
            return [chunk]
        if self.inner is _wikitext and set(chunk) == {"="}:
            return list(chunk)
        opening, closing = self._quotes
        first: list[str] = []
        last: list[str] = []
        while len(chunk) > 1 and (chunk[0] in _OPENING or (chunk[0] in opening and not self.clitic.fullmatch(chunk))):
            first.append(opening.get(chunk[0], chunk[0]))
            chunk = chunk[1:]
        while len(chunk) > 1:
            end = chunk[len(chunk.rstrip(".")) :] if chunk.endswith("..") else chunk[-1]
            if not (end in _CLOSING or end in closing or len(end) > 1 or (end == "." and self._is_stop(chunk, final and not last))):
                break
            last.append(closing.get(end, end))
            chunk = chunk[: -len(end)]
        return [*first, *self.inner(chunk), *reversed(last)]

    def _is_stop(self, chunk: str, final: bool) -> bool:
        """Whether the full stop at the end of a chunk is a token of its own, by the rules of Moses's tokenizer."""
        word = chunk[:-1]
        if not self.full_stops or ("." in word and re.search(r"[^\W\d]", word)):  # "U.S.", "p.m.", "example.com."
            return False
        return final or not (word.rpartition("-")[2].lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))


WIKITEXT = Detokenizer("WikiText", _wikitext, padded=True)
LM1B = Detokenizer("1B Word Benchmark", _moses)
_TREEBANK_CLITIC = re.compile(r"n't|'(?:s|re|ve|m|d|ll)", re.IGNORECASE)
CBT = Detokenizer("Children's Book Test", _treebank, quotes=(("``", "''"), ("`", "'")), clitic=_TREEBANK_CLITIC)
PTB = Detokenizer("Penn Treebank", _treebank, full_stops=False, quotes=(), padded=True, clitic=_TREEBANK_CLITIC)
