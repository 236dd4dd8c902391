package dev.beamwright.tornado.kernel;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Searching for the nearest and the best. */
public final class Search {
    private Search() {}

    /** The nearest code of each row by squared Euclidean distance, the lower on a tie; one thread for each row. */
    public static void nearest(
            IntArray codes, FloatArray distances, FloatArray x, FloatArray codebook, int k, int c, int n, int grid) {
        for (@Parallel int r = 0; r < grid; r++) {
            if (r < n) {
                int best = 0;
                float least = Float.POSITIVE_INFINITY;
                for (int j = 0; j < k; j++) {
                    float sum = 0f;
                    for (int i = 0; i < c; i++) {
                        float d = x.get(r * c + i) - codebook.get(j * c + i);
                        sum += d * d;
                    }
                    if (sum < least) {
                        least = sum;
                        best = j;
                    }
                }
                codes.set(r, best);
                distances.set(r, least);
            }
        }
    }
}
