package dev.beamwright.recsys.baseline;

import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import java.util.List;
import java.util.stream.Collectors;

/** A plain rule that learns by counting. A model is only as good as what it beats. */
public interface Baseline {
    /** All such rules; besides them there is {@link TrainedSasRec}. */
    List<Baseline> ALL = List.of(new Popularity(), new Markov(), new MarkovDecayed(), new ItemKnn());

    /** The name by which it stands in a score card. */
    String name();

    /**
     * Counts.
     *
     * @param train the training part of each user's sequence, oldest first
     * @param items how many items there are
     * @param progress told how far it is, where it takes long
     */
    Scorer fit(int[][] train, int items, Progress progress);

    /** Counts without telling how far it is. */
    default Scorer fit(int[][] train, int items) {
        return fit(train, items, Progress.silent());
    }

    /** The rule of this name. */
    static Baseline named(String name) {
        for (Baseline b : ALL) if (b.name().equals(name)) return b;
        String all = ALL.stream().map(Baseline::name).collect(Collectors.joining(", "));
        throw new UserError("there is no baseline '" + name + "'; choose from " + all + ", "
                + String.join(", ", TrainedSasRec.NAMES));
    }
}
