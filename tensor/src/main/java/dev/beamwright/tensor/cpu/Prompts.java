package dev.beamwright.tensor.cpu;

import static dev.beamwright.tensor.cpu.BeamAttention.BLOCK;
import static dev.beamwright.tensor.cpu.Gemm.packPanels;
import static dev.beamwright.tensor.cpu.Gemm.packTransposed;
import static dev.beamwright.tensor.cpu.Gemm.panelBytes;
import static dev.beamwright.tensor.cpu.Gemm.panels;
import static dev.beamwright.tensor.cpu.Lanes.address;
import static dev.beamwright.tensor.cpu.Lanes.getInt;

import dev.beamwright.tensor.Parallel;
import dev.beamwright.tensor.Tensor;

/**
 * The keys and values that beams of several users attend to, and how they are packed: user by user, head by head, in
 * blocks of {@link BeamAttention#BLOCK} keys, of each the keys and then the values. A search packs them once for all its
 * levels.
 */
final class Prompts {
    private final int heads, width, dim, users;
    private final long kv, offsets;
    private final long[] begins; // by user: how many packed bytes are before

    /** The first two as in {@link dev.beamwright.tensor.Backend#beamAttention}. */
    Prompts(Tensor promptKv, Tensor promptOffsets, int heads) {
        this.heads = heads;
        width = promptKv.shape().dim(-1) / 2;
        dim = width / heads;
        users = (int) promptOffsets.shape().size() - 1;
        kv = address(promptKv);
        offsets = Attention.offsets(promptOffsets, users, promptKv.shape().rows());
        begins = new long[users + 1];
        for (int u = 0; u < users; u++) begins[u + 1] = begins[u] + heads * headBytes(keys(u));
    }

    int users() {
        return users;
    }

    /** How many keys a user's prompt has. */
    int keys(int user) {
        return getInt(offsets + 4L * (user + 1)) - getInt(offsets + 4L * user);
    }

    /** Bytes of all that is packed. */
    long bytes() {
        return begins[users];
    }

    private long headBytes(int keys) {
        return keys / BLOCK * (keyBytes(BLOCK) + valueBytes(BLOCK))
                + (keys % BLOCK == 0 ? 0 : keyBytes(keys % BLOCK) + valueBytes(keys % BLOCK));
    }

    /** Bytes of the packed keys of one block. */
    long keyBytes(int keys) {
        return panels(keys) * panelBytes(dim);
    }

    private long valueBytes(int keys) {
        return panels(dim) * panelBytes(keys);
    }

    /** Where among all that is packed the block begins whose first key is {@code from}; the values follow the keys. */
    long block(int user, int head, int from) {
        return begins[user] + head * headBytes(keys(user)) + headBytes(from);
    }

    private long row(int user, int head, int key) {
        return kv + 4 * ((getInt(offsets + 4L * user) + (long) key) * 2 * width + head * dim);
    }

    /** Packs so many keys of one head, to be multiplied by queries. */
    void packKeys(int user, int head, int from, int keys, long to) {
        packTransposed(row(user, head, from), 8L * width, dim, keys, to);
    }

    /** Packs the values of so many keys, to be weighted. */
    void packValues(int user, int head, int from, int keys, long to) {
        packPanels(row(user, head, from) + 4L * width, 8L * width, keys, dim, to);
    }

    /** Reads a user's prompt from front to back, before each head reads a few columns of it, as in {@link Attention}. */
    float fetch(int user) {
        return Attention.read(row(user, 0, 0), 8L * width * keys(user));
    }

    /** Packs everything. */
    void pack(long to) {
        Parallel.run(users * heads, i -> {
            int user = i / heads, head = i % heads, keys = keys(user);
            for (int from = 0; from < keys; from += BLOCK) {
                int n = Math.min(BLOCK, keys - from);
                long block = to + block(user, head, from);
                packKeys(user, head, from, n, block);
                packValues(user, head, from, n, block + keyBytes(n));
            }
        });
    }
}
