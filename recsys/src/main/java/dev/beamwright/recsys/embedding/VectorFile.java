package dev.beamwright.recsys.embedding;

import java.nio.file.Path;

/**
 * A file of vectors as a user names it: a path, and behind {@code .safetensors#} which of its tensors.
 *
 * @param tensor its name; null for the only one
 */
record VectorFile(Path path, String tensor) {
    static VectorFile of(String source) {
        int end = source.lastIndexOf(".safetensors#"), hash = end < 0 ? -1 : source.indexOf('#', end);
        return hash < 0
                ? new VectorFile(Path.of(source), null)
                : new VectorFile(Path.of(source.substring(0, hash)), source.substring(hash + 1));
    }

    boolean isSafeTensors() {
        return path.toString().endsWith(".safetensors");
    }

    @Override
    public String toString() {
        return path + (tensor == null ? "" : "#" + tensor);
    }
}
