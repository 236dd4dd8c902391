package dev.beamwright.recsys.model;

import dev.beamwright.recsys.semanticid.ItemTrie;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.SoftmaxMask;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.transformer.Initializer;
import dev.beamwright.transformer.Linear;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The codes of the catalogue as a model sees them. The code c of level l is the token {@code offset(l) + c}; one more
 * token begins a sequence.
 */
public final class CodeSpace {
    private final int[] widths, offsets;
    private final int[][] codes;
    private final ItemTrie trie;
    private final Tensor trieOffsets, trieColumns;

    /**
     * @param widths how many codes each level has
     * @param codes the codes of each item
     * @param memory for the trie's tensors
     */
    public CodeSpace(int[] widths, int[][] codes, SegmentAllocator memory) {
        this.widths = widths.clone();
        this.codes = codes;
        offsets = new int[widths.length + 1];
        for (int l = 0; l < widths.length; l++) offsets[l + 1] = offsets[l] + widths[l];
        trie = new ItemTrie(codes);
        int[] o = trie.childOffsets(), c = trie.edgeCodes();
        trieOffsets = Tensor.of(memory, Shape.of(o.length), o);
        trieColumns = Tensor.of(memory, Shape.of(c.length), c);
    }

    public int levels() {
        return widths.length;
    }

    /** See {@link SemanticIds#fingerprint()}. */
    public String fingerprint() {
        return SemanticIds.fingerprint(widths, codes);
    }

    /** How many codes a level has. */
    public int width(int level) {
        return widths[level];
    }

    /** How many items there are. */
    public int items() {
        return codes.length;
    }

    /** The code of an item at a level. */
    public int code(int item, int level) {
        return codes[item][level];
    }

    /** The token of an item's code at a level. */
    public int token(int item, int level) {
        return offsets[level] + codes[item][level];
    }

    /** The token of a code. */
    public int tokenOf(int level, int code) {
        return offsets[level] + code;
    }

    /** The token that begins a sequence. */
    public int begin() {
        return offsets[widths.length];
    }

    /** How many tokens there are. */
    public int tokens() {
        return offsets[widths.length] + 1;
    }

    public ItemTrie trie() {
        return trie;
    }

    /** The softmax over the children of these nodes. */
    public SoftmaxMask mask(Tensor nodes) {
        return new SoftmaxMask(nodes, trieOffsets, trieColumns);
    }

    /** The tokens of each level, as rows of an embedding table. */
    List<Tensor> levelTokens(SegmentAllocator memory) {
        List<Tensor> tokens = new ArrayList<>();
        for (int level = 0; level < levels(); level++) {
            int[] rows = new int[widths[level]];
            for (int c = 0; c < rows.length; c++) rows[c] = tokenOf(level, c);
            tokens.add(Tensor.of(memory, Shape.of(rows.length), rows));
        }
        return tokens;
    }

    /** A head for each level: the logits of its codes from a state. */
    List<Linear> heads(Initializer init, int width) {
        return Arrays.stream(widths).mapToObj(w -> Linear.of(init, width, w, 0.5)).toList();
    }
}
