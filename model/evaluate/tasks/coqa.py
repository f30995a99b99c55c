"""CoQA (Reddy et al. 2018): a conversation about a story, a question after another, each with the gold answers to those before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from model.evaluate import generation
from model.evaluate.answers import exact_match, f1
from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.readers import example_id
from webtext.overlap.sources import whole

TOKENS = 50
# Names of the sources as the official results have them
DOMAINS = {"mctest": "children's stories", "gutenberg": "literature", "race": "exams", "cnn": "news", "wikipedia": "Wikipedia"}


class Story(NamedTuple):
    """A story with its questions; of each the answers of all annotators, the one of the conversation first."""

    id: str
    domain: str
    text: str
    questions: list[str]
    answers: list[list[str]]


def read_stories(path: Path) -> list[Story]:
    """The stories of the official JSON. Raises WebtextError that names the first which is not as it says."""
    try:
        listed = list(orjson.loads(whole(path))["data"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise WebtextError(f"{path}: not CoQA, an object with `data` ({error}); give coqa-dev-v1.0.json") from None
    stories = []
    for number, story in enumerate(listed, 1):
        try:
            annotators = [story["answers"], *story.get("additional_answers", {}).values()]
            questions = [question["input_text"] for question in story["questions"]]
            answers = [[answer[turn]["input_text"] for answer in annotators] for turn in range(len(questions))]
            source = story["source"]
            stories.append(Story(story["id"], DOMAINS.get(source, source), story["story"], questions, answers))
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise WebtextError(f"{path}, story {number}: not a story of CoQA ({type(error).__name__}: {error})") from None
    return stories


def prompts(story: Story) -> list[str]:
    """The story, and the conversation up to each of its questions."""
    text, found = story.text.strip() + "\n\n", []
    for question, answers in zip(story.questions, story.answers):
        text += f"Q: {question}\nA:"
        found.append(text)
        text += f" {answers[0]}\n"
    return found


def official_score(answer: str, golds: Sequence[str], score: Callable[[str, str], float]) -> float:
    """By the rule of the official script (evaluate-v1.0.py of CoQA): the best of the gold answers; of several each is left out once,
    as a person's is when people are scored, and the mean taken."""
    if len(golds) == 1:
        return score(answer, golds[0])
    scores = [score(answer, gold) for gold in golds]
    return sum(max(scores[:out] + scores[out + 1 :]) for out in range(len(scores))) / len(scores)


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """F1 and exact match of greedy answers, of all and by domain."""
    result = TaskResult("coqa")
    stories = [(path, story) for path in files for story in settings.limited(read_stories(path))]
    lines, decoding = generation.write_lines(scorer, [prompt for _, story in stories for prompt in prompts(story)], TOKENS)
    written = iter(lines)
    scores: dict[str, dict[str, list[float]]] = {}
    for path, story in stories:
        answers = [next(written).text.strip() for _ in story.questions]
        for name, score in (("F1", f1), ("exact match", exact_match)):
            values = [official_score(answer, golds, score) for answer, golds in zip(answers, story.answers)]
            for group in ("", story.domain):
                scores.setdefault(group, {}).setdefault(name, []).extend(values)
            if values:
                name_of_story = example_id(path, story.id, len(files))
                result.outcomes.append(
                    Outcome(name_of_story, name, sum(values) / len(values), len(values), "\n".join(answers), story.domain)
                )
    protocol: dict[str, Choice] = {
        "prompt": "story, Q: and A: with the gold answers so far, A:", **decoding, "scoring": "official, each gold answer left out once",
        "file": files[0].name,
    }  # fmt: skip
    for group in ("", *sorted(scores.keys() - {""})):
        for name, values in scores.get(group, {}).items():
            mean, error = mean_and_error(values)
            paper = {"1542M": 0.55} if name == "F1" and not group else {}
            result.measures.append(Measure(name, mean, len(values), "questions", protocol, paper, group, error))
    return result


COQA = Task("coqa", "CoQA", ("*coqa-dev*.json*", "*coqa*.json*"), run, "generation")
