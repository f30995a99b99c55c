"""The kernel of the second stage's features: what the first stage said of a block, its neighbours, containers and likes."""

from __future__ import annotations

import numpy as np
from numba import njit

from webtext.extract.blocks.counts import WORDCOUNT

SECOND = 30  # features beside those of the first stage


@njit(cache=True)
def score_features(rows, parent, first, last, bnode, counts, paths, p):  # type: ignore[no-untyped-def]  # numba
    nb, nf = rows.shape
    out = np.zeros((nb, nf + SECOND), np.float32)
    cw = np.zeros(nb + 1)
    cp = np.zeros(nb + 1)
    ch = np.zeros(nb + 1)
    for b in range(nb):
        w = counts[b, WORDCOUNT] + 0.5
        cw[b + 1] = cw[b] + w
        cp[b + 1] = cp[b] + w * p[b]
        ch[b + 1] = ch[b] + (1.0 if p[b] > 0.5 else 0.0)
    order = np.argsort(paths, kind="mergesort")
    mean = np.zeros(nb)
    top = np.zeros(nb)
    i = 0
    while i < nb:
        j = i
        a = 0.0
        e = 0.0
        t = 0.0
        while j < nb and paths[order[j]] == paths[order[i]]:
            b = order[j]
            w = cw[b + 1] - cw[b]
            a += w
            e += w * p[b]
            t = max(t, p[b])
            j += 1
        for k in range(i, j):
            mean[order[k]] = e / a
            top[order[k]] = t
        i = j
    total = cp[nb]
    best = 0.0
    rank = np.argsort(-p, kind="mergesort")
    a = 0.0
    e = 0.0
    edge = 0.0
    for k in range(nb):
        b = rank[k]
        w = cw[b + 1] - cw[b]
        a += w
        e += w * p[b]
        f = 2 * e / (a + total)
        if f > best:
            best = f
            edge = p[b]
    # the nearest confident blocks before and after
    before = np.full(nb, 99.0)
    after = np.full(nb, 99.0)
    d = 99.0
    for b in range(nb):
        before[b] = d
        d = 1.0 if p[b] > 0.6 and counts[b, WORDCOUNT] >= 8 else min(d + 1.0, 99.0)
    d = 99.0
    for b in range(nb - 1, -1, -1):
        after[b] = d
        d = 1.0 if p[b] > 0.6 and counts[b, WORDCOUNT] >= 8 else min(d + 1.0, 99.0)
    for b in range(nb):
        out[b, :nf] = rows[b]
        c = nf
        z = out[b]
        z[c] = p[b]
        c += 1
        for d in (-3, -2, -1, 1, 2, 3):
            o = b + d
            z[c] = p[o] if o >= 0 and o < nb else -1.0
            c += 1
        for r in (2, 5, 12):
            f = max(0, b - r)
            upto = min(nb, b + r + 1)
            z[c] = (cp[upto] - cp[f] - cp[b + 1] + cp[b]) / max(cw[upto] - cw[f] - cw[b + 1] + cw[b], 0.5)
            c += 1
        n = bnode[b]
        cur = cw[b + 1] - cw[b]
        for _ in range(5):
            while n >= 0 and cw[last[n]] - cw[first[n]] <= cur:
                n = parent[n]
            if n >= 0:
                f = first[n]
                upto = last[n]
                cur = cw[upto] - cw[f]
                z[c] = (cp[upto] - cp[f] - cp[b + 1] + cp[b]) / max(cur - cw[b + 1] + cw[b], 0.5)
                z[c + 1] = (cp[upto] - cp[f]) / max(total, 0.5)
            else:
                z[c] = -1.0
                z[c + 1] = -1.0
            c += 2
        z[c] = mean[b]
        z[c + 1] = top[b]
        z[c + 2] = cp[b] / max(total, 0.5)
        z[c + 3] = best
        z[c + 4] = edge
        z[c + 5] = total / cw[nb]
        z[c + 6] = np.log1p(total)
        z[c + 7] = before[b]
        z[c + 8] = after[b]
        z[c + 9] = p[b] - edge
    return out
