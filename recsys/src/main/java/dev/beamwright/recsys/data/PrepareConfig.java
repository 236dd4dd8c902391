package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.Nullable;
import dev.beamwright.recsys.run.UserError;
import java.nio.file.Path;

/**
 * The settings of the first stage.
 *
 * @param data the file of interactions; null for the bundled MovieTweetings data
 * @param items the file of items, or null for none
 * @param format the format of {@code data}; null to tell it by name and content
 * @param itemsFormat the same for {@code items}
 * @param columns the names of the columns
 * @param order how each user's interactions are ordered
 * @param core users and items with fewer interactions are dropped, again and again until none is left; 0 keeps all
 * @param minRating interactions rated lower are dropped; null keeps all
 * @param split {@code leave-one-out} or {@code time}
 * @param validationShare for a time split the share of interactions that validate
 * @param testShare for a time split the share of interactions that test
 * @param skipBadLines whether lines that cannot be read are passed over and counted
 * @param maxItems how many of the latest items of a history models read unless told otherwise in training; null to
 *     leave it to the model's settings. The stored data is not cut
 */
public record PrepareConfig(
        @Nullable String data,
        @Nullable String items,
        @Nullable Format format,
        @Nullable Format itemsFormat,
        Columns columns,
        Order order,
        int core,
        @Nullable Double minRating,
        String split,
        double validationShare,
        double testShare,
        boolean skipBadLines,
        @Nullable Integer maxItems) {
    /** The k-core that is taken if none is asked for. */
    public static final int CORE = 5;
    /** The same for the bundled data. */
    public static final int BUNDLED_CORE = 10;

    public PrepareConfig {
        if (core < 0) throw new UserError("--core " + core + ": must be 0 (keep all) or more");
        if (maxItems != null && maxItems < 1) throw new UserError("--history " + maxItems + ": must be at least 1");
        if (minRating != null && minRating.isNaN()) throw new UserError("--min-rating must be a number");
        if (!split.equals("leave-one-out") && !split.equals("time")) {
            throw new UserError("there is no split '" + Source.cut(split) + "'; choose leave-one-out or time");
        }
        if (data == null && items != null) {
            throw new UserError("--items " + items + " without --data; name the file of interactions too");
        }
    }

    /** The usual settings for a file of interactions and, unless null, one of items. */
    public static PrepareConfig of(Path data, Path items) {
        return new PrepareConfig(
                data.toString(),
                items == null ? null : items.toString(),
                null,
                null,
                Columns.USUAL,
                Order.AUTO,
                CORE,
                null,
                "leave-one-out",
                0.1,
                0.1,
                false,
                null);
    }

    /** The bundled data: MovieTweetings 100k, its 10-core. */
    public static PrepareConfig bundled() {
        return new PrepareConfig(
                null,
                null,
                null,
                null,
                Columns.USUAL,
                Order.AUTO,
                BUNDLED_CORE,
                null,
                "leave-one-out",
                0.1,
                0.1,
                false,
                null);
    }
}
