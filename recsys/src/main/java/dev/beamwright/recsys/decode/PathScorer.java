package dev.beamwright.recsys.decode;

import dev.beamwright.autograd.Tape;
import dev.beamwright.transformer.Encoded;

/** Scores paths of the item trie for users, each path by itself: what a widened beam is pruned by. */
@FunctionalInterface
public interface PathScorer {
    /**
     * Gets to know a batch of users.
     *
     * @param tape of inference
     * @param prompts what the backbone made of each user's history, one sequence for each
     */
    Session begin(Tape tape, Encoded prompts);

    /** A batch of users whose paths are scored, level by level. */
    @FunctionalInterface
    interface Session {
        /**
         * The score of each path; higher is better.
         *
         * @param nodes of the trie that the paths have reached, users ascending
         * @param offsets user u has the nodes [offsets[u], offsets[u+1])
         */
        float[] score(int[] nodes, int[] offsets);
    }
}
