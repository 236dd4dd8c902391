package dev.beamwright.recsys.run;

import java.util.List;

/** Rows of cells as text for a terminal, in columns. */
public final class TextTable {
    private static final String GAP = "  ";

    private TextTable() {}

    /**
     * The rows, a line each.
     *
     * @param rows all with as many cells, the first being the header
     * @param names how many columns at the front hold names, which begin at the left; the others, numbers, end at the
     *     right
     */
    public static String of(List<List<String>> rows, int names) {
        int columns = rows.isEmpty() ? 0 : rows.getFirst().size();
        int[] width = new int[columns];
        for (List<String> row : rows) for (int c = 0; c < columns; c++) width[c] = Math.max(width[c], length(row, c));
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int c = 0; c < columns; c++) {
                String space = " ".repeat(width[c] - length(row, c));
                line.append(c < names ? row.get(c) + space : space + row.get(c)).append(GAP);
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    private static int length(List<String> row, int column) {
        return row.get(column).length();
    }
}
