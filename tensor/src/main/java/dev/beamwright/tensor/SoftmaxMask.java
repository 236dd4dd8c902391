package dev.beamwright.tensor;

/**
 * The columns over which each row's softmax runs: the children of a node of the item trie, in CSR form.
 *
 * @param nodes I32 (rows): the node of each row
 * @param offsets I32 (nodes of the trie + 1): node n has the children [offsets[n], offsets[n+1])
 * @param columns I32 (children): the column of each child, ascending within a node
 */
public record SoftmaxMask(Tensor nodes, Tensor offsets, Tensor columns) {}
