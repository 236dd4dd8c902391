package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.UserError;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * Semantic IDs as a file. Our own format is JSON with one line per item:
 *
 * <pre>
 * {
 *   "format": "beamwright semantic IDs 1",
 *   "widths": [256, 256, 256, 4],
 *   "items": {
 *     "B004756YJA": [12, 200, 3, 0],
 *     "B004ZT0SSG": [12, 200, 3, 1]
 *   }
 * }
 * </pre>
 *
 * {@code items} is keyed by the item ids of the data; each list has one code per level, from 0 to the level's width
 * less one.
 *
 * <p>The format in which APAO and LETTER published theirs is read too: {@code "12": ["<a_3>", "<b_40>", …]}, the letter
 * telling the level. Their keys are numbers, which may differ from the item ids by an offset. The widths are not in
 * such a file: unless they are given, a level is as wide as its largest code plus one.
 */
public final class SemanticIdFile {
    private static final String FORMAT = "beamwright semantic IDs 1";
    private static final Pattern TOKEN = Pattern.compile("<([a-z])_(\\d{1,7})>");
    private static final int MOST_CODES = 10_000_000; // of a level

    private SemanticIdFile() {}

    /**
     * What a file held.
     *
     * @param ids the ID of each item of the data, in the order of the data
     * @param unknown how many IDs belong to no item of the data; they are left out
     */
    public record Content(SemanticIds ids, int unknown) {}

