package dev.beamwright.recsys.embedding;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.beamwright.recsys.data.Dataset;
import dev.beamwright.recsys.run.Progress;
import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.io.Npy;
import dev.beamwright.tensor.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.SegmentAllocator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Item vectors, one row per item in the order of the data set, as tensors (items, dimensions). They say which items are
 * alike, by their text, by who met them together, or by any other model whose vectors are imported.
 */
public final class ItemVectors {
    /** Squares of larger numbers, added up, could be more than a float can be. */
    private static final float LARGEST = 1e15f;
    /** Deviations from 0 beyond which the mean of a column is taken from it. */
    private static final double FAR = 100;

    private ItemVectors() {}

    /**
     * From the items' text: TF-IDF of words and pairs of words, then the first {@code dims} directions of a singular
     * value decomposition, {@code U · S} (latent semantic analysis: Deerwester et al., 1990).
     *
     * @param hashed words and letter n-grams hashed into a fixed number of columns, in place of words and pairs
     */
    public static Tensor text(Dataset data, int dims, boolean hashed, Key key, SegmentAllocator memory) {
        List<String> texts = IntStream.range(0, data.items().size())
                .mapToObj(i -> textOf(data, i))
                .toList();
        SparseMatrix terms = hashed ? TextMatrix.hashed(texts) : TextMatrix.words(texts);
        return vectors(TruncatedSvd.of(terms, dims, key.fold("text")), data.items().size(), 1, memory);
    }

    /**
     * From who met which items close together: {@code U · √S} of the positive pointwise mutual information of items
     * within a window of the training sequences (Levy and Goldberg, 2014). An item without neighbours gets zeros.
     *
     * @param train the training part of each user's sequence, and nothing else, or the vectors know the answers
     * @param window the largest distance that counts
     */
    public static Tensor collaborative(
            int[][] train, int items, int dims, int window, Key key, SegmentAllocator memory) {
        SparseMatrix near = CooccurrenceMatrix.ppmi(train, items, window);
        return vectors(TruncatedSvd.of(near, dims, key.fold("collaborative")), items, 0.5, memory);
    }

    /** Some of the columns: where they come from, and how much they weigh beside others. */
    public record Block(Tensor vectors, double weight) {}

    /**
     * Several blocks side by side. Each item's row is scaled to a length of 1 within each block, times the block's
     * weight, so that a distance compares directions and no block or item counts more by the size of its numbers; a row
     * of zeros, of an item of which a block knows nothing, stays zero.
     */
    public static Tensor concatenated(List<Block> blocks, SegmentAllocator memory) {
        int rows = blocks.getFirst().vectors().shape().rows(), from = 0;
        int columns = blocks.stream().mapToInt(b -> b.vectors().shape().dim(-1)).sum();
        Tensor all = Tensor.zeros(memory, Shape.of(rows, columns));
        for (Block block : blocks) {
            int c = block.vectors().shape().dim(-1);
            for (int r = 0; r < rows; r++) {
                double squares = 0;
                for (int i = 0; i < c; i++) {
                    double v = block.vectors().get((long) r * c + i);
                    squares += v * v;
                }
                double scale = squares == 0 ? 0 : block.weight() / Math.sqrt(squares);
                for (int i = 0; i < c; i++) {
                    float v = block.vectors().get((long) r * c + i);
                    all.set((long) r * columns + from + i, (float) (v * scale));
                }
            }
            from += c;
        }
        return all;
    }

    /**
     * From a file: {@code .npy} (float16, float32, float64) or {@code .safetensors} (F32, F16, BF16, F64; where it holds
     * several tensors, the file name is followed by {@code #} and the tensor's name). Where the ids of the rows are told
     * beside it, see {@link RowIds}, each item gets the row with its id; otherwise rows are in the order of the run's
     * {@code data/items.tsv}.
     *
     * @throws UserError if an item has no row or two, or a number is none
     */
    public static Tensor imported(String source, List<String> items, SegmentAllocator memory, Progress progress) {
        VectorFile file = VectorFile.of(source);
        Tensor t = read(file, memory);
        RowIds ids = RowIds.beside(file, t.shape().rows());
        if (ids == null) {
            progress.say("rows of " + source + " are taken in the order of data/items.tsv: no ids.txt beside it tells"
                    + " their ids");
            return checked(t, source, items.size());
        }
        int[] rows = ids.rowsOf(items);
        progress.say("rows of " + source + " are matched by the ids in " + ids.source()
                + (t.shape().rows() > rows.length
                        ? "; " + (t.shape().rows() - rows.length) + " belong to no item of this run"
                        : ""));
        int columns = t.shape().dim(-1);
        Tensor inOrder = Tensor.uninitialized(memory, Shape.of(rows.length, columns), DType.F32);
        for (int i = 0; i < rows.length; i++) {
            for (int c = 0; c < columns; c++) inOrder.set((long) i * columns + c, t.get((long) rows[i] * columns + c));
        }
        return checked(inOrder, source, items.size());
    }

