package dev.beamwright.benchmarks;

import dev.beamwright.recsys.run.UserError;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the folder {@code benchmarks} of the checkout this was built in: the peers' programs lie there. */
final class Checkout {
    private Checkout() {}

    /** The folder, found from where the classes lie, or else from the working folder. */
    static Path benchmarks() {
        for (Path start : new Path[] {classes(), Path.of("").toAbsolutePath()}) {
            for (Path p = start; p != null; p = p.getParent()) {
                if (Files.exists(p.resolve("benchmarks/peers/torch_peer.py"))) return p.resolve("benchmarks");
            }
        }
        throw new UserError("bench: the folder benchmarks/peers is not found; run this in a checkout of the sources");
    }

    private static Path classes() {
        try {
            return Path.of(Checkout.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
