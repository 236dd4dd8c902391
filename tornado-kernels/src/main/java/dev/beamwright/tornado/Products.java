package dev.beamwright.tornado;

import dev.beamwright.tensor.DeviceException;
import java.util.Locale;

/** In which precision matrix products take their operands; they always sum in single precision. */
enum Products {
    FP32,
    BF16,
    FP16;

    private static final String PROPERTY = "beamwright.tornado.products";

    /** What {@code -Dbeamwright.tornado.products} asks for; fp32 if it asks for nothing. */
    static Products asked(boolean cuda) {
        String name = System.getProperty(PROPERTY, "fp32");
        for (Products p : values()) {
            if (!p.name().equals(name.toUpperCase(Locale.ROOT))) continue;
            if (p == FP32 || cuda) return p;
            throw new DeviceException(
                    "-D" + PROPERTY + "=" + name + " needs the tensor cores of an NVIDIA GPU and the SDK"
                            + " with the CUDA backend; leave it out, or say fp32");
        }
        throw new DeviceException("-D" + PROPERTY + "=" + name + " is none of fp32, bf16 and fp16");
    }
}