    /** The same of a file whose rows are the items in order, one each. */
    public static Tensor imported(String source, int items, SegmentAllocator memory) {
        return checked(read(VectorFile.of(source), memory), source, items);
    }

    private static Tensor read(VectorFile file, SegmentAllocator memory) {
        try {
            Tensor t = file.isSafeTensors() ? named(file, memory) : Npy.read(file.path(), memory);
            if (t.shape().rank() != 2) {
                throw new UserError(
                        file + ": item vectors of shape " + t.shape() + ", expected (items, dimensions)");
            }
            return t;
        } catch (IOException e) {
            throw new UserError(e.getMessage() == null ? file + ": cannot be read: " + e : e.getMessage(), e);
        }
    }

    private static Tensor checked(Tensor t, String source, int items) {
        int rows = t.shape().rows(), columns = t.shape().dim(-1);
        if (rows != items) {
            String extra = rows == items + 1 ? "; if row 0 is padding, leave it out" : "";
            throw new UserError(source + ": " + rows + " rows for " + items
                    + " items; there must be one row per item, in the order of data/items.tsv, or an ids.txt beside the"
                    + " file with the item id of each row" + extra);
        }
        for (long i = 0; i < t.shape().size(); i++) {
            if (!(Math.abs(t.get(i)) <= LARGEST)) {
                throw new UserError(source + ": row " + i / columns + " (counted from 0) holds " + t.get(i)
                        + " in column " + i % columns + "; every number must be finite, and not above " + LARGEST);
            }
        }
        centre(t);
        return t;
    }

    /**
     * Takes from each column its mean where that is far larger than what the rows differ by. It is no part of any
     * distance, but distances are computed by products, in which it would drown the differences.
     */
    private static void centre(Tensor t) {
        int rows = t.shape().rows(), columns = t.shape().dim(-1);
        for (int c = 0; c < columns; c++) {
            double sum = 0, squares = 0;
            for (int r = 0; r < rows; r++) sum += t.get((long) r * columns + c);
            double mean = sum / rows;
            for (int r = 0; r < rows; r++) {
                double d = t.get((long) r * columns + c) - mean;
                squares += d * d;
            }
            if (Math.abs(mean) <= FAR * Math.sqrt(squares / rows)) continue;
            for (int r = 0; r < rows; r++) {
                long i = (long) r * columns + c;
                t.set(i, (float) (t.get(i) - mean));
            }
        }
    }

    private static String textOf(Dataset data, int item) {
        String text = data.texts().get(item); // begins with the title
        return text.isBlank() ? data.titles().get(item) : text;
    }

    private static Tensor named(VectorFile file, SegmentAllocator memory) throws IOException {
        List<String> names = SafeTensors.names(file.path());
        String name = file.tensor();
        if (name == null && names.size() != 1) {
            throw new UserError(file.path() + ": holds " + names.size() + " tensors; say which by " + file.path()
                    + "#NAME, one of " + names.stream().limit(8).toList());
        }
        if (name == null) name = names.getFirst();
        if (!names.contains(name)) {
            throw new UserError(file.path() + ": holds no tensor '" + name + "', only "
                    + names.stream().limit(8).toList());
        }
        Tensor t = SafeTensors.read(file.path(), name, memory);
        return switch (t.dtype()) {
            case F32 -> t;
            case BF16 -> widened(t, memory);
            case I32 -> throw new UserError(file.path() + ": holds integers, expected F32, F16 or BF16");
        };
    }

    private static Tensor widened(Tensor bf16, SegmentAllocator memory) {
        Tensor t = Tensor.uninitialized(memory, bf16.shape(), DType.F32);
        for (long i = 0; i < t.shape().size(); i++) {
            int upper = bf16.data().getAtIndex(JAVA_SHORT, i) << 16;
            t.set(i, Float.intBitsToFloat(upper));
        }
        return t;
    }

    /** The rows {@code U · S^power}; fewer columns where the matrix has fewer directions, but at least one. */
    private static Tensor vectors(TruncatedSvd svd, int rows, double power, SegmentAllocator memory) {
        int found = svd.values().length, dims = Math.max(1, found);
        Tensor t = Tensor.zeros(memory, Shape.of(rows, dims));
        for (int c = 0; c < found; c++) {
            double scale = Math.pow(svd.values()[c], power);
            for (int r = 0; r < rows; r++) t.set((long) r * dims + c, (float) (svd.left()[c][r] * scale));
        }
        return t;
    }
}
