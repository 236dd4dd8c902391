package dev.beamwright.recsys.run;

import java.util.Collection;
import java.util.Comparator;

/** A suggestion for a word that is not known. */
public final class DidYouMean {
    private DidYouMean() {}

    /** "; did you mean …?" with the known word that is spelt most alike; empty if none is alike. */
    public static String among(Collection<String> known, String word) {
        int most = Math.max(2, word.length() / 3);
        return known.stream()
                .filter(k -> edits(k, word) <= most || word.length() > 2 && (k.contains(word) || word.contains(k)))
                .min(Comparator.comparingInt(k -> edits(k, word)))
                .map(k -> "; did you mean " + k + "?")
                .orElse("");
    }

    /** The Levenshtein distance: letters to insert, delete or replace. */
    static int edits(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) row[j] = j;
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
