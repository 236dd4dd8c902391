package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.data.Audit;
import dev.beamwright.recsys.data.Columns;
import dev.beamwright.recsys.data.Format;
import dev.beamwright.recsys.data.Order;
import dev.beamwright.recsys.data.Prepare;
import dev.beamwright.recsys.data.PrepareConfig;
import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.RunFolder;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code beamwright prepare}. */
@Command(
        name = "prepare",
        mixinStandardHelpOptions = true,
        description = {
            "Read interactions and items, split them, and audit them.",
            "Without --data: the bundled MovieTweetings 100k, its 10-core."
        })
final class PrepareCommand implements Callable<Integer> {
    @Mixin
    private DataOptions data;

    @Section.In(Section.OUTPUT)
    @Option(names = "--out", required = true, paramLabel = "RUN", description = "Make the run in this folder.")
    private Path out;

    @Section.In(Section.OUTPUT)
    @Option(names = "--json", description = "Print the audit as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        RunFolder run = new RunFolder(out);
        Audit audit;
        try (var _ = run.lock()) {
            audit = Prepare.run(data.config(), run, Progress.stderr());
        }
        System.out.print(json ? Json.line(audit) + "\n" : audit.table());
        if (!json) System.out.println("\nwrote " + run.file("data") + " and " + run.file(RunFolder.config("prepare")));
        return Main.OK;
    }

    /** Where the data comes from and what is made of it; for every command that prepares. */
    static final class DataOptions {
        @Section.In(Section.DATA)
        @Option(
                names = "--data",
                paramLabel = "FILE",
                description = "Read interactions from FILE: CSV (commas, semicolons or bars) or TSV with a header, JSON lines, a"
                        + " JSON object {user: [item, ...]}, RecBole .inter, Amazon reviews, or :: files; each may be .gz; -"
                        + " for standard input.")
        private String data;

        @Section.In(Section.DATA)
        @Option(
                names = "--items",
                paramLabel = "FILE",
                description = "Read items with a title and more text from FILE, in one of the same formats. The id column is named"
                        + " by --items-id-column or as in the interactions, or is the first of the usual names.")
        private String items;

        @Section.In(Section.DATA)
        @Option(
                names = "--format",
                paramLabel = "F",
                description = "Read --data as csv, tsv, jsonl, json, recbole, movielens or amazon. Default: told by the file's name"
                        + " and content.")
        private String format;

        @Section.In(Section.DATA)
        @Option(
                names = "--items-format",
                paramLabel = "F",
                description = "Read --items as one of the same formats. Default: told in the same way.")
        private String itemsFormat;

        @Section.In(Section.COLUMNS)
        @Option(
                names = "--user-column",
                paramLabel = "NAME",
                description = "Take users from column NAME. Default: user_id, user, reviewerID, ...")
        private String user;

        @Section.In(Section.COLUMNS)
        @Option(
                names = "--item-column",
                paramLabel = "NAME",
                description = "Take items from column NAME. Default: item_id, item, parent_asin, asin, ...")
        private String item;

        @Section.In(Section.COLUMNS)
        @Option(
                names = "--time-column",
                paramLabel = "NAME",
                description = "Take times from column NAME: seconds, milliseconds, microseconds or nanoseconds since 1970, or ISO"
                        + " dates. Default: the first of timestamp, unix_time, time, date, ... that holds dates.")
        private String time;

        @Section.In(Section.COLUMNS)
        @Option(
                names = "--time-format",
                paramLabel = "F",
                description = "Read times written as F, such as 'dd/MM/yyyy HH:mm' (in UTC unless they name a zone), or s, ms, us"
                        + " or ns since 1970. Default: any of the usual forms.")
        private String timeFormat;

        @Section.In(Section.COLUMNS)
        @Option(
                names = "--items-id-column",
                paramLabel = "NAME",
                description = "Take item ids in the items' file from column NAME.")
        private String itemsId;

        @Section.In(Section.COLUMNS)
        @Option(
                names = "--rating-column",
                paramLabel = "NAME",
                description = "Take ratings from column NAME. Default: rating, overall, stars, score.")
        private String rating;

        @Section.In(Section.COLUMNS)
        @Option(
                names = "--title-column",
                paramLabel = "NAME",
                description = "Take the items' titles from column NAME. Default: title, name, ...")
        private String title;

        @Section.In(Section.DATA)
        @Option(
                names = "--order",
                paramLabel = "O",
                defaultValue = "auto",
                description = "Order each user's interactions by auto (by time, in the file's order where times are equal or"
                        + " missing), time (times are required) or file (in the file's order). Default: ${DEFAULT-VALUE}.")
        private String order;

        @Section.In(Section.DATA)
        @Option(
                names = "--core",
                paramLabel = "N",
                description = "Keep users and items with at least N interactions; 0 keeps all. Default: 5, bundled data 10.")
        private Integer core;

        @Section.In(Section.DATA)
        @Option(names = "--min-rating", paramLabel = "R", description = "Drop interactions that are rated lower.")
        private Double minRating;

        @Section.In(Section.DATA)
        @Option(
                names = "--split",
                paramLabel = "S",
                defaultValue = "leave-one-out",
                description = "Split by leave-one-out (each user's last item tests, the one before validates; users with fewer than"
                        + " 3 only train) or time (two moments for all users). Default: ${DEFAULT-VALUE}.")
        private String split;

        @Section.In(Section.DATA)
        @Option(
                names = "--valid-share",
                paramLabel = "X",
                defaultValue = "0.1",
                description = "Let this share of interactions validate, with --split time. Default: ${DEFAULT-VALUE}.")
        private double validationShare;

        @Section.In(Section.DATA)
        @Option(
                names = "--test-share",
                paramLabel = "X",
                defaultValue = "0.1",
                description = "Let this share of interactions test, with --split time. Default: ${DEFAULT-VALUE}.")
        private double testShare;

        @Section.In(Section.DATA)
        @Option(names = "--skip-bad-lines", description = "Skip lines that cannot be read; count and show them.")
        private boolean skipBadLines;

        @Section.In(Section.DATA)
        @Option(
                names = "--history",
                paramLabel = "N",
                description = "Let models read the latest N items of a user, unless train's --max-items says otherwise. Default:"
                        + " the preset's.")
        private Integer history;

        PrepareConfig config() {
            return new PrepareConfig(
                    data,
                    items,
                    format == null ? null : Format.named(format),
                    itemsFormat == null ? null : Format.named(itemsFormat),
                    new Columns(user, item, time, rating, title, itemsId, timeFormat),
                    Order.named(order),
                    core != null ? core : data == null ? PrepareConfig.BUNDLED_CORE : PrepareConfig.CORE,
                    minRating,
                    split,
                    validationShare,
                    testShare,
                    skipBadLines,
                    history);
        }
    }
}
