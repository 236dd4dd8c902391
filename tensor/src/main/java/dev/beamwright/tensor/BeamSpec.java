package dev.beamwright.tensor;

/**
 * One level of a beam search over the item trie, see {@link Backend#extendBeams}. The trie is in CSR form: node n has the
 * edges [offsets[n], offsets[n+1]), and behind edge e stands node e + 1.
 *
 * @param before rows of each user that are extended
 * @param width rows of each user afterwards
 * @param offsets I32 (inner nodes + 1)
 * @param columns I32 (edges): the code of each edge, ascending within a node
 * @param open I32 (nodes): 0 for nodes that must not be reached; null if all may be
 * @param barred I32 (users, any): more nodes that must not be reached, by user, -1 for none; null if there are none
 * @param children whether probabilities add up over the children of a node, otherwise over all codes
 * @param temperature by which logits are divided
 * @param firstToken the token of code 0
 */
public record BeamSpec(
        int before,
        int width,
        Tensor offsets,
        Tensor columns,
        Tensor open,
        Tensor barred,
        boolean children,
        float temperature,
        int firstToken) {}
