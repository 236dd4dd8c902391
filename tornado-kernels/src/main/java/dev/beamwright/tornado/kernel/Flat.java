package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Element by element. One thread makes one element. */
public final class Flat {
    private Flat() {}

    /** {@code y = value}. */
    public static void fill(FloatArray y, float value, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) y.set(i, value);
        }
    }

    /** {@code y (+)= alpha · x}. */
    public static void scaled(FloatArray y, FloatArray x, float alpha, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float before = add == 1 ? y.get(i) : 0f;
                y.set(i, before + alpha * x.get(i));
            }
        }
    }

    /** {@code y (+)= factor[0] · x}. */
    public static void scaledBy(FloatArray y, FloatArray factor, FloatArray x, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float before = add == 1 ? y.get(i) : 0f;
                y.set(i, before + factor.get(0) * x.get(i));
            }
        }
    }

    /** {@code y *= alpha}. */
    public static void grow(FloatArray y, float alpha, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) y.set(i, y.get(i) * alpha);
        }
    }

    /** {@code y *= factor[0]}. */
    public static void growBy(FloatArray y, FloatArray factor, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) y.set(i, y.get(i) * factor.get(0));
        }
    }

    /** {@code y = a + b}. */
    public static void sum(FloatArray y, FloatArray a, FloatArray b, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) y.set(i, a.get(i) + b.get(i));
        }
    }

    /** {@code y (+)= a ⊙ b}. */
    public static void product(FloatArray y, FloatArray a, FloatArray b, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float before = add == 1 ? y.get(i) : 0f;
                y.set(i, before + a.get(i) * b.get(i));
            }
        }
    }

    /** {@code y = x + bias}, the bias added to every row of so many columns. */
    public static void bias(FloatArray y, FloatArray x, FloatArray bias, int columns, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) y.set(i, x.get(i) + bias.get(i % columns));
        }
    }

    /** {@code y = max(x, 0)}. */
    public static void relu(FloatArray y, FloatArray x, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float v = x.get(i);
                y.set(i, v > 0f ? v : 0f);
            }
        }
    }

    /** {@code y = max(y, 0)}. */
    public static void reluInPlace(FloatArray y, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float v = y.get(i);
                y.set(i, v > 0f ? v : 0f);
            }
        }
    }

    /** {@code dx (+)= scale · dy where y > 0}. */
    public static void reluBackward(
            FloatArray dx, FloatArray dy, FloatArray y, float scale, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float before = add == 1 ? dx.get(i) : 0f;
                dx.set(i, y.get(i) > 0f ? before + scale * dy.get(i) : before);
            }
        }
    }

    private static final float GELU = 0.7978845608f; // √(2/π)

    /** {@code y = x/2 · (1 + tanh(√(2/π)(x + 0.044715 x³)))}. */
    public static void gelu(FloatArray y, FloatArray x, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float v = x.get(i);
                y.set(i, 0.5f * v * (1f + TornadoMath.tanh(GELU * (v + 0.044715f * v * v * v))));
            }
        }
    }

    /** {@code dx (+)= dy · gelu'(x)}. */
    public static void geluBackward(FloatArray dx, FloatArray dy, FloatArray x, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float before = add == 1 ? dx.get(i) : 0f;
                float v = x.get(i), t = TornadoMath.tanh(GELU * (v + 0.044715f * v * v * v));
                float slope = 0.5f * (1f + t) + 0.5f * v * (1f - t * t) * GELU * (1f + 0.134145f * v * v);
                dx.set(i, before + dy.get(i) * slope);
            }
        }
    }

    /** {@code y = silu(gate) ⊙ up}, for rows with the gate in the first columns and up in the others. */
    public static void swiGlu(FloatArray y, FloatArray gateUp, int columns, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int at = i / columns * 2 * columns + i % columns;
                float g = gateUp.get(at);
                y.set(i, g / (1f + TornadoMath.exp(-g)) * gateUp.get(at + columns));
            }
        }
    }

    /** The way back of {@link #swiGlu}; one thread for each element of dy. */
    public static void swiGluBackward(
            FloatArray dgateUp, FloatArray dy, FloatArray gateUp, int columns, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int at = i / columns * 2 * columns + i % columns;
                float g = gateUp.get(at), u = gateUp.get(at + columns), d = dy.get(i);
                float s = 1f / (1f + TornadoMath.exp(-g));
                float gate = d * u * s * (1f + g * (1f - s)), up = d * g * s;
                if (add == 1) {
                    gate += dgateUp.get(at);
                    up += dgateUp.get(at + columns);
                }
                dgateUp.set(at, gate);
                dgateUp.set(at + columns, up);
            }
        }
    }

    /** {@code y (+)= x · keep · scale}: dropout, and its way back. */
    public static void dropout(
            FloatArray y, FloatArray x, IntArray key, int salt, int threshold, float scale, int add, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int seed = Random.seed(key.get(0), key.get(1), salt);
                float before = add == 1 ? y.get(i) : 0f;
                y.set(i, Random.bits(seed, i) >= threshold ? before + x.get(i) * scale : before);
            }
        }
    }

    /** {@code y = x + branch · keep · scale}. */
    public static void addDropout(
            FloatArray y,
            FloatArray x,
            FloatArray branch,
            IntArray key,
            int salt,
            int threshold,
            float scale,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int seed = Random.seed(key.get(0), key.get(1), salt);
                y.set(i, Random.bits(seed, i) >= threshold ? x.get(i) + branch.get(i) * scale : x.get(i));
            }
        }
    }

    /** {@code y = max(y, 0) · keep · scale}. */
    public static void reluDropout(
            FloatArray y, IntArray key, int salt, int threshold, float scale, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int seed = Random.seed(key.get(0), key.get(1), salt);
                float v = y.get(i);
                y.set(i, v > 0f && Random.bits(seed, i) >= threshold ? v * scale : 0f);
            }
        }
    }
}
