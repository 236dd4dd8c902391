package dev.beamwright.recsys.model;

/** Over which codes the probabilities of a level add up to one; the same in training and in decoding. */
public enum Softmax {
    /** Over all codes of the level. */
    LEVEL,
    /** Over the codes that can follow in the item trie. */
    CHILDREN
}
