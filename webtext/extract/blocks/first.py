"""The kernel of the first stage's features; `features.columns` names them in this order."""

from __future__ import annotations

import numpy as np
from numba import njit

from webtext.extract.blocks.counts import (
    ALL_CAPS,
    BULLETS,
    CAPITALISED,
    CHARS,
    CJK,
    COLON,
    COMMAS,
    DIGITS,
    ENDS,
    LONGEST,
    MONEY,
    NUMBERS,
    SENTENCES,
    STARTS,
    STOPS,
    TITLE,
    WORDCOUNT,
)
from webtext.extract.blocks.vocabulary import CUES, NAMES, TAG

N_NAMES, N_CUES = len(NAMES), len(CUES)
HTML, BODY, H1, H6, P, LI, TD, TH, MAIN, ARTICLE = (TAG[name] for name in "html body h1 h6 p li td th main article".split())
ANCESTORS = [
    *("p", "li", "ul", "ol", "dl", "table", "th", "blockquote", "pre", "section", "article", "main", "header", "footer", "nav", "aside"),
    *("figure", "figcaption", "form", "button", "details", "address"),
]
ANCESTOR_TAGS = np.array([TAG[name] for name in ANCESTORS], np.int32)
N_ANCESTORS = len(ANCESTORS)
LEVELS = 5  # containers
PAGE = 14  # features of a page beside its hints


