"""Near duplicates: which edits each tool sees through, and which pages with content of their own it loses.

    pip install datasketch; in an environment of its own: pip install rensa text-dedup
    python -m benchmarks.dedup_quality --seed 7 --peers VENV/bin/python --json figures.json          # three minutes

Originals are passages of 100 to 1,200 words of novels and news articles. Of each kind of edit --copies originals get one copy, before or
after them in the order of rank; the others have none. Pages made of a frame and content of their own must all stay.

    recall      share of the pairs of which not both stay, by kind of edit
    precision   share of the removed documents that are one of such a pair
    templates   share of the pages of a frame that are removed; `frame 70 %` is of pages of whose words 30 % are their own

Thresholds were chosen with --half 0 and seeds 1 to 3: figures are of the other half of the novels and news, with other seeds.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corpus import SHARDS, document_id, documents, novels, unpacked, write_documents
from benchmarks.dedup import PEERS
from benchmarks.harness import DATA, Figures, bar, installed, run, run_command
from webtext.core.config import DedupSection
from webtext.core.task import StageContext, run_task
from webtext.dedup import phases

SETTINGS: dict[str, Figures] = {"webtext": {}, "webtext, containment 0.9": {"containment": 0.9}}
MENU = (
    "Home News Sport Weather Culture Shop About us Contact Sign in Subscribe Newsletter Share this article Follow us Terms Privacy".split()
)
DATASKETCH = """
import pathlib, re, sys
import pyarrow as pa, pyarrow.parquet as pq
from datasketch import MinHash, MinHashLSH
source, work = map(pathlib.Path, sys.argv[1:3])
(work / "out").mkdir(parents=True)
index, number, word = MinHashLSH(threshold=0.8, num_perm=128), 0, re.compile(r"[^\\W_]+")
for path in sorted(source.glob("*.parquet")):
    table, kept = pq.read_table(path), []
    for text in table.column("text").to_pylist():
        words, sketch = word.findall(text.lower()), MinHash(num_perm=128)
        sketch.update_batch([" ".join(words[k : k + 5]).encode() for k in range(len(words) - 4)])
        kept.append(not index.query(sketch))
        if kept[-1]:
            index.insert(str(number), sketch)
        number += 1
    pq.write_table(table.filter(pa.array(kept)), work / "out" / path.name)
