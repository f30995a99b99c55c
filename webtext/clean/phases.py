"""The clean stage: a shard of documents becomes a shard of cleaned documents, in the same order."""

from __future__ import annotations

from webtext.clean.own_rules import FAILED, check_failures, load_rules
from webtext.clean.verdict import judge
from webtext.core.config import CleanSection
from webtext.core.hashing import shard_name
from webtext.core.records import CLEANED
from webtext.core.tables import read_table
from webtext.core.task import TaskRun


def clean_shard(log: TaskRun, shard: int, section: CleanSection) -> None:
    """Read documents/shard-N.parquet and write cleaned/shard-N.parquet.

    `bytes-XX` counts the text kept by language, in bytes, as CLD2 sees its parts; `changed-RULE` the texts that a rule changed.
    """
    rules = load_rules(section)
    name = f"{shard_name(shard)}.parquet"
    failed: list[str] = []
    with log.table(f"cleaned/{name}", CLEANED) as cleaned:
        for document in read_table(log.context.build / "documents" / name):
            log.records_in += 1
            log.progress()
            verdict = judge(document["title"] or "", document["text"], section, rules)
            if verdict.text is None:
                log.reject(document["url"], document["id"], verdict.reason, verdict.detail)
                if verdict.reason == FAILED:
                    failed.append(f"{verdict.detail}, on {document['url']}")
                continue
            cleaned.write({**document, "text": verdict.text, "language": verdict.language})
            log.records_out += 1
            for language, size in verdict.bytes_by_language.items():
                log.counters[f"bytes-{language}"] += size
            for rule in verdict.changed:
                log.counters[f"changed-{rule}"] += 1
    if failed:
        check_failures(len(failed), log.records_in, failed[0], section)
