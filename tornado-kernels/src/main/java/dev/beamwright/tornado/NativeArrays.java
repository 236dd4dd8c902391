package dev.beamwright.tornado;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.DeviceException;
import dev.beamwright.tensor.Storage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Tensors as arrays of TornadoVM. */
final class NativeArrays {
    private NativeArrays() {}

    /**
     * The same memory as an array of TornadoVM, whose header lies in the spare bytes before the data. For TornadoVM two
     * wrappings are two arrays: a storage that is to be one on the device is wrapped once.
     */
    static TornadoNativeArray wrap(Storage storage, DType type) {
        var memory = storage.whole().asSlice(Storage.ALIGNMENT - TornadoNativeArray.ARRAY_HEADER);
        return switch (type) {
            case F32 -> FloatArray.fromSegmentShallow(memory);
            case I32 -> IntArray.fromSegmentShallow(memory);
            case BF16 -> throw new DeviceException("the device has no tensors of " + type);
        };
    }
}
