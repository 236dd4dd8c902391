package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.prm.PrmConfig;
import dev.beamwright.recsys.run.UserError;
import java.util.Objects;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** The options of a process reward model. What is not given keeps its default. */
final class PrmOptions {
    @Option(
            names = "--prm-negatives",
            paramLabel = "N",
            description = "process reward model: other prefixes that each prefix of a target is compared with; default: 32")
    private Integer negatives;

    @Option(
            names = "--prm-hard-share",
            paramLabel = "X",
            description = "process reward model: share of these that are hard (see --prm-hard); default: 0")
    private Double hardShare;

    @Option(
            names = "--prm-hard",
            paramLabel = "FROM",
            description = "process reward model: where hard ones come from: beam (the model's own) or siblings (they differ"
                    + " in the last code alone); default: beam")
    private PrmConfig.Hard hard;

    @Option(
            names = "--prm-targets",
            paramLabel = "N",
            description = "process reward model: targets of a sequence that are compared, drawn at random; default: 4")
    private Integer targets;

    @Option(names = "--prm-blocks", paramLabel = "N", description = "process reward model: its blocks; default: 1")
    private Integer blocks;

    @Option(
            names = "--prm-heads",
            paramLabel = "N",
            description = "process reward model: heads of its attention; default: as many as the model's")
    private Integer heads;

    @Option(
            names = "--prm-table",
            paramLabel = "N",
            description = "process reward model: rows of its table of paths, shared by hashing; default: one for each")
    private Integer table;

    @Option(
            names = "--prm-paths",
            paramLabel = "FORM",
            description = "process reward model: node (a path has a vector of its own) or sum (those of the paths it begins"
                    + " with are added); default: sum")
    private PrmConfig.Paths paths;

    PrmConfig config(double weight, boolean detached) {
        PrmConfig d = PrmConfig.DEFAULT;
        int all = or(negatives, d.negatives());
        double share = or(hardShare, d.hardShare());
        if (hard != null && share == 0) {
            throw new UserError("--prm-hard has no effect without hard negatives; give --prm-hard-share, too");
        }
        if (all > 1_000_000) throw new UserError("--prm-negatives " + all + ": must be at most 1000000");
        if (share > 0 && Math.round(share * all) == 0) {
            throw new UserError("--prm-hard-share " + share + " of " + all + " negatives is not a single one");
        }
        return new PrmConfig(
                weight,
                detached,
                all,
                share,
                or(hard, d.hard()),
                or(targets, d.targets()),
                or(blocks, d.blocks()),
                or(heads, d.heads()),
                or(table, d.table()),
                or(paths, d.paths()));
    }

    /** No process reward model; its options would be without effect. */
    PrmConfig none(Boolean detached) {
        if (Stream.of(detached, negatives, hardShare, hard, targets, blocks, heads, table, paths)
                .anyMatch(Objects::nonNull)) {
            throw new UserError("options of a process reward model (--prm-…) without one; give --prm-weight 1, too");
        }
        return null;
    }

    private static <T> T or(T given, T usual) {
        return given == null ? usual : given;
    }
}
