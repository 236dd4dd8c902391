package dev.beamwright.recsys.semanticid;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** What happens to items that the quantizer gave the same codes. */
public enum CollisionPolicy {
    /**
     * A further level numbers the items of each ID from 0, the first in the given order first; its width is the size of
     * the largest group. Where nothing collides there is no such level (Rajput et al., "Recommender systems with
     * generative retrieval", NeurIPS 2023).
     */
    EXTRA_LEVEL {
        @Override
        public SemanticIds resolve(Quantized quantized, int[] order) {
            SemanticIds ids = quantized.ids();
            int levels = ids.levels(), width = 0;
            int[][] codes = new int[ids.items()][];
            for (int[] group : ids.groups(levels, order)) {
                width = Math.max(width, group.length);
                for (int n = 0; n < group.length; n++) {
                    codes[group[n]] = Arrays.copyOf(ids.codes()[group[n]], levels + 1);
                    codes[group[n]][levels] = n;
                }
            }
            if (width <= 1) return ids;
            int[] widths = Arrays.copyOf(ids.widths(), levels + 1);
            widths[levels] = width;
            return new SemanticIds(widths, codes);
        }
    },

    /**
     * The first item of a group keeps its ID, each other one gets the nearest code of the last level that is free under
     * its prefix. Where none is free it stays as it is, so that collisions may remain; the report tells.
     */
    REASSIGN {
        @Override
        public SemanticIds resolve(Quantized quantized, int[] order) {
            SemanticIds ids = quantized.ids();
            int last = ids.levels() - 1;
            int[][] codes = Arrays.stream(ids.codes()).map(int[]::clone).toArray(int[][]::new);
            Set<IntBuffer> taken = new HashSet<>();
            for (int[] id : ids.codes()) taken.add(IntBuffer.wrap(id));
            for (int[] group : ids.groups(ids.levels(), order)) {
                for (int n = 1; n < group.length; n++) {
                    for (int code : quantized.lastCodesByDistance(group[n])) {
                        int[] id = codes[group[n]].clone();
                        id[last] = code;
                        if (!taken.add(IntBuffer.wrap(id))) continue;
                        codes[group[n]] = id;
                        break;
                    }
                }
            }
            return new SemanticIds(ids.widths(), codes);
        }
    },

    /** Items keep the same ID; a model cannot tell them apart. */
    SHARED {
        @Override
        public SemanticIds resolve(Quantized quantized, int[] order) {
            return quantized.ids();
        }
    };

    /**
     * @param quantized what the quantizer found
     * @param order all items, those that come first when items of the same ID are numbered or keep it first
     */
    public abstract SemanticIds resolve(Quantized quantized, int[] order);
}
