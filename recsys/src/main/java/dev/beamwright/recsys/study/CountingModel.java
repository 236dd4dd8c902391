package dev.beamwright.recsys.study;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.recsys.model.CodeSpace;
import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Sample;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.Noise;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A model that counts what a search asks of it.
 *
 * @param rows by level: states from which codes were predicted; behind them: histories that were read
 */
record CountingModel(GenerativeModel model, AtomicLongArray rows) implements GenerativeModel {
    CountingModel(GenerativeModel model) {
        this(model, new AtomicLongArray(model.space().levels() + 1));
    }

    @Override
    public CodeSpace space() {
        return model.space();
    }

    @Override
    public int maxItems() {
        return model.maxItems();
    }

    @Override
    public Variable tokens() {
        return model.tokens();
    }

    @Override
    public Forward forward(Tape tape, List<Sample> samples, Noise noise) {
        return model.forward(tape, samples, noise);
    }

    @Override
    public Variable logits(Tape tape, int level, Variable state, Tensor nodes) {
        rows.addAndGet(level, state.dim(0));
        return model.logits(tape, level, state, nodes);
    }

    @Override
    public boolean sharesHistory() {
        return model.sharesHistory();
    }

    @Override
    public Decoding read(Tape tape, List<int[]> histories, int[] users) {
        rows.addAndGet(space().levels(), users.length);
        Decoding decoding = model.read(tape, histories, users);
        return new Decoding() {
            @Override
            public Variable first() {
                return decoding.first();
            }

            @Override
            public Encoded prompts() {
                return decoding.prompts();
            }

            @Override
            public Variable next(int level, int[] codes, int[] rowUsers, int[][] ancestors) {
                return decoding.next(level, codes, rowUsers, ancestors);
            }

            @Override
            public int depth() {
                return decoding.depth();
            }

            @Override
            public Variable next(int level, Tensor tokens, int[] rowUsers, Tensor ancestors) {
                return decoding.next(level, tokens, rowUsers, ancestors);
            }
        };
    }
}
