package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Lanes.F;
import static dev.beamwright.tensor.cpu.Lanes.VL;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.load;
import static dev.beamwright.tensor.cpu.Lanes.rest;
import static dev.beamwright.tensor.cpu.Lanes.set;
import static dev.beamwright.tensor.cpu.Lanes.store;
import static dev.beamwright.tensor.cpu.Lanes.sum;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The second half of a decoding step's attention. The first half is plain {@link Attention} of all beams of a user to
 * their common prompt, which leaves its result and the log of its denominator; here the few keys of a row's own
 * ancestors are added to both.
 */
final class BeamAttention {
    private BeamAttention() {}

    /**
     * Adds the ancestors of one row.
     *
     * @param out (width), overwritten: the result over the prompt, or anything where there is no prompt
     * @param lse (heads): the prompt's log-sum-exp, or 0 where there is no prompt
     * @param kv the address of each ancestor's keys; the values stand {@code width} floats behind
     * @param bias (heads, distances) or 0; the last ancestor is at distance 0
     */
    static void addAncestors(
            long out,
            long lse,
            long q,
            long[] kv,
            float[] weights,
            int heads,
            int dim,
            float scale,
            long bias,
            int distances) {
        int width = heads * dim, n = kv.length, reach = (distances - 1) / 2;
        for (int h = 0; h < heads; h++) {
            float max = lse == 0 ? Float.NEGATIVE_INFINITY : get(lse + 4L * h);
            for (int j = 0; j < n; j++) {
                float score = scale * dot(q + 4L * h * dim, kv[j] + 4L * h * dim, dim);
                if (bias != 0) score += get(bias + 4L * (h * distances + Math.max(j - (n - 1), -reach) + reach));
                weights[j] = score;
                max = Math.max(max, score);
            }
            float ofPrompt = lse == 0 ? 0 : (float) Math.exp(get(lse + 4L * h) - max), total = ofPrompt;
            for (int j = 0; j < n; j++) total += weights[j] = (float) Math.exp(weights[j] - max);
            for (int j = 0; j < n; j++) weights[j] /= total;
            mix(out + 4L * h * dim, ofPrompt / total, kv, 4L * (width + h * dim), weights, dim);
        }
    }

    private static float dot(long a, long b, int n) {
        FloatVector s = FloatVector.zero(F);
        int i = 0;
        for (; i + VL <= n; i += VL) s = load(a + 4L * i).fma(load(b + 4L * i), s);
        if (i < n) {
            VectorMask<Float> m = rest(i, n);
            s = load(a + 4L * i, m).fma(load(b + 4L * i, m), s);
        }
        return sum(s);
    }

    /** {@code out = keep · out + Σ_j weights[j] · v[j]}; out is not read if {@code keep} is 0. */
    private static void mix(long out, float keep, long[] kv, long values, float[] weights, int n) {
        for (int i = 0; i < n; i += VL) {
            VectorMask<Float> m = rest(i, n);
            FloatVector y = keep == 0 ? FloatVector.zero(F) : load(out + 4L * i, m).mul(keep);
            for (int j = 0; j < kv.length; j++) {
                y = load(kv[j] + values + 4L * i, m).fma(FloatVector.broadcast(F, weights[j]), y);
            }
            store(out + 4L * i, y, m);
        }
    }
}
