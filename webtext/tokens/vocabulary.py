"""The phases of the tokenizer stage: count the words of each shard, merge the counts, train on them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizer import ByteBPE, TokenizerError, count_words, merge_counts, read_counts, train, write_counts
from webtext.core.config import PUBLISHED, TokenizerSection
from webtext.core.errors import WebtextError
from webtext.core.files import sha256_of
from webtext.core.manifest import manifest_of
from webtext.core.task import TaskRun
from webtext.core.texts import read_texts


def count_shard(log: TaskRun, shard: int, source: str) -> list[Any]:
    """Count the words of a shard's training documents. Held-out text must not affect the vocabulary."""

    def texts() -> Any:
        for document in read_texts(log.context.build, source, shard):
            log.records_in += 1
            log.progress()
            if document["split"] == "train":
                log.records_out += 1
                yield document["text"]
            else:
                log.reject(document["url"], document["id"], "held-out", document["split"])

    scratch_path = log.context.scratch_path(f"{log.name}.words")
    write_counts(count_words(texts()), scratch_path)
    return [[0, scratch_path.name]]


def train_vocabulary(log: TaskRun, _: int, spills: list[str], section: TokenizerSection) -> None:
    """Merge the counts, train the vocabulary and write it to tokenizer/ in every supported format."""
    merged = log.context.scratch_path("all.words")
    merge_counts([log.context.scratch_path(name) for name in spills], merged)
    counts = read_counts(merged)
    if not len(counts):
        raise WebtextError("tokenizer: the corpus has no training text; look at `webtext report` for what the earlier stages rejected")
    _save(log, train(counts, section.vocabulary))


def take_vocabulary(log: TaskRun, _: int, path: str) -> None:
    """Use the given tokenizer instead of training one."""
    _save(log, load_vocabulary(Path(path)))


def load_vocabulary(path: Path) -> ByteBPE:
    """Load a tokenizer in any supported format, or a published one by its name. Raises WebtextError that says what is wrong with it."""
    try:
        return ByteBPE.published(str(path)) if str(path) in PUBLISHED and not path.exists() else ByteBPE.load(path)
    except TokenizerError as error:
        raise WebtextError(str(error)) from None
    except OSError as error:
        raise WebtextError(f"{error.filename}: cannot be read ({error.strerror}); give a directory or a file of a tokenizer") from None


def find_vocabulary(*directories: Path) -> Path | None:
    """The first of the directories that holds a tokenizer in a form that `load_vocabulary` takes."""
    names = ("merges.txt", "vocab.bpe", "tokenizer.json")
    return next((directory for directory in directories if any((directory / name).exists() for name in names)), None)


def vocabulary_of(build: Path) -> ByteBPE:
    """The vocabulary of a build. A process loads it once, as that takes as long as encoding some megabytes; the hash notices a new one."""
    return _loaded(build / "tokenizer", sha256_of(build / "tokenizer" / "tokenizer.json"))


@lru_cache(maxsize=1)
def _loaded(directory: Path, _sha256: str) -> ByteBPE:
    return load_vocabulary(directory)


def _save(log: TaskRun, bpe: ByteBPE) -> None:
    corpus = manifest_of(log.context.build, "dedup")
    log.counters["vocabulary"] += bpe.vocab_size
    log.counters["end-of-text"] += bpe.eot
    for path in bpe.save(log.context.path, metadata={"corpus": corpus.hash() if corpus else None}):
        log.register_file(f"{log.context.directory}/{path.name}", bpe.vocab_size)
