package dev.beamwright.recsys.embedding;

import dev.beamwright.tensor.Key;
import it.unimi.dsi.fastutil.objects.Object2IntOpenHashMap;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;

/**
 * Items by terms, weighted by TF-IDF: {@code (1 + ln tf) · (1 + ln((1 + n) / (1 + df)))}, rows of length 1 (Salton and
 * Buckley, "Term-weighting approaches in automatic text retrieval", 1988; the smoothed form of the idf).
 */
final class TextMatrix {
    /** A term in more than this share of the items tells nothing. */
    private static final double COMMON = 0.5;

    private static final int MOST_TERMS = 200_000;
    private static final int BUCKETS = 1 << 18;
    private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{M}\\p{N}]+");

    private TextMatrix() {}

    /** Words and pairs of neighbouring words that occur in at least two items, each with a column of its own. */
    static SparseMatrix words(List<String> texts) {
        var numbers = new Object2IntOpenHashMap<String>();
        var raw = new ArrayList<int[]>();
        for (String text : texts) {
            List<String> words = split(text), terms = new ArrayList<>(words);
            for (int i = 1; i < words.size(); i++) terms.add(words.get(i - 1) + " " + words.get(i));
            raw.add(columns(terms, t -> {
                int next = numbers.size();
                int known = numbers.putIfAbsent(t, next);
                return numbers.size() > next ? next : known;
            }));
        }
        return weighted(raw, numbers.size());
    }

    /**
     * Words and runs of 3 to 5 letters within a word, hashed into 2¹⁸ columns: for text without spaces, with spelling
     * errors, or of too few items for words to repeat.
     */
    static SparseMatrix hashed(List<String> texts) {
        Key key = Key.of(0);
        var raw = new ArrayList<int[]>();
        for (String text : texts) {
            var terms = new ArrayList<String>();
            for (String word : split(text)) {
                String marked = "^" + word + "$";
                terms.add(marked);
                for (int n = 3; n <= 5; n++) {
                    for (int i = 0; i + n <= marked.length(); i++) terms.add(marked.substring(i, i + n));
                }
            }
            raw.add(columns(terms, t -> (int) (key.fold(t).bits() >>> 46)));
        }
        return weighted(raw, BUCKETS);
    }

    /** Words in lower case, compatibility forms made equal; everything but letters, marks and digits separates. */
    static List<String> split(String text) {
        String plain = Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
        return WORD.matcher(plain).results().map(m -> m.group()).toList();
    }

    private static int[] columns(List<String> terms, ToIntFunction<String> column) {
        return terms.stream().mapToInt(column).sorted().toArray();
    }

    /** Drops rare and common columns, and weights what stays. The raw rows hold each column as often as it occurs. */
    private static SparseMatrix weighted(List<int[]> raw, int columns) {
        int n = raw.size();
        int[] df = new int[columns];
        for (int[] row : raw) {
            for (int i = 0; i < row.length; i++) if (i == 0 || row[i] != row[i - 1]) df[row[i]]++;
        }
        int least = 2;
        while (count(df, least, n) > MOST_TERMS) least++;
        int[] number = new int[columns];
        int kept = 0;
        for (int c = 0; c < columns; c++) number[c] = useful(df[c], least, n) ? kept++ : -1;

        int[] offsets = new int[n + 1];
        for (int r = 0; r < n; r++) {
            int[] row = raw.get(r);
            offsets[r + 1] = offsets[r];
            for (int i = 0; i < row.length; i++) {
                if ((i == 0 || row[i] != row[i - 1]) && number[row[i]] >= 0) offsets[r + 1]++;
            }
        }
        int[] column = new int[offsets[n]];
        float[] value = new float[offsets[n]];
        for (int r = 0; r < n; r++) {
            int[] row = raw.get(r);
            int at = offsets[r];
            double squares = 0;
            for (int i = 0, end; i < row.length; i = end) {
                for (end = i + 1; end < row.length && row[end] == row[i];) end++;
                if (number[row[i]] < 0) continue;
                double weight = (1 + Math.log(end - i)) * (1 + Math.log((1.0 + n) / (1.0 + df[row[i]])));
                column[at] = number[row[i]];
                value[at++] = (float) weight;
                squares += weight * weight;
            }
            for (int e = offsets[r]; e < at; e++) value[e] /= (float) Math.sqrt(squares);
        }
        return new SparseMatrix(kept, offsets, column, value);
    }

    private static boolean useful(int df, int least, int n) {
        return df >= least && df <= Math.max(2, COMMON * n);
    }

    private static long count(int[] df, int least, int n) {
        return Arrays.stream(df).filter(d -> useful(d, least, n)).count();
    }
}
