"""Ten losses of a tiny decoder-only recommender, computed by PyTorch in double precision.

The independent computation behind recsys/src/test/resources/ten-losses.json: the model, its loss and AdamW are written
here from the papers, not from the Java code. Parameters are given by a formula that both sides use, so nothing has to
be exchanged.

    python ten_losses.py > ../../recsys/src/test/resources/ten-losses.json
"""
import json
import math

import torch

torch.set_default_dtype(torch.float64)
WIDTHS, WIDTH, LAYERS, HEADS, HEAD_DIM, HIDDEN, THETA, EPS = [5, 4, 3], 16, 2, 2, 8, 24, 10000.0, 1e-5
ITEMS = [[(3 * i) % 5, (i * i + 1) % 4, i % 3] for i in range(12)]
SEQUENCES = [([0, 3, 5, 7], 0), ([1, 2], 0), ([4, 6, 8, 9, 10, 11, 2], 3), ([5], 0), ([11, 0, 7], 1)]
RATE, BETA1, BETA2, ADAM_EPS, DECAY, CLIP = 0.01, 0.9, 0.98, 1e-8, 0.05, 1.0

OFFSETS = [sum(WIDTHS[:l]) for l in range(len(WIDTHS) + 1)]
BEGIN = OFFSETS[-1]
LEVELS = len(WIDTHS)


def parameters():
    """Names, shapes and values in the order of the Java records."""
    shapes = [("tokens", (BEGIN + 1, WIDTH))]
    for b in range(LAYERS):
        p = f"decoder.blocks.{b}."
        shapes += [
            (p + "attentionNorm.weight", (WIDTH,)),
            (p + "attention.query.weight", (HEADS * HEAD_DIM, WIDTH)),
            (p + "attention.keyValue.weight", (2 * HEADS * HEAD_DIM, WIDTH)),
            (p + "attention.output.weight", (WIDTH, HEADS * HEAD_DIM)),
            (p + "feedForwardNorm.weight", (WIDTH,)),
            (p + "feedForward.up.weight", (2 * HIDDEN, WIDTH)),
            (p + "feedForward.down.weight", (WIDTH, HIDDEN)),
        ]
    shapes.append(("decoder.norm.weight", (WIDTH,)))
    for l in range(LEVELS):
        shapes.append((f"heads.{l}.weight", (WIDTHS[l], WIDTH)))
    values = {}
    for k, (name, shape) in enumerate(shapes):
        n = math.prod(shape)
        flat = torch.tensor([0.3 * math.sin(0.7 * i + 1.3 * k) + (1.0 if len(shape) == 1 else 0.0) for i in range(n)])
        values[name] = flat.reshape(shape).clone().requires_grad_(True)
    return values


def norm(x, w):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPS) * w


def rotate(x):
    """x (T, heads, head_dim): pairs (j, j + head_dim / 2) are turned by position · theta^(-2j / head_dim)."""
    t, half = x.shape[0], HEAD_DIM // 2
    angle = torch.arange(t)[:, None] * THETA ** (-2.0 * torch.arange(half) / HEAD_DIM)
    cos, sin = torch.cos(angle)[:, None, :], torch.sin(angle)[:, None, :]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def states(p, tokens):
    x = p["tokens"][torch.tensor(tokens)]
    t = len(tokens)
    mask = torch.full((t, t), float("-inf")).triu(1)
    for b in range(LAYERS):
        n = f"decoder.blocks.{b}."
        h = norm(x, p[n + "attentionNorm.weight"])
        q = rotate((h @ p[n + "attention.query.weight"].T).reshape(t, HEADS, HEAD_DIM))
        kv = h @ p[n + "attention.keyValue.weight"].T
        k = rotate(kv[:, : HEADS * HEAD_DIM].reshape(t, HEADS, HEAD_DIM))
        v = kv[:, HEADS * HEAD_DIM :].reshape(t, HEADS, HEAD_DIM)
        s = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(HEAD_DIM) + mask
        y = torch.einsum("hij,jhd->ihd", torch.softmax(s, -1), v).reshape(t, -1)
        x = x + y @ p[n + "attention.output.weight"].T
        h = norm(x, p[n + "feedForwardNorm.weight"]) @ p[n + "feedForward.up.weight"].T
        gate, up = h[:, :HIDDEN], h[:, HIDDEN:]
        x = x + (gate * torch.sigmoid(gate) * up) @ p[n + "feedForward.down.weight"].T
    return norm(x, p["decoder.norm.weight"])


def allowed(item, level, children_only):
    if not children_only:
        return list(range(WIDTHS[level]))
    return sorted({c[level] for c in ITEMS if c[:level] == ITEMS[item][:level]})


def loss(p, children_only):
    total, count = 0.0, 0
    for items, start in SEQUENCES:
        codes = [OFFSETS[l] + ITEMS[i][l] for i in items for l in range(LEVELS)]
        h = states(p, [BEGIN] + codes[:-1])
        for n, item in enumerate(items):
            if n < start:
                continue
            count += 1
            for l in range(LEVELS):
                logits = p[f"heads.{l}.weight"] @ h[n * LEVELS + l]
                columns = allowed(item, l, children_only)
                total = total - torch.log_softmax(logits[torch.tensor(columns)], -1)[columns.index(ITEMS[item][l])]
    return total / (count * LEVELS)


def train(children_only):
    p = parameters()
    m = {k: torch.zeros_like(v) for k, v in p.items()}
    s = {k: torch.zeros_like(v) for k, v in p.items()}
    losses = []
    for step in range(1, 11):
        l = loss(p, children_only)
        losses.append(l.item())
        grads = dict(zip(p, torch.autograd.grad(l, list(p.values()))))
        total = math.sqrt(sum((g * g).sum().item() for g in grads.values()))
        scale = CLIP / total if total > CLIP else 1.0
        with torch.no_grad():
            for k, v in p.items():
                g = grads[k] * scale
                m[k] = BETA1 * m[k] + (1 - BETA1) * g
                s[k] = BETA2 * s[k] + (1 - BETA2) * g * g
                mh, sh = m[k] / (1 - BETA1**step), s[k] / (1 - BETA2**step)
                decay = DECAY if v.dim() > 1 else 0.0
                v -= RATE * (mh / (torch.sqrt(sh) + ADAM_EPS) + decay * v)
    return losses


print(json.dumps({"level": train(False), "children": train(True)}, indent=2))
