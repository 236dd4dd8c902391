"""TIGER's encoder-decoder in T5's form, and its beam search, plainly in PyTorch; the same arithmetic as Beamwright's."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

LEVELS, WIDTH = 4, 256  # a semantic ID: so many codes, each one of so many
BEGIN, END = LEVELS * WIDTH, LEVELS * WIDTH + 1


class Config:
    def __init__(self, d=128, ff=1024, heads=6, dim=64, layers=4, dropout=0.1, form="manual"):
        self.d, self.ff, self.heads, self.dim, self.layers = d, ff, heads, dim, layers
        self.dropout, self.form, self.buckets, self.most = dropout, form, 32, 128


class RmsNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.w = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.w, 1e-6)


def bucket(distance, both_ways, buckets, most):
    first = 0
    if both_ways:
        buckets //= 2
        first = (distance > 0).long() * buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = buckets // 2
    far = exact + (torch.log(distance.float().clamp(min=1) / exact) / math.log(most / exact) * (buckets - exact)).long()
    return first + torch.where(distance < exact, distance, far.clamp(max=buckets - 1))


class Attention(nn.Module):
    def __init__(self, c, cross=False):
        super().__init__()
        inner = c.heads * c.dim
        self.c, self.cross = c, cross
        if cross:
            self.q, self.kv = nn.Linear(c.d, inner, bias=False), nn.Linear(c.d, 2 * inner, bias=False)
        else:
            self.qkv = nn.Linear(c.d, 3 * inner, bias=False)
        self.o = nn.Linear(inner, c.d, bias=False)

    def heads(self, x):
        return x.view(x.shape[0], x.shape[1], self.c.heads, self.c.dim).transpose(1, 2)

    def forward(self, x, bias, memory=None):
        c, inner = self.c, self.c.heads * self.c.dim
        if self.cross:
            q, (k, v) = self.q(x), self.kv(memory).split(inner, -1)
        else:
            q, k, v = self.qkv(x).split(inner, -1)
        q, k, v = self.heads(q), self.heads(k), self.heads(v)
        p = c.dropout if self.training else 0.0
        if c.form == "sdpa":
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=p, scale=1.0)
        else:
            s = q @ k.transpose(-1, -2)
            if bias is not None:
                s = s + bias
            y = F.dropout(F.softmax(s, -1), p, self.training) @ v
        return self.o(y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1))


class FeedForward(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b, self.p = nn.Linear(c.d, c.ff, bias=False), nn.Linear(c.ff, c.d, bias=False), c.dropout

    def forward(self, x):
        return self.b(F.dropout(F.relu(self.a(x)), self.p, self.training))


class Block(nn.Module):
    def __init__(self, c, decoder):
        super().__init__()
        self.p, self.decoder = c.dropout, decoder
        self.n1, self.attention, self.n3, self.ff = RmsNorm(c.d), Attention(c), RmsNorm(c.d), FeedForward(c)
        if decoder:
            self.n2, self.cross = RmsNorm(c.d), Attention(c, True)

    def forward(self, x, bias, memory=None):
        x = x + F.dropout(self.attention(self.n1(x), bias), self.p, self.training)
        if self.decoder:
            x = x + F.dropout(self.cross(self.n2(x), None, memory), self.p, self.training)
        return x + F.dropout(self.ff(self.n3(x)), self.p, self.training)


class T5(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.tokens = nn.Embedding(LEVELS * WIDTH + 2, c.d)
        self.encoder = nn.ModuleList(Block(c, False) for _ in range(c.layers))
        self.decoder = nn.ModuleList(Block(c, True) for _ in range(c.layers))
        self.encoder_norm, self.decoder_norm = RmsNorm(c.d), RmsNorm(c.d)
        self.encoder_bias, self.decoder_bias = nn.Embedding(c.buckets, c.heads), nn.Embedding(c.buckets, c.heads)

    def bias(self, table, queries, keys, both_ways, first=0):
        distance = torch.arange(keys)[None, :] - (torch.arange(queries)[:, None] + first)
        return table(bucket(distance, both_ways, self.c.buckets, self.c.most)).permute(2, 0, 1)[None]

    def encode(self, src):
        """All sequences are equally long, so there is no padding to leave out."""
        length = src.shape[1]
        x = F.dropout(self.tokens(src), self.c.dropout, self.training)
        bias = self.bias(self.encoder_bias, length, length, True)
        for block in self.encoder:
            x = block(x, bias)
        return F.dropout(self.encoder_norm(x), self.c.dropout, self.training)

    def loss(self, src, target):
        """The mean over targets and levels of the negative log-likelihood, a softmax over each level's codes."""
        memory = self.encode(src)
        level = torch.arange(LEVELS) * WIDTH
        read = torch.cat([torch.full((src.shape[0], 1), BEGIN), (target + level)[:, :-1]], 1)
        x = F.dropout(self.tokens(read), self.c.dropout, self.training)
        bias = self.bias(self.decoder_bias, LEVELS, LEVELS, False) + torch.full((LEVELS, LEVELS), -1e9).triu(1)
        for block in self.decoder:
            x = block(x, bias, memory)
        x = F.dropout(self.decoder_norm(x), self.c.dropout, self.training) * self.c.d ** -0.5
        codes = self.tokens.weight[:LEVELS * WIDTH].view(LEVELS, WIDTH, -1)
        logits = torch.einsum("btd,twd->btw", x, codes)
        return F.cross_entropy(logits.reshape(-1, WIDTH), target.reshape(-1))


