package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import picocli.CommandLine.Option;

/** The option {@code --device}, for every command that computes: use it as a {@code @Mixin}. */
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "auto",
            description = "what computes, see 'beamwright devices'; default: the fastest that is ready")
    private String name;

    /** Opens it. */
    Backend open() {
        if (name.equals("auto")) return Backends.best();
        if (name.equals("tornado") && !Tornado.inUse()) throw new UserError("--device tornado: " + Tornado.missing());
        try {
            return Backends.named(name);
        } catch (IllegalArgumentException e) {
            throw new UserError("--device " + name + ": " + e.getMessage(), e);
        }
    }
}
