"""PyTorch on the GPU: the works of torch_peer.py that "bench device" measures, in the same sizes, eager and compiled.

Prints a line for each: milliseconds of one run, the median of 20, each waited for.
"""
import statistics
import time

import torch

torch.set_default_device("cuda")

import torch_peer  # noqa: E402  (its operands go to the default device)

WORKS = [
    ("product of 2048³", "gemm", ["NN", 2048, 2048, 2048], {}),
    ("product of 4096³", "gemm", ["NN", 4096, 4096, 4096], {}),
    ("product, weights transposed", "gemm", ["NT", 4096, 128, 1024], {}),
    ("step of TIGER", "tiger-step", [], dict(batch=1024, source=81, form="manual")),
    ("step of TIGER, sdpa", "tiger-step", [], dict(batch=1024, source=81, form="sdpa")),
    ("step of TIGER, compiled", "tiger-step", [], dict(batch=1024, source=81, compile=1)),
    ("step of llama", "llama-step", [128, 8, 8, 16, 1024, 256, 20, 128], {}),
    ("step of llama, compiled", "llama-step", [128, 8, 8, 16, 1024, 256, 20, 128], dict(compile=1)),
    ("beam search of TIGER", "tiger-beam", [256, 20], dict(source=81, items=12000)),
]


def main():
    print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}, TF32 off")
    torch.backends.cuda.matmul.allow_tf32 = False
    for name, work, plain, named in WORKS:
        try:
            run = torch_peer.WORKS[work](*plain, **named)
            for _ in range(3):
                run()
            times = []
            for _ in range(20):
                torch.cuda.synchronize()
                begin = time.perf_counter()
                run()
                torch.cuda.synchronize()
                times.append(time.perf_counter() - begin)
            print(f"{name:30} {1e3 * statistics.median(times):10.3f} ms", flush=True)
        except Exception as e:  # one that cannot be done must not hide the others
            print(f"{name:30} failed: {type(e).__name__}: {e}".replace("\n", " ")[:300], flush=True)


if __name__ == "__main__":
    main()
