package dev.beamwright.recsys.model;

import dev.beamwright.autograd.Tape;
import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Encoded;
import dev.beamwright.transformer.Layer;
import dev.beamwright.transformer.Noise;
import java.util.List;

/**
 * A network that writes the semantic ID of the next item, code by code. What all backbones have in common: states from
 * which the code of a level is predicted, and one head for each level.
 */
public interface GenerativeModel extends Layer {
    /** The codes of the catalogue. */
    CodeSpace space();

    /** How many items of a history are read at the most. */
    int maxItems();

    /** The embeddings by which it reads tokens: (tokens, d_model). */
    Variable tokens();

    /** What whoever trains it should know of how it was made; usually nothing. */
    default String remark() {
        return "";
    }

    /** How many rows an item of a history has in the network. */
    default int rowsPerItem() {
        return space().levels();
    }

    /** Teacher forcing: sends samples through the network, with the true codes before each code. */
    Forward forward(Tape tape, List<Sample> samples, Noise noise);

    /** Samples that have gone through the network. */
    interface Forward {
        /** The states that predict each level of each target: for each level, (N, width), in the order of {@link Targets}. */
        List<Variable> states();

        /**
         * The states that predict each level of other items in the place of some targets, with the same history. The
         * gradient flows through these items and through the history.
         *
         * @param targets numbers of targets, ascending
         * @param items for each of these, the other items
         * @return for each level, (all the other items one behind the other, width)
         */
        default List<Variable> candidates(int[] targets, int[][] items) {
            return candidates(targets, items, null);
        }

        /**
         * The same, and behind the last code of each of these items one more token is read.
         *
         * @param ask the embedding of that token, (1, width); null for none
         * @return as above, and with a token the states behind it as one level more
         */
        List<Variable> candidates(int[] targets, int[][] items, Variable ask);

        /**
         * What the network made of the histories of some targets, and of nothing behind them: the states that decoding
         * sees in {@link Decoding#prompts}, one sequence for each target.
         *
         * @param targets numbers of targets
         */
        Encoded prompts(int[] targets);
    }

    /**
     * The logits of a level's codes: state (N, width) → (N, width of the level).
     *
     * @param nodes I32 (N): the trie node that each row's path has reached, as in {@link SoftmaxMask#nodes}; -1 or any node
     *     for rows that do not exist
     */
    Variable logits(Tape tape, int level, Variable state, Tensor nodes);

    /**
     * Whether the targets of a sample are predicted in one pass over it. Otherwise each is predicted from its own
     * history, read by itself, and a sample for training has one target.
     */
    boolean sharesHistory();

    /**
     * Reads the histories of a batch of users once.
     *
     * @param users the number of each user, {@link Sample#NOBODY} for one who is not known
     */
    Decoding read(Tape tape, List<int[]> histories, int[] users);

    /** Reads the histories of users who are not known. */
    default Decoding read(Tape tape, List<int[]> histories) {
        return read(tape, histories, Sample.nobodies(histories.size()));
    }

    /** A batch of users whose semantic IDs are being written; one row for each path of each user. */
    interface Decoding {
        /** The states that predict the first level: (users, width). */
        Variable first();

        /**
         * What the network made of each user's history, one sequence for each: an encoder's output, or the states of a
         * decoder's prompt, of which the last predicts the first level.
         */
        Encoded prompts();

        /**
         * Writes one code for each row. A search may come back to a level; the rows of a later call stand behind those
         * before.
         *
         * @param level of the codes
         * @param codes by row
         * @param users the user of each row
         * @param ancestors by row: where it stands among all rows of each level down to this one, itself included
         * @return the states that predict the next level: (rows, width)
         */
        Variable next(int level, int[] codes, int[] users, int[][] ancestors);

        /** How many rows the state of each user has before the first code: 1 where a token begins what is written, else 0. */
        default int depth() {
            return 0;
        }

        /**
         * The same where codes and ancestors come out of kernels, and rows of users that do not exist are filled up.
         *
         * @param tokens I32 (rows): the token of each code, -1 for none
         * @param users the user of each row
         * @param ancestors I32 (rows, {@link #depth()} + level + 1): the row of each step on the path, the present one
         *     included
         */
        default Variable next(int level, Tensor tokens, int[] users, Tensor ancestors) {
            throw new UnsupportedOperationException("this model cannot be searched by kernels alone");
        }
    }
}
