package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** AdamW, and clipping by the global norm. */
public final class Optimizer {
    private Optimizer() {}

    /** {@code state = (settings, min(1, limit / √(Σ norms)))}, for settings of three; no limit if it is 0. */
    public static void clip(
            FloatArray state, FloatArray settings, FloatArray norms, float limit, int count, int n) {
        for (@Parallel
        int i = 0; i < n; i++) {
            double squares = 0;
            for (int j = 0; j < count; j++) squares += norms.get(j);
            double norm = TornadoMath.sqrt(squares);
            state.set(i, settings.get(0));
            state.set(i + 1, settings.get(1));
            state.set(i + 2, settings.get(2));
            float scale = 1f;
            if (limit > 0f && norm > limit) scale = (float) (limit / norm);
            state.set(i + 3, scale);
        }
    }

    /** One step of AdamW, see {@link dev.beamwright.tensor.Backend#adamW}; one thread for each element. */
    public static void adamW(
            FloatArray parameter,
            FloatArray gradient,
            FloatArray m,
            FloatArray v,
            FloatArray state,
            float beta1,
            float beta2,
            float eps,
            float decay,
            int n,
            int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n) {
                float rate = state.get(0), c1 = state.get(1), c2 = state.get(2);
                float g = gradient.get(i) * state.get(3), p = parameter.get(i);
                float mi = beta1 * m.get(i) + (1f - beta1) * g;
                float vi = beta2 * v.get(i) + (1f - beta2) * g * g;
                m.set(i, mi);
                v.set(i, vi);
                parameter.set(i, p - rate * (mi * c1 / (TornadoMath.sqrt(vi * c2) + eps) + decay * p));
                gradient.set(i, 0f);
            }
        }
    }
}
