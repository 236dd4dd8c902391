package dev.beamwright.tornado;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.DeviceException;
import dev.beamwright.tensor.Storage;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;

/**
 * Runs single calls: everything is copied to the device, the kernel runs, and what it wrote is copied back. Right, slow,
 * and good for tests and for whatever cannot be captured. Plans are kept by kernel, numbers and sizes.
 */
final class Eager {
    private static final int MOST_PLANS = 512;

    private record Plan(Arena memory, Storage[] staging, TornadoExecutionPlan plan) {
        void close() {
            try {
                plan.freeDeviceMemory();
                plan.close();
            } catch (Exception e) {
                throw new DeviceException("cannot give back the device's memory: " + e.getMessage(), e);
            } finally {
                memory.close();
            }
        }
    }

    private final Map<List<Object>, Plan> plans = new LinkedHashMap<>(16, 0.75f, true);

    void run(Call call) {
        List<Object> key = new ArrayList<>(List.of(call.kernel().name()));
        Map<Storage, Integer> numbers = new IdentityHashMap<>();
        List<Storage> storages = new ArrayList<>();
        List<DType> types = new ArrayList<>();
        for (Object a : call.arguments()) {
            if (a instanceof Tensor t) {
                Integer known = numbers.putIfAbsent(t.storage(), storages.size());
                if (known == null) {
                    storages.add(t.storage());
                    types.add(t.dtype());
                }
                key.add(List.of(known == null ? storages.size() - 1 : known, t.dtype(), t.data().byteSize()));
            } else {
                key.add(a);
            }
        }
        Plan plan = plans.get(key);
        if (plan == null) {
            plans.put(key, plan = build(call, numbers, storages, types));
            if (plans.size() > MOST_PLANS) {
                var eldest = plans.entrySet().iterator();
                eldest.next().getValue().close();
                eldest.remove();
            }
        }
        for (int i = 0; i < storages.size(); i++) plan.staging[i].data().copyFrom(storages.get(i).data());
        try {
            plan.plan.execute();
        } catch (RuntimeException e) {
            throw Failures.of(e, List.of(call));
        }
        int place = 0;
        for (Object a : call.arguments()) {
            if (!(a instanceof Tensor t) || place++ >= call.kernel().writes()) continue;
            t.data().copyFrom(plan.staging[numbers.get(t.storage())].data());
        }
    }

    private static Plan build(Call call, Map<Storage, Integer> numbers, List<Storage> storages, List<DType> types) {
        var memory = Arena.ofShared();
        Storage[] staging = new Storage[storages.size()];
        Object[] arrays = new Object[staging.length];
        var graph = new TaskGraph("eager");
        for (int i = 0; i < staging.length; i++) {
            staging[i] = Storage.allocate(memory, storages.get(i).data().byteSize());
            arrays[i] = NativeArrays.wrap(staging[i], types.get(i));
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, arrays[i]);
        }
        Object[] arguments = call.arguments().clone();
        List<Object> written = new ArrayList<>();
        int place = 0;
        for (int i = 0; i < arguments.length; i++) {
            if (!(arguments[i] instanceof Tensor t)) continue;
            arguments[i] = arrays[numbers.get(t.storage())];
            if (place++ < call.kernel().writes()) written.add(arguments[i]);
        }
        String id = Program.id(call);
        call.kernel().addTo(graph, id, arguments);
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, written.toArray());
        var plan = new TornadoExecutionPlan(graph.snapshot());
        if (call.grid() != null) plan.withGridScheduler(new GridScheduler("eager." + id, call.grid()));
        return new Plan(memory, staging, plan);
    }
}
