"""PyTorch as a peer: reads one command a line, does the work, answers one line.

    hello 2                             ok PyTorch 2.13.0, 2 threads
    time 5 gemm NN 256 256 256          ok 0.000123      (seconds of one run, the mean of 5; one more goes before them)
    time 1 tiger-step dropout=0.1 ...   ok 3.21          (a step goes before only where it was not made yet)
    memory                              ok 123456789     (the largest resident set so far, bytes)
    forget                              ok               (drops all models and operands)

What cannot be done is answered by "no" and the reason. The works are the functions below marked by @work.
"""
import gc
import sys
import time

import torch
import torch.nn.functional as F

import llama
import t5

WORKS = {}


def work(make):
    """A work: called with its arguments it makes the operands and returns a function that does the work once."""
    WORKS[make.__name__.replace("_", "-")] = make
    return make


# ---- kernels


@work
def gemm(form, m, k, n):
    """C (m, n) = op(A) op(B); the form says which of the two are stored transposed."""
    a = torch.randn(k, m).t() if form[0] == "T" else torch.randn(m, k)
    b = torch.randn(n, k).t() if form[1] == "T" else torch.randn(k, n)
    c = torch.empty(m, n)

    def run():
        with torch.no_grad():
            torch.mm(a, b, out=c)
    return run


@work
def attention(batch, length, heads, dim, form="sdpa", bias=0, causal=0):
    """Forward and backward."""
    q, k, v = (torch.randn(batch, heads, length, dim, requires_grad=True) for _ in range(3))
    dout = torch.randn(batch, heads, length, dim)
    b = torch.zeros(1, heads, length, length, requires_grad=True) if bias else None
    mask = torch.full((length, length), -1e9).triu(1) if causal else None

    def run():
        if form == "sdpa":
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=b, is_causal=bool(causal))
        else:
            s = q @ k.transpose(-1, -2) * dim ** -0.5
            if b is not None:
                s = s + b
            if causal:
                s = s + mask
            y = torch.softmax(s, -1) @ v
        torch.autograd.grad(y, [q, k, v] + ([b] if bias else []), dout)
    return run


@work
def rms_norm(rows, columns):
    x, w = torch.randn(rows, columns, requires_grad=True), torch.ones(columns, requires_grad=True)
    dy = torch.randn(rows, columns)
    return lambda: torch.autograd.grad(F.rms_norm(x, (columns,), w, 1e-6), [x, w], dy)


@work
def layer_norm(rows, columns):
    x, dy = torch.randn(rows, columns, requires_grad=True), torch.randn(rows, columns)
    w, b = torch.ones(columns, requires_grad=True), torch.zeros(columns, requires_grad=True)
    return lambda: torch.autograd.grad(F.layer_norm(x, (columns,), w, b), [x, w, b], dy)


@work
def cross_entropy(rows, columns):
    x, t = torch.randn(rows, columns, requires_grad=True), torch.randint(0, columns, (rows,))
    return lambda: torch.autograd.grad(F.cross_entropy(x, t), [x])


@work
def dropout(n):
    x, dy = torch.randn(n, requires_grad=True), torch.randn(n)
    return lambda: torch.autograd.grad(F.dropout(x, 0.1, True), [x], dy)


@work
def adamw(n):
    p = torch.nn.Parameter(torch.randn(n))
    p.grad = torch.randn(n)
    return torch.optim.AdamW([p], lr=1e-3, fused=True).step


# ---- training steps


def step(model, loss, inputs, micro, compile):
    """A training step over a batch, whole or cut into micro-batches whose gradients add up."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    batch = inputs[0].shape[0]
    micro = micro or batch
    f = torch.compile(loss) if compile else loss

    def run():
        optimizer.zero_grad(set_to_none=True)
        for i in range(0, batch, micro):
            part = [x[i:i + micro] for x in inputs]
            (f(*part) * (part[0].shape[0] / batch)).backward()
        optimizer.step()
    return run


@work
def tiger_step(batch=256, source=84, dropout=0.1, form="manual", micro=0, compile=0):
    model = t5.T5(t5.Config(dropout=dropout, form=form)).train()
    src, target = t5.histories(batch, source), torch.randint(0, t5.WIDTH, (batch, t5.LEVELS))
    return step(model, model.loss, [src, target], micro, compile)


@work
def llama_step(width, layers, heads, dim, hidden, codes, items, batch, dropout=0.0, form="sdpa", micro=0, compile=0):
    model = llama.Llama(width, layers, heads, dim, hidden, codes, dropout, form).train()
    return step(model, model.loss, [torch.randint(0, codes, (batch, items, llama.LEVELS))], micro, compile)


# ---- decoding


@work
def tiger_beam(batch, beam, source=84, items=12101):
    model = t5.T5(t5.Config()).eval()
    trie = t5.Trie(items)
    src = t5.histories(batch, source)
    return lambda: t5.beam_search(model, trie, src, beam)


# ---- the conversation


def argument(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def high_water():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def answer(words, ready):
    command = words[0]
    if command == "hello":
        torch.set_num_threads(int(words[1]))
        return f"PyTorch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads"
    if command == "memory":
        return high_water()
    if command == "forget":
        ready.clear()
        gc.collect()
        return ""
    if command != "time" or words[2] not in WORKS:
        raise ValueError(f"no such command: {' '.join(words)}")
    name = " ".join(words[2:])
    times, fresh = int(words[1]), name not in ready
    if fresh:
        torch.manual_seed(0)
        plain = [argument(w) for w in words[3:] if "=" not in w]
        named = {k: argument(v) for k, v in (w.split("=") for w in words[3:] if "=" in w)}
        ready[name] = WORKS[words[2]](*plain, **named)
    run = ready[name]
    if times > 1 or fresh:
        run()
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - begin) / times


def main():
    ready = {}
    for line in sys.stdin:
        try:
            print("ok", answer(line.split(), ready), flush=True)
        except Exception as e:  # the other side decides what a failure means
            print("no", " ".join(f"{type(e).__name__}: {e}".split())[:300], flush=True)


if __name__ == "__main__":
    main()
