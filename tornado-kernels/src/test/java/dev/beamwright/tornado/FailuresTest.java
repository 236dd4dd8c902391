package dev.beamwright.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.beamwright.tensor.Backend;
import dev.beamwright.tensor.Backends;
import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.DeviceException;
import dev.beamwright.tensor.Shape;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** What cannot run on the device says so, and never runs as plain Java instead. */
class FailuresTest {
    @AutoClose
    Arena memory = Arena.ofShared();

    /** TornadoVM compiles no exceptions. */
    static void throwing(FloatArray y, float limit, int n, int grid) {
        for (@Parallel
        int i = 0; i < grid; i++) {
            if (i < n && y.get(i) > limit) throw new IllegalStateException();
            if (i < n) y.set(i, 1f);
        }
    }

    static final Kernel THROWING = Kernel.of("throwing", 1, FailuresTest::throwing);

    @Test
    void aKernelThatDoesNotCompileIsNamed() {
        Tensor y = Tensor.zeros(memory, Shape.of(4));
        var runner = new DeviceRunner(40, Limits.of(Devices.used()), false);
        assertThatThrownBy(() -> runner.run(new Call(THROWING, 1, new Object[] {y, 5f, 4, 4}, null)))
                .isInstanceOf(DeviceException.class)
                .hasMessageStartingWith("kernel throwing failed on the device: ");
        assertThatThrownBy(
                () -> runner.captured(() -> runner.run(new Call(THROWING, 1, new Object[] {y, 5f, 4, 4}, null))))
                .isInstanceOf(DeviceException.class)
                .hasMessageStartingWith("kernel throwing failed on the device: ");
        assertThat(y.toArray()).containsOnly(0f);
    }

    /** The tests run with a limit of 512 MB. */
    @Test
    void tooLittleMemoryNamesTheFlags() {
        Backend device = Backends.named("tornado");
        Tensor y = Tensor.uninitialized(memory, Shape.of(200, 1 << 20), DType.F32);
        assertThatThrownBy(() -> device.fill(y, 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageStartingWith("too little device memory")
                .hasMessageContaining("-Dtornado.device.memory=")
                .hasMessageContaining("--batch-size");
    }

    @Test
    void bailOutIsRefused() {
        String before = System.setProperty("tornado.recover.bailout", "True");
        try {
            assertThat(Devices.look()).contains("-Dtornado.recover.bailout=False");
        } finally {
            System.setProperty("tornado.recover.bailout", before);
        }
        assertThat(Devices.look()).isEmpty();
    }

    @Test
    void productsOfSixteenBitsNeedCuda() {
        System.setProperty("beamwright.tornado.products", "bf16");
        try {
            assertThat(Products.asked(true)).isEqualTo(Products.BF16);
            assertThatThrownBy(() -> Products.asked(false))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("-Dbeamwright.tornado.products=bf16 needs the tensor cores");
            System.setProperty("beamwright.tornado.products", "int4");
            assertThatThrownBy(() -> Products.asked(true)).hasMessageContaining("none of fp32, bf16 and fp16");
        } finally {
            System.clearProperty("beamwright.tornado.products");
        }
    }

    /** The way back of the tiled attention needs 41 KiB; the plain form then stands in, and what has none stops. */
    @Test
    void aDeviceOfLittleLocalMemoryGetsTheFormThatFits() {
        var runner = new DeviceRunner(40, new Limits(32 << 10, 256), true);
        assertThat(runner.fits(Kernels.FLASH)).isTrue();
        assertThat(runner.fits(Kernels.FLASH_KEY_VALUE)).isFalse();
        assertThat(new DeviceRunner(40, new Limits(48 << 10, 256), true).fits(Kernels.FLASH_KEY_VALUE)).isTrue();
        assertThat(new DeviceRunner(40, new Limits(48 << 10, 64), true).fits(Kernels.FLASH_KEY_VALUE)).isFalse();
        assertThatThrownBy(() -> runner.run(new Call(Kernels.FLASH_KEY_VALUE, 0, new Object[0], null)))
                .isInstanceOf(DeviceException.class)
                .hasMessage("kernel flashKeyValue needs 41,736 bytes of local memory and blocks of 128 threads;"
                        + " the device has 32,768 and 256");
    }

    @Test
    void anUnknownDeviceNamesThoseThereAre() {
        assertThatThrownBy(() -> Backends.named("gpu"))
                .hasMessageContaining("no backend 'gpu'")
                .hasMessageContaining("tornado");
    }

    @Test
    void aTensorReadAndWrittenInOneCallIsRefused() {
        Tensor y = Tensor.zeros(memory, Shape.of(4));
        assertThatThrownBy(() -> new Call(Kernels.SUM, 0, new Object[] {y, y, y, 4, 128}, null).checked())
                .hasMessageContaining("kernel sum");
    }
}
