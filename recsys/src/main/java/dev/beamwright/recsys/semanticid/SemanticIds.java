package dev.beamwright.recsys.semanticid;

import dev.beamwright.recsys.run.Hash;
import dev.beamwright.recsys.run.RunFolder;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The semantic ID of each item: one code per level. Two items may share one.
 *
 * @param widths how many codes each level has; the codes of a level are 0 … width-1
 * @param codes (items, levels)
 */
public record SemanticIds(int[] widths, int[][] codes) {
    /** Under what a model's checkpoint has the {@link #fingerprint()} of the IDs that it was trained on. */
    public static final String FINGERPRINT = "semanticIds";

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
        return SemanticIdFile.read(run.need(RunFolder.SEMANTIC_IDS, "tokenize"), items, 0, null).ids();
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