@njit(cache=True)
def block_features(  # type: ignore[no-untyped-def]  # numba
    parent, tag, mask, sig, hid, first, last, bnode, link, nlinks, emph, code, imask, imgs, counts, cues, hashes, width, hint
):
    nb = len(bnode)
    nn = len(parent)
    rows = np.zeros((nb, width), np.float32)
    # prefix sums
    cw = np.zeros(nb + 1)
    cc = np.zeros(nb + 1)
    cl = np.zeros(nb + 1)
    cs = np.zeros(nb + 1)
    clong = np.zeros(nb + 1)
    cp = np.zeros(nb + 1)
    ce = np.zeros(nb + 1)
    head = np.zeros(nb, np.int32)
    ld = np.zeros(nb)
    w = np.zeros(nb)
    stopr = np.zeros(nb)
    # per-node inherited
    far = np.zeros(nn, np.uint64)
    anc = np.zeros(nn, np.uint64)
    nhid = np.zeros(nn, np.int32)
    depth = np.zeros(nn, np.int32)
    am = np.full(nn, -1, np.int32)
    pnode = np.zeros(nn, np.int32)
    hd = np.zeros(nn, np.int32)
    for i in range(nn):
        p = parent[i]
        m = mask[i]
        t = tag[i]
        if t == 1 or t == 2:
            m = np.uint64(0)
        if p >= 0:
            far[i] = far[p] | m
            anc[i] = anc[p]
            nhid[i] = nhid[p] | hid[i]
            depth[i] = depth[p] + 1
            am[i] = am[p]
            pnode[i] = pnode[p]
            hd[i] = hd[p]
        else:
            far[i] = m
            nhid[i] = hid[i]
        for k in range(N_ANCESTORS):
            if t == ANCESTOR_TAGS[k]:
                anc[i] |= np.uint64(1) << np.uint64(k)
        if t == MAIN or (t == ARTICLE and am[i] < 0):
            am[i] = i
        if t == P:
            pnode[i] = 1
        if t >= H1 and t <= H6:
            hd[i] = t - H1 + 1
    for b in range(nb):
        nd = bnode[b]
        w[b] = counts[b, WORDCOUNT]
        ch = max(counts[b, CHARS], 1.0)
        ld[b] = min(link[b] / ch, 1.0)
        stopr[b] = counts[b, STOPS] / max(w[b], 1.0)
        head[b] = hd[nd]
        cw[b + 1] = cw[b] + w[b]
        cc[b + 1] = cc[b] + counts[b, CHARS]
        cl[b + 1] = cl[b] + min(link[b], counts[b, CHARS])
        cs[b + 1] = cs[b] + counts[b, STOPS]
        good = w[b] if (w[b] >= 12 and ld[b] < 0.34) else 0.0
        clong[b + 1] = clong[b] + good
        cp[b + 1] = cp[b] + (w[b] if pnode[nd] else 0.0)
        ce[b + 1] = ce[b] + (w[b] if counts[b, ENDS] > 0 else 0.0)
    tw = max(cw[nb], 1.0)
    tc = max(cc[nb], 1.0)
    # page
    pg = np.zeros(PAGE)
    pg[0] = np.log1p(tw)
    pg[1] = cl[nb] / tc
    pg[2] = np.log1p(nb)
    pg[3] = clong[nb] / tw
    lis = 0.0
    heads = 0.0
    tds = 0.0
    cjk = 0.0
    for i in range(nn):
        if tag[i] == H1:
            pg[4] += 1
        if tag[i] == ARTICLE:
            pg[5] += 1
        if tag[i] == MAIN:
            pg[6] += 1
    for b in range(nb):
        if head[b] > 0:
            heads += 1
        t = tag[bnode[b]]
        if t == LI or (anc[bnode[b]] & np.uint64(2)) != 0:
            lis += 1
        if t in (TD, TH):
            tds += 1
        cjk += counts[b, CJK]
    pg[7] = cp[nb] / tw
    pg[8] = cs[nb] / tw
    pg[9] = heads / max(nb, 1)
    pg[10] = lis / max(nb, 1)
    pg[12] = cjk / tw
    pg[13] = tds / max(nb, 1)
    # duplicates
    order = np.argsort(hashes, kind="mergesort")
    dup = np.ones(nb)
    dupi = np.zeros(nb)
    i = 0
    dups = 0.0
    while i < nb:
        j = i
        while j < nb and hashes[order[j]] == hashes[order[i]]:
            j += 1
        for k in range(i, j):
            dup[order[k]] = j - i
            dupi[order[k]] = k - i
            if k > i:
                dups += w[order[k]]
        i = j
    pg[11] = dups / tw
    # signatures
    sg = np.zeros(nb, np.int64)
    for b in range(nb):
        h = np.int64(1469598103934665603)
        nd = bnode[b]
        k = 0
        while nd >= 0 and k < 4:
            h = (h ^ sig[nd]) * np.int64(1099511628211)
            h = h ^ (h >> 29)
            nd = parent[nd]
            k += 1
        sg[b] = h
    so = np.argsort(sg, kind="mergesort")
    sc = np.zeros((nb, 6))
    i = 0
    while i < nb:
        j = i
        a = 0.0
        upto = 0.0
        c = 0.0
        st = 0.0
        while j < nb and sg[so[j]] == sg[so[i]]:
            b = so[j]
            a += w[b]
            upto += link[b]
            c += counts[b, CHARS]
            st += counts[b, STOPS]
            j += 1
        for k in range(i, j):
            b = so[k]
            sc[b, 0] = j - i
            sc[b, 1] = np.log1p(a)
            sc[b, 2] = a / (j - i)
            sc[b, 3] = min(upto / max(c, 1.0), 1.0)
            sc[b, 4] = a / tw
            sc[b, 5] = st / max(a, 1.0)
        i = j
    # element children by parent: count, index, same signature
    kids = np.zeros(nn, np.int32)
    idx = np.zeros(nn, np.int32)
    for i in range(nn):
        p = parent[i]
        if p >= 0:
            idx[i] = kids[p]
            kids[p] += 1
    # same-signature siblings: count by scan of consecutive equal via last child table
    lastc = np.full(nn, -1, np.int32)
    run = np.zeros(nn, np.int32)
    for i in range(nn):
        p = parent[i]
        if p >= 0:
            q = lastc[p]
            if q >= 0 and sig[q] == sig[i]:
                run[i] = run[q] + 1
            lastc[p] = i
    # headings
    lasth = -1
    firstlong = nb
    lastlong = -1
    for b in range(nb):
        if w[b] >= 20 and ld[b] < 0.3:
            if firstlong == nb:
                firstlong = b
            lastlong = b
    # next heading
    nexth = np.zeros(nb + 1, np.int32)
    nexth[nb] = nb
    for b in range(nb - 1, -1, -1):
        nexth[b] = b if head[b] > 0 else nexth[b + 1]
    h1 = -1
    h1score = -1.0
    for b in range(nb):
        if head[b] == 1:
            s = counts[b, TITLE] + 0.5
            if s > h1score:
                h1 = b
                h1score = s
    srt = np.argsort(-w, kind="mergesort")
    rank = np.zeros(nb)
    for k in range(nb):
        rank[srt[k]] = k
    lastimg = 0
    for b in range(nb):
        nd = bnode[b]
        x = rows[b]
        c = 0
        ch = max(counts[b, CHARS], 1.0)
        ww = max(w[b], 1.0)
        x[0] = w[b]
        x[1] = ch
        x[2] = ld[b]
        x[3] = nlinks[b]
        x[4] = stopr[b]
        x[5] = counts[b, COMMAS] / ww
        x[6] = counts[b, SENTENCES] / ww
        x[7] = counts[b, DIGITS] / ch
        x[8] = counts[b, CAPITALISED] / ww
        x[9] = counts[b, ALL_CAPS] / ww
        x[10] = counts[b, ENDS]
        x[11] = counts[b, STARTS]
        x[12] = counts[b, CJK] / ww
        x[13] = counts[b, MONEY]
        x[14] = counts[b, BULLETS]
        x[15] = counts[b, LONGEST]
        x[16] = counts[b, TITLE] / ww
        x[17] = counts[b, TITLE]
        x[18] = counts[b, COLON]
        x[19] = min(emph[b] / ch, 1.0)
        x[20] = min(code[b] / ch, 1.0)
        x[21] = ch / ww
        x[22] = imgs[b] - lastimg
        x[23] = counts[b, NUMBERS] / ww
        lastimg = imgs[b]
        x[24] = tag[nd]
        x[25] = head[b]
        x[26] = depth[nd]
        x[27] = nhid[nd]
        x[28] = 0
        x[29] = dup[b]
        x[30] = dupi[b]
        x[31] = rank[b] / nb
        c = 32
        for k in range(N_ANCESTORS):
            x[c + k] = np.float32((anc[nd] >> np.uint64(k)) & np.uint64(1))
        c += N_ANCESTORS
        near = mask[nd] | imask[b]
        p = parent[nd]
        if p >= 0 and tag[p] != BODY:
            near |= mask[p]
            p2 = parent[p]
            if p2 >= 0 and tag[p2] != BODY and last[p2] - first[p2] <= 3:
                near |= mask[p2]
        for k in range(N_NAMES):
            x[c + k] = np.float32((near >> np.uint64(k)) & np.uint64(1))
            x[c + N_NAMES + k] = np.float32((far[nd] >> np.uint64(k)) & np.uint64(1))
        c += 2 * N_NAMES
        for k in range(N_CUES):
            x[c + k] = np.float32((cues[b] >> np.uint64(k)) & np.uint64(1))
        c += N_CUES
        # containers
        n = nd
        cur = w[b]
        lev = 0
        d0 = depth[nd]
        for lev in range(LEVELS + 1):
            if lev < LEVELS:
                while n >= 0 and cw[last[n]] - cw[first[n]] <= cur:
                    n = parent[n]
                q = n
            else:
                q = am[nd]
            if q >= 0:
                f = first[q]
                upto = last[q]
                a = cw[upto] - cw[f]
                cur = max(a, cur) if lev < LEVELS else cur
                x[c] = a / tw
                x[c + 1] = (cl[upto] - cl[f]) / max(cc[upto] - cc[f], 1.0)
                x[c + 2] = np.log1p(a)
                x[c + 3] = np.log1p(upto - f)
                x[c + 4] = (clong[upto] - clong[f]) / max(a, 1.0)
                x[c + 5] = (cs[upto] - cs[f]) / max(a, 1.0)
                x[c + 6] = (b - f + 0.5) / max(upto - f, 1)
                x[c + 7] = (cp[upto] - cp[f]) / max(a, 1.0)
                x[c + 8] = (ce[upto] - ce[f]) / max(a, 1.0)
                x[c + 9] = d0 - depth[q]
            else:
                for k in range(10):
                    x[c + k] = -1
            c += 10
        for d in (-3, -2, -1, 1, 2, 3):
            o = b + d
            if o >= 0 and o < nb:
                x[c] = w[o]
                x[c + 1] = ld[o]
                x[c + 2] = stopr[o]
                x[c + 3] = counts[o, ENDS]
                x[c + 4] = head[o]
                x[c + 5] = 1.0 if sg[o] == sg[b] else 0.0
                # depth of the lowest common ancestor below this block's node
                q = nd
                while q >= 0 and not (first[q] <= o and o < last[q]):
                    q = parent[q]
                x[c + 6] = d0 - depth[q] if q >= 0 else 99
                x[c + 7] = tag[bnode[o]]
            else:
                for k in range(8):
                    x[c + k] = -1
            c += 8
        for r in (4, 12):
            f = max(0, b - r)
            upto = min(nb, b + r + 1)
            a = cw[upto] - cw[f]
            x[c] = a
            x[c + 1] = (cl[upto] - cl[f]) / max(cc[upto] - cc[f], 1.0)
            x[c + 2] = (clong[upto] - clong[f]) / max(a, 1.0)
            x[c + 3] = (cs[upto] - cs[f]) / max(a, 1.0)
            c += 4
        for k in range(6):
            x[c + k] = sc[b, k]
        q = nd
        p = parent[q]
        x[c + 6] = kids[p] if p >= 0 else 0
        x[c + 7] = idx[q]
        x[c + 8] = run[q]
        c += 9
        x[c] = b / nb
        x[c + 1] = cw[b] / tw
        x[c + 2] = clong[b] / max(clong[nb], 1.0)
        c += 3
        if lasth >= 0:
            e = nexth[b] if head[b] == 0 else b
            x[c] = head[lasth]
            x[c + 1] = b - lasth
            x[c + 2] = cw[b] - cw[lasth]
            a = cw[e] - cw[lasth]
            x[c + 3] = (cl[e] - cl[lasth]) / max(cc[e] - cc[lasth], 1.0)
            x[c + 4] = counts[lasth, TITLE]
        else:
            for k in range(5):
                x[c + k] = -1
        # section that this block opens or is in
        f = b if head[b] > 0 else max(lasth, 0)
        e = nexth[f + 1] if f < nb else nb
        x[c + 5] = cw[e] - cw[f]
        x[c + 6] = (cl[e] - cl[f]) / max(cc[e] - cc[f], 1.0)
        c += 7
        if lasth >= 0:
            for k in range(N_CUES):
                x[c + k] = np.float32((cues[lasth] >> np.uint64(k)) & np.uint64(1))
        c += N_CUES
        if head[b] > 0:
            lasth = b
        if h1 >= 0:
            x[c] = 1.0 if b > h1 else (0.0 if b == h1 else -1.0)
            x[c + 1] = cw[b] - cw[h1]
            x[c + 2] = b - h1
        else:
            x[c] = -2.0
            x[c + 1] = -1e4
            x[c + 2] = -1e4
        x[c + 3] = b - firstlong
        x[c + 4] = lastlong - b
        c += 5
        for k in range(PAGE):
            x[c + k] = pg[k]
        c += PAGE
        for k in range(len(hint)):
            x[c + k] = hint[k]
    return rows, sg