"""

Text = tuple[str, str, int]  # the text, its kind of edit or of frame, and the number of its pair; -1 where it has none
Edit = Callable[[str, random.Random], str]


def sources(half: int) -> list[str]:
    """Passages of every second novel and news article, of 100 to 1,200 words, in paragraphs."""
    rng, found = random.Random(half), []
    for _, text in sorted(novels().items())[half::2]:
        paragraphs, lengths = [" ".join(part.split()) for part in text.split("\n\n")][20:], (100, 250, 500, 1000)
        for _ in range(30):
            at, words = rng.randrange(max(len(paragraphs) - 60, 1)), 0
            passage: list[str] = []
            length = rng.choice(lengths)
            while words < length and at < len(paragraphs):
                passage.append(paragraphs[at])
                words, at = words + len(paragraphs[at].split()), at + 1
            if 100 <= words <= 1200:
                found.append("\n\n".join(passage))
    lines = unpacked(DATA / "neardup" / "articles_2500.train.zst").decode("utf-8", "replace").splitlines()
    news = [line.split(" ", 1)[1] for line in lines[half::2] if 100 <= len(line.split()) <= 1200]
    return rng.sample(found, min(len(found), 1500)) + [re.sub(r"((?:[^.]+\.){3}) ", r"\1\n\n", text) for text in news]


def edited(share: float) -> Edit:
    """With this share of the words replaced, removed or doubled by another, each a third of them."""

    def edit(text: str, rng: random.Random) -> str:
        words = re.findall(r"\S+\s*", text)
        for place in rng.sample(range(len(words)), round(share * len(words))):
            other = rng.choice(words)
            words[place] = rng.choice((other, "", words[place].rstrip() + " " + other))
        return "".join(words)

    return edit


def cut(share: float) -> Edit:
    """This share of the words, in one piece from anywhere."""

    def edit(text: str, rng: random.Random) -> str:
        words = re.findall(r"\S+\s*", text)
        length = round(share * len(words))
        start = rng.randrange(len(words) - length + 1)
        return "".join(words[start : start + length])

    return edit


def shuffled(text: str, rng: random.Random) -> str:
    parts = re.split(r"\n\n|(?<=[.!?]) (?=[A-Z])", text)
    size = max(len(parts) // 6, 1)
    blocks = [" ".join(parts[start : start + size]) for start in range(0, len(parts), size)]
    return "\n\n".join(rng.sample(blocks, len(blocks)))


def hyphenated(text: str, rng: random.Random) -> str:
    return re.sub(r"(\w{3})(\w{3})", lambda found: found[0] if rng.random() < 0.3 else f"{found[1]}\u00ad{found[2]}", text)


def framed(text: str, rng: random.Random) -> str:
    menus = [" ".join(rng.choices(MENU, k=rng.randrange(20, 60))) for _ in range(2)]
    return f"{menus[0]}\n\n{text}\n\n{menus[1]}"


EDITS: dict[str, Edit] = {
    "punctuation": lambda text, rng: re.sub(r"[,;:'\"-]", lambda found: rng.choice((found[0], "", " ")), text.replace(" - ", " – ")),
    "header": lambda text, rng: (
        f"By {rng.choice(MENU)} {rng.choice(MENU)}, {rng.randrange(1, 29)} May {rng.randrange(1990, 2017)}\n\n{text}"
    ),
    "shuffled": shuffled,
    "2 % edited": edited(0.02),
    "5 % edited": edited(0.05),
    "10 % edited": edited(0.1),
    "cut to 70 %": cut(0.7),
    "cut to 50 %": cut(0.5),
    "soft hyphens": hyphenated,
    "ligatures": lambda text, rng: text.replace("fi", "ﬁ").replace("fl", "ﬂ").replace("ff", "ﬀ"),
    "menus around": framed,
}


def collection(seed: int, copies: int, half: int) -> list[Text]:
    """Originals and copies, pages of frames, and texts without a copy, in an order of their own."""
    rng = random.Random(seed)
    texts = rng.sample(found := sources(half), len(found))
    made: list[Text] = []
    for kind, edit in EDITS.items():
        for _ in range(copies):
            original, pair = texts.pop(), len(made)
            made += rng.sample([(original, kind, pair), (edit(original, rng), kind, pair)], 2)
    for share in (60, 70, 80, 85):
        frame = texts.pop().split()[:400]
        for _ in range(copies):
            own = texts.pop().split()[: len(frame) * (100 - share) // share]
            place = rng.choice((0, len(frame) // 2, len(frame)))
            made.append((" ".join(frame[:place] + own + frame[place:]), f"frame {share} %", -1))
    made += [(text, "no copy", -1) for text in texts]
    return rng.sample(made, len(made))


def ours(build: Path, keys: Figures) -> None:
    section, context = DedupSection(partitions=4, **keys), StageContext(build, "dedup", "benchmark")
    for name, function, tasks in (
        ("sign", phases.sign_shard, SHARDS), ("rank", phases.rank_documents, 1), ("join", phases.join_partition, 4),
        ("verify", phases.verify_range, 4), ("choose", phases.choose_all_survivors, 1), ("decide", phases.decide_shard, SHARDS),
    ):  # fmt: skip
        further = ("documents",) if name in ("sign", "decide") else ()
        for task in range(tasks):
            run_task(context, f"{name}-{task:05d}", function, task, SHARDS, section, *further)


def kept_ids(directory: Path) -> set[str]:
    tables = [pa.ipc.open_stream(pa.memory_map(str(path))).read_all() for path in directory.glob("**/*.arrow")]
    tables += [pq.read_table(path, columns=["id"]) for path in directory.glob("**/*.parquet")]
    return {one for table in tables for one in table.column("id").to_pylist()}


def judged(texts: list[Text], kept: set[str]) -> Figures:
    stays = [document_id(number) in kept for number in range(len(texts))]
    pairs: dict[tuple[str, int], list[bool]] = {}
    for (_, kind, pair), one in zip(texts, stays):
        if pair >= 0:
            pairs.setdefault((kind, pair), []).append(one)
    found = {kind: fmean(not all(pair) for (one, _), pair in pairs.items() if one == kind) for kind in EDITS}
    frames = sorted({kind for _, kind, _ in texts if kind.startswith("frame")})
    lost = {frame: 1 - fmean(one for (_, kind, _), one in zip(texts, stays) if kind == frame) for frame in frames}
    removed = [pair >= 0 for (_, _, pair), one in zip(texts, stays) if not one]
    precision, recall = fmean(removed) if removed else 1.0, fmean(not all(pair) for pair in pairs.values())
    total = {"precision": precision, "recall": recall, "F1": 2 * precision * recall / max(precision + recall, 1e-9)}
    return {**total, "templates lost": fmean(lost.values()), **found, **lost}


def quality(options: argparse.Namespace) -> Figures:
    texts = collection(options.seed, 10 if options.quick else options.copies, options.half)
    rows: Figures = {}
    for name, keys in SETTINGS.items():
        build = options.directory / name
        write_documents(build / "documents", documents(text for text, _, _ in texts))
        ours(build, keys)
        rows[name] = judged(texts, kept_ids(build / "corpus"))
    python = options.peers or sys.executable
    scripts = {"datasketch": DATASKETCH}
    for name, module in (("datasketch", "datasketch"), ("rensa", "rensa"), ("text-dedup", "text_dedup")):
        if installed(module, name, python):
            work = options.directory / name
            work.mkdir()
            (work / "script.py").write_text(scripts.get(name, ""))
            command = [python, str(work / "script.py"), str(build / "documents"), str(work)]
            run_command(command if name in scripts else PEERS[name][1](python, build / "documents", work, 1), HF_HUB_OFFLINE="1")
            rows[name] = judged(texts, kept_ids(work / "out"))
    return {kind: {name: row[kind] for name, row in rows.items()} for kind in rows["webtext"]}


def bars(figures: Figures) -> list[Figures]:
    name = "webtext, containment 0.9"
    found = [bar(kind, figures["quality"][kind][name], least=0.9) for kind in ("cut to 70 %", "5 % edited")]
    return [*found, bar("templates lost", figures["quality"]["templates lost"][name], most=0.02)]


OPTIONS: dict[str, Figures] = {
    "--seed": {"type": int, "default": 7},
    "--copies": {"type": int, "default": 60, "help": "pairs of each kind of edit, and pages of each frame"},
    "--half": {"type": int, "choices": (0, 1), "default": 1, "help": "which half of the novels and news"},
    "--peers": {"metavar": "PYTHON", "help": "a Python that has datasketch, rensa and text-dedup"},
}

if __name__ == "__main__":
    run(__doc__, {"quality": quality}, OPTIONS, bars)
