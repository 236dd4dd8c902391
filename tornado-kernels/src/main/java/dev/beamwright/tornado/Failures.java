package dev.beamwright.tornado;

import dev.beamwright.tensor.DeviceException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import uk.ac.manchester.tornado.api.exceptions.TornadoDeviceFP64NotSupported;
import uk.ac.manchester.tornado.api.exceptions.TornadoOutOfMemoryException;

/** What TornadoVM throws, in one line that says which kernel it was and what can be done. */
final class Failures {
    private Failures() {}

    static DeviceException of(Throwable failure, List<Call> calls) {
        StringBuilder causes = new StringBuilder();
        boolean memory = false, doubles = false;
        for (Throwable t = failure; t != null; t = t.getCause()) {
            memory |= t instanceof TornadoOutOfMemoryException
                    || String.valueOf(t.getMessage()).contains("Unable to allocate");
            doubles |= t instanceof TornadoDeviceFP64NotSupported;
            String message = plain(t.getMessage());
            if (!message.isEmpty() && causes.indexOf(message) < 0) {
                causes.append(causes.isEmpty() ? "" : ": ").append(message);
            }
        }
        if (causes.isEmpty()) causes.append(failure);
        if (memory) {
            return new DeviceException(
                    "too little device memory (" + causes + "); allow more by BEAMWRIGHT_JAVA_OPTS="
                            + "-Dtornado.device.memory=8GB, if the device has it, or take a smaller --batch-size",
                    failure);
        }
        if (doubles) return new DeviceException("the device has no double precision, which sums need", failure);
        Set<String> names = new LinkedHashSet<>();
        for (Call c : calls) names.add(c.kernel().name());
        // TornadoVM's messages name the task, whose id begins with the kernel's name.
        String named = names.stream().filter(n -> causes.indexOf("." + n + "_") >= 0).findFirst()
                .orElse("one of " + String.join(", ", names));
        return new DeviceException("kernel " + named + " failed on the device: " + causes, failure);
    }

    /** Of a kernel that was refused before it ran. */
    static DeviceException of(Throwable failure, String kernel) {
        return new DeviceException("kernel " + kernel + " failed on the device: " + plain(failure.getMessage()),
                failure);
    }

    /** On one line, without colours and without the stack traces that TornadoVM writes into its messages. */
    static String plain(String message) {
        if (message == null) return "";
        String text = message.replaceAll("\u001b\\[[0-9;]*m", "").strip().replaceAll("\\s+", " ");
        int trace = text.indexOf("Stacktrace:");
        return trace < 0 ? text : text.substring(0, trace).strip();
    }
}