    /** Writes the IDs of these items, replacing the file at once. */
    public static void write(Path file, SemanticIds ids, List<String> items) {
        var text = new StringBuilder("{\n  \"format\": \"" + FORMAT + "\",\n  \"widths\": "
                + Arrays.toString(ids.widths()) + ",\n  \"items\": {\n");
        for (int i = 0; i < items.size(); i++) {
            text.append("    ").append(Json.line(items.get(i))).append(": ");
            text.append(Arrays.toString(ids.codes()[i])).append(i + 1 < items.size() ? ",\n" : "\n");
        }
        Json.writeAtomically(file, text.append("  }\n}\n").toString().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Reads a file of either format.
     *
     * @param items the item ids of the data
     * @param keyOffset what is added to a key of the published format to give the item id
     * @param widths the number of codes of each level, or null for what the file says
     * @throws UserError if an item has no ID, an ID has another number of levels than the others, or a code lies outside
     *     its level; the message names the item
     */
    public static Content read(Path file, List<String> items, int keyOffset, int[] widths) {
        JsonNode root = Json.readTree(file);
        boolean own = root.has("format");
        if (own && !root.get("format").asString("").equals(FORMAT)) {
            throw new UserError(file + ": has the format " + cut(root.get("format")) + ", expected \"" + FORMAT + "\"");
        }
        JsonNode ids = own ? root.path("items") : root;
        if (!ids.isObject() || ids.isEmpty()) {
            throw new UserError(file + ": holds no semantic IDs; expected "
                    + (own ? "\"items\": {\"ITEM\": [3, 40, …], …}" : "{\"0\": [\"<a_3>\", \"<b_40>\", …], …}"));
        }
        if (own && widths == null) widths = widths(file, root.path("widths"));
        Map<String, Integer> numbers = new HashMap<>();
        for (int i = 0; i < items.size(); i++) numbers.put(items.get(i), i);

        int[][] codes = new int[items.size()][];
        int levels = widths == null ? -1 : widths.length, unknown = 0;
        for (var entry : ids.properties()) {
            String id = own ? entry.getKey() : itemId(file, entry.getKey(), keyOffset);
            Integer item = numbers.get(id);
            if (item == null) {
                unknown++;
                continue;
            }
            if (codes[item] != null) {
                throw new UserError(file + ": two keys name item " + id + ", one of them " + cut(entry.getKey()));
            }
            codes[item] = codes(file, entry.getKey(), entry.getValue());
            if (levels < 0) levels = codes[item].length;
            if (codes[item].length != levels) {
                throw new UserError(file + ": item " + entry.getKey() + " has " + codes[item].length
                        + " codes, expected " + levels + ": " + cut(entry.getValue()));
            }
            for (int level = 0; widths != null && level < levels; level++) {
                if (codes[item][level] >= widths[level]) {
                    throw new UserError(file + ": item " + entry.getKey() + " has the code " + codes[item][level]
                            + " at level " + (level + 1) + ", outside the codebook of " + widths[level]
                            + " codes (0 to " + (widths[level] - 1) + ")");
                }
            }
        }
        long missing = Arrays.stream(codes).filter(c -> c == null).count();
        if (missing > 0) throw missing(file, items, codes, missing, unknown, own);
        return new Content(new SemanticIds(widths == null ? widest(codes, levels) : widths, codes), unknown);
    }

    private static String itemId(Path file, String key, int offset) {
        if (offset == 0) return key;
        try {
            return Long.toString(Math.addExact(Long.parseLong(key), (long) offset));
        } catch (NumberFormatException | ArithmeticException e) {
            throw new UserError(file + ": the key \"" + cut(key) + "\" is no number, so the key offset " + offset
                    + " cannot be added", e);
        }
    }

    private static int[] codes(Path file, String key, JsonNode list) {
        if (!list.isArray() || list.isEmpty()) {
            throw new UserError(file + ": item " + cut(key) + " has no list of codes: " + cut(list));
        }
        if (list.size() > Tokenize.MOST_LEVELS) {
            throw new UserError(file + ": item " + cut(key) + " has " + list.size() + " codes; there can be "
                    + Tokenize.MOST_LEVELS + " levels at the most");
        }
        int[] codes = new int[list.size()];
        for (int level = 0; level < codes.length; level++) {
            JsonNode code = list.get(level);
            Matcher token = TOKEN.matcher(code.asString(""));
            if (code.isInt() && code.intValue() >= 0 && code.intValue() < MOST_CODES) codes[level] = code.intValue();
            else if (token.matches() && token.group(1).charAt(0) == 'a' + level) {
                codes[level] = Integer.parseInt(token.group(2));
            } else {
                throw new UserError(file + ": item " + cut(key) + " has " + cut(code) + " at level " + (level + 1)
                        + ", expected a number from 0 to 9999999 or \"<" + (char) ('a' + level) + "_NUMBER>\"");
            }
        }
        return codes;
    }

    private static int[] widths(Path file, JsonNode list) {
        int[] widths = new int[list.size()];
        for (int i = 0; i < widths.length; i++) widths[i] = list.get(i).isInt() ? list.get(i).intValue() : 0;
        if (widths.length == 0 || widths.length > Tokenize.MOST_LEVELS
                || Arrays.stream(widths).anyMatch(w -> w < 1 || w > MOST_CODES)) {
            throw new UserError(file + ": \"widths\" must be a list of the number of codes of each level, not "
                    + cut(list));
        }
        return widths;
    }

    private static int[] widest(int[][] codes, int levels) {
        int[] widths = new int[levels];
        for (int[] id : codes) {
            for (int level = 0; level < levels; level++) widths[level] = Math.max(widths[level], id[level] + 1);
        }
        return widths;
    }

    private static UserError missing(
            Path file, List<String> items, int[][] codes, long missing, int unknown, boolean own) {
        String first = java.util.stream.IntStream.range(0, codes.length)
                .filter(i -> codes[i] == null)
                .limit(3)
                .mapToObj(items::get)
                .collect(Collectors.joining(", "));
        String mend = unknown == 0
                ? ""
                : "; " + unknown + " IDs belong to no item" + (own ? "" : ", is --sid-key-offset right?");
        return new UserError(file + ": no semantic ID for item " + first + (missing > 3
                ? " and " + (missing - 3)
                        + " more"
                : "") + mend);
    }

    private static String cut(Object text) {
        String s = text.toString().replace('\n', ' ');
        return s.length() <= 60 ? s : s.substring(0, 59) + "…";
    }
}
