package dev.beamwright.tornado;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.BackendProvider;

/** The backend {@code tornado}: kernels in Java on whatever device TornadoVM drives. Never chosen unless asked for. */
public final class TornadoBackendProvider implements BackendProvider {
    private static Backend opened; // all share one device, and what is compiled for it

    @Override
    public String name() {
        return "tornado";
    }

    @Override
    public int priority() {
        return -1;
    }

    @Override
    public boolean isAvailable() {
        return inUse() && Devices.problem().isEmpty();
    }

    @Override
    public String status() {
        return inUse() ? Devices.describe() : "Java was not started with the TornadoVM SDK";
    }

    @Override
    public synchronized Backend open() {
        synchronized (TornadoBackendProvider.class) {
            if (opened == null) {
                var runner = new DeviceRunner(
                        Devices.tasksOfOneGraph(), Limits.of(Devices.used()), Devices.tiles());
                opened = new TornadoBackend(runner, Products.asked(Devices.cuda()));
            }
            return opened;
        }
    }

    private static boolean inUse() {
        return ModuleLayer.boot().findModule("tornado.runtime").isPresent();
    }
}
