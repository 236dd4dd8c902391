package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.Gemm.packRows;
import static dev.beamwright.tensor.cpu.Gemm.panelBytes;
import static dev.beamwright.tensor.cpu.Gemm.panels;
import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.get;
import static dev.beamwright.tensor.cpu.Lanes.getInt;
import static dev.beamwright.tensor.cpu.Tile.COLUMNS;
import static dev.beamwright.tensor.cpu.Tile.DEPTH;
import static dev.beamwright.tensor.cpu.Tile.LDA;
import static dev.beamwright.tensor.cpu.Tile.ROWS;
import static java.util.Objects.checkIndex;

import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Attention of one decoding step: rows of the same user, one behind the other, meet the user's prompt together, as a
 * strip of {@link Attention} does, and each its own ancestors. These count as the last keys of the last block.
 */
final class BeamAttention {
    /** The most levels of ancestors there is room for behind a block of the prompt. */
    static final int LEVELS = 32;

    /** Rows of one strip. */
    private static final int STRIP = 10 * ROWS;
    /** Bytes of a prompt's keys and values from which on they are not in a cache: those of other layers come between. */
    private static final long LARGE = 2 << 20;
    /** Keys of the prompt in one block. */
    static final int BLOCK = DEPTH - LEVELS;

    private final int heads, dim, width, depth, biasColumns;
    private final float scale;
    private final boolean large;
    private final Prompts source; // null if only ancestors are seen
    private final long out, q, packed, users, ancestors, bias;
    private final long[] levels;
    private final int[] levelRows;

    /** Operands as in {@link dev.beamwright.tensor.Backend#beamAttention}; at most {@link #LEVELS} levels. */
    BeamAttention(
            Tensor out,
            Tensor q,
            Tensor promptKv,
            Tensor packed,
            Tensor promptOffsets,
            Tensor users,
            List<Tensor> levels,
            Tensor ancestors,
            Tensor bias,
            int heads,
            float scale) {
        this.heads = heads;
        this.scale = scale;
        width = q.shape().dim(-1);
        dim = width / heads;
        depth = levels.size();
        biasColumns = bias == null ? 0 : bias.shape().dim(-1);
        this.out = address(out);
        this.q = address(q);
        source = promptKv == null ? null : new Prompts(promptKv, promptOffsets, heads);
        this.packed = packed == null ? 0 : address(packed);
        large = packed == null && promptKv != null && 4 * promptKv.shape().size() > LARGE;
        this.users = promptKv == null ? 0 : address(users);
        this.ancestors = depth == 0 ? 0 : address(ancestors);
        this.bias = bias == null ? 0 : address(bias);
        this.levels = levels.stream().mapToLong(Lanes::address).toArray();
        levelRows = levels.stream().mapToInt(t -> t.shape().rows()).toArray();
    }

    /** Rows [first, last) of one user, at most {@link #STRIP}. */
    private record Group(int first, int last, int user) {}

    void run(int rows) {
        var groups = new ArrayList<Group>();
        for (int r = 0; r < rows;) {
            int first = r, user = source == null ? 0 : checkIndex(getInt(users + 4L * r), source.users());
            while (r < rows && r - first < STRIP && (source == null || getInt(users + 4L * r) == user)) r++;
            groups.add(new Group(first, r, user));
        }
        IntConsumer part = i -> {
            var strip = new Strip(groups.get(i / heads), i % heads);
            if (large && strip.head == 0) strip.tile[0] = source.fetch(strip.user); // or C2 would read nothing
            strip.run();
        };
        int parts = groups.size() * heads;
        if (rows >= 4 && parts > 1) Parallel.run(parts, part);
        else for (int i = 0; i < parts; i++) part.accept(i);
    }

    /** One thing that is done to a strip and a block; see {@link Flat} on why these are called by an interface. */
    private interface Step {
        void run(Strip s);
    }

    private static final Step[] STEPS = {
        Strip::packKeys,
        Strip::packValues,
        Strip::scores,
        Strip::ancestorScores,
        Strip::softmax,
        Strip::grow,
        Strip::weightedValues,
        Strip::ancestorValues
    };

    private static final Step[] BEGIN = {Strip::packQueries, Strip::biases};
    private static final Step[] FINISH = {Strip::finish};

    private static void run(Step[] steps, Strip s) {
        for (Step step : steps) step.run(s);
    }

    /** The work on one head of one group of rows. */
    private final class Strip {
        final int user, head, first, rows, prompt, padded = (int) panels(dim) * COLUMNS;
        final Scratch scratch = Scratch.get();
        final float[] queries = scratch.array(Scratch.QUERIES, STRIP * LDA);
        final float[] p = scratch.array(Scratch.SCORES, STRIP * LDA),
                results = scratch.array(Scratch.RESULTS, STRIP * padded);
        final float[] max = scratch.array(Scratch.MAXIMA, STRIP), sum = scratch.array(Scratch.ROW_SUMS, STRIP);
        final float[] tile = scratch.array(Scratch.TILE, ROWS * COLUMNS), bias;
        /** Where the block's keys and values are packed. */
        long keys, values;
        /** The block's first key, and how many of the prompt and of the ancestors it has. */
        int from, prompts, levelsHere;

