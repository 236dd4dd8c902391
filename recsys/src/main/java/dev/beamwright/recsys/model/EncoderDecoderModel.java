package dev.beamwright.recsys.model;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.EncoderDecoder;
import dev.beamwright.transformer.Initializer;
import dev.beamwright.transformer.Linear;
import dev.beamwright.transformer.Noise;
import dev.beamwright.transformer.Sequences;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * TIGER's recommender (Rajput et al., "Recommender systems with generative retrieval", NeurIPS 2023): an encoder in
 * T5's form reads {@code user, codes of item 1, codes of item 2, …, end}, and a decoder writes
 * {@code begin, code 1, code 2, …} of the next item. Each target is read with a history of its own.
 *
 * @param tokens (all codes, begin, end and the users' tokens; width): what the encoder reads, and the decoder and the
 *     heads too where all are tied; there is no user token if there are no such rows
 * @param written (all codes and begin, width): what the decoder reads, or null if tied
 * @param heads one for each level, or null if tied. T5 has embeddings of deviation 1 and scales tied heads by
 *     width^-0.5; here the factor is on the other side, which is the same function of the same beginning, but an Adam
 *     step, which is as long for small numbers as for large ones, moves them √width times as far
 */
public record EncoderDecoderModel(
        Variable tokens,
        Variable written,
        EncoderDecoder network,
        List<Linear> heads,
        CodeSpace space,
        int maxItems,
        List<Tensor> levelTokens)
        implements
            GenerativeModel {
    private static final int NONE = -1; // a row number for which a gather adds nothing

    public static EncoderDecoderModel of(ModelConfig c, CodeSpace space, Key key, SegmentAllocator memory) {
        var init = new Initializer(memory, key);
        double deviation = 1 / Math.sqrt(c.dModel());
        Variable tokens = init.normal(deviation, space.tokens() + 1 + c.userTokens(), c.dModel());
        Variable written = c.tied() ? null : init.normal(deviation, space.tokens(), c.dModel());
        var network = EncoderDecoder.of(init, c.stack(), c.decoderStack());
        List<Linear> heads = c.tied() ? null : space.heads(init, c.dModel());
        return new EncoderDecoderModel(tokens, written, network, heads, space, c.maxItems(), space.levelTokens(memory));
    }

    @Override
    public boolean sharesHistory() {
        return false;
    }

    @Override
    public Forward forward(Tape tape, List<Sample> samples, Noise noise) {
        int levels = space.levels(), targets = samples.stream().mapToInt(Sample::targets).sum();
        var source = new Source(targets);
        int[] written = new int[targets];
        int n = 0;
        for (Sample sample : samples) {
            for (int i = sample.from(); i < sample.items().length; i++) {
                source.add(sample.user(), sample.items(), i);
                written[n++] = sample.items()[i];
            }
        }
        Encoded memory = network.encoder()
                .apply(tape, embedded(tape, tokens, source.ids(tape)), source.rows(tape), noise);
        List<Variable> states = decode(tape, written, null, memory, noise);
        return new Forward() {
            @Override
            public List<Variable> states() {
                return states;
            }

            /** Each candidate is written from the beginning, against what the encoder made of its target's history. */
            @Override
            public List<Variable> candidates(int[] chosen, int[][] items, Variable ask) {
                int length = length(ask);
                int[] readers = new int[targets + 1], all = Arrays.stream(items).flatMapToInt(Arrays::stream).toArray();
                int[] owners = new int[all.length];
                for (int c = 0, at = 0; c < chosen.length; c++) {
                    readers[chosen[c] + 1] = items[c].length * length;
                    Arrays.fill(owners, at, at += items[c].length, chosen[c]);
                }
                Arrays.parallelPrefix(readers, Integer::sum);
                Tensor rows = tape.rowInts(readers[targets], readers);
                List<Variable> others = decode(tape, all, ask, memory.readBy(rows), noise);
                others.set(0, Ops.gather(tape, states.getFirst(), tape.rowInts(NONE, owners)));
                return others;
            }

            @Override
            public Encoded prompts(int[] chosen) {
                var rows = new IntArrayList();
                int[] ends = new int[chosen.length + 1];
                for (int c = 0; c < chosen.length; c++) {
                    int from = source.offsets[chosen[c]], to = source.offsets[chosen[c] + 1];
                    for (int row = from; row < to; row++) rows.add(row);
                    ends[c + 1] = rows.size();
                }
                return new Encoded(Ops.gather(tape, memory.states(), tape.ints(rows.toIntArray())), tape.ints(ends));
            }
        };
    }

    /** Rows of an item in the decoder: begin and all codes but the last; or all codes, and a token behind them. */
    private int length(Variable ask) {
        return space.levels() + (ask == null ? 0 : 2);
    }

    /** The states that predict each level of these items, and those behind the last token, if there is one. */
    private List<Variable> decode(Tape tape, int[] items, Variable ask, Encoded memory, Noise noise) {
        int levels = space.levels(), length = length(ask);
        int[] ids = new int[items.length * length], asks = new int[ids.length];
        // Row n·length + l predicts level l of item n.
        for (int n = 0; n < ids.length; n++) {
            int l = n % length;
            ids[n] = l == 0 ? space.begin() : l <= levels ? space.token(items[n / length], l - 1) : NONE;
            asks[n] = l <= levels ? NONE : 0;
        }
        Variable embedded = embedded(tape, decoderTokens(), tape.rowInts(NONE, ids));
        if (ask != null) embedded = Ops.add(tape, embedded, embedded(tape, ask, tape.rowInts(NONE, asks)));
        Variable x = network.decode(tape, embedded, equalLengths(tape, items.length, length), memory, noise);
        List<Variable> states = new ArrayList<>();
        for (int l = 0; l < length; l++) {
            if (l == levels) continue; // behind the last code stands the token alone
            int[] rows = new int[items.length];
            for (int n = 0; n < rows.length; n++) rows[n] = n * length + l;
            states.add(Ops.gather(tape, x, tape.rowInts(NONE, rows)));
        }
        return states;
    }

    @Override
    public Variable logits(Tape tape, int level, Variable state, Tensor nodes) {
        if (heads != null) return heads.get(level).apply(tape, state);
        return Ops.linear(tape, state, Ops.gather(tape, tokens, levelTokens.get(level)));
    }

    @Override
    public Decoding read(Tape tape, List<int[]> histories, int[] users) {
        int n = histories.size();
        var source = new Source(n);
        for (int u = 0; u < n; u++) source.add(users[u], histories.get(u), histories.get(u).length);
        Encoded memory = network.encoder()
                .apply(tape, embedded(tape, tokens, source.ids(tape)), source.rows(tape), Noise.none());
        var decoding = network.decoder().against(tape, memory);
        return new Decoding() {
            // The begin token is the first row of every path: row u of user u.
            private final int rows = tape.backend().rows(n);
            private final Variable first = step(
                    tape.ints(begins(rows)),
                    0,
                    Arrays.stream(range(rows)).map(r -> Math.min(r, n - 1)).toArray(),
                    tape.ints(range(rows)).reshape(rows, 1));

            @Override
            public Variable first() {
                return first;
            }

            @Override
            public Encoded prompts() {
                return memory;
            }

            @Override
            public Variable next(int level, int[] codes, int[] rowUsers, int[][] ancestors) {
                int[] ids = new int[codes.length], path = new int[codes.length * (level + 2)];
                for (int r = 0; r < codes.length; r++) {
                    ids[r] = space.tokenOf(level, codes[r]);
                    path[r * (level + 2)] = rowUsers[r];
                    System.arraycopy(ancestors[r], 0, path, r * (level + 2) + 1, level + 1);
                }
                return next(level, tape.ints(ids), rowUsers, tape.ints(path).reshape(ids.length, level + 2));
            }

            @Override
            public int depth() {
                return 1;
            }

            @Override
            public Variable next(int level, Tensor ids, int[] rowUsers, Tensor ancestors) {
                return step(ids, level + 1, rowUsers, ancestors);
            }

            private Variable step(Tensor ids, int position, int[] rowUsers, Tensor ancestors) {
                int[] positions = new int[rowUsers.length];
                Arrays.fill(positions, position);
                return decoding.step(
                        tape,
                        embedded(tape, decoderTokens(), ids),
                        tape.ints(positions),
                        tape.ints(rowUsers),
                        ancestors);
            }
        };
    }

    /** Rows of a table, times √width (Vaswani et al., 2017, section 3.4). */
    private static Variable embedded(Tape tape, Variable table, Tensor ids) {
        return Ops.scale(tape, Ops.gather(tape, table, ids), (float) Math.sqrt(table.dim(-1)));
    }

    private Variable decoderTokens() {
        return written == null ? tokens : written;
    }

    private int[] begins(int n) {
        int[] ids = new int[n];
        Arrays.fill(ids, space.begin());
        return ids;
    }

    private static int[] range(int n) {
        int[] r = new int[n];
        for (int i = 0; i < n; i++) r[i] = i;
        return r;
    }

    private static Sequences equalLengths(Tape tape, int count, int length) {
        int[] offsets = new int[count + 1], positions = new int[count * length];
        for (int s = 0; s <= count; s++) offsets[s] = s * length;
        for (int i = 0; i < positions.length; i++) positions[i] = i % length;
        return new Sequences(tape.rowInts(count * length, offsets), tape.rowInts(0, positions));
    }

    /** The token of a user, or -1 for none. */
    private int userToken(int user) {
        int first = space.tokens() + 1, count = tokens.dim(0) - first;
        return count == 0 || user == Sample.NOBODY ? -1 : first + Key.of(user).below(0, count);
    }

    /** What the encoder reads, one sequence behind the other. */
    private final class Source {
        private final IntArrayList ids = new IntArrayList(), positions = new IntArrayList();
        private final int[] offsets;
        private int count;

        Source(int sequences) {
            offsets = new int[sequences + 1];
        }

        /** The latest of the first {@code length} items of a user. */
        void add(int user, int[] items, int length) {
            int from = ids.size();
            if (userToken(user) >= 0) ids.add(userToken(user));
            for (int i = Math.max(0, length - maxItems); i < length; i++) {
                for (int l = 0; l < space.levels(); l++) ids.add(space.token(items[i], l));
            }
            ids.add(space.tokens()); // the end
            for (int i = from; i < ids.size(); i++) positions.add(i - from);
            offsets[++count] = ids.size();
        }

        Tensor ids(Tape tape) {
            return tape.rowInts(-1, ids.toIntArray());
        }

        Sequences rows(Tape tape) {
            return new Sequences(tape.rowInts(ids.size(), offsets), tape.rowInts(0, positions.toIntArray()));
        }
    }
}
