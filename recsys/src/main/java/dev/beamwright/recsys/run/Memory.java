package dev.beamwright.recsys.run;

import java.lang.management.ManagementFactory;
import javax.management.JMException;
import javax.management.ObjectName;

/** The memory of the machine, or of the container that the program runs in. */
public final class Memory {
    private Memory() {}

    /** In bytes; {@link Long#MAX_VALUE} where it is not known. */
    public static long physical() {
        try {
            Object size = ManagementFactory.getPlatformMBeanServer()
                    .getAttribute(new ObjectName("java.lang:type=OperatingSystem"), "TotalMemorySize");
            return size instanceof Long bytes && bytes > 0 ? bytes : Long.MAX_VALUE;
        } catch (JMException e) {
            return Long.MAX_VALUE;
        }
    }
}
