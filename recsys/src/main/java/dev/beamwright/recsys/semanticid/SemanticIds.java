package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.UserError;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The semantic ID of each item: one code per level. Two items may share one.
 *
 * @param widths how many codes each level has; the codes of a level are 0 … width-1
 * @param codes (items, levels)
 */
public record SemanticIds(int[] widths, int[][] codes) {
    /** Under what a model's checkpoint has the {@link #fingerprint()} of the IDs that it was trained on. */
    public static final String FINGERPRINT = "semanticIds";

    /** A level with fewer codes is never numbered anew because few of them are used. */
    private static final int SPARSE = 1024;

    /** Throws {@link IllegalArgumentException} if a code lies outside its level. */
    public SemanticIds {
        if (widths.length == 0) throw new IllegalArgumentException("a semantic ID needs at least one level");
        for (int item = 0; item < codes.length; item++) {
            int[] id = codes[item];
            boolean fits = id.length == widths.length;
            for (int level = 0; fits && level < id.length; level++) fits = id[level] >= 0 && id[level] < widths[level];
            if (!fits) {
                throw new IllegalArgumentException("item " + item + " has the codes " + Arrays.toString(id)
                        + ", which do not fit the widths " + Arrays.toString(widths));
            }
        }
    }

    /** The IDs that {@code tokenize} stored in a run, in the order of these items. */
    public static SemanticIds load(RunFolder run, List<String> items) {
        Path file = run.need(RunFolder.SEMANTIC_IDS, "tokenize");
        SemanticIds ids = SemanticIdFile.read(file, items, 0, null).ids();
        for (int width : ids.widths) {
            if (width > Math.max(Tokenize.MOST_CODES, 8L * items.size())) {
                throw new UserError(file + ": a level of " + width + " codes for " + items.size()
                        + " items; write it again with 'beamwright tokenize'");
            }
        }
        return ids;
    }

    /**
     * The same IDs with the codes of a level numbered from 0 in their order, where they are numbered from far above 0 (other
     * programs add an offset to each level) or nearly all codes are nobody's (tokens of a whole vocabulary): a model has
     * parameters for every code.
     *
     * @param say is told of each level what was done
     */
    SemanticIds dense(Consumer<String> say) {
        int[] denseWidths = widths.clone();
        int[][] dense = Arrays.stream(codes).map(int[]::clone).toArray(int[][]::new);
        for (int level = 0; level < widths.length; level++) {
            int at = level;
            int[] used = Arrays.stream(codes).mapToInt(id -> id[at]).sorted().distinct().toArray();
            int low = used[0], span = used[used.length - 1] - low + 1;
            boolean offset = low >= span, sparse = widths[level] > SPARSE && widths[level] / 8 >= used.length;
            if (!offset && !sparse) continue;
            for (int[] id : dense) id[level] = sparse ? Arrays.binarySearch(used, id[level]) : id[level] - low;
            denseWidths[level] = sparse ? used.length : span;
            say.accept(String.format(Locale.ROOT,
                    "level %d has %,d codes, of which %,d are used (%,d to %,d); they are numbered 0 to %,d here",
                    level + 1, widths[level], used.length, low, used[used.length - 1], denseWidths[level] - 1));
        }
        return new SemanticIds(denseWidths, dense);
    }

    /** SHA-256 of widths and codes, in hexadecimal. */
    public String fingerprint() {
        return fingerprint(widths, codes);
    }

    /** The same of widths and codes by themselves. */
    public static String fingerprint(int[] widths, int[][] codes) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * widths.length);
        MessageDigest digest = Hash.sha256();
        bytes.asIntBuffer().put(widths);
        digest.update(bytes.array());
        for (int[] id : codes) {
            bytes.asIntBuffer().put(id);
            digest.update(bytes.array());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** How many items there are. */
    public int items() {
        return codes.length;
    }

    /** How many codes an ID has. */
    public int levels() {
        return widths.length;
    }

    /** How many different IDs there are. */
    public int distinct() {
        return distinctPrefixes(levels());
    }

    /** A number for each item, equal where two items share an ID. */
    public int[] sharedBy() {
        int[] numbers = new int[codes.length];
        int next = 0;
        for (int[] group : groups(levels(), null)) {
            for (int item : group) numbers[item] = next;
            next++;
        }
        return numbers;
    }

    /** How many different prefixes of that many codes there are. */
    public int distinctPrefixes(int length) {
        return groups(length, null).size();
    }

    /**
     * The items that share a prefix, group by group.
     *
     * @param length how many codes the prefix has
     * @param order the order in which items are looked at, and so the order within and of the groups; null for the
     *     items' own order
     */
    Collection<int[]> groups(int length, int[] order) {
        Map<IntBuffer, IntArrayList> groups = new LinkedHashMap<>(2 * codes.length);
        for (int i = 0; i < codes.length; i++) {
            int item = order == null ? i : order[i];
            groups.computeIfAbsent(IntBuffer.wrap(codes[item], 0, length), _ -> new IntArrayList(1)).add(item);
        }
        return groups.values().stream().map(IntArrayList::toIntArray).toList();
    }
}
