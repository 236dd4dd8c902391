package dev.beamwright.recsys.cli;

import dev.beamwright.recsys.run.UserError;
import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import java.util.List;
import picocli.CommandLine.Option;

/** The option that chooses where to compute. */
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "auto",
            description = "Compute on auto, vector, scalar or tornado (GPUs, by TornadoVM; not yet run on one); 'beamwright"
                    + " devices' lists what there is and what is missing. Default: ${DEFAULT-VALUE}.")
    private String name;

    /** Opens the backend that was asked for. */
    Backend open() {
        if (name.equals("tornado") && !Tornado.missing().isEmpty()) {
            throw new UserError("--device tornado: " + Tornado.missing());
        }
        if (List.of("gpu", "cuda", "opencl").contains(name)) {
            String missing = Tornado.missing();
            throw new UserError("--device " + name + ": GPUs are used by --device tornado"
                    + (missing.isEmpty() ? "" : "; " + missing));
        }
        try {
            return name.equals("auto") ? Backends.best() : Backends.named(name);
        } catch (IllegalArgumentException e) {
            throw new UserError("--device " + name + ": " + e.getMessage(), e);
        }
    }
}
