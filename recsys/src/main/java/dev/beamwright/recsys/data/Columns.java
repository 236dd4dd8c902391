package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.Nullable;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * The names of the columns that are read; null for the first that is there of the usual names, in which neither case nor
 * anything but letters and digits counts: {@code user_id} is {@code userId} is {@code User-ID}.
 *
 * @param user who
 * @param item what
 * @param time when
 * @param rating how much it was liked; needed only for a minimum rating
 * @param title the name of an item, in the items' file
 * @param itemsId where the items' file has the item ids; null for the column named as in the interactions
 * @param timeFormat how times are written, as {@link java.time.format.DateTimeFormatter} has it, or s, ms, us or ns
 *     since 1970; null for one of the usual forms
 */
public record Columns(
        @Nullable String user,
        @Nullable String item,
        @Nullable String time,
        @Nullable String rating,
        @Nullable String title,
        @Nullable String itemsId,
        @Nullable String timeFormat) {
    static final List<String> USER = List.of(
            "user_id", "user", "reviewerID", "uid", "visitor_id", "customer_id", "session_id");
    static final List<String> ITEM = List.of(
            "item_id", "item", "parent_asin", "asin", "movie_id", "product_id", "iid");
    static final List<String> TIME = List.of(
            "timestamp", "unix_time", "unixReviewTime", "time", "datetime", "date", "created_at", "event_time", "ts");
    static final List<String> RATING = List.of("rating", "overall", "stars", "score");
    static final List<String> TITLE = List.of("title", "name", "item_name", "product_name", "movie_title");

    private static final Pattern PUNCTUATION = Pattern.compile("[^\\p{L}\\p{N}]");

    /** The usual names for every column. */
    public static final Columns USUAL = new Columns(null, null, null, null, null, null, null);

    /** The named column if the file has it, in small or capital letters; else, if none was named, the first of the usual that it has; else null. */
    static String find(String named, List<String> usual, List<String> there) {
        if (named != null) {
            if (there.contains(named)) return named;
            return there.stream().filter(named::equalsIgnoreCase).findFirst().orElse(null);
        }
        List<String> plain = there.stream().map(Columns::plain).toList();
        for (String name : usual) {
            int i = plain.indexOf(plain(name));
            if (i >= 0) return there.get(i);
        }
        return null;
    }

    private static String plain(String name) {
        return PUNCTUATION.matcher(name.toLowerCase(Locale.ROOT)).replaceAll("");
    }
}
