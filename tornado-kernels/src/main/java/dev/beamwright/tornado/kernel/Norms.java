package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Norms of rows of c columns. One thread makes one row; for gradients of weights, one column of a chunk of rows. */
public final class Norms {
    private Norms() {}

    /** {@code y = x / rms(x) · weight}; keeps {@code rstd = 1/rms}. */
    public static void rms(
            FloatArray y, FloatArray rstd, FloatArray x, FloatArray weight, int c, float eps, int n, int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c;
                float squares = 0f;
                for (int i = 0; i < c; i++) squares += x.get(row + i) * x.get(row + i);
                float s = 1f / TornadoMath.sqrt(squares / c + eps);
                rstd.set(r, s);
                for (int i = 0; i < c; i++) y.set(row + i, x.get(row + i) * s * weight.get(i));
            }
        }
    }

    /** {@code dx (+)= rstd · (d - xhat · mean(d ⊙ xhat))} with {@code d = dy ⊙ weight}. */
    public static void rmsBackward(
            FloatArray dx,
            FloatArray dy,
            FloatArray x,
            FloatArray rstd,
            FloatArray weight,
            int c,
            int add,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c;
                float s = rstd.get(r), dot = 0f;
                for (int i = 0; i < c; i++) dot += dy.get(row + i) * weight.get(i) * x.get(row + i) * s;
                for (int i = 0; i < c; i++) {
                    float before = add == 1 ? dx.get(row + i) : 0f;
                    float d = dy.get(row + i) * weight.get(i);
                    dx.set(row + i, before + s * (d - x.get(row + i) * s * dot / c));
                }
            }
        }
    }

    /** {@code partial[k, i] = Σ rows of chunk k of dy · x · rstd}. */
    public static void rmsWeight(
            FloatArray partial,
            FloatArray dy,
            FloatArray x,
            FloatArray rstd,
            int rows,
            int c,
            int chunk,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int column = i % c, from = i / c * chunk, to = from + chunk;
                if (to > rows) to = rows;
                float sum = 0f;
                for (int r = from; r < to; r++) sum += dy.get(r * c + column) * x.get(r * c + column) * rstd.get(r);
                partial.set(i, sum);
            }
        }
    }

    /** {@code y = (x - mean) · rstd · weight + bias}; keeps mean and rstd. */
    public static void layer(
            FloatArray y,
            FloatArray mean,
            FloatArray rstd,
            FloatArray x,
            FloatArray weight,
            FloatArray bias,
            int c,
            float eps,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c;
                float sum = 0f, squares = 0f;
                for (int i = 0; i < c; i++) sum += x.get(row + i);
                float mu = sum / c;
                for (int i = 0; i < c; i++) squares += (x.get(row + i) - mu) * (x.get(row + i) - mu);
                float s = 1f / TornadoMath.sqrt(squares / c + eps);
                mean.set(r, mu);
                rstd.set(r, s);
                for (int i = 0; i < c; i++) {
                    y.set(row + i, (x.get(row + i) - mu) * s * weight.get(i) + bias.get(i));
                }
            }
        }
    }

    /** {@code dx (+)= rstd · (d - mean(d) - xhat · mean(d ⊙ xhat))} with {@code d = dy ⊙ weight}. */
    public static void layerBackward(
            FloatArray dx,
            FloatArray dy,
            FloatArray x,
            FloatArray mean,
            FloatArray rstd,
            FloatArray weight,
            int c,
            int add,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c;
                float mu = mean.get(r), s = rstd.get(r), sum = 0f, dot = 0f;
                for (int i = 0; i < c; i++) {
                    float d = dy.get(row + i) * weight.get(i);
                    sum += d;
                    dot += d * (x.get(row + i) - mu) * s;
                }
                for (int i = 0; i < c; i++) {
                    float before = add == 1 ? dx.get(row + i) : 0f;
                    float d = dy.get(row + i) * weight.get(i);
                    dx.set(row + i, before + s * (d - sum / c - (x.get(row + i) - mu) * s * dot / c));
                }
            }
        }
    }

    /** {@code partial[k, i] = Σ rows of chunk k of dy · (x - mean) · rstd}. */
    public static void layerWeight(
            FloatArray partial,
            FloatArray dy,
            FloatArray x,
            FloatArray mean,
            FloatArray rstd,
            int rows,
            int c,
            int chunk,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                int column = i % c, from = i / c * chunk, to = from + chunk;
                if (to > rows) to = rows;
                float sum = 0f;
                for (int r = from; r < to; r++) {
                    sum += dy.get(r * c + column) * (x.get(r * c + column) - mean.get(r)) * rstd.get(r);
                }
                partial.set(i, sum);
            }
        }
    }
}
