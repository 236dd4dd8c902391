package dev.beamwright.recsys.data;

import dev.beamwright.recsys.run.Json;
import dev.beamwright.recsys.run.RunFolder;
import dev.beamwright.recsys.run.TextFile;
import dev.beamwright.recsys.run.UserError;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;

/**
 * The data of a run as the first stage leaves it, and its form on disk:
 *
 * <pre>
 * data/items.tsv      item_id  title  text              line n + 2 is item n
 * data/sequences.tsv  user_id  items  times             line n + 2 is user n; numbers separated by spaces;
 *                                                       seconds since 1970, - where unknown, empty without times
 * data/split.json     the rule and the cuts of each user's sequence, see {@link Cuts}
 * data/audit.json     see {@link Audit}
 * </pre>
 *
 * <p>In the two tables a backslash, a tab and a line end within a text are written {@code \\}, {@code \t} and
 * {@code \n}.
 */
public record Prepared(Dataset data, Split split) {

    /** Reads the data of a run. */
    public static Prepared load(RunFolder run) {
        run.need(RunFolder.AUDIT, "prepare");
        List<String> users = new ArrayList<>(), items = new ArrayList<>(), titles = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        for (String[] row : rows(run.need(RunFolder.ITEMS, "prepare"))) {
            items.add(row[0]);
            titles.add(row[1]);
            texts.add(row[2]);
        }
        List<int[]> sequences = new ArrayList<>();
        List<long[]> times = new ArrayList<>();
        Path file = run.need(RunFolder.SEQUENCES, "prepare");
        for (String[] row : rows(file)) {
            users.add(row[0]);
            long[] numbers = numbers(file, row[1]);
            for (long i : numbers) {
                if (i < 0 || i >= items.size()) throw damaged(file, "item " + i + " is not in " + RunFolder.ITEMS);
            }
            int[] s = Arrays.stream(numbers).mapToInt(Math::toIntExact).toArray();
            sequences.add(s);
            if (!row[2].isEmpty()) times.add(numbers(file, row[2]));
            if (!times.isEmpty() && (times.size() != users.size() || times.getLast().length != s.length)) {
                throw damaged(file, "not as many times as items in line " + (users.size() + 1));
            }
        }
        if (new HashSet<>(items).size() < items.size()) throw damaged(run.file(RunFolder.ITEMS), "an item is there twice");
        if (new HashSet<>(users).size() < users.size()) throw damaged(file, "a user is there twice");
        int[][] s = sequences.toArray(int[][]::new);
        long[][] t = times.isEmpty() ? null : times.toArray(long[][]::new);
        Dataset data = new Dataset(
                List.copyOf(users), List.copyOf(items), List.copyOf(titles), List.copyOf(texts), s, t);
        return new Prepared(data, Json.read(run.need(RunFolder.SPLIT, "prepare"), Cuts.class).apply(s));
    }

    /** The audit of a run. */
    public static Audit audit(RunFolder run) {
        return Json.read(run.need(RunFolder.AUDIT, "prepare"), Audit.class);
    }

    /** Writes the data of a run; the audit last, by which the stage is known to be done. */
    static void write(RunFolder run, Dataset data, Cuts cuts, Audit audit) {
        run.delete(RunFolder.AUDIT); // until all is written anew, the stage is not done
        StringBuilder s = new StringBuilder("item_id\ttitle\ttext\n");
        for (int i = 0; i < data.items().size(); i++) {
            s.append(escape(data.items().get(i))).append('\t');
            s.append(escape(data.titles().get(i))).append('\t');
            s.append(escape(data.texts().get(i))).append('\n');
        }
        Json.writeAtomically(run.file(RunFolder.ITEMS), s.toString().getBytes(StandardCharsets.UTF_8));
        s = new StringBuilder("user_id\titems\ttimes\n");
        for (int u = 0; u < data.users().size(); u++) {
            s.append(escape(data.users().get(u))).append('\t');
            int[] sequence = data.sequences()[u];
            for (int i = 0; i < sequence.length; i++) s.append(i == 0 ? "" : " ").append(sequence[i]);
            s.append('\t');
            for (int i = 0; data.times() != null && i < sequence.length; i++) {
                long t = data.times()[u][i];
                s.append(i == 0 ? "" : " ").append(t == Dataset.UNKNOWN_TIME ? "-" : Long.toString(t));
            }
            s.append('\n');
        }
        Json.writeAtomically(run.file(RunFolder.SEQUENCES), s.toString().getBytes(StandardCharsets.UTF_8));
        Json.write(run.file(RunFolder.SPLIT), cuts);
        Json.write(run.file(RunFolder.AUDIT), audit);
    }

    /** The rows of one of the two tables, without its header. */
    private static List<String[]> rows(Path file) {
        List<String[]> rows = new ArrayList<>();
        for (String line : TextFile.read(file).split("\n")) { // and at no other character: ids may hold these
            String[] fields = line.split("\t", -1);
            if (fields.length != 3) throw damaged(file, "line " + (rows.size() + 1) + " has not three fields");
            for (int i = 0; i < 3; i++) fields[i] = unescape(fields[i]);
            rows.add(fields);
        }
        if (rows.size() < 2) throw damaged(file, "it has no rows");
        return rows.subList(1, rows.size());
    }

    private static long[] numbers(Path file, String text) {
        String[] parts = text.split(" ");
        long[] numbers = new long[parts.length];
        try {
            for (int i = 0; i < parts.length; i++) {
                numbers[i] = parts[i].equals("-") ? Dataset.UNKNOWN_TIME : Long.parseLong(parts[i]);
            }
        } catch (NumberFormatException e) {
            throw damaged(file, "'" + Source.cut(text) + "' is no list of numbers");
        }
        return numbers;
    }

    private static UserError damaged(Path file, String why) {
        return new UserError(file + ": damaged (" + why + "); write it again with 'beamwright prepare'");
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n");
    }

    private static String unescape(String text) {
        if (text.indexOf('\\') < 0) return text;
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '\\' || i + 1 == text.length()) s.append(c);
            else s.append(switch (text.charAt(++i)) { case 't' -> '\t'; case 'n' -> '\n'; default -> text.charAt(i); });
        }
        return s.toString();
    }
}
