package dev.beamwright.recsys.decode;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Searches one behind the other, each for the users whose list the searches before could not certify: beams that start
 * narrow and are widened where it matters.
 *
 * @param stages cheapest first; what the last one finds stands, certified or not
 * @param items how many items of a list must be certified
 */
record Adaptive(List<Search> stages, int items) implements Search {
    @Override
    public int users() {
        return stages.stream().mapToInt(Search::users).min().orElseThrow();
    }

    @Override
    public List<Result> search(Backend backend, Workspace memory, Query query) {
        Result[] results = new Result[query.size()];
        int[] left = IntStream.range(0, query.size()).toArray();
        for (Search stage : stages) {
            if (left.length == 0) break;
            List<Result> found = stage.search(backend, memory, query.only(left));
            for (int i = 0; i < left.length; i++) results[left[i]] = found.get(i);
            left = Arrays.stream(left).filter(u -> !results[u].certified(items)).toArray();
        }
        return Arrays.asList(results);
    }
}
