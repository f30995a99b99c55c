"""De-tokenizers: what they write, and that it can be undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.evaluate.detokenize import CBT, LM1B, PTB, WIKITEXT, Detokenizer

WRITTEN = {
    "wikitext": (
        WIKITEXT,
        ' He had a guest @-@ starring role as " Craig " in " Teddy \'s Story " ( 2000 ) ; it cost $ 1 @,@ 500 . They don \'t . ',
        'He had a guest-starring role as "Craig" in "Teddy\'s Story" (2000); it cost $1,500. They don\'t.',
    ),
    "numbers": (WIKITEXT, " Of 2 @.@ 5 % . ", "Of 2.5%."),
    "heading": (WIKITEXT, " = = = 2000 – 2005 = = = ", "=== 2000 – 2005 ==="),
    "empty": (WIKITEXT, " ", ""),
    "unknown": (WIKITEXT, " Robert <unk> , of the U.S. Army . ", "Robert <unk>, of the U.S. Army."),
    "ptb": (PTB, " no it was n't black monday ", "no it wasn't black monday"),
    "ptb-numbers": (PTB, " mr. <unk> 's u.s. unit rose N N to $ N million ", "mr. <unk>'s u.s. unit rose N N to $N million"),
    "ptb-plain": (PTB.for_lines(["it did n't"]), "the traders did n't say they 'll go", "the traders didn't say they'll go"),
    "lm1b": (LM1B, "But it 's the list Reps won 't sign .", "But it's the list Reps won't sign."),
    "lm1b-money": (LM1B, "BofA sold a $ 7.3bn chunk , he said .", "BofA sold a $7.3bn chunk, he said."),
    "lm1b-quotes": (LM1B, 'Tarp would send a " powerful message " to anyone .', 'Tarp would send a "powerful message" to anyone.'),
    "lm1b-plural": (LM1B, "after a few hours ' wear .", "after a few hours' wear."),
    "lm1b-time": (LM1B, "It ends at 8 p.m.", "It ends at 8 p.m."),
    "cbt": (CBT, "` But where is he ? '", "'But where is he?'"),
    "cbt-clitic": (CBT, "I do n't see him . '", "I don't see him.'"),
    "cbt-double": (CBT, "`` You 'll see , '' he cried .", '"You\'ll see," he cried.'),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_line_is_written_as_people_write_it_and_comes_back(name: str) -> None:
    tokens, line, text = WRITTEN[name]
    assert tokens.detokenize(line) == text
    assert tokens.tokenize(text) == line


UNDECIDABLE = {
    "abbreviation": (WIKITEXT, " Published by the Pilgrim Press. in 1900 . "),
    "unsplit": (LM1B, "It was held on 15 May 2009. will be published ."),
    "hyphen": (WIKITEXT, " a well-known man "),
    "apart": (CBT, "he said don't ."),
    "unpadded": (PTB, "no spaces around"),
}


@pytest.mark.parametrize("name", UNDECIDABLE)
def test_a_line_that_no_rule_decides_is_known_and_kept(name: str) -> None:
    tokens, line = UNDECIDABLE[name]
    assert tokens.detokenize(line) == line
    assert not tokens.decides(line)


WORDS = "the Man don 't 's n't do U.S. Mr. Mr a.b. <unk> N é 日本 'em 1 000 2.5 1,000".split()
MARKS = "' ` '' `` \" ( ) [ ] , . ; : ? ! ... .. -- - @-@ @,@ @.@ = $ £ % # / &".split()
PIECES = st.sampled_from([*WORDS, *MARKS])


@pytest.mark.parametrize("tokens", [WIKITEXT, PTB, LM1B, CBT], ids=["wikitext", "ptb", "lm1b", "cbt"])
@given(line=st.lists(st.one_of(PIECES, st.text(max_size=4).filter(lambda text: " " not in text)), max_size=12))
def test_any_line_comes_back_or_is_kept(tokens: Detokenizer, line: list[str]) -> None:
    """Nothing is silently changed: what does not come back is the line itself."""
    text = " ".join(["", *line, ""]) if tokens.padded else " ".join(line)
    written = tokens.detokenize(text)
    assert written == text or tokens.tokenize(written) == text


@pytest.mark.parametrize(("left", "right"), [("word", ","), ("(", "word"), ("word", "'s"), ("word", "%")])
def test_what_belongs_together_is_joined(left: str, right: str) -> None:
    assert LM1B.detokenize(f"a {left} {right} b") == f"a {left}{right} b"


# Lines of the files, and how many of them no rule decides: words with a full stop that is not the sentence's, and the like.
REAL = {
    "wikitext-2": (WIKITEXT, "wikitext-2/test.txt", 1090, 0),
    "1bw": (LM1B, "1bw_heldout/1b_benchmark.test.tokens", 3027, 22),
}


@pytest.mark.parametrize("name", REAL)
def test_all_lines_come_back_but_a_few_that_are_known(name: str, data_dir: Path) -> None:
    tokens, path, count, most = REAL[name]
    lines = (data_dir / "benchmarks" / path).read_bytes().decode().removesuffix("\n").split("\n")[::4]
    undecided = [line for line in lines if not tokens.decides(line)]
    assert (len(lines), len(undecided)) == (count, most)
    assert all(tokens.detokenize(line) == line for line in undecided)


@pytest.mark.parametrize("kind", ["CN", "NE"])
def test_stories_come_back(kind: str, data_dir: Path) -> None:
    text = (data_dir / f"benchmarks/formats/cbt/cbtest_{kind}_valid_2000ex.txt").read_text()
    assert all(CBT.decides(line.partition(" ")[2].split("\t")[0]) for line in text.split("\n") if line.strip())
