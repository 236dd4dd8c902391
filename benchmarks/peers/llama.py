"""A decoder-only recommender in Llama's form, plainly in PyTorch; the same arithmetic as Beamwright's."""
import torch
import torch.nn as nn
import torch.nn.functional as F

LEVELS = 4


class RmsNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.w = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.w, 1e-5)


class Block(nn.Module):
    def __init__(self, width, heads, dim, hidden, dropout, form):
        super().__init__()
        self.heads, self.dim, self.p, self.form = heads, dim, dropout, form
        self.n1, self.n2 = RmsNorm(width), RmsNorm(width)
        self.qkv = nn.Linear(width, 3 * heads * dim, bias=False)
        self.o = nn.Linear(heads * dim, width, bias=False)
        self.up, self.down = nn.Linear(width, 2 * hidden, bias=False), nn.Linear(hidden, width, bias=False)

    def forward(self, x, cos, sin, mask):
        batch, length, _ = x.shape
        q, k, v = self.qkv(self.n1(x)).view(batch, length, 3, self.heads, self.dim).permute(2, 0, 3, 1, 4)
        q, k = turn(q, cos, sin), turn(k, cos, sin)
        if self.form == "sdpa":
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            y = F.softmax(q @ k.transpose(-1, -2) * self.dim ** -0.5 + mask, -1) @ v
        x = x + F.dropout(self.o(y.transpose(1, 2).reshape(batch, length, -1)), self.p, self.training)
        gate, up = self.up(self.n2(x)).chunk(2, -1)
        y = self.down(F.dropout(F.silu(gate) * up, self.p, self.training))
        return x + F.dropout(y, self.p, self.training)


def turn(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Llama(nn.Module):
    def __init__(self, width, layers, heads, dim, hidden, codes, dropout, form):
        super().__init__()
        self.codes, self.dim, self.p = codes, dim, dropout
        self.tokens = nn.Embedding(LEVELS * codes + 1, width)
        nn.init.normal_(self.tokens.weight, std=0.1)
        self.blocks = nn.ModuleList(Block(width, heads, dim, hidden, dropout, form) for _ in range(layers))
        self.norm = RmsNorm(width)
        self.head = nn.ModuleList(nn.Linear(width, codes, bias=False) for _ in range(LEVELS))

    def loss(self, items):
        """Codes (batch, items, levels): every code is predicted from those before it, among the codes of its level."""
        batch, count, _ = items.shape
        length = count * LEVELS
        ids = (items + torch.arange(LEVELS) * self.codes).view(batch, length)
        read = torch.cat([torch.full((batch, 1), LEVELS * self.codes), ids[:, :-1]], 1)
        angle = torch.arange(length)[:, None] * 10000.0 ** (-torch.arange(0, self.dim, 2) / self.dim)[None, :]
        mask = torch.full((length, length), -1e9).triu(1)
        x = F.dropout(self.tokens(read), self.p, self.training)
        for block in self.blocks:
            x = block(x, angle.cos(), angle.sin(), mask)
        x = self.norm(x).view(batch, count, LEVELS, -1)
        logits = torch.stack([head(x[:, :, l]) for l, head in enumerate(self.head)], 2)
        return F.cross_entropy(logits.reshape(-1, self.codes), items.reshape(-1))
