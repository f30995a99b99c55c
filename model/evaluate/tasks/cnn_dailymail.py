"""CNN/Daily Mail (Nallapati et al. 2016): summaries that a hint asks for, beside the first and beside random sentences of the article."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from model.evaluate import generation
from model.evaluate.examples import drawn, records
from model.evaluate.results import SIZES, Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.sentences import sentences
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.sources import decoded, whole

HINT = "\nTL;DR:"  # with the line feed: openai/gpt-2, issue 33
TOKENS, TOP_K, SENTENCES = 100, 2, 3  # section 3.6 of the paper
ROUGE = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeLsum"}
MEAN = "mean of ROUGE"
# Table 4: ROUGE-1, ROUGE-2, ROUGE-L and their mean; GPT-2 is the largest.
PUBLISHED = {
    "Bottom-Up Sum": (41.22, 18.68, 38.34, 32.75),
    "Lede-3": (40.38, 17.66, 36.62, 31.55),
    "Seq2Seq + Attn": (31.33, 11.81, 28.83, 23.99),
    "GPT-2 TL;DR:": (29.34, 8.27, 26.58, 21.40),
    "Random-3": (28.78, 8.63, 25.52, 20.98),
    "GPT-2 no hint": (21.58, 4.03, 19.47, 15.03),
}


class Article(NamedTuple):
    """An article and the lines of its summary."""

    id: str
    text: str
    highlights: list[str]


def read_articles(files: Sequence[Path]) -> Iterator[Article]:
    """The articles of .story files, or of tables with the columns article and highlights. Raises WebtextError that names file and row."""
    for path in [path for path in files if path.suffix == ".story"]:
        text, *highlights = decoded(whole(path), path).split("@highlight")
        if not highlights:
            raise WebtextError(f"{path}: no line @highlight in it; a .story file has the article, and its summary behind such lines")
        yield Article(path.stem, text.strip(), [line.strip() for line in highlights])
    tables = [path for path in files if path.suffix != ".story"]
    for name, _, record in records(tables, {"article": str, "highlights": str}, len(files)):
        yield Article(name, record["article"].strip(), [line.strip() for line in record["highlights"].splitlines() if line.strip()])


def rouge(summaries: Sequence[Sequence[str]], highlights: Sequence[Sequence[str]]) -> list[dict[str, float]]:
    """F-measures of summaries, a sentence each, from 0 to 100, and their mean: words are stemmed, ROUGE-L is that of whole summaries."""
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise WebtextError("summaries are scored by rouge-score; install it with `pip install 'webtext[evaluate]'`") from None
    scorer, found = RougeScorer(list(ROUGE.values()), use_stemmer=True), []
    for summary, wanted in zip(summaries, highlights):
        score = scorer.score("\n".join(wanted), "\n".join(summary))
        each = {name: 100 * float(score[kind].fmeasure) for name, kind in ROUGE.items()}
        found.append({**each, MEAN: sum(each.values()) / len(each)})
    return found


def _written(scorer: Scorer, articles: Sequence[Article], hint: str, seed: int) -> tuple[list[list[str]], dict[str, Choice]]:
    """The first sentences written behind each article, with their protocol. Articles that are too long lose their end, which says least."""
    tokens, end = generation.tokens_to_write(scorer, TOKENS), scorer.encode(hint)
    room = max(0, scorer.context - tokens - len(end))
    read = [scorer.encode(article.text) for article in articles]
    asked = [([*text[:room], *end] or [scorer.tokenizer.eot])[tokens - scorer.context :] for text in read]
    texts = generation.generate_texts(scorer, asked, generation.Decoding(tokens, (), TOP_K, seed))
    protocol: dict[str, Choice] = {
        "hint": hint.strip() or "none", "top-k": TOP_K, "tokens": tokens, "sentences": SENTENCES, "seed": seed,
        "articles without their end": sum(len(text) > room for text in read),
    }  # fmt: skip
    return [sentences(text.text)[:SENTENCES] for text in texts], protocol


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """ROUGE of what is written behind articles with the hint and without, of their first three sentences, and of three random ones."""
    result = TaskResult("cnn_dailymail")
    articles = list(settings.limited(read_articles(files)))
    parts = [sentences(article.text) for article in articles]
    random = [[part[index] for index in drawn(SENTENCES, len(part), settings.seed, article.text)] for part, article in zip(parts, articles)]
    summaries: dict[str, tuple[list[list[str]], dict[str, Choice]]] = {
        "GPT-2 TL;DR:": _written(scorer, articles, HINT, settings.seed),
        "GPT-2 no hint": _written(scorer, articles, "", settings.seed),
        "Lede-3": ([part[:SENTENCES] for part in parts], {"sentences": SENTENCES}),
        "Random-3": (random, {"sentences": SENTENCES, "seed": settings.seed}),
    }
    common: dict[str, Choice] = {"scorer": "rouge-score, stemmed, F-measure", "ROUGE-L": "of summaries (rougeLsum)", "file": files[0].name}
    for system, (texts, protocol) in summaries.items():
        scores = rouge(texts, [article.highlights for article in articles])
        for place, kind in enumerate((*ROUGE, MEAN)):
            mean, error = mean_and_error([score[kind] for score in scores])
            paper = {SIZES[-1]: PUBLISHED[system][place]} if system.startswith("GPT-2") else {}
            name = f"{kind}, {system}"
            result.measures.append(Measure(name, mean, len(scores), "articles", {**protocol, **common}, paper, error=error))
            result.outcomes += [Outcome(a.id, name, s[kind], text=" ".join(text)) for a, s, text in zip(articles, scores, texts)]
    result.tables["Table 4 of the paper"] = [{"summary": name, **dict(zip((*ROUGE, MEAN), row))} for name, row in PUBLISHED.items()]
    return result


_FILES = ("*cnn*/**/*test*.parquet", "*cnn*/**/*.parquet", "*cnn*/**/*.csv", "*cnn*/**/*.zip", "*cnn*.csv", "*cnn*.jsonl*", "*.story")
CNN_DAILYMAIL = Task("cnn_dailymail", "CNN/Daily Mail", _FILES, run, "generation")