def histories(batch, length):
    src = torch.randint(0, LEVELS * WIDTH, (batch, length))
    src[:, -1] = END
    return src


class Trie:
    """The codes of a random catalogue as a dense table: child[node, code] is a node or -1; node 0 is the root."""

    def __init__(self, items):
        codes = torch.unique(torch.randint(0, WIDTH, (items, LEVELS)), dim=0)
        rows, ids = [torch.full((WIDTH,), -1, dtype=torch.long)], {(): 0}
        for row in codes.tolist():
            for l in range(LEVELS - 1):
                parent, child = tuple(row[:l]), tuple(row[:l + 1])
                if child not in ids:
                    ids[child] = len(rows)
                    rows.append(torch.full((WIDTH,), -1, dtype=torch.long))
                    rows[ids[parent]][row[l]] = ids[child]
            rows[ids[tuple(row[:LEVELS - 1])]][row[-1]] = 0
        self.child = torch.stack(rows)
        self.mask = torch.where(self.child >= 0, 0.0, float("-inf"))


@torch.inference_mode()
def beam_search(model, trie, src, beam):
    """Trie-constrained, with a cache of keys and values; those of the encoder's output are computed once per user."""
    c, users = model.c, src.shape[0]
    h, dim = c.heads, c.dim
    memory = model.encode(src)
    cross = []
    for block in model.decoder:
        k, v = block.cross.kv(memory).split(h * dim, -1)
        cross.append((block.cross.heads(k), block.cross.heads(v)))
    n, read, cache = 1, torch.full((users,), BEGIN), [None] * len(model.decoder)
    score, node, out = torch.zeros(users, 1), torch.zeros(users, 1, dtype=torch.long), None
    for t in range(LEVELS):
        x = model.tokens(read)  # (users · n, d)
        bias = model.bias(model.decoder_bias, 1, t + 1, False, first=t)
        for i, block in enumerate(model.decoder):
            q, k, v = block.attention.qkv(block.n1(x)).view(users * n, 3, h, 1, dim).unbind(1)
            if cache[i] is not None:
                k, v = torch.cat([cache[i][0], k], 2), torch.cat([cache[i][1], v], 2)
            cache[i] = (k, v)
            y = F.softmax(q @ k.transpose(-1, -2) + bias, -1) @ v
            x = x + block.attention.o(y.reshape(users * n, h * dim))
            q = block.cross.q(block.n2(x)).view(users, n, h, dim).transpose(1, 2)
            k, v = cross[i]
            y = F.softmax(q @ k.transpose(-1, -2), -1) @ v
            x = x + block.cross.o(y.transpose(1, 2).reshape(users * n, h * dim))
            x = x + block.ff(block.n3(x))
        x = model.decoder_norm(x) * c.d ** -0.5
        logits = x @ model.tokens.weight[t * WIDTH:(t + 1) * WIDTH].t()
        paths = F.log_softmax(logits.view(users, n, WIDTH), -1) + trie.mask[node] + score[..., None]
        score, best = paths.view(users, n * WIDTH).topk(min(beam, n * WIDTH), -1)
        parent, code = best // WIDTH, best % WIDTH
        node = trie.child[node.gather(1, parent), code].clamp(min=0)
        out = code[..., None] if out is None else torch.cat(
            [out.gather(1, parent[..., None].expand(-1, -1, t)), code[..., None]], -1)
        kept = parent.shape[1]
        if t < LEVELS - 1:
            rows = (parent + torch.arange(users)[:, None] * n).view(-1)
            cache = [(k.index_select(0, rows), v.index_select(0, rows)) for k, v in cache]
            read = (t * WIDTH + code).view(-1)
        n = kept
    return out, score
