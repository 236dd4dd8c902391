package dev.beamwright.recsys.semanticid;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Gives rows to codes so that no code has more than its even share of them, at little cost in distance. Sinkhorn's
 * iteration (Cuturi, "Sinkhorn distances", NeurIPS 2013) finds a price for each code under which rows spread evenly
 * over the codes; then each row takes the code with the lowest distance and price that is not full yet, those rows first
 * that would lose most by waiting. LC-Rec (Zheng et al., ICDE 2024) uses such an assignment at the last level.
 */
final class Balanced {
    private static final int ITERATIONS = 20;
    /** How soft the assignment is at first and at last, in units of the largest distance. */
    private static final double SOFT = 0.5, HARD = 0.002;

    private Balanced() {}

    /** The code of each row of x (rows, columns), for a codebook (codes, columns); each has at most ⌈rows/codes⌉. */
    static int[] assign(Tensor x, Tensor codebook, Backend backend) {
        int rows = x.shape().rows(), k = codebook.shape().rows();
        double[][] cost = distances(x, codebook, backend);
        double largest = 0;
        for (double[] row : cost) for (double d : row) largest = Math.max(largest, d);
        if (largest == 0) largest = 1;

        // exp((price[c] + gain[r] - cost[r][c]) / softness) adds up to 1 over a row and to rows/k over a column.
        double[] price = new double[k];
        for (int iteration = 0; iteration < ITERATIONS; iteration++) {
            double softness = largest * SOFT * Math.pow(HARD / SOFT, iteration / (ITERATIONS - 1.0));
            double[] least = new double[k], sum = new double[k], gain = new double[rows];
            Arrays.fill(least, Double.POSITIVE_INFINITY);
            for (int r = 0; r < rows; r++) {
                gain[r] = softMin(cost[r], price, softness);
                for (int c = 0; c < k; c++) least[c] = Math.min(least[c], cost[r][c] - gain[r]);
            }
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < k; c++) sum[c] += exp((least[c] - (cost[r][c] - gain[r])) / softness);
            }
            for (int c = 0; c < k; c++) {
                price[c] = least[c] + softness * (Math.log((double) rows / k) - Math.log(sum[c]));
            }
        }
        return fill(cost, price);
    }

    /** {@code -softness · log Σ_c exp((price[c] - cost[c]) / softness)}. */
    private static double softMin(double[] cost, double[] price, double softness) {
        double least = Double.POSITIVE_INFINITY, sum = 0;
        for (int c = 0; c < cost.length; c++) least = Math.min(least, cost[c] - price[c]);
        for (int c = 0; c < cost.length; c++) sum += exp((least - (cost[c] - price[c])) / softness);
        return least - softness * Math.log(sum);
    }

    /** e^x, 0 where it would not be seen in a sum with 1. */
    private static double exp(double x) {
        return x < -37 ? 0 : Math.exp(x);
    }

    private static int[] fill(double[][] cost, double[] price) {
        int rows = cost.length, k = price.length;
        double[] regret = new double[rows];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < k; c++) cost[r][c] -= price[c];
            double first = Double.POSITIVE_INFINITY, second = Double.POSITIVE_INFINITY;
            for (double d : cost[r]) {
                second = Math.min(second, Math.max(first, d));
                first = Math.min(first, d);
            }
            regret[r] = second - first;
        }
        int[] codes = new int[rows], left = new int[k];
        Arrays.fill(left, (rows + k - 1) / k);
        IntStream.range(0, rows)
                .boxed()
                .sorted(Comparator.comparingDouble(r -> -regret[r])) // stable: the lower row on a tie
                .forEach(r -> {
                    int best = -1;
                    for (int c = 0; c < k; c++) {
                        if (left[c] > 0 && (best < 0 || cost[r][c] < cost[r][best])) best = c;
                    }
                    left[best]--;
                    codes[r] = best;
                });
        return codes;
    }

    /** Squared distances, (rows, codes). */
    private static double[][] distances(Tensor x, Tensor codebook, Backend backend) {
        int rows = x.shape().rows(), k = codebook.shape().rows();
        double[][] d = new double[rows][k];
        try (Arena arena = Arena.ofShared()) {
            Tensor products = Tensor.uninitialized(arena, Shape.of(rows, k), DType.F32);
            backend.matmul(products, x, false, codebook, true, false);
            double[] ofRow = KMeans.squaredNorms(x), ofCode = KMeans.squaredNorms(codebook);
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < k; c++) {
                    d[r][c] = Math.max(0, ofRow[r] + ofCode[c] - 2 * (double) products.get((long) r * k + c));
                }
            }
        }
        return d;
    }
}
