package dev.beamwright.tensor;

/**
 * What an attention kernel must know besides its operands. A batch is ragged: the sequences stand one behind the other
 * in one tensor of tokens, and offsets tell where each begins, so that nothing is ever computed on padding.
 *
 * @param heads how many heads; queries have {@code heads · headDim} columns, keys and values together twice that
 * @param headDim columns of one head
 * @param scale what a product of query and key is multiplied by
 * @param causal whether position i sees only keys at positions up to i; keys and queries of a sequence are then equally
 *     many
 * @param queryOffsets I32 (sequences + 1): sequence s has the query rows [offsets[s], offsets[s+1])
 * @param keyOffsets I32 (sequences + 1): likewise for the key rows; the same tensor for self-attention
 * @param dropout on the attention weights, or null; the element number of query row i, key number j within its
 *     sequence and head h is {@code ((i · heads) + h) · 2048 + j}
 */
public record AttentionSpec(
        int heads,
        int headDim,
        float scale,
        boolean causal,
        Tensor queryOffsets,
        Tensor keyOffsets,
        Dropout dropout) {}
