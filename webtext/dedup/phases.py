"""The phases of `dedup` and the flow of the data. Text is read twice, by its own shard, and never shuffled.

    phase                  a task for      reads                                      writes
    sign_shard             each part       cleaned/shard-N.parquet                    duplicates/signatures/shard-N.arrow; scratch:
                                           (or a corpus shard of an earlier build)    shingles, documents by rank, band keys by partition
    rank_documents         the stage       the ranked documents of all parts, merged  ordinals: a document's position in the order of rank
    join_partition         each partition  its band keys, of all parts; signatures    candidates by range of ordinals; large buckets
                                           of documents in buckets
    verify_range           each range      its candidates, of all partitions;         verified copies, sorted
                           (= partition)   shingles where in doubt
    choose_all_survivors   the stage       verified copies, range after range;        for each range: the removed documents, each with
                                           large buckets                              the one it is a copy of
    decide_shard           each shard      cleaned/shard-N.parquet again, and         corpus/shard-N.parquet, rejected documents,
                                           which are removed                          duplicates/pairs/ and clusters/shard-N.parquet

With `dedup.containment`, sign_shard also writes sketches and shingles in order, join_partition the pairs that share a key of a sketch, and
verify_range their links (webtext.dedup.containment).

Where `dedup.decontaminate` names test sets, two phases come before these: webtext.dedup.decontamination.

Every phase needs all tasks of the one before it. Tasks are addressed by index and their files are named after it, so the order of the tasks
does not affect the output. A *part* is a shard of documents (0 to shards - 1) or, after these, a shard of an earlier build's corpus.

Memory: for a part its identities and band keys (some 1,000 bytes a document; signatures and shingles are written batch by batch); for a
partition some 50 bytes a band key (documents x 22 / partitions) and 100 a candidate; 100 MiB for signatures and shingles. Arrays with an
entry for every document of the build (ordinals, head, size and group of its cluster, 8 bytes each; removed or not, 1 byte) are files mapped
into memory. Containment adds some 50 bytes a key of a sketch (documents x 16 / partitions), 90 bytes a link to choose_all_survivors, and 4
bytes of scratch a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from webtext.core.config import DedupSection
from webtext.core.files import writing
from webtext.core.hashing import shard_name
from webtext.core.records import CLUSTER, CORPUS, PAIR
from webtext.core.tables import Record, read_table
from webtext.core.task import StageContext, TaskRun
from webtext.dedup import containment
from webtext.dedup.arrow_files import BANDS, SIGNATURES, Array, ArrowFile, part_path, writing_arrow
from webtext.dedup.buckets import Comparison, buckets, colliding_keys
from webtext.dedup.decontamination import documents
from webtext.dedup.earlier_builds import earlier_shards
from webtext.dedup.kernels import ALL_PAIRS, I64
from webtext.dedup.rank import RankIndex, decided_by, rank
from webtext.dedup.signatures import COLUMNS, SignatureStore, sign_part, signature_path
from webtext.dedup.splits import split_of
from webtext.dedup.survivors import LARGE_BUCKETS, REMOVED, choose_survivors, range_bounds
from webtext.dedup.verify import EDGES, METHODS, distinct_pairs, verify

CANDIDATES = "candidates"
CANDIDATE_COLUMNS = ("later", "earlier", "equal", "band")


def parts_of(shards: int, section: DedupSection) -> int:
    """The number of tasks of the first phase."""
    return shards + len(earlier_shards(section))


def sign_shard(log: TaskRun, part: int, shards: int, section: DedupSection, source: str) -> None:
    """Sign the documents of a part; those of this build lie in the directory `source`."""
    if part < shards:
        count = 0
        with log.binary(signature_path(part), lambda: count) as output:
            count = sign_part(
                _watched(log, _dated(log.context, part, documents(log.context, source, part, section, COLUMNS))),
                section,
                log.context,
                part,
                output.file,
            )
        log.records_in += count
    else:
        path = earlier_shards(section)[part - shards]
        with writing(part_path(log.context, part, SIGNATURES)) as output:
            earlier = _watched(log, read_table(path, COLUMNS))
            log.counters["documents-of-earlier-builds"] += sign_part(earlier, section, log.context, part, output.file)


def _watched(log: TaskRun, records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        log.progress()
        yield record


def _dated(context: StageContext, shard: int, records: Iterable[Record]) -> Iterator[Record]:
    """Documents of a shard; one without a post has the time of its capture by an archive, if it has one."""
    ledger = context.build / "pages" / "ledger" / f"{shard_name(shard)}.parquet"
    rows = read_table(ledger, ["id", "captured"]) if ledger.exists() else iter(())
    captured = {row["id"]: int(row["captured"].timestamp()) for row in rows if row["captured"] is not None}
    for record in records:
        yield record if record["created_utc"] is not None else {**record, "created_utc": captured.get(record["id"])}


def rank_documents(log: TaskRun, _: int, shards: int, section: DedupSection) -> None:
    """Give every document its ordinal."""
    rank(log.context, parts_of(shards, section), shards)


def join_partition(log: TaskRun, partition: int, shards: int, section: DedupSection) -> None:
    """Find the candidates of a partition of the band keys."""
    ranks = RankIndex(log.context)
    ordinals, bounds = buckets(*colliding_keys(log.context, partition, ranks, BANDS))
    store = SignatureStore(log.context, ranks.bases, shards)
    comparison = Comparison(store, ranks, section, exact=False)
    candidates, is_leader = comparison.compare(ordinals, bounds)
    candidates = distinct_pairs(candidates[candidates[:, 0] >= ranks.earlier])
    ranges = range_bounds(ranks.documents, section.partitions)
    write_candidates(log.context, f"candidates-{partition:05d}", candidates, ranges)
    if section.containment:
        pairs = containment.candidates(log.context, partition, ranks, store)
        write_candidates(log.context, f"pairs-{partition:05d}", pairs[pairs[:, 0] >= ranks.earlier], ranges)
    sizes = np.diff(bounds)
    bucket_of = np.repeat(np.arange(len(sizes)), sizes)
    large = np.repeat(sizes > ALL_PAIRS, sizes)
    _, bucket = np.unique(bucket_of[large], return_inverse=True)  # numbered from 0 among the large ones
    with writing_arrow(log.context.scratch_path(f"large-buckets-{partition:05d}"), LARGE_BUCKETS) as output:
        output.write({"bucket": bucket, "member": ordinals[large], "is_leader": is_leader[large]})
    log.counters["buckets"] += len(sizes)
    log.counters["crowded-buckets"] += int((sizes > ALL_PAIRS).sum())
    log.counters["comparisons"] += comparison.comparisons


def write_candidates(context: StageContext, name: str, candidates: I64, bounds: I64) -> None:
    """Write sorted candidates (n, 4), or (n, 2) without figures, with where each range of ordinals begins among them."""
    starts = np.searchsorted(candidates[:, 0], bounds).tolist()
    with writing_arrow(context.scratch_path(name), CANDIDATES, starts=starts) as output:
        output.write(dict(zip(CANDIDATE_COLUMNS, np.ascontiguousarray(candidates.T))))


def verify_range(log: TaskRun, index: int, shards: int, section: DedupSection) -> None:
    """Verify the candidates whose later document is in a range of ordinals."""
    ranks = RankIndex(log.context)
    columns = _range_of_all(log.context, "candidates", CANDIDATES, index, section.partitions, CANDIDATE_COLUMNS)
    candidates = distinct_pairs(np.stack(list(columns.values()), axis=1))
    store = SignatureStore(log.context, ranks.bases, shards)
    edges = verify(candidates, store, ranks, section)
    if section.containment:
        pairs = _range_of_all(log.context, "pairs", CANDIDATES, index, section.partitions, CANDIDATE_COLUMNS[:2])
        links = containment.verify_links(np.unique(np.stack(list(pairs.values()), axis=1), axis=0), store, ranks, section.shingle_words)
        edges = edges.merge(links.select(np.logical_and(*links.contained(section))).edges("shared runs"))
        containment.write_links(log.context, index, links)
    with writing_arrow(log.context.scratch_path(f"edges-{index:05d}"), EDGES) as output:
        output.write(edges.columns)
    log.counters["candidates"] += len(candidates)
    for number, method in enumerate(METHODS):
        log.counters[f"copies-by-{method.replace(' ', '-')}"] += int((edges.method == number).sum())


def _range_of_all(context: StageContext, stem: str, kind: str, index: int, files: int, names: Iterable[str]) -> dict[str, Array]:
    """Columns of the rows that each of the files stem-00000, stem-00001, … has for range or shard `index`."""
    pieces: dict[str, list[Array]] = {name: [] for name in names}
    for number in range(files):
        file = ArrowFile(context.scratch_path(f"{stem}-{number:05d}"), kind)
        start, stop = file.facts["starts"][index : index + 2]
        for name, arrays in pieces.items():
            arrays.append(file.read(name, start, stop))
    return {name: np.concatenate(arrays) for name, arrays in pieces.items()}


def choose_all_survivors(log: TaskRun, _: int, shards: int, section: DedupSection) -> None:
    """Decide which documents are kept."""
    ranks = RankIndex(log.context)
    store = SignatureStore(log.context, ranks.bases, shards)
    log.counters["looked-again"] += choose_survivors(log.context, ranks, store, shards, section)


def decide_shard(log: TaskRun, shard: int, shards: int, section: DedupSection, source: str) -> None:
    """Write the kept documents of a shard, each with its split, and reject the others, each with the document it is a copy of."""
    removed: dict[int, Record] = {}
    clusters: dict[int, tuple[str, int]] = {}
    splits: list[str] | None = None
    if section.copies:
        ranks = RankIndex(log.context)
        store = SignatureStore(log.context, ranks.bases, shards)
        removed = removed_rows(log.context, shard, store, section)
        clusters, splits = clusters_of(log.context, shard, store, ranks, section)
    with (
        log.table(f"corpus/{shard_name(shard)}.parquet", CORPUS) as corpus,
        log.table(f"duplicates/clusters/{shard_name(shard)}.parquet", CLUSTER) as members,
    ):
        for row, document in enumerate(documents(log.context, source, shard, section)):
            log.progress()
            log.records_in += not section.copies  # otherwise `sign` has counted them
            document.setdefault("language", None)
            pair = removed.get(row)
            if row in clusters:
                cluster, size = clusters[row]
                why = f"stays of {size} by dedup.keep = {section.keep}" if pair is None else explanation(pair)
                members.write({"cluster": cluster, "id": document["id"], "url": document["url"], "kept": pair is None, "why": why})
            if pair is None:
                document["split"] = split_of(splits[row] if splits else document["id"], section.val_share, section.test_share)
                log.counters[f"split-{document['split']}"] += 1
                log.records_out += 1
                corpus.write(document)
                continue
            pair |= {"removed_id": document["id"], "removed_url": document["url"]}
            reason = {METHODS[0]: "exact-copy", "containment": "contained", "has copies": "has-copies"}.get(pair["method"], "near-copy")
            log.reject(document["url"], document["id"], reason, explanation(pair))
    names = PAIR.names
    with log.table(f"duplicates/pairs/{shard_name(shard)}.parquet", PAIR) as table:
        for pair in sorted(removed.values(), key=lambda pair: (pair["removed_id"], pair["removed_url"])):
            table.write({name: pair[name] for name in names})


def explanation(pair: Record) -> str:
    """What a removed document is a copy of, and why the other stayed."""
    if pair["method"] == "has copies":
        return "it has copies, and dedup.keep = none"
    detail = f"of {pair['kept_url']} ({pair['kept_id']})"
    if pair["contained"] is not None:
        detail += f", {100 * pair['contained']:.0f} % of it stands there, {pair['shared_run']:,} words in a row"
    elif pair["method"] != METHODS[0]:
        detail += f", Jaccard {'about ' if pair['method'] == 'signature' else ''}{pair['jaccard']:.2f}"
    return detail + (", in an earlier build" if pair["earlier"] else f"; that has {pair['decided_by']}")


def clusters_of(
    context: StageContext, shard: int, store: SignatureStore, ranks: RankIndex, section: DedupSection
) -> tuple[dict[int, tuple[str, int]], list[str] | None]:
    """The cluster's id and size by row of a shard, where there is one; with containment, the id that decides the split of each row."""
    ordinals = ranks.ordinals(np.arange(store.bases[shard], store.bases[shard + 1]))
    head, size, group = (np.load(context.scratch_path(f"{name}.npy"), mmap_mode="r")[ordinals] for name in ("head", "size", "group"))
    rows = np.flatnonzero(size > 1)
    ids = store.ids(ranks.doc_ids(head[rows]))
    clusters = {int(row): (ids[i], int(size[row])) for i, row in enumerate(rows)}
    return clusters, store.ids(ranks.doc_ids(group)) if section.containment else None


def removed_rows(context: StageContext, shard: int, store: SignatureStore, section: DedupSection) -> dict[int, Record]:
    """The rows of a shard that are removed, each with the facts of its pair."""
    names = ("row", "kept", "jaccard", "method", "band", "contained", "run")
    found = _range_of_all(context, "removed", REMOVED, shard, section.partitions + 1, names)
    rows, kept, jaccard, method, band, contained, run = found.values()
    ids, urls, parts = store.ids(kept), store.urls(kept), store.parts_of(kept)
    own, others = (store.rank_values(doc_ids) for doc_ids in (rows + store.bases[shard], kept))
    pairs: dict[int, Record] = {}
    for i, row in enumerate(rows):
        by_containment = METHODS[method[i]] == "containment"
        pairs[int(row)] = {
            "kept_id": ids[i],
            "kept_url": urls[i],
            "jaccard": float(jaccard[i]),
            "method": METHODS[method[i]],
            "band": int(band[i]) if band[i] >= 0 else None,
            "contained": float(contained[i]) if run[i] else None,
            "shared_run": int(run[i]) or None,
            "decided_by": "the whole text" if by_containment else decided_by(others[i], own[i], section.keep),
            "earlier": bool(parts[i] >= store.shards),
        }
    return pairs
