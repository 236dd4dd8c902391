package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What is made of logits, rows of c columns; one thread makes one row. With {@code masked} 1 a row looks only at the
 * columns of its node: {@code columns[offsets[nodes[r]] … offsets[nodes[r] + 1])}.
 */
public final class Losses {
    private Losses() {}

    private static int column(IntArray columns, int masked, int i) {
        int column = i;
        if (masked == 1) column = columns.get(i);
        return column;
    }

    /** The negative log-likelihood of each row's target, and with {@code wanted} 1 its weighted gradient. */
    public static void crossEntropy(
            FloatArray nll,
            FloatArray dlogits,
            FloatArray logits,
            IntArray targets,
            FloatArray weights,
            int wanted,
            int c,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c, target = targets.get(r);
                float max = Float.NEGATIVE_INFINITY, sum = 0f;
                for (int i = 0; i < c; i++) max = TornadoMath.max(max, logits.get(row + i));
                for (int i = 0; i < c; i++) sum += TornadoMath.exp(logits.get(row + i) - max);
                float value = 0f, weight = 0f;
                if (target >= 0) {
                    value = TornadoMath.log(sum) - (logits.get(row + target) - max);
                    weight = weights.get(r);
                }
                nll.set(r, value);
                if (wanted == 1) {
                    for (int i = 0; i < c; i++) {
                        float p = TornadoMath.exp(logits.get(row + i) - max) / sum;
                        float hit = i == target ? 1f : 0f;
                        dlogits.set(row + i, weight * (p - hit));
                    }
                }
            }
        }
    }

    /** The log-probability of each target; keeps the denominator, largest logit and logarithm. A row without target gets 0. */
    public static void logProbability(
            FloatArray logProb,
            FloatArray denominator,
            FloatArray logits,
            IntArray targets,
            IntArray nodes,
            IntArray offsets,
            IntArray columns,
            int masked,
            float temperature,
            int c,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c, target = targets.get(r), from = 0, to = c;
                if (masked == 1) {
                    from = offsets.get(nodes.get(r));
                    to = offsets.get(nodes.get(r) + 1);
                }
                float max = Float.NEGATIVE_INFINITY, sum = 0f;
                for (int i = from; i < to; i++) {
                    max = TornadoMath.max(max, logits.get(row + column(columns, masked, i)) / temperature);
                }
                for (int i = from; i < to; i++) {
                    sum += TornadoMath.exp(logits.get(row + column(columns, masked, i)) / temperature - max);
                }
                float log = TornadoMath.log(sum), value = 0f;
                denominator.set(2 * r, max);
                denominator.set(2 * r + 1, log);
                if (target >= 0) value = logits.get(row + target) / temperature - max - log;
                logProb.set(r, value);
            }
        }
    }

    /** {@code dlogits (+)= dlogProb / temperature · (onehot - softmax)}. */
    public static void logProbabilityBackward(
            FloatArray dlogits,
            FloatArray dlogProb,
            FloatArray denominator,
            FloatArray logits,
            IntArray targets,
            IntArray nodes,
            IntArray offsets,
            IntArray columns,
            int masked,
            float temperature,
            int add,
            int c,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c, target = targets.get(r);
                if (add == 0) {
                    for (int i = 0; i < c; i++) dlogits.set(row + i, 0f);
                }
                if (target >= 0) {
                    int from = 0, to = c;
                    if (masked == 1) {
                        from = offsets.get(nodes.get(r));
                        to = offsets.get(nodes.get(r) + 1);
                    }
                    float d = dlogProb.get(r) / temperature;
                    float max = denominator.get(2 * r), log = denominator.get(2 * r + 1);
                    for (int i = from; i < to; i++) {
                        int at = column(columns, masked, i);
                        float p = TornadoMath.exp(logits.get(row + at) / temperature - max - log);
                        float hit = at == target ? 1f : 0f;
                        dlogits.set(row + at, dlogits.get(row + at) + d * (hit - p));
                    }
                }
            }
        }
    }

    /**
     * The k-th largest logit of each row less the target's, found in k rounds: each looks for the largest that stands
     * behind the one before, equal ones in the order of their columns.
     */
    public static void topMargin(
            FloatArray margin,
            IntArray rivals,
            FloatArray logits,
            IntArray targets,
            IntArray nodes,
            IntArray offsets,
            IntArray columns,
            int masked,
            int k,
            int c,
            int n,
            int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int row = r * c, target = targets.get(r), last = -1;
                float value = Float.POSITIVE_INFINITY, result = 0f;
                if (target >= 0) {
                    int from = 0, to = c;
                    if (masked == 1) {
                        from = offsets.get(nodes.get(r));
                        to = offsets.get(nodes.get(r) + 1);
                    }
                    int rounds = to - from;
                    if (k < rounds) rounds = k;
                    for (int round = 0; round < rounds; round++) {
                        // Two loops, and no branch that ends a round of one: where two variables go round a loop and
                        // one is asked for the other, results were wrong on PoCL (TornadoVM 5.2).
                        float most = Float.NEGATIVE_INFINITY;
                        for (int i = from; i < to; i++) {
                            int at = column(columns, masked, i);
                            float v = logits.get(row + at);
                            int lower = v < value ? 1 : 0, later = at > last ? 1 : 0, more = v > most ? 1 : 0;
                            most = (v == value ? later : lower) * more == 1 ? v : most;
                        }
                        int best = c - 1;
                        for (int i = from; i < to; i++) {
                            int at = column(columns, masked, i);
                            float v = logits.get(row + at);
                            int lower = v < value ? 1 : 0, later = at > last ? 1 : 0, same = v == most ? 1 : 0;
                            int sooner = at < best ? 1 : 0;
                            best = (v == value ? later : lower) * same * sooner == 1 ? at : best;
                        }
                        last = best;
                        value = most;
                    }
                    result = value - logits.get(row + target);
                }
                margin.set(r, result);
                rivals.set(r, last);
            }
        }
    }

    /** {@code dlogits[r, rivals[r]] += dmargin[r]} and {@code dlogits[r, targets[r]] -= dmargin[r]}. */
    public static void topMarginBackward(
            FloatArray dlogits, FloatArray dmargin, IntArray rivals, IntArray targets, int c, int n, int grid) {
        for (@Parallel
        int r = 0; r < grid; r++) {
            if (r < n) {
                int target = targets.get(r);
                if (target >= 0) {
                    int rival = r * c + rivals.get(r), own = r * c + target;
                    dlogits.set(rival, dlogits.get(rival) + dmargin.get(r));
                    dlogits.set(own, dlogits.get(own) - dmargin.get(r));
                }
            }
        }
    }
}
