package dev.beamwright.recsys.model;

import dev.beamwright.autograd.Ops;
import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Key;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Branches;
import dev.beamwright.transformer.Decoder;
import dev.beamwright.transformer.Encoded;
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
 * The decoder-only recommender: a history is one sequence of tokens, {@code begin, codes of item 1, codes of item 2, …},
 * and each token predicts the one behind it. A whole sequence is trained at once, with a loss at every position.
 *
 * @param tokens (all codes and the begin token, width)
 * @param heads one for each level, or null where the heads are the embedding tables themselves
 */
public record DecoderOnly(
        Variable tokens,
        Decoder decoder,
        List<Linear> heads,
        CodeSpace space,
        int maxItems,
        List<Tensor> levelTokens)
        implements
            GenerativeModel {
    private static final int NONE = -1; // a row number for which a gather adds nothing

    public static DecoderOnly of(ModelConfig c, CodeSpace space, Key key, SegmentAllocator memory) {
        var init = new Initializer(memory, key);
        Variable tokens = init.normal(c.tied() ? 1 / Math.sqrt(c.dModel()) : 0.1, space.tokens(), c.dModel());
        var decoder = Decoder.of(init, c.stack());
        return new DecoderOnly(
                tokens, decoder, c.tied() ? null : space.heads(init, c.dModel()), space, c.maxItems(),
                space.levelTokens(memory));
    }

    @Override
    public boolean sharesHistory() {
        return true;
    }

    @Override
    public Forward forward(Tape tape, List<Sample> samples, Noise noise) {
        int levels = space.levels();
        int[] offsets = new int[samples.size() + 1];
        for (int s = 0; s < samples.size(); s++) offsets[s + 1] = offsets[s] + samples.get(s).items().length * levels;
        int total = offsets[samples.size()], targets = 0;
        int[] ids = new int[total], positions = new int[total];
        for (int s = 0; s < samples.size(); s++) {
            int[] items = samples.get(s).items();
            targets += samples.get(s).targets();
            int at = offsets[s];
            // Row i·levels + l predicts level l of item i, so the last code of the sequence is no input.
            for (int i = 0; i < items.length * levels; i++) {
                ids[at + i] = i == 0 ? space.begin() : space.token(items[(i - 1) / levels], (i - 1) % levels);
                positions[at + i] = i;
            }
        }
        var rows = new Sequences(tape.rowInts(total, offsets), tape.rowInts(0, positions));
        List<Variable> cache = new ArrayList<>();
        Variable x = decoder.apply(tape, Ops.gather(tape, tokens, tape.rowInts(-1, ids)), rows, noise, cache);

        int[] begins = new int[targets], firstRows = new int[targets]; // of each target: its sequence's and its own
        for (int s = 0, n = 0; s < samples.size(); s++) {
            Sample sample = samples.get(s);
            for (int i = sample.from(); i < sample.items().length; i++, n++) {
                begins[n] = offsets[s];
                firstRows[n] = offsets[s] + i * levels;
            }
        }
        List<Variable> states = new ArrayList<>();
        for (int level = 0; level < levels; level++) {
            int l = level;
            states.add(Ops.gather(tape, x, tape.rowInts(-1, Arrays.stream(firstRows).map(r -> r + l).toArray())));
        }
        return new Forward() {
            @Override
            public List<Variable> states() {
                return states;
            }

            @Override
            public List<Variable> candidates(int[] chosen, int[][] items, Variable ask) {
                return DecoderOnly.this.candidates(tape, chosen, items, ask, begins, firstRows, states.getFirst(),
                        cache, noise);
            }

            /** A row has seen the rows before it only, so a history's states are the first ones of its sequence. */
            @Override
            public Encoded prompts(int[] chosen) {
                var rows = new IntArrayList();
                int[] ends = new int[chosen.length + 1];
                for (int c = 0; c < chosen.length; c++) {
                    for (int row = begins[chosen[c]]; row <= firstRows[chosen[c]]; row++) rows.add(row);
                    ends[c + 1] = rows.size();
                }
                return new Encoded(Ops.gather(tape, x, tape.ints(rows.toIntArray())), tape.ints(ends));
            }
        };
    }

    /** Each candidate is a branch of its target's sequence, which goes on from the row that predicts the first level. */
    private List<Variable> candidates(
            Tape tape,
            int[] chosen,
            int[][] items,
            Variable ask,
            int[] begins,
            int[] firstRows,
            Variable firstStates,
            List<Variable> cache,
            Noise noise) {
        int levels = space.levels();
        int inputs = ask == null ? levels - 1 : levels + 1; // the last code is an input only before another token
        var owners = new IntArrayList();
        var prefixes = new IntArrayList();
        var ids = new IntArrayList();
        var positions = new IntArrayList();
        int[] groups = new int[chosen.length + 1], prefixOffsets = new int[chosen.length + 1];
        for (int c = 0; c < chosen.length; c++) {
            int begin = begins[chosen[c]], first = firstRows[chosen[c]];
            for (int row = begin; row <= first; row++) prefixes.add(row);
            for (int item : items[c]) {
                owners.add(chosen[c]);
                for (int l = 0; l < inputs; l++) {
                    ids.add(l < levels ? space.token(item, l) : NONE);
                    positions.add(first - begin + 1 + l);
                }
            }
            groups[c + 1] = ids.size();
            prefixOffsets[c + 1] = prefixes.size();
        }
        List<Variable> states = new ArrayList<>();
        states.add(Ops.gather(tape, firstStates, tape.rowInts(-1, owners.toIntArray())));
        if (inputs == 0) return states;
        int n = owners.size();
        int[] offsets = new int[n + 1];
        for (int i = 0; i <= n; i++) offsets[i] = i * inputs;
        var branches = new Branches(
                new Sequences(tape.rowInts(ids.size(), offsets), tape.rowInts(0, positions.toIntArray())),
                tape.rowInts(ids.size(), groups),
                tape.rowInts(-1, prefixes.toIntArray()),
                tape.rowInts(prefixes.size(), prefixOffsets));
        Variable embedded = Ops.gather(tape, tokens, tape.rowInts(-1, ids.toIntArray()));
        if (ask != null) {
            int[] asks = ids.intStream().map(id -> id == NONE ? 0 : NONE).toArray();
            embedded = Ops.add(tape, embedded, Ops.gather(tape, ask, tape.rowInts(NONE, asks)));
        }
        Variable x = decoder.branches(tape, embedded, branches, cache, noise);
        for (int l = 0; l < inputs; l++) {
            if (l == levels - 1) continue; // behind the last code stands the token alone
            int[] rows = new int[n];
            for (int i = 0; i < n; i++) rows[i] = i * inputs + l;
            states.add(Ops.gather(tape, x, tape.rowInts(-1, rows)));
        }
        return states;
    }

    @Override
    public Variable logits(Tape tape, int level, Variable state, Tensor nodes) {
        if (heads != null) return heads.get(level).apply(tape, state);
        return Ops.linear(tape, state, Ops.gather(tape, tokens, levelTokens.get(level)));
    }

    @Override
    public Decoding read(Tape tape, List<int[]> histories, int[] unused) {
        int levels = space.levels(), users = histories.size();
        int[] offsets = new int[users + 1], last = new int[users];
        for (int u = 0; u < users; u++) {
            offsets[u + 1] = offsets[u] + 1 + Math.min(maxItems, histories.get(u).length) * levels;
            last[u] = offsets[u + 1] - 1;
        }
        int[] ids = new int[offsets[users]], positions = new int[offsets[users]];
        for (int u = 0; u < users; u++) {
            int[] history = histories.get(u);
            int first = Math.max(0, history.length - maxItems), at = offsets[u];
            ids[at++] = space.begin();
            for (int i = first; i < history.length; i++) {
                for (int l = 0; l < levels; l++) ids[at++] = space.token(history[i], l);
            }
            for (int i = offsets[u]; i < at; i++) positions[i] = i - offsets[u];
        }
        var rows = new Sequences(tape.rowInts(ids.length, offsets), tape.rowInts(0, positions));
        var decoding = decoder.prefill(tape, Ops.gather(tape, tokens, tape.rowInts(NONE, ids)), rows);
        Variable first = Ops.gather(tape, decoding.last(), tape.rowInts(NONE, last));
        var prompts = new Encoded(decoding.last(), rows.offsets());
        return new Decoding() {
            @Override
            public Variable first() {
                return first;
            }

            @Override
            public Encoded prompts() {
                return prompts;
            }

            @Override
            public Variable next(int level, int[] codes, int[] rowUsers, int[][] ancestors) {
                int[] id = Arrays.stream(codes).map(c -> space.tokenOf(level, c)).toArray();
                int[] path = Arrays.stream(ancestors).flatMapToInt(Arrays::stream).toArray();
                return next(level, tape.ints(id), rowUsers, tape.ints(path).reshape(id.length, level + 1));
            }

            @Override
            public int depth() {
                return 0;
            }

            @Override
            public Variable next(int level, Tensor ids, int[] rowUsers, Tensor ancestors) {
                int[] position = new int[rowUsers.length];
                for (int r = 0; r < position.length; r++) {
                    int u = Math.min(rowUsers[r], users - 1);
                    position[r] = offsets[u + 1] - offsets[u] + level;
                }
                return decoding.step(
                        tape,
                        Ops.gather(tape, tokens, ids),
                        tape.ints(position),
                        tape.ints(rowUsers),
                        ancestors);
            }
        };
    }
}
