package dev.beamwright.recsys.embedding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.embedding.ItemVectors.Block;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.Npy;
import dev.beamwright.tensor.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ItemVectorsTest {
    private static final Arena MEMORY = Arena.global();

    @TempDir
    Path folder;

    @Test
    void weightsTermsByFrequencyAndRarity() {
        SparseMatrix m = TextMatrix.words(List.of("Red red SHAMPOO, once", "red soap", "blue-soap", "blue  shampoo"));
        // red, shampoo, soap and blue occur in two items each; no pair of words does, and 'once' in one alone
        assertThat(m.columns()).isEqualTo(4);
        double red = 1 + Math.log(2); // twice; the idf is the same for all
        assertThat(m.value()[0] / m.value()[1]).isCloseTo((float) red, within(1e-5f));
        assertThat(m.value()[0]).isCloseTo((float) (red / Math.sqrt(1 + red * red)), within(1e-5f));
        assertThat(Arrays.copyOfRange(m.offsets(), 1, 5)).containsExactly(2, 4, 6, 8);
        assertThat(TextMatrix.split("Fantômas – À l'ombre №5 日本")).containsExactly("fantômas", "à", "l", "ombre", "no5",
                "日本");
    }

    @Test
    void textPutsItemsOfOneKindTogether() {
        List<String> texts = List.of(
                "nail polish red", "nail polish blue", "red nail polish set", "hair shampoo dry", "dry hair shampoo",
                "shampoo for hair");
        Dataset data = new Dataset(List.of(), texts, texts, texts, new int[0][], null);
        for (boolean hashed : new boolean[] {false, true}) {
            Tensor x = ItemVectors.text(data, 2, hashed, Key.of(1), MEMORY);
            assertThat(x.shape().dim(-1)).isEqualTo(2);
            assertThat(cosine(x, 0, 1)).isGreaterThan(0.8);
            assertThat(cosine(x, 3, 5)).isGreaterThan(0.8);
            assertThat(cosine(x, 0, 4)).isLessThan(0.3);
        }
    }

    @Test
    void cooccurrenceIsPositiveInformationWithinTheWindow() {
        // items 0 and 1 always together, 2 and 3 always together, 4 alone
        int[][] train = {{0, 1}, {1, 0}, {2, 3}, {3, 2}, {4}, {0, 0}};
        SparseMatrix m = CooccurrenceMatrix.ppmi(train, 5, 5);
        assertThat(m.offsets()).containsExactly(0, 1, 2, 3, 4, 4);
        assertThat(m.column()).containsExactly(1, 0, 3, 2);
        // c(0,1) = 2, c(0) = 2, four contexts of 2^0.75 each
        assertThat(m.value()[0]).isCloseTo((float) Math.log(4), within(1e-5f));
        // at distance 2 a pair counts half; beyond the window nothing
        SparseMatrix far = CooccurrenceMatrix.ppmi(new int[][] {{0, 4, 1}, {2, 4, 4, 4, 3}}, 5, 2);
        assertThat(Arrays.copyOfRange(far.column(), far.offsets()[2], far.offsets()[3])).containsExactly(4);
        assertThat(Arrays.copyOfRange(far.column(), far.offsets()[0], far.offsets()[1])).containsExactly(1, 4);

        Tensor x = ItemVectors.collaborative(train, 5, 64, 5, Key.of(1), MEMORY);
        assertThat(x.shape()).as("no more dimensions than directions").isEqualTo(Shape.of(5, 4));
        assertThat(x.get(4 * 4)).isZero();
    }

    @Test
    void rowsHaveTheLengthOfTheirBlocksWeight() {
        Tensor a = Tensor.of(MEMORY, Shape.of(2, 2), 30f, 40f, 0f, 0f),
                b = Tensor.of(MEMORY, Shape.of(2, 1), 0.1f, -3f);
        Tensor both = ItemVectors.concatenated(List.of(new Block(a, 1), new Block(b, 1.5)), MEMORY);
        assertThat(both.toArray()).containsExactly(new float[] {0.6f, 0.8f, 1.5f, 0, 0, -1.5f}, within(1e-6f));
    }

    @Test
    void importsBothFormats() throws IOException {
        Tensor x = Tensor.of(MEMORY, Shape.of(2, 2), 1f, 2f, 3f, 4f),
                bf16 = Tensor.zeros(MEMORY, Shape.of(2, 1), DType.BF16);
        bf16.data().setAtIndex(ValueLayout.JAVA_SHORT, 1, (short) (Float.floatToIntBits(-1.5f) >>> 16));
        Path of = Files.createDirectories(folder.resolve("experiment #3"));
        Path npy = of.resolve("v.npy"), safe = of.resolve("v.safetensors");
        Npy.write(npy, x);
        var both = new LinkedHashMap<String, Tensor>(Map.of("x", x));
        both.put("half", bf16);
        both.put("whole", Tensor.of(MEMORY, Shape.of(2, 1), 1, 2));
        SafeTensors.write(safe, both, Map.of());
        assertThat(ItemVectors.imported(npy.toString(), 2, MEMORY).toArray()).containsExactly(1, 2, 3, 4);
        assertThat(ItemVectors.imported(safe + "#x", 2, MEMORY).toArray()).containsExactly(1, 2, 3, 4);
        assertThat(ItemVectors.imported(safe + "#half", 2, MEMORY).toArray()).containsExactly(0, -1.5f);

        Npy.write(npy, Tensor.of(MEMORY, Shape.of(2, 2), 1e5f + 1, 2f, 1e5f - 1, 4f)); // no distance is of the 1e5
        assertThat(ItemVectors.imported(npy.toString(), 2, MEMORY).toArray()).containsExactly(1, 2, -1, 4);

        refused(safe.toString(), 2, "holds 3 tensors; say which by " + safe + "#NAME");
        refused(safe + "#y", 2, "holds no tensor 'y', only [x, half, whole]");
        refused(safe + "#whole", 2, "holds integers");
        refused(npy.toString(), 3, "2 rows for 3 items");
        Npy.write(folder.resolve("large.npy"), Tensor.of(MEMORY, Shape.of(2, 1), 1f, -1e16f));
        refused(folder.resolve("large.npy").toString(), 2, "row 1 (counted from 0) holds -1.0E16 in column 0");
        refused(npy.toString(), 1, "if row 0 is padding, leave it out");
        x.set(3, Float.NaN);
        Npy.write(npy, x);
        refused(npy.toString(), 2, "row 1 (counted from 0) holds NaN in column 1");
        Npy.write(npy, x.reshape(4));
        refused(npy.toString(), 4, "shape (4), expected (items, dimensions)");
        Files.write(npy, Arrays.copyOf(Files.readAllBytes(npy), 130));
        refused(npy.toString(), 4, "truncated");
        refused(folder.resolve("none.safetensors").toString(), 4, "there is no such file");
    }

    /** Rows by number alone are an accident waiting: ids beside them say whose they are, and are checked. */
    @Test
    void rowsAreMatchedByTheIdsBesideThem() throws IOException {
        List<String> items = List.of("b", "10", "a"), said = new ArrayList<>();
        Path npy = folder.resolve("w.npy"), ids = folder.resolve("w.ids.txt");
        Npy.write(npy, Tensor.of(MEMORY, Shape.of(4, 1), 1f, 2f, 3f, 4f));
        refusedBy(npy.toString(), items, "4 rows for 3 items");
        for (String list : List.of("a\n10\nz\nb\n", "item_id\na\n10\nz\nb\n", "\uFEFFa\r\n10\r\nz\r\nb",
                "0\ta\n1\t10\n2\tz\n3\tb\n", "item,row\nb,3\na,0\nz,2\n10,1\n")) {
            Files.writeString(ids, list);
            Tensor t = ItemVectors.imported(npy.toString(), items, MEMORY, Progress.lines(said::add));
            assertThat(t.toArray()).as(list).containsExactly(4, 2, 1);
        }
        assertThat(said).allMatch(s -> s.contains("matched by the ids in " + ids) && s.contains("1 belong to no item"));
        Files.writeString(ids, "a\na\nz\nb\n");
        refusedBy(npy.toString(), items, "rows 0 and 1 (counted from 0) have the same id 'a'");
        Files.writeString(ids, "a\nb\nz\nc\n");
        refusedBy(npy.toString(), items, "1 of 3 items have no row, such as [10]");
        Files.writeString(ids, "a\nb\n");
        refusedBy(npy.toString(), items, "2 ids for 4 rows");
        Files.delete(ids);
        said.clear();
        ItemVectors.imported(npy.toString(), List.of("w", "x", "y", "z"), MEMORY, Progress.lines(said::add));
        assertThat(said.getFirst()).contains("in the order of data/items.tsv", "no ids.txt");
    }

    /** Other tensors of the file may be of any type, even of one that nobody knows; whole numbers named ids tell the rows. */
    @Test
    void aNamedTensorIsJudgedAlone() throws IOException {
        String header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                + "\"odd\":{\"dtype\":\"F4\",\"shape\":[0],\"data_offsets\":[8,8]},\"bad\":7,"
                + "\"ids\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[8,24]}}";
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length() + 24).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length()).put(header.getBytes()).putFloat(1.5f).putFloat(2.5f).putLong(70).putLong(-9);
        String file = Files.write(folder.resolve("alone.safetensors"), bytes.array()).toString();
        Progress silent = Progress.silent();
        assertThat(ItemVectors.imported(file + "#x", List.of("-9", "70"), MEMORY, silent).toArray())
                .containsExactly(2.5f, 1.5f);
        refusedBy(file + "#odd", List.of("-9", "70"), "F4");
        refusedBy(file + "#bad", List.of("-9", "70"), "no JSON object");
        refusedBy(file + "#none", List.of("-9", "70"), "holds no tensor 'none'");
        refusedBy(file + "#x", List.of("-9", "71"), "1 of 2 items have no row, such as [71]");
        Files.write(Path.of(file), Arrays.copyOf(bytes.array(), bytes.capacity() - 20));
        refusedBy(file + "#x", List.of("-9", "70"), "truncated");
    }

    private static void refusedBy(String source, List<String> items, String message) {
        assertThatThrownBy(() -> ItemVectors.imported(source, items, MEMORY, Progress.silent()))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(message);
    }

    private static void refused(String source, int items, String message) {
        assertThatThrownBy(() -> ItemVectors.imported(source, items, MEMORY))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    private static double cosine(Tensor x, int a, int b) {
        double ab = 0, aa = 0, bb = 0;
        int c = x.shape().dim(-1);
        for (int i = 0; i < c; i++) {
            ab += x.get(a * c + i) * x.get(b * c + i);
            aa += x.get(a * c + i) * x.get(a * c + i);
            bb += x.get(b * c + i) * x.get(b * c + i);
        }
        return ab / Math.sqrt(aa * bb);
    }
}
