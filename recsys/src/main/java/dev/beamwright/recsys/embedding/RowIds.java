package dev.beamwright.recsys.embedding;

import dev.beamwright.recsys.run.TextFile;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.io.SafeTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which item each row of a file of vectors belongs to, as is told beside it: for {@code v.npy} a file {@code v.ids.txt} or
 * {@code ids.txt} in the same folder, one id a line, or two columns (a row's number from 0 and the id, in either order,
 * separated by a tab or a comma); in a safetensors file a tensor of whole numbers named {@code ids} or {@code item_ids}.
 *
 * @param source where it is told
 * @param ids the item id of each row
 */
record RowIds(String source, List<String> ids) {
    private static final List<String> TENSORS = List.of("ids", "item_ids");

    /** What is told beside a file of so many rows; null if nothing is. */
    static RowIds beside(VectorFile file, int rows) {
        Path path = file.path();
        String name = path.getFileName().toString(), stem = name.substring(0, Math.max(0, name.lastIndexOf('.')));
        for (String list : List.of(stem + ".ids.txt", stem + ".ids.tsv", stem + ".ids.csv", "ids.txt", "ids.tsv",
                "ids.csv")) {
            Path beside = path.resolveSibling(list);
            if (Files.exists(beside)) return new RowIds(beside.toString(), listed(beside, rows));
        }
        try {
            if (!file.isSafeTensors()) return null;
            List<String> names = SafeTensors.names(path);
            for (String tensor : TENSORS) {
                if (!names.contains(tensor) || tensor.equals(file.tensor())) continue;
                List<String> ids = Arrays.stream(SafeTensors.integers(path, tensor)).mapToObj(Long::toString).toList();
                return new RowIds(path + "#" + tensor, counted(path + "#" + tensor, ids, rows));
            }
            return null;
        } catch (IOException e) {
            throw new UserError(e.getMessage(), e);
        }
    }

    private static List<String> counted(String source, List<String> ids, int rows) {
        if (ids.size() == rows) return ids;
        throw new UserError(
                source + ": has " + ids.size() + " ids for " + rows + " rows of vectors; give one for each row");
    }

    private static List<String> listed(Path file, int rows) {
        List<String> lines = new ArrayList<>(TextFile.lines(file));
        if (!lines.isEmpty() && lines.getFirst().startsWith("\uFEFF")) lines.set(0, lines.getFirst().substring(1));
        while (!lines.isEmpty() && lines.getLast().isBlank()) lines.removeLast();
        if (lines.size() == rows + 1) lines.removeFirst(); // a header
        List<String> ids = counted(file.toString(), lines.stream().map(String::strip).toList(), rows);
        for (String separator : List.of("\t", ",")) {
            List<String[]> pairs = ids.stream().map(l -> l.split(separator, -1)).toList();
            if (!pairs.stream().allMatch(p -> p.length == 2)) continue;
            for (int numbers = 0; numbers < 2; numbers++) {
                String[] byRow = byRow(pairs, numbers);
                if (byRow != null) return List.of(byRow);
            }
        }
        return ids;
    }

    /** The ids by row, if one of two columns numbers all rows from 0. */
    private static String[] byRow(List<String[]> pairs, int numbers) {
        String[] ids = new String[pairs.size()];
        for (String[] pair : pairs) {
            String number = pair[numbers].strip();
            int row = number.matches("\\d{1,9}") ? Integer.parseInt(number) : -1;
            if (row < 0 || row >= ids.length || ids[row] != null) return null;
            ids[row] = pair[1 - numbers].strip();
        }
        return ids;
    }

    /** The row of each item. Throws {@link UserError} if an item has none, or an id is there twice. */
    int[] rowsOf(List<String> items) {
        Map<String, Integer> rows = new HashMap<>();
        for (int r = 0; r < ids.size(); r++) {
            Integer before = rows.put(ids.get(r), r);
            if (before != null) {
                throw new UserError(source + ": rows " + before + " and " + r + " (counted from 0) have the same id '"
                        + ids.get(r) + "'; give each item one row");
            }
        }
        List<String> without = items.stream().filter(i -> !rows.containsKey(i)).toList();
        if (!without.isEmpty()) {
            throw new UserError(source + ": " + without.size() + " of " + items.size() + " items have no row, such as "
                    + without.stream().limit(3).toList() + "; its first ids are "
                    + ids.stream().limit(3).toList());
        }
        return items.stream().mapToInt(rows::get).toArray();
    }
}