        Strip(Group g, int head) {
            this.head = head;
            first = g.first;
            rows = g.last - g.first;
            user = g.user;
            prompt = source == null ? 0 : source.keys(user);
            bias = scratch.array(Scratch.BIAS, prompt + depth + DEPTH);
        }

        void run() {
            BeamAttention.run(BEGIN, this);
            do {
                prompts = Math.min(BLOCK, prompt - from);
                levelsHere = from + prompts == prompt ? depth : 0;
                BeamAttention.run(STEPS, this);
                from += prompts;
            } while (from < prompt);
            BeamAttention.run(FINISH, this);
        }

        private long query(long tensor, int r) {
            return tensor + 4 * ((long) (first + r) * width + head * dim);
        }

        private long key(long tensor, long row) {
            return tensor + 4 * (row * 2 * width + head * dim);
        }

        private long ancestor(int r, int level) {
            int row = getInt(ancestors + 4 * ((long) (first + r) * depth + level));
            return key(levels[level], checkIndex(row, levelRows[level]));
        }

        void biases() {
            int reach = (biasColumns - 1) / 2, n = prompt + depth;
            for (int j = 0; j < n; j++) {
                int column = Math.clamp(j - (n - 1), -reach, reach) + reach;
                bias[j] = biasColumns == 0 ? 0 : get(BeamAttention.this.bias + 4L * (head * biasColumns + column));
            }
        }

        void packQueries() {
            packRows(query(q, 0), 4L * width, rows, dim, queries, 0);
        }

        void packKeys() {
            if (prompts == 0) return;
            if (packed != 0) {
                keys = packed + source.block(user, head, from);
            } else {
                keys = scratch.block(Scratch.KEYS_T, source.keyBytes(BLOCK) / 4);
                source.packKeys(user, head, from, prompts, keys);
            }
        }

        void packValues() {
            if (prompts == 0) return;
            if (packed != 0) {
                values = keys + source.keyBytes(prompts);
            } else {
                values = scratch.block(Scratch.VALUES, panels(dim) * panelBytes(BLOCK) / 4);
                source.packValues(user, head, from, prompts, values);
            }
        }

        void scores() {
            for (int j = 0; j < prompts; j += COLUMNS) {
                int w = Math.min(COLUMNS, prompts - j);
                long panel = keys + j / COLUMNS * panelBytes(dim);
                for (int r = 0; r < rows; r += ROWS) {
                    int h = Math.min(ROWS, rows - r);
                    Tile.rows(h, w, queries, r * LDA, panel, 4 * COLUMNS, p, r * LDA + j, LDA, dim);
                }
            }
        }

        void ancestorScores() {
            for (int r = 0; r < rows; r++) {
                for (int l = 0; l < levelsHere; l++) {
                    p[r * LDA + prompts + l] = Rows.dot(query(q, r), ancestor(r, l), dim);
                }
            }
        }

        void softmax() {
            for (int r = 0; r < rows; r++) {
                float top = Weights.biased(p, r * LDA, scale, bias, from, prompts + levelsHere);
                if (from == 0) {
                    max[r] = top;
                    sum[r] = 0;
                } else if (top > max[r]) {
                    float shrink = (float) Math.exp(max[r] - top);
                    max[r] = top;
                    sum[r] *= shrink;
                    Weights.scale(results, r * padded, shrink, dim);
                }
            }
        }

        void grow() {
            for (int r = 0; r < rows; r++) sum[r] += Weights.exp(p, r * LDA, max[r], prompts + levelsHere);
        }

        void weightedValues() {
            for (int j = 0; j < dim; j += COLUMNS) {
                long panel = values + j / COLUMNS * panelBytes(prompts);
                for (int r = 0; r < rows; r += ROWS) {
                    int h = Math.min(ROWS, rows - r), w = Math.min(COLUMNS, dim - j);
                    if (from == 0) {
                        Tile.rows(h, w, p, r * LDA, panel, 4 * COLUMNS, results, r * padded + j, padded, prompts);
                    } else {
                        Tile.rows(h, w, p, r * LDA, panel, 4 * COLUMNS, tile, 0, COLUMNS, prompts);
                        for (int i = 0; i < h; i++) Weights.add(results, (r + i) * padded + j, tile, i * COLUMNS, w);
                    }
                }
            }
        }

        void ancestorValues() {
            for (int r = 0; r < rows; r++) {
                for (int l = 0; l < levelsHere; l++) {
                    Weights.add(results, r * padded, p[r * LDA + prompts + l], ancestor(r, l) + 4L * width, dim);
                }
            }
        }

        void finish() {
            for (int r = 0; r < rows; r++)
                Weights.put(query(out, r), results, r * padded, sum[r] == 0 ? 0 : 1 / sum[r], dim);
        }
    }
}
