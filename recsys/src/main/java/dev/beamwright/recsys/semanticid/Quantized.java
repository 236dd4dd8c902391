package dev.beamwright.recsys.semanticid;

import dev.beamwright.tensor.Tensor;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * What a quantizer found.
 *
 * @param ids the codes of each item, which may collide
 * @param lastInput what the last level coded, (items, columns); null where codes have no place in space
 * @param lastCodebook the vectors of the last level's codes, (width, columns), or null
 */
public record Quantized(SemanticIds ids, Tensor lastInput, Tensor lastCodebook) {
    /** IDs of which nothing but the codes is known. */
    public static Quantized of(SemanticIds ids) {
        return new Quantized(ids, null, null);
    }

    /** The codes of the last level, the one nearest to an item first; by number, from its own on, if none is near. */
    int[] lastCodesByDistance(int item) {
        int width = ids.widths()[ids.levels() - 1];
        if (lastInput == null) {
            int own = ids.codes()[item][ids.levels() - 1];
            return IntStream.range(0, width).map(i -> (own + i) % width).toArray();
        }
        int columns = lastInput.shape().dim(-1);
        double[] distance = new double[width];
        for (int code = 0; code < width; code++) {
            for (int i = 0; i < columns; i++) {
                double d = lastInput.get((long) item * columns + i) - lastCodebook.get((long) code * columns + i);
                distance[code] += d * d;
            }
        }
        return IntStream.range(0, width)
                .boxed()
                .sorted(Comparator.comparingDouble(code -> distance[code])) // stable: the lower code on a tie
                .mapToInt(Integer::intValue)
                .toArray();
    }
}
